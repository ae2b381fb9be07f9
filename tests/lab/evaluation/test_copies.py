"""Facts about the copy check, on planted copies."""

import numpy as np
import pytest
from helpers_evaluation import make_corpus

from musictx.events import encode
from musictx.lab.evaluation.copies import MIN_NOTES, CopyIndex, NoteLine
from musictx.performance import Performance, make_notes, merge, shift, slice_time, stretch, transpose


def random_music(notes, seed):
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.choice([0.0, 0.1, 0.2, 0.4], notes))  # chords too
    return Performance(make_notes(onset, onset + 0.09, rng.integers(30, 90, notes)))


@pytest.fixture(scope="module")
def pieces():
    return [random_music(500, seed) for seed in range(20)]


@pytest.fixture(scope="module")
def index(pieces):
    return CopyIndex(make_corpus([encode(p) for p in pieces]))


def excerpt(music, first, notes):
    line = NoteLine.read(encode(music))
    onset = line.step[[first, first + notes]] / 100
    return slice_time(music, onset[0] - 0.005, onset[1] - 0.005)


def chord_start(music, at):
    """A note at which a chord begins, so that the cut leaves the order of notes as it is."""
    step = NoteLine.read(encode(music)).step
    return next(i for i in range(at, len(step)) if step[i] - step[i - 1] > 5)


@pytest.mark.parametrize("semitones,tempo", [(0, 1.0), (7, 1.0), (-5, 1.2)])
def test_a_planted_copy_of_twenty_notes_is_found(pieces, index, semitones, tempo):
    start = chord_start(pieces[7], 200)
    end = chord_start(pieces[7], start + 20)
    copy = stretch(transpose(excerpt(pieces[7], start, end - start), semitones), tempo)
    ours = random_music(300, 99)
    music = merge([slice_time(ours, 0, 20), shift(copy, 21), shift(slice_time(ours, 20), 22 + copy.duration)])
    report = index.check(music)
    assert end - start <= report.longest <= end - start + 2
    assert report.piece == "7.mid" and report.transposition == semitones and report.rhythm == 1
    assert report.seconds == pytest.approx(21, abs=0.5)
    assert report.piece_seconds == pytest.approx(NoteLine.read(encode(pieces[7])).step[start] / 100, abs=0.5)
    assert report.shared == pytest.approx(report.longest / report.notes)
    assert f"{report.longest} notes" in str(report)


def test_other_music_shares_nothing(index):
    report = index.check(random_music(400, 1234))
    assert (report.longest, report.shared) == (0, 0)
    assert f"no passage of {MIN_NOTES}" in str(report)


def test_a_whole_piece_is_found_whole(pieces, index):
    report = index.check(transpose(pieces[3], -12))
    assert report.longest == report.notes == len(NoteLine.read(encode(pieces[3])).pitch)
    assert report.shared == 1 and report.transposition == -12 and report.piece == "3.mid"


def test_the_longest_match_equals_brute_force():
    """Few pitches, so that many passages agree."""
    rng = np.random.default_rng(0)

    def scale(seed, notes):
        onset = np.arange(notes) * 0.1
        pitch = 60 + np.cumsum(np.random.default_rng(seed).choice([-1, 1], notes))
        return encode(Performance(make_notes(onset, onset + 0.05, np.clip(pitch, 0, 127))))

    corpus = make_corpus([scale(i, 120) for i in range(4)])
    query = scale(int(rng.integers(100, 200)), 100)
    notes, place = CopyIndex(corpus).longest_from([NoteLine.read(query)])
    steps = [
        "".join("+" if d > 0 else "-" for d in np.diff(NoteLine.read(corpus.piece(i)).pitch))
        for i in range(4)
    ]
    mine = "".join("+" if d > 0 else "-" for d in np.diff(NoteLine.read(query).pitch))
    for at in range(len(notes)):
        best = max(
            (n for n in range(len(mine) - at + 1) if any(mine[at : at + n] in s for s in steps)), default=0
        )
        assert notes[at] == (best + 1 if best + 1 >= MIN_NOTES else 0)
    assert (place >= 0).sum() == (notes > 0).sum() > 50


def test_agreements_do_not_cross_from_one_piece_into_the_next():
    onset = np.arange(12) * 0.2
    halves = [Performance(make_notes(onset, onset + 0.1, 40 + np.arange(12) ** 2 % 41 + k)) for k in (0, 3)]
    index = CopyIndex(make_corpus([encode(h) for h in halves]))
    both = merge([halves[0], shift(halves[1], 2.4)])
    assert index.check(both).longest == 12


def test_a_trill_is_no_trouble():
    onset = np.arange(3000) * 0.05
    trill = encode(Performance(make_notes(onset, onset + 0.05, 60 + np.arange(3000) % 2)))
    assert CopyIndex(make_corpus([trill])).check(trill).longest == 3000


def test_too_short_or_empty_music_has_nothing_to_share(index):
    reports = index.check_many([Performance(), random_music(3, 0), np.empty(0, np.uint16)])
    assert [(r.notes, r.longest) for r in reports] == [(0, 0), (3, 0), (0, 0)]
