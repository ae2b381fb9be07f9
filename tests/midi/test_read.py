from __future__ import annotations

import random
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pretty_midi
import pytest
import symusic
from midi_helpers import END, Rows, note, rows, times

from musictx.errors import MusictxError
from musictx.midi import inspect_midi, read, read_midi, smf, write_midi
from musictx.performance import Performance, make_notes

# --- types, tracks, time


def test_tracks_of_type_1_share_one_time_axis(midi_file: Any) -> None:
    path = midi_file(note(0, 960, 60), note(480, 960, 64), note(0, 480, 67, channel=3))
    assert times(read_midi(path)) == [(0, 1, 60), (0, 0.5, 67), (0.5, 1, 64)]


def test_type_0_with_many_channels(midi_file: Any) -> None:
    track = [(0, "on", 60), (0, "on", 40, 90, 1), (960, "off", 60), (960, "off", 40, 1)]
    assert rows(read_midi(midi_file(track, type=0))) == [(0, 1, 40, 90), (0, 1, 60, 64)]


def test_of_type_2_the_first_piece_with_notes_is_read(midi_file: Any) -> None:
    first = [(0, "tempo", 60), *note(0, 480, 60)]
    second = [(0, "tempo", 240), *note(0, 480, 72)]
    path = midi_file([(0, "name", "empty")], first, second, type=2)
    music = read_midi(path)
    assert times(music) == [(0, 1, 60)]
    assert any("type 2" in remark for remark in music.remarks)
    assert times(read_midi(path, tracks=1)) == [(0, 0.25, 72)]


def test_tempo_changes_from_any_track_hold_for_all(midi_file: Any) -> None:
    tempo = [(0, "tempo", 60), (480, "tempo", 120), (960, "tempo", 240)]
    for tracks in (tempo, note(0, 1440, 60)), (note(0, 1440, 60), tempo):
        music = read_midi(midi_file(*tracks))
        assert times(music) == [(0, 1.75, 60)]
        assert music.tempos["time"].tolist() == [0, 1, 1.5]
        assert music.tempos["bpm"].tolist() == [60, 120, 240]


def test_of_several_tempi_at_one_place_the_last_holds(midi_file: Any) -> None:
    path = midi_file([(0, "tempo", 200), (0, "tempo", 60), *note(0, 480, 60)])
    assert times(read_midi(path)) == [(0, 1, 60)]


def test_before_the_first_tempo_there_are_120_bpm(midi_file: Any) -> None:
    path = midi_file([(480, "tempo", 60), *note(480, 960, 60)])
    assert times(read_midi(path)) == [(0.5, 1.5, 60)]


@pytest.mark.parametrize(
    ("frames", "seconds"), [(25, 1.0), (24, 25 / 24), (30, 25 / 30), (29, 25 * 1.001 / 30)]
)
def test_time_in_fractions_of_a_second(raw_midi_file: Any, frames: int, seconds: float) -> None:
    track = b"\x00\xff\x51\x03\x01\x00\x00\x00\x90\x3c\x40\x87\x68\x80\x3c\x00" + END  # 1000 ticks
    path = raw_midi_file(track, division=(256 - frames) << 8 | 40)
    assert times(read_midi(path)) == [(0, round(seconds, 6), 60)]


# --- drums and the choice of tracks


def band(midi_file: Any) -> Path:
    melody = [(0, "name", "Melody"), (0, "program", 73), *note(0, 480, 72), *note(480, 960, 76)]
    drums = [(0, "name", "Drums"), *note(0, 480, 36, channel=9)]
    piano = [(0, "name", "PIANO"), *note(0, 960, 48, channel=1)]
    return midi_file([(0, "name", "A song"), (0, "tempo", 120)], melody, drums, piano)


def test_drums_are_left_out_and_reported(midi_file: Any) -> None:
    music = read_midi(band(midi_file))
    assert [row[2] for row in rows(music)] == [48, 72, 76]
    assert music.remarks == ("1 drum note left out",)


def test_tracks_are_chosen_by_number_or_name(midi_file: Any) -> None:
    path = band(midi_file)
    for choice, pitches in ((0, [72, 76]), ("piano", [48]), ([2], [48]), (["MELODY", 2], [48, 72, 76])):
        assert [row[2] for row in rows(read_midi(path, tracks=choice))] == pitches


