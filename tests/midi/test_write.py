from __future__ import annotations

import os
import stat
from pathlib import Path

import miditoolkit
import mido
import numpy as np
import pretty_midi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_helpers import pedals, rows, times

from musictx import files
from musictx.errors import MusictxError
from musictx.metre import Metre
from musictx.midi import from_miditoolkit, from_pretty_midi, inspect_midi, read_midi, write_midi
from musictx.performance import (
    NOTE_DTYPE,
    SPAN_DTYPE,
    TEMPO_DTYPE,
    Performance,
    apply_pedal,
    make_notes,
    shift,
    slice_time,
    stretch,
    unite_spans,
)

TIMES = st.floats(0, 100)


@st.composite
def performances(draw: st.DrawFn) -> Performance:
    """Music with many overlaps of one pitch, with pedals and tempo changes."""
    lengths = st.floats(0, 10)
    strokes = st.tuples(TIMES, lengths, st.sampled_from([0, 60, 127]), st.integers(1, 127))
    notes = [
        (on, on + length, *rest) for on, length, *rest in draw(st.lists(strokes, min_size=1, max_size=14))
    ]
    downs = draw(st.lists(st.tuples(TIMES, st.floats(0.01, 10)), max_size=5))
    tempos = [(0.0, 120.0), *draw(st.lists(st.tuples(TIMES, st.floats(4, 5000)), max_size=5))]
    return Performance(
        np.array(notes, NOTE_DTYPE),
        unite_spans(np.array([(on, on + length) for on, length in downs], SPAN_DTYPE)),
        np.sort(np.array(tempos, TEMPO_DTYPE), order="time"),
    )


@given(performances())
def test_what_is_written_is_read_again_within_a_millisecond(
    tmp_path_factory: pytest.TempPathFactory, music: Performance
) -> None:
    path = tmp_path_factory.getbasetemp() / "again.mid"
    write_midi(music, path)
    again = read_midi(path)
    assert again.remarks == ()
    # Notes that start within one tick may be read in another order: compare pitch by pitch.
    for pitch in (0, 60, 127):
        mine, theirs = (m.notes[m.notes["pitch"] == pitch] for m in (music, again))
        assert len(mine) == len(theirs)
        for column in ("onset", "offset"):
            assert np.allclose(np.sort(mine[column]), np.sort(theirs[column]), atol=0.001)
        assert np.array_equal(np.sort(mine["velocity"]), np.sort(theirs["velocity"]))
    assert len(again.pedals) == len(music.pedals)
    for column in ("onset", "offset"):
        # A pedal that outlasts the last note is kept, too.
        assert np.allclose(again.pedals[column], music.pedals[column], atol=0.001)
    for moment in np.linspace(0.001, 110, 23):
        beat = np.searchsorted(music.tempos["time"], [moment - 0.002, moment + 0.002], side="right") - 1
        if beat[0] == beat[1]:
            found = again.tempos["bpm"][np.searchsorted(again.tempos["time"], moment, side="right") - 1]
            assert np.isclose(found, music.tempos["bpm"][beat[0]], rtol=1e-3)


def test_times_on_a_grid_of_10_ms_are_exact(tmp_path: Path) -> None:
    onset = np.arange(1000) * 0.01
    music = Performance(make_notes(onset, onset + 0.01, np.arange(1000) % 128))
    write_midi(music, tmp_path / "grid.mid")
    again = read_midi(tmp_path / "grid.mid").notes
    assert np.abs(again["onset"] - music.notes["onset"]).max() < 1e-9
    assert np.abs(again["offset"] - music.notes["offset"]).max() < 1e-9


def test_a_tempo_map_keeps_bars_and_seconds(tmp_path: Path) -> None:
    tempos = np.array([(0, 60), (4, 120), (6, 33.3)], TEMPO_DTYPE)
    music = Performance(make_notes([0.123, 4.567, 7.89], [1, 5, 9], [60, 62, 64]), tempos=tempos)
    write_midi(music, tmp_path / "tempos.mid")
    again = read_midi(tmp_path / "tempos.mid")
    assert np.allclose(again.tempos["time"], [0, 4, 6], atol=5e-4)
    assert np.allclose(again.tempos["bpm"], [60, 120, 33.3], rtol=1e-5)
    assert np.allclose(again.notes["onset"], [0.123, 4.567, 7.89], atol=2.5e-4)


