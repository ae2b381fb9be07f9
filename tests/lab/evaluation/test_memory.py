"""Facts about what comes back beyond chance, alignment, degeneration, and telling made music from real."""

import numpy as np
import pytest

from musictx.lab.evaluation.alignment import alignment_scores, melodic_alignment
from musictx.lab.evaluation.chance import MEASURES, Beside, beside_others
from musictx.lab.evaluation.classifier_test import baseline, tell_apart
from musictx.lab.evaluation.degeneration import is_degenerate, stuck_share
from musictx.lab.evaluation.excerpts import EXCERPT_SECONDS, FIGURES, excerpt_figures, excerpts
from musictx.lab.evaluation.motifs import Line, find_recurrence, known_patterns, pattern_shares
from musictx.lab.study.comparison import REAL
from musictx.lab.study.memory import measure_memory, tell_models
from musictx.lab.study.plan import StudyPrimer
from musictx.performance import Performance, make_notes, merge, shift, slice_time, stretch, transpose


def melody(notes, seed, *, gap=0.25, low=55, high=80):
    rng = np.random.default_rng(seed)
    onset = np.arange(notes) * gap
    pitch = np.clip(rng.integers(low, high) + np.cumsum(rng.integers(-4, 5, notes)), 30, 100)
    return Performance(make_notes(onset, onset + gap * 0.9, pitch))


def line(music):
    return Line(music.notes["onset"], music.notes["pitch"].astype(np.int64))


def test_a_line_runs_along_with_itself_in_any_key_note_by_note():
    music = melody(20, 0)
    for same in (music, transpose(music, 5), shift(music, 3)):
        assert alignment_scores(line(music), line(same)).tolist() == pytest.approx(list(range(20)))


def test_an_ornament_or_a_wrong_note_costs_a_little_and_does_not_end_the_alignment():
    music = melody(20, 0)
    ornament = make_notes([2.62], [2.7], [music.notes["pitch"][10] + 3])
    turned = merge([music, Performance(ornament)])
    whole = 19.0
    assert whole - 2 < alignment_scores(line(music), line(turned)).max() < whole
    wrong = music.notes.copy()
    wrong["pitch"][10] += 1
    assert whole - 2 < alignment_scores(line(music), line(Performance(wrong))).max() < whole


def test_twice_the_tempo_costs_half_of_each_note():
    music = melody(20, 0)
    fast = alignment_scores(line(music), line(stretch(music, 0.5)))
    assert fast.max() == pytest.approx(0.5 * 19)


def test_alignment_counts_in_every_ten_seconds():
    primer = melody(40, 1)  # 10 s
    alone = melodic_alignment(primer.notes, primer.notes, 10.0)
    assert alone == pytest.approx(39)
    twice = merge([primer, shift(melody(40, 99), 10.0)])
    half = melodic_alignment(primer.notes, twice.notes, 20.0)
    assert alone / 2 < half < alone * 0.7
    assert melodic_alignment(primer.notes, primer.notes[:0], 10.0) == 0
    assert melodic_alignment(primer.notes[:1], primer.notes, 10.0) is None


def test_shares_of_patterns_are_those_of_the_recurrence():
    primers = [melody(40, seed).notes for seed in range(4)]
    passage = merge([melody(40, 0), shift(melody(30, 77), 10)]).notes
    shares = pattern_shares([known_patterns(p) for p in primers], passage)
    assert shares.tolist() == [find_recurrence(p, passage).share for p in primers]
    assert shares[0] > 0.5 > shares[1:].max()
    assert pattern_shares([known_patterns(primers[0])], passage[:3]).tolist() == [0]


@pytest.mark.parametrize("measure", MEASURES)
def test_only_the_continuation_of_its_own_primer_stands_out(measure):
    primers = [melody(40, seed) for seed in range(20)]
    found = beside_others(primers, 3, transpose(primers[3], 2), 10.0, MEASURES[measure])
    assert found.stands_out and found.beyond_chance > 0.5
    found = beside_others(primers, 3, transpose(primers[4], 2), 10.0, MEASURES[measure])
    assert not found.stands_out and found.beyond_chance < 0


def test_by_chance_one_in_twenty_stands_out():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4000, 20))
    assert np.mean([Beside(s[0], s[1:]).stands_out for s in scores]) == pytest.approx(0.05, abs=0.015)
    for others in (5, 9, 19, 28, 44):
        found = [Beside(s[0], s[1:]) for s in rng.normal(size=(4000, others + 1))]
        assert np.mean([each.stands_out for each in found]) == pytest.approx(found[0].luck, abs=0.02)
    assert not Beside(0.0, np.zeros(19)).stands_out


def test_storms_are_many_notes_at_once_or_in_a_second():
    assert not is_degenerate(melody(40, 0), 10.0)
    trill = Performance(make_notes(np.arange(45) / 45, np.arange(45) / 45 + 0.01, 60))
    assert is_degenerate(trill, 1.0) and not is_degenerate(slice_time(trill, 0, 0.8), 1.0)
    cluster = Performance(make_notes(np.zeros(13), np.full(13, 5.0), np.arange(40, 53)))
    assert is_degenerate(cluster, 5.0)
    assert not is_degenerate(Performance(), 5.0)