def test_a_track_that_is_not_there_is_named_with_those_that_are(midi_file: Any) -> None:
    path = band(midi_file)
    for wrong in (3, -1, "violin"):
        with pytest.raises(MusictxError, match=r"no track .*0 \(Melody\), 1 \(Drums\), 2 \(PIANO\)"):
            read_midi(path, tracks=wrong)
    with pytest.raises(MusictxError, match=r"no track .* was chosen"):
        read_midi(path, tracks=[])
    with pytest.raises(MusictxError, match="only drums"):
        read_midi(path, tracks=1)


def test_the_summary_lists_tracks_for_the_choice(midi_file: Any) -> None:
    assert [astuple(track) for track in inspect_midi(band(midi_file))] == [
        (0, "Melody", False, 2),
        (1, "Drums", True, 1),
        (2, "PIANO", False, 1),
    ]


def test_the_channels_of_a_type_0_file_are_tracks_of_their_own(midi_file: Any) -> None:
    track = [(0, "name", "Duo"), (0, "program", 40, 3), (0, "on", 60), (0, "on", 40, 90, 3)]
    path = midi_file([*track, (480, "pedal", 90), (960, "off", 60), (960, "off", 40, 3)], type=0)
    assert [track.name for track in inspect_midi(path)] == ["Duo (channel 1)", "Duo (channel 4)"]
    assert rows(read_midi(path, tracks=1)) == [(0, 1, 40, 90)]


def test_names_are_fit_to_be_shown(raw_midi_file: Any) -> None:
    raw = "Étude\n\x1b[2J ".encode("latin-1") + b"\x00"
    track = b"\x00\xff\x03" + bytes([len(raw)]) + raw + b"\x00\x90\x3c\x40\x60\x80\x3c\x00" + END
    assert inspect_midi(raw_midi_file(track))[0].name == "Étude [2J"


# --- bad input