def test_many_tempo_changes_do_not_add_up_to_an_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    tempos = np.empty(3000, TEMPO_DTYPE)
    tempos["time"], tempos["bpm"] = np.arange(3000) * 0.1 + 0.00013, rng.uniform(40, 200, 3000)
    tempos["time"][0] = 0
    onset = np.sort(rng.uniform(0, 300, 500))
    music = Performance(make_notes(onset, onset + 1, np.arange(500) % 128), tempos=tempos)
    write_midi(music, tmp_path / "t.mid")
    assert np.abs(read_midi(tmp_path / "t.mid").notes["onset"] - onset).max() < 5e-4


def test_a_note_inside_another_of_its_pitch_survives(tmp_path: Path) -> None:
    music = Performance(make_notes([0, 1, 1, 2.5], [4, 2, 3, 5], [60] * 4, [10, 20, 30, 40]))
    write_midi(music, tmp_path / "nested.mid")
    assert rows(read_midi(tmp_path / "nested.mid")) == rows(music)
    assert rows(from_pretty_midi(pretty_midi.PrettyMIDI(str(tmp_path / "nested.mid")))) == rows(music)


def test_more_overlaps_than_channels_end_at_the_next_stroke(tmp_path: Path) -> None:
    count = 40
    music = Performance(make_notes(np.arange(count) * 0.1, np.full(count, 10.0), [60] * count))
    write_midi(music, tmp_path / "crowd.mid")
    again = read_midi(tmp_path / "crowd.mid").notes
    assert np.allclose(again["onset"], np.arange(count) * 0.1)
    assert np.allclose(again["offset"], [*(np.arange(1, count) * 0.1), 10])


def test_a_note_without_length_is_not_lost(tmp_path: Path) -> None:
    write_midi(Performance(make_notes([1, 1], [1, 2], [60, 60])), tmp_path / "short.mid")
    assert len(read_midi(tmp_path / "short.mid")) == 2


def test_the_pedal_is_written_as_it_was_moved(tmp_path: Path) -> None:
    held = np.array([(0, 1), (1, 2.5), (3, 4)], SPAN_DTYPE)
    write_midi(Performance(make_notes([0, 4], [1, 5], [60, 62]), held), tmp_path / "pedal.mid")
    assert pedals(read_midi(tmp_path / "pedal.mid")) == [(0, 1), (1, 2.5), (3, 4)]


def test_a_pedal_that_is_still_down_holds_the_second_track_too(tmp_path: Path) -> None:
    music = Performance(make_notes([0, 5], [1, 6], [60, 62]), np.array([(0, 2), (2.5, 10)], SPAN_DTYPE))
    write_midi(music, tmp_path / "held.mid", cut=3.0)
    tracks = mido.MidiFile(tmp_path / "held.mid").tracks[1:]
    moves = [[m.value for m in track if m.type == "control_change"] for track in tracks]
    assert [len(values) for values in moves] == [4, 2]
    assert apply_pedal(read_midi(tmp_path / "held.mid")).notes["offset"].tolist() == [2, 10]