def test_music_that_never_leaves_three_keys_is_stuck():
    times = np.arange(0, 10, 0.1)
    tremolo = Performance(make_notes(times, times + 0.1, np.resize([82, 94, 70], len(times))))
    assert stuck_share(tremolo, 10.0) == 1
    moving = Performance(make_notes(times, times + 0.1, np.resize([82, 94, 70, 71], len(times))))
    assert stuck_share(moving, 10.0) == 0
    both = Performance(np.concatenate([slice_time(tremolo, 0, 5).notes, shift(moving, 5.0).notes]))
    assert stuck_share(both, 15.0) == pytest.approx(7 / 27, abs=2 / 27)
    slow = stretch(tremolo, 5.0)  # two notes a second
    assert stuck_share(slow, 50.0) == 0 and stuck_share(Performance(), 5.0) == 0


def test_excerpts_are_whole_and_their_figures_are_numbers():
    music = melody(200, 5)  # 50 s
    cut = excerpts(music, 50.0)
    assert len(cut) == 3 and all(e.duration <= EXCERPT_SECONDS for e in cut)
    for excerpt in (*cut, Performance(cut[0].notes[:1])):
        figures = excerpt_figures(excerpt)
        assert figures.shape == (len(FIGURES),) and np.isfinite(figures).all()
    louder, higher = cut[0].notes.copy(), transpose(cut[0], 12)
    louder["velocity"] += 20
    changed = np.flatnonzero(excerpt_figures(Performance(louder)) != excerpt_figures(cut[0]))
    assert [FIGURES[k] for k in changed] == ["loudness"]
    changed = np.flatnonzero(~np.isclose(excerpt_figures(higher), excerpt_figures(cut[0])))
    assert [FIGURES[k] for k in changed] == ["register"]


def test_what_differs_is_told_and_what_does_not_is_not():
    rng = np.random.default_rng(1)
    piece = np.tile(np.repeat(np.arange(30), 4), 2)
    made = np.arange(240) >= 120
    figures = rng.normal(size=(240, 8)) + 0.5 * rng.normal(size=(30, 8))[piece]
    alike = tell_apart(figures, made, piece)
    assert alike.low < 0.5 < alike.high
    figures[made, 2] += 2.0
    apart = tell_apart(figures, made, piece)
    assert apart.accuracy > 0.75 and apart.low > alike.high and apart.excerpts == 240


def test_the_baseline_is_a_half_even_if_pieces_differ_much():
    rng = np.random.default_rng(2)
    piece = np.repeat(np.arange(20), 4)
    figures = rng.normal(size=(80, 8)) + 5 * rng.normal(size=(20, 8))[piece]
    told = baseline(figures, piece)
    assert told.accuracy == pytest.approx(0.5, abs=0.08) and told.low < 0.5 < told.high


def study_of(continuations):
    """Rows and music of continuations by (primer, model)."""
    rows, music = [], {}
    for (primer, model), made in continuations.items():
        rows.append(
            {"primer": primer, "model": model, "seed": 0, "cut": 10.0, "measured": {"seconds": made.duration}}
        )
        music[primer, model, 0] = merge([melody(40, int(primer)), shift(made, 10.0)])
    return rows, music


def test_a_model_that_repeats_the_primer_stands_out_for_every_primer():
    primers = [StudyPrimer(str(i), str(i), melody(40, i), 10.0, None, "folder") for i in range(20)]
    made = {(p.name, "parrot"): p.performance for p in primers}
    made |= {(p.name, "stranger"): melody(40, 100 + i) for i, p in enumerate(primers)}
    rows, stands_out = measure_memory(*(lambda r, m: (r, primers, m))(*study_of(made)))
    for key in MEASURES:
        assert stands_out[key]["parrot"]["mean"] == 1.0
        assert stands_out[key]["stranger"]["mean"] <= 0.2
        beyond: dict[str, list[float]] = {"parrot": [], "stranger": []}
        for row in rows:
            beyond[row["model"]].append(row["measured"][f"{key}_beyond_chance"])
        parrot, stranger = (float(np.mean(beyond[name])) for name in ("parrot", "stranger"))
        assert parrot > 0.5 and abs(stranger) < parrot / 10, key


def test_few_primers_of_a_folder_are_not_taken_for_chance():
    primers = [StudyPrimer(str(i), str(i), melody(40, i), 10.0, None, str(i % 2)) for i in range(8)]
    rows, music = study_of({(p.name, "parrot"): p.performance for p in primers})
    measured, stands_out = measure_memory(rows, primers, music)
    assert all(r["measured"]["motif_beyond_chance"] is None for r in measured)
    assert stands_out["motif"]["parrot"] is None


def test_a_model_is_told_from_real_music_by_what_it_does_otherwise():
    real = {(str(i), REAL): melody(160, 50 + i) for i in range(12)}
    made = {(str(i), "slow"): melody(60, 80 + i, gap=0.6) for i in range(12)}
    alike = {(str(i), "alike"): melody(160, 200 + i) for i in range(12)}
    told = tell_models(*study_of({**real, **made, **alike}))
    assert told["slow"]["accuracy"] > 0.95
    assert told["alike"]["accuracy"] < 0.8 and 0.3 < told[REAL]["accuracy"] < 0.7
    assert tell_models(*study_of(made)) == {}