def test_what_is_no_midi_file_is_refused_in_one_line(tmp_path: Path) -> None:
    cases: dict[str, tuple[bytes | None, str]] = {
        "missing.mid": (None, "does not exist"),
        "empty.mid": (b"", "is empty"),
        "random.mid": (random.Random(1).randbytes(5000), "not a MIDI file"),
        "text.mid": (b"Dear pianist", "not a MIDI file"),
        "head.mid": (b"MThd\0\0\0\6\0\1", "not a MIDI file"),
        "trackless.mid": (b"MThd\0\0\0\6\0\1\0\1\1\xe0", "no tracks"),
        "timeless.mid": (b"MThd\0\0\0\6\0\1\0\1\0\0MTrk\0\0\0\0", "time division"),
        "noteless.mid": (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\4" + END, "has no notes"),
    }
    for name, (data, expected) in cases.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(MusictxError, match=expected) as caught:
            read_midi(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(MusictxError, match=r"^\S+ is a folder"):
        read_midi(tmp_path)
    with pytest.raises(MusictxError, match="cannot be read"):
        read_midi("a\0b.mid")


def test_a_file_of_drums_only_is_refused(midi_file: Any) -> None:
    with pytest.raises(MusictxError, match="only drums"):
        read_midi(midi_file(note(0, 480, 36, channel=9)))


def test_an_endless_file_is_refused(midi_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_BYTES", 1 << 20)
    path = midi_file(note(0, 480, 60))
    path.write_bytes(path.read_bytes() + bytes(1 << 20))
    for reader in (read_midi, inspect_midi):
        with pytest.raises(MusictxError, match="larger than 1 MB"):
            reader(path)


def test_more_notes_than_anybody_plays_are_refused(raw_midi_file: Any) -> None:
    """24 MB of notes that never end took 26 s and 2.5 GB."""
    notes = np.tile(np.array([1, 60, 64], np.uint8), 1_000_001)
    path = raw_midi_file(b"\x00\x90\x3c\x00" + notes.tobytes())
    for reader in (read_midi, inspect_midi):
        with pytest.raises(
            MusictxError, match="holds 1,000,001 notes, more than the 1,000,000 that are read"
        ):
            reader(path)
    offs = np.tile(np.array([1, 60, 64, 1, 60, 0], np.uint8), 600_000)
    assert len(read_midi(raw_midi_file(b"\x00\x90\x3c\x00" + offs.tobytes()))) > 0


def test_hours_of_silence_and_more_than_a_day(midi_file: Any) -> None:
    hour = 3600 * 960
    music = read_midi(midi_file(note(10 * hour, 10 * hour + 960, 60)))
    assert times(music) == [(36000, 36001, 60)]
    music = read_midi(midi_file(note(0, 30 * hour, 60) + note(31 * hour, 31 * hour + 1, 62)))
    assert times(music) == [(0, 86400, 60)]
    assert music.remarks == ("1 note after the first 24 hours left out",)
    tempos = [(0, "tempo", 120), (40 * hour, "tempo", 60)]
    music = read_midi(midi_file(tempos + note(0, 960, 60)))
    assert music.tempos["bpm"].tolist() == [120]  # or a file that is written again could be endless
    with pytest.raises(MusictxError, match="24 hours"):
        read_midi(midi_file(note(31 * hour, 31 * hour + 1, 62)))


def test_more_tracks_than_any_real_file_has(raw_midi_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smf, "_MAX_TRACKS", 5)
    music = read_midi(raw_midi_file(*[b"\x00\x90\x3c\x40\x60\x80\x3c\x00" + END] * 8, type=1))
    assert len(music) == 5
    assert music.remarks == ("3 tracks beyond the first 5 left out",)


def test_hundreds_of_thousands_of_notes(tmp_path: Path) -> None:
    count = 200_000
    onset = np.arange(count) * 0.01
    music = Performance(make_notes(onset, onset + 0.05, np.arange(count) % 128, 1 + np.arange(count) % 127))
    write_midi(music, tmp_path / "long.mid")
    again = read_midi(tmp_path / "long.mid")
    assert np.abs(again.notes["onset"] - music.notes["onset"]).max() < 1e-6
    assert (again.notes["pitch"] == music.notes["pitch"]).all()


# --- against other readers


def by_pretty_midi(path: Path) -> Rows:
    found = pretty_midi.PrettyMIDI(str(path))
    notes = [n for i in found.instruments if not i.is_drum for n in i.notes]
    return sorted((n.start, n.end, n.pitch, n.velocity) for n in notes)


def assert_same_notes(music: Performance, reference: Rows) -> None:
    lasting = music.notes[music.notes["offset"] > music.notes["onset"]]  # pretty_midi drops the others
    mine = sorted(lasting.tolist())
    assert len(mine) == len(reference)
    assert np.allclose(np.array(mine), np.array(reference), atol=1e-6)


def test_same_notes_as_pretty_midi(midi_file: Any) -> None:
    rng = random.Random(3)
    tempi = [(0, "tempo", 83), (700, "tempo", 140), (1900, "tempo", 51)]
    tracks = []
    for channel in range(3):
        track, now = [], 0
        for _ in range(50):
            now += rng.randrange(1, 200)
            end = now + rng.randrange(1, 200)
            track += note(now, end, rng.randrange(128), rng.randrange(1, 128), channel)
            now = end
        tracks.append(track)
    path = midi_file(tempi, *tracks, division=220)
    assert_same_notes(read_midi(path), by_pretty_midi(path))


def test_same_notes_as_pretty_midi_on_real_files(shared_data: Path) -> None:
    for path in sorted(shared_data.glob("asap/*/*/*/*.mid"))[::300]:
        assert_same_notes(read_midi(path), by_pretty_midi(path))
    path = sorted(shared_data.glob("pop909/*/*.mid"))[0]
    melody = pretty_midi.PrettyMIDI(str(path)).instruments[0]
    expected = sorted((n.start, n.end, n.pitch, n.velocity) for n in melody.notes)
    assert_same_notes(read_midi(path, tracks=melody.name), expected)


def test_same_notes_and_pedals_as_symusic_on_real_files(shared_data: Path) -> None:
    for path in sorted(shared_data.glob("asap/*/*/*/*.mid"))[::40]:
        music = read_midi(path)
        score = symusic.Score(path, ttype="second")
        theirs = [(n.start, n.end, n.pitch, n.velocity) for t in score.tracks for n in t.notes]
        assert len(theirs) == len(music)
        assert np.allclose(np.array(sorted(theirs)), np.array(sorted(music.notes.tolist())), atol=2e-4)
        spans = np.array([(p.time, p.time + p.duration) for t in score.tracks for p in t.pedals]).reshape(
            -1, 2
        )
        lasting = spans[spans[:, 1] > spans[:, 0]]
        # symusic forgets a last pedal that never comes up.
        assert len(music.pedals) - len(lasting) in (0, 1)
        mine = np.array(music.pedals.tolist()).reshape(-1, 2)[: len(lasting)]
        assert np.allclose(mine, lasting, atol=2e-4)