def test_music_that_is_started_later_begins_with_its_bar(tmp_path: Path) -> None:
    metre = Metre.of(480, [(0, 1_000_000)], [(0, 4, 4)])
    music = Performance(make_notes([0, 1], [1, 2], [60, 62]), metre=metre)
    for later in (0.5, 3.0, 10.0):
        write_midi(shift(music, later), tmp_path / "later.mid")
        again = read_midi(tmp_path / "later.mid")
        assert again.notes["onset"][0] == pytest.approx(-(-later // 4) * 4)  # bars of 4 s
        assert again.metre and again.metre.tempos.tolist() == [[0, 1_000_000]]


def test_music_stretched_beyond_what_anybody_counts_has_no_bars(tmp_path: Path) -> None:
    music = Performance(make_notes([0, 1], [1, 2], [60, 62]), metre=Metre.of(480, [(0, 1_000_000)], []))
    assert stretch(music, 2).metre is not None and stretch(music, 20).metre is None
    write_midi(stretch(music, 20), tmp_path / "slow.mid")
    assert read_midi(tmp_path / "slow.mid").notes["onset"].tolist() == pytest.approx([0, 20], abs=0.01)


def test_a_long_name_is_cut_between_two_characters(tmp_path: Path) -> None:
    music = Performance(make_notes([0], [1], [60]))
    write_midi(music, tmp_path / "name.mid", cut=0.0, names=("", "音楽" * 40))
    assert inspect_midi(tmp_path / "name.mid")[0].name == "音楽" * 21


def test_hours_of_silence_are_kept(tmp_path: Path) -> None:
    music = Performance(make_notes([0, 36000, 72000], [1, 36001.5, 72001], [60, 61, 62]))
    write_midi(music, tmp_path / "silence.mid")
    assert times(read_midi(tmp_path / "silence.mid")) == [
        (0, 1, 60),
        (36000, 36001.5, 61),
        (72000, 72001, 62),
    ]


def test_the_file_is_read_by_the_common_libraries(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    onset = np.sort(rng.uniform(0, 60, 200))
    pitch, velocity = rng.integers(21, 109, 200), rng.integers(1, 128, 200)
    notes = make_notes(onset, onset + rng.uniform(0.05, 3, 200), pitch, velocity)
    tempos = np.array([(0, 90), (20, 140)], TEMPO_DTYPE)
    music = Performance(notes, np.array([(1, 2), (5, 9)], SPAN_DTYPE), tempos)
    path = tmp_path / "music.mid"
    write_midi(music, path)
    by_pretty_midi = from_pretty_midi(pretty_midi.PrettyMIDI(str(path)))
    by_miditoolkit = from_miditoolkit(miditoolkit.MidiFile(str(path)))
    for again in (by_pretty_midi, by_miditoolkit):
        assert np.allclose(again.notes["onset"], music.notes["onset"], atol=0.001)
        assert np.allclose(again.notes["offset"], music.notes["offset"], atol=0.001)
        assert np.array_equal(again.notes["pitch"], music.notes["pitch"])
        assert np.allclose(again.pedals["offset"], [2, 9], atol=0.001)
        assert np.allclose(again.tempos["bpm"], [90, 140], rtol=1e-4)
    midi = mido.MidiFile(path)
    assert midi.type == 1
    assert abs(midi.length - music.duration) < 0.001


def test_an_empty_performance_is_a_valid_file(tmp_path: Path) -> None:
    write_midi(Performance(), tmp_path / "empty.mid")
    assert len(mido.MidiFile(tmp_path / "empty.mid").tracks) == 2


def test_a_slice_that_starts_late_is_written_from_its_start(tmp_path: Path) -> None:
    tempos = np.array([(0, 60), (40, 90)], TEMPO_DTYPE)
    music = Performance(make_notes([0, 50], [1, 51], [60, 62]), tempos=tempos)
    write_midi(slice_time(music, 49.5), tmp_path / "slice.mid")
    again = read_midi(tmp_path / "slice.mid")
    assert np.allclose(again.notes["onset"], [0.5], atol=5e-4)
    assert np.allclose(again.tempos["bpm"], [90], rtol=1e-5)


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        (make_notes([0], [1], [200]), "pitch 200"),
        (make_notes([0], [1], [60], [0]), "velocity 0"),
        (make_notes([-1], [1], [60]), "from -1 to 1 s"),
        (make_notes([2], [1], [60]), "from 2 to 1 s"),
        (make_notes([0], [np.inf], [60]), "to inf s"),
        (make_notes([np.nan], [1], [60]), "from nan"),
    ],
)
def test_notes_that_midi_cannot_say_are_refused(tmp_path: Path, notes: np.ndarray, said: str) -> None:
    with pytest.raises(MusictxError, match=said):
        write_midi(Performance(notes), tmp_path / "never.mid")
    assert list(tmp_path.iterdir()) == []


# --- where it is written

MUSIC = Performance(make_notes([0], [1], [60]))


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for path, said in (
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "out.mid", "no folder"),
        (tmp_path / "file" / "out.mid", "no folder"),
        ("a\0b.mid", "cannot be written"),
    ):
        with pytest.raises(MusictxError, match=said):
            write_midi(MUSIC, path)
    assert (tmp_path / "file").read_text() == "not a folder"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_half_way_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "out.mid"
    path.write_text("old")
    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(MusictxError, match=r"out\.mid.*No space left on device"):
        write_midi(MUSIC, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.mid"]


def test_an_existing_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "out.mid"
    path.write_text("old")
    path.chmod(0o604)
    write_midi(MUSIC, path)
    assert times(read_midi(path)) == [(0, 1, 60)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert [p.name for p in tmp_path.iterdir()] == ["out.mid"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.mid").symlink_to(tmp_path / "real.mid")
    write_midi(MUSIC, tmp_path / "link.mid")
    assert (tmp_path / "link.mid").is_symlink()
    assert times(read_midi(tmp_path / "real.mid")) == [(0, 1, 60)]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_is_written_to_and_not_replaced() -> None:
    write_midi(MUSIC, os.devnull)
    with pytest.raises(MusictxError, match="No space left"):
        write_midi(MUSIC, "/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
