from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import miditoolkit
import numpy as np
import pretty_midi
import pytest
from midi_helpers import note, pedals, rows, times

from musictx.errors import MusictxError
from musictx.midi import (
    from_miditoolkit,
    from_pretty_midi,
    read_midi,
    to_miditoolkit,
    to_pretty_midi,
)
from musictx.performance import SPAN_DTYPE, TEMPO_DTYPE, Performance, apply_pedal, make_notes

LIBRARIES = pytest.mark.parametrize(
    ("load", "convert"),
    [
        (lambda path: pretty_midi.PrettyMIDI(str(path)), from_pretty_midi),
        (lambda path: miditoolkit.MidiFile(str(path)), from_miditoolkit),
    ],
    ids=["pretty_midi", "miditoolkit"],
)
BOTH_WAYS = pytest.mark.parametrize(
    ("there", "back"),
    [(to_pretty_midi, from_pretty_midi), (to_miditoolkit, from_miditoolkit)],
    ids=["pretty_midi", "miditoolkit"],
)
Loader = Callable[[Path], Any]
Converter = Callable[..., Performance]


def song(midi_file: Any) -> Path:
    tempi = [(0, "tempo", 90), (960, "tempo", 140)]
    piano = [(0, "pedal", 100), *note(0, 480, 48), *note(480, 1400, 52, 99), (1440, "pedal", 20)]
    melody = [(0, "program", 73, 1), *note(0, 240, 72, 80, 1), *note(960, 1920, 76, 81, 1)]
    return midi_file(tempi, piano, melody, note(0, 480, 36, channel=9))


@LIBRARIES
def test_an_object_says_the_same_as_its_file(midi_file: Any, load: Loader, convert: Converter) -> None:
    path = song(midi_file)
    mine, theirs = read_midi(path), convert(load(path))
    assert rows(theirs) == rows(mine)
    assert theirs.remarks == mine.remarks
    assert "1 drum note left out" in theirs.remarks
    assert np.allclose(theirs.tempos["time"], mine.tempos["time"])
    assert np.allclose(theirs.tempos["bpm"], mine.tempos["bpm"])


@LIBRARIES
def test_the_pedal_of_an_object(midi_file: Any, load: Loader, convert: Converter) -> None:
    moves = [(0, "pedal", 90), (480, "pedal", 0), (960, "pedal", 70)]
    midi = load(midi_file([*moves, *note(0, 240, 60), *note(1200, 1920, 62)]))
    assert pedals(convert(midi)) == [(0, 0.5), (1, 2)]
    assert pedals(convert(midi, pedal_threshold=80)) == [(0, 0.5)]
    assert times(apply_pedal(convert(midi))) == [(0, 0.5, 60), (1.25, 2, 62)]


@LIBRARIES
def test_objects_without_pitched_notes_are_refused(midi_file: Any, load: Loader, convert: Converter) -> None:
    with pytest.raises(MusictxError, match="only drums"):
        convert(load(midi_file(note(0, 480, 36, channel=9))))
    with pytest.raises(MusictxError, match="no notes"):
        convert(load(midi_file([(0, "tempo", 100)])))


def test_notes_in_objects_that_midi_does_not_know_are_refused() -> None:
    midi = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(0)
    piano.notes = [pretty_midi.Note(64, 60, 0, 1), pretty_midi.Note(64, 300, 0, 1)]
    midi.instruments.append(piano)
    with pytest.raises(MusictxError, match="pitch 300"):
        from_pretty_midi(midi)
    piano.notes[1] = pretty_midi.Note(64, 62, 2, 3)
    piano.notes[1].end = 1
    with pytest.raises(MusictxError, match="from 2 to 1 s"):
        from_pretty_midi(midi)


@BOTH_WAYS
def test_there_and_back_again(there: Callable[[Performance], Any], back: Converter) -> None:
    rng = np.random.default_rng(0)
    onset = np.sort(rng.uniform(0, 50, 100))
    pitch, velocity = rng.integers(0, 128, 100), rng.integers(1, 128, 100)
    music = Performance(
        make_notes(onset, onset + rng.uniform(0, 9, 100), pitch, velocity),
        np.array([(1, 2), (2, 3), (10, 20)], SPAN_DTYPE),
        np.array([(0, 77), (12.3, 140), (30, 20)], TEMPO_DTYPE),
    )
    again = back(there(music))
    assert len(again) == len(music)
    for column in ("onset", "offset"):
        assert np.allclose(again.notes[column], music.notes[column], atol=0.001)
        assert np.allclose(again.pedals[column], music.pedals[column], atol=0.001)
    for column in ("pitch", "velocity"):
        assert np.array_equal(again.notes[column], music.notes[column])
    assert np.allclose(again.tempos["time"], music.tempos["time"], atol=0.001)
    assert np.allclose(again.tempos["bpm"], music.tempos["bpm"], rtol=1e-4)


@BOTH_WAYS
def test_objects_can_be_written_by_their_library(
    tmp_path: Path, there: Callable[[Performance], Any], back: Converter
) -> None:
    music = Performance(
        make_notes([0.1, 1.23, 4], [1, 2.34, 5], [60, 62, 64], [9, 99, 127]),
        np.array([(0.5, 3)], SPAN_DTYPE),
        np.array([(0, 100), (2, 60)], TEMPO_DTYPE),
    )
    midi = there(music)
    (midi.write if hasattr(midi, "write") else midi.dump)(str(tmp_path / "theirs.mid"))
    again = read_midi(tmp_path / "theirs.mid")
    assert np.allclose(again.notes["onset"], music.notes["onset"], atol=0.001)
    assert np.allclose(again.notes["offset"], music.notes["offset"], atol=0.001)
    assert np.allclose(again.tempos["bpm"], [100, 60], rtol=1e-4)
    assert np.allclose(again.pedals["offset"], [3], atol=0.001)


@BOTH_WAYS
def test_notes_no_object_can_hold_are_refused(there: Callable[[Performance], Any], back: Converter) -> None:
    with pytest.raises(MusictxError, match="pitch 128"):
        there(Performance(make_notes([0], [1], [128])))


def test_pretty_midi_times_are_exact() -> None:
    music = Performance(make_notes([1 / 3], [2 / 3], [60]), np.array([(0.1, 0.7)], SPAN_DTYPE))
    midi = to_pretty_midi(music)
    assert midi.instruments[0].notes[0].start == 1 / 3
    assert midi.instruments[0].control_changes[1].time == 0.7
