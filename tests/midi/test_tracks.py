"""Files that a DAW opens: ticks, tempo, metre and two tracks, as other libraries read them."""

from __future__ import annotations

from pathlib import Path

import miditoolkit
import mido
import numpy as np
import pretty_midi
import pytest
from music_helpers import bar_lines

from musictx.labels import track_names
from musictx.metre import Metre
from musictx.midi import read_midi, write_midi
from musictx.performance import SPAN_DTYPE, Performance, make_notes, slice_time

METRE = Metre.of(480, [(0, 600_000), (480 * 8, 450_000)], [(0, 4, 4), (480 * 8, 3, 4)])
NAMES = track_names("relative", 7)
TICKS = np.arange(24) * 240  # eighths
CUT = 480 * 8


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Eighths of which those from the third bar on are the continuation's."""
    onset, offset = METRE.seconds(TICKS), METRE.seconds(TICKS + 200)
    pedals = np.array([(0.5, 1.0)], SPAN_DTYPE)
    music = Performance(make_notes(onset, offset, 60 + TICKS // 240, 70), pedals, metre=METRE)
    write_midi(music, tmp_path / "song.mid", cut=float(METRE.seconds(CUT)), names=NAMES)
    return tmp_path / "song.mid"


def test_mido_reads_the_ticks_and_the_changes_of_tempo_and_metre(file: Path) -> None:
    midi = mido.MidiFile(file)
    assert (midi.type, midi.ticks_per_beat, len(midi.tracks)) == (1, 480, 3)
    conductor, *music = midi.tracks
    now, changes = 0, []
    for message in conductor:
        now += message.time
        if message.type == "set_tempo":
            changes.append((now, message.tempo))
        elif message.type == "time_signature":
            changes.append((now, message.numerator, message.denominator))
    assert changes == [(0, 4, 4), (0, 600_000), (CUT, 3, 4), (CUT, 450_000)]
    assert [track.name for track in music] == list(NAMES)
    struck = [
        np.cumsum([m.time for m in track])[[m.type == "note_on" for m in track]].tolist() for track in music
    ]
    assert struck == [TICKS[TICKS < CUT].tolist(), TICKS[TICKS >= CUT].tolist()]


def test_pretty_midi_reads_bars_where_the_metre_has_them(file: Path) -> None:
    midi = pretty_midi.PrettyMIDI(str(file))
    assert [instrument.name for instrument in midi.instruments] == list(NAMES)
    np.testing.assert_allclose(midi.get_downbeats()[:4], bar_lines(METRE, 7.0)[:4], atol=1e-6)
    assert [(s.numerator, s.denominator) for s in midi.time_signature_changes] == [(4, 4), (3, 4)]
    starts = [note.start for instrument in midi.instruments for note in instrument.notes]
    np.testing.assert_allclose(starts, METRE.seconds(TICKS), atol=1e-6)


def test_miditoolkit_reads_every_note_on_its_tick(file: Path) -> None:
    midi = miditoolkit.MidiFile(str(file))
    assert midi.ticks_per_beat == 480
    assert [instrument.name for instrument in midi.instruments] == list(NAMES)
    assert [note.start for i in midi.instruments for note in i.notes] == TICKS.tolist()
    assert [len(i.control_changes) for i in midi.instruments] == [2, 0]  # the pedal is the primer's


def test_what_musictx_reads_again_is_what_it_wrote(file: Path, tmp_path: Path) -> None:
    music = read_midi(file)
    assert music.metre and music.metre.tempos.tolist() == METRE.tempos.tolist()
    write_midi(music, tmp_path / "again.mid")
    assert np.array_equal(read_midi(tmp_path / "again.mid").notes, music.notes)


def test_a_passage_begins_with_its_bar(file: Path, tmp_path: Path) -> None:
    """From the second quarter of the third bar on, notes lie where they lay in their bar."""
    start = float(METRE.seconds(CUT + 480))
    write_midi(slice_time(read_midi(file), start), tmp_path / "part.mid")
    midi = miditoolkit.MidiFile(str(tmp_path / "part.mid"))
    assert [note.start for i in midi.instruments for note in i.notes] == (
        TICKS[TICKS >= CUT + 480] - CUT
    ).tolist()
    assert [(t.tempo, t.time) for t in midi.tempo_changes] == [(pytest.approx(60e6 / 450_000), 0)]


def test_a_continuation_alone_has_one_track_with_its_name(tmp_path: Path) -> None:
    music = Performance(make_notes([0.0], [1.0], [60]))
    write_midi(music, tmp_path / "alone.mid", cut=0.0, names=NAMES)
    assert [track.name for track in mido.MidiFile(tmp_path / "alone.mid").tracks[1:]] == [NAMES[1]]


def test_a_tempo_map_that_makes_no_bars_is_told_and_left_out(tmp_path: Path) -> None:
    midi = mido.MidiFile(ticks_per_beat=96)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=100_000), mido.MetaMessage("time_signature")])
    track += [mido.Message("note_on", note=60, time=10), mido.Message("note_off", note=60, time=96)]
    midi.tracks.append(track)
    midi.save(tmp_path / "odd.mid")
    music = read_midi(tmp_path / "odd.mid")
    assert music.metre is None
    assert music.remarks == (
        "the file's tempo map gives no usable bars (a quarter note lasts 0.1 s), so times are in seconds",
    )
