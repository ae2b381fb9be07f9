"""The shipped primers: whole, playable, and musically what they say they are."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from musictx.midi import read_midi
from musictx.performance import Performance, resolve_overlaps
from musictx.shipped import shipped_folder

FOLDER = shipped_folder("primers")
PRIMERS = json.loads((FOLDER / "primers.json").read_text(encoding="utf-8"))
NAMES = [primer["name"] for primer in PRIMERS]
BLACK = {1, 3, 6, 8, 10}


def primer(name: str) -> Performance:
    return read_midi(FOLDER / f"{name}.mid")


def classes(name: str) -> set[int]:
    return set((primer(name).notes["pitch"] % 12).tolist())


@pytest.fixture
def make_primers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    import make_primers

    return make_primers


def voices(module: ModuleType, name: str) -> list[list]:
    score = next(score for score in module.SCORES if score.name == name)
    return [module.read_voice(voice, score.bar, score.pickup)[0] for voice in score.voices]


def test_the_list_is_complete():
    assert len(NAMES) >= 10 and len(set(NAMES)) == len(NAMES)
    assert {f"{name}.mid" for name in NAMES} == {path.name for path in FOLDER.glob("*.mid")}
    for entry in PRIMERS:
        assert entry["file"] == f"{entry['name']}.mid"
        assert entry["name"] == entry["name"].lower() and " " not in entry["name"]
        for field in ("title", "composer", "description", "source", "licence"):
            assert entry[field].strip()


@pytest.mark.parametrize("entry", PRIMERS, ids=NAMES)
def test_each_is_a_playable_passage_of_piano(entry):
    performance = primer(entry["name"])
    notes = performance.notes
    assert not performance.remarks
    assert 6 <= entry["primer_end"] <= 15
    assert entry["primer_end"] - 0.6 < performance.duration <= entry["primer_end"] + 0.01
    assert notes["onset"][0] < 0.1
    assert notes["pitch"].min() >= 21 and notes["pitch"].max() <= 108
    assert (notes["offset"] - notes["onset"]).min() > 0.03
    assert notes["velocity"].min() >= 35 and notes["velocity"].max() <= 110
    np.testing.assert_array_equal(resolve_overlaps(notes.copy()), notes)


def test_the_files_are_what_the_script_makes(make_primers):
    assert [score.name for score in make_primers.SCORES] == NAMES
    for score, entry in zip(make_primers.SCORES, PRIMERS, strict=True):
        typed, end = make_primers.perform(score)
        read = primer(score.name)
        assert entry["primer_end"] == round(end, 2) and entry["title"] == score.title
        ours, theirs = (p.notes[np.lexsort((p.notes["onset"], p.notes["pitch"]))] for p in (typed, read))
        for field in ("pitch", "velocity"):
            np.testing.assert_array_equal(ours[field], theirs[field])
        for field in ("onset", "offset"):
            np.testing.assert_allclose(ours[field], theirs[field], atol=1e-3)
            np.testing.assert_allclose(read.pedals[field], typed.pedals[field], atol=1e-3)
        np.testing.assert_allclose(read.tempos["bpm"], typed.tempos["bpm"], rtol=1e-4)


def test_notation(make_primers):
    assert [make_primers.pitch_of(name) for name in ("C4", "F#4", "Cb4", "A0", "C8")] == [60, 66, 59, 21, 108]
    lengths = [make_primers.length_of(text) for text in ("4", "8.", "24", "2_8")]
    assert lengths == [1, Fraction(3, 4), Fraction(1, 6), Fraction(5, 2)]
    with pytest.raises(ValueError, match="bar line"):
        make_primers.read_voice(make_primers.Voice("C4/4 D4 | E4/2 |"), 4, 0)
    with pytest.raises(ValueError, match="not a note name"):
        make_primers.read_voice(make_primers.Voice("H4/4"), 4, 0)


def test_black_keys_right_hand_plays_only_black_keys_in_even_triplets(make_primers):
    right, left, _ = voices(make_primers, "chopin-black-keys")
    assert {note.pitch % 12 for note in right} <= BLACK
    assert [note.start for note in right] == [Fraction(step, 6) for step in range(96)]
    assert [note.pitch for note in right[:6]] == [90, 94, 85, 90, 87, 90]
    assert [note.pitch for note in right[12:24]] == [note.pitch - 12 for note in right[:12]]
    assert [note.pitch for note in right[48:72]] == [note.pitch for note in right[:24]]  # bars 5, 6 are 1, 2
    assert {note.pitch % 12 for note in left} - BLACK == {11, 5, 2}  # C-flat, F; D in bar 8


def test_keys_of_the_diatonic_ones():
    white = {0, 2, 4, 5, 7, 9, 11}
    assert classes("bach-prelude-c") == white and classes("mozart-sonata-c") <= white
    assert classes("two-bar-loop") <= white
    sharp = {7, 9, 11, 0, 2, 4, 6}
    assert classes("petzold-minuet") == sharp and classes("bach-chorale") == sharp
    two_sharps = {2, 4, 6, 7, 9, 11, 1}
    assert classes("pachelbel-canon") == two_sharps and classes("satie-gymnopedie") <= two_sharps
    assert classes("fur-elise") <= {9, 11, 0, 2, 4, 8, 3}


def test_fur_elise_turns_on_its_semitone(make_primers):
    tune, _ = voices(make_primers, "fur-elise")
    assert [note.pitch for note in tune[:9]] == [76, 75, 76, 75, 76, 71, 74, 72, 69]


def test_prelude_breaks_every_chord_alike():
    pitch = primer("bach-prelude-c").notes["pitch"].astype(int)
    assert pitch[:8].tolist() == [60, 64, 67, 72, 76, 67, 72, 76]
    for half_bar in pitch.reshape(8, 8):
        assert (half_bar[5:] == half_bar[2:5]).all() and (np.diff(half_bar[:5]) > 0).all()
    np.testing.assert_array_equal(pitch[:16], pitch[-16:])


def test_canon_second_voice_follows_the_first(make_primers):
    first, second, _ = voices(make_primers, "pachelbel-canon")
    assert [(n.start + 8, n.pitch) for n in first[:8]] == [(n.start, n.pitch) for n in second]


def test_chorale_has_four_voices_in_their_ranges(make_primers):
    parts = voices(make_primers, "bach-chorale")
    ranges = [(60, 81), (55, 74), (48, 69), (40, 64)]
    for part, (low, high) in zip(parts, ranges, strict=True):
        assert all(low <= note.pitch <= high for note in part)
    notes = primer("bach-chorale").notes
    sounding = [((notes["onset"] < t) & (notes["offset"] > t)).sum() for t in np.arange(0.1, 14, 0.1)]
    assert max(sounding) <= 4


def test_loop_repeats_exactly_after_two_bars(make_primers):
    for part in voices(make_primers, "two-bar-loop"):
        bars = {(note.start, note.pitch) for note in part}
        assert {(start + 8, pitch) for start, pitch in bars if start < 12} == {
            (start, pitch) for start, pitch in bars if start >= 8
        }


def test_ode_to_joy_is_a_bare_line_and_the_others_are_performed():
    ode = primer("ode-to-joy").notes
    assert set(ode["velocity"].tolist()) == {80}
    assert (ode["onset"][1:] >= ode["offset"][:-1]).all()
    np.testing.assert_allclose(ode["onset"] * 4, np.rint(ode["onset"] * 4), atol=1e-3)
    for name in set(NAMES) - {"ode-to-joy"}:
        assert len(set(primer(name).notes["velocity"].tolist())) > 8, name


def test_readme_names_every_corpus_and_its_licence():
    text = (Path(__file__).parents[2] / "data" / "README.md").read_text(encoding="utf-8")
    for word in ("ASAP", "POP909", "MAESTRO", "JSB", "CC BY-NC-SA 4.0", "MIT", "Salamander"):
        assert word in text
