from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from midi_helpers import END, note, rows, times

from musictx.compiled import njit
from musictx.errors import MusictxError
from musictx.midi import inspect_midi, read_midi, smf

# --- messages


def test_running_status_and_velocity_0_as_note_off(raw_midi_file: Any) -> None:
    track = b"\x00\x90\x3c\x40\x60\x3c\x00\x00\x3e\x50\x60\x3e\x00" + END
    assert rows(read_midi(raw_midi_file(track, division=96))) == [(0, 0.5, 60, 64), (0.5, 1, 62, 80)]


def test_running_status_of_messages_with_one_data_byte(raw_midi_file: Any) -> None:
    pressure = b"\x00\xd0\x11" + b"\x01\x22" * 46
    track = b"\x00\x90\x3c\x40" + pressure + b"\x01\xc0\x05\x01\x06\x30\x80\x3c\x00" + END
    assert times(read_midi(raw_midi_file(track, division=96))) == [(0, 0.5, 60)]


def test_running_status_goes_on_after_texts_and_system_messages(raw_midi_file: Any) -> None:
    between = b"\x00\xff\x01\x03abc\x00\xf0\x03\x01\x02\xf7\x00\xf8\x00\xf7\x01\x55"
    track = b"\x00\x90\x3c\x40" + between + b"\x60\x3c\x00" + END
    assert times(read_midi(raw_midi_file(track, division=96))) == [(0, 0.5, 60)]


def test_long_delta_times(raw_midi_file: Any) -> None:
    # 2^21 = 0x81 80 80 00 needs four bytes
    track = b"\x00\x90\x3c\x40\x81\x80\x80\x00\x80\x3c\x00" + END
    assert times(read_midi(raw_midi_file(track, division=0x4000))) == [(0, 64, 60)]


def long_track() -> bytes:
    rng = random.Random(1)
    track = b""
    for _ in range(200):
        pitch = rng.randrange(128)
        track += bytes([rng.randrange(128), 0x90, pitch, 80, 0xA0, rng.randrange(128)]) + bytes([pitch, 0])
        track += bytes([0, 0xD0, 5]) + b"\x83\x01\x06" * rng.randrange(3)
        track += b"\x00\xff\x01\x05hello"
    return track + END


@pytest.mark.skipif(njit is None, reason="needs numba")
def test_the_same_is_read_with_and_without_numba(raw_midi_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = raw_midi_file(long_track()).read_bytes()
    damaged = [whole[:cut] for cut in range(22, len(whole), 37)]
    damaged += [
        whole[:at] + bytes([odd]) + whole[at + 1 :] for at in range(22, 200) for odd in (0x7F, 0xC3, 0xF2)
    ]
    compiled = [smf.parse_smf(data).tracks[0] for data in (whole, *damaged)]
    assert np.count_nonzero(compiled[0].messages.status == 0x90) == 400
    monkeypatch.setattr(smf, "_walk", smf._walk.py_func)
    for data, found in zip((whole, *damaged), compiled, strict=True):
        plain = smf.parse_smf(data).tracks[0]
        assert (plain.end, plain.damaged) == (found.end, found.damaged)
        assert all(map(np.array_equal, plain.messages, found.messages))


def test_pitches_0_and_127(midi_file: Any) -> None:
    path = midi_file(note(0, 480, 0, 1) + note(480, 960, 127, 127))
    assert rows(read_midi(path)) == [(0, 0.5, 0, 1), (0.5, 1, 127, 127)]


def test_mido_and_this_reader_find_the_same_messages(midi_file: Any) -> None:
    path = midi_file([*note(3, 700, 60), (800, "pedal", 9), (900, "program", 4)], note(1, 2, 61, channel=5))
    theirs = [[tuple(m.bytes()) for m in track if not m.is_meta] for track in mido.MidiFile(path).tracks]
    ours = [
        [
            tuple(row[: 2 if row[0] >> 4 == 0xC else 3])
            for row in np.stack(track.messages[1:], axis=1).tolist()
        ]
        for track in smf.parse_smf(path.read_bytes()).tracks
    ]
    assert ours == theirs


# --- damage


def test_a_file_cut_short_is_read_up_to_the_cut(midi_file: Any) -> None:
    path = midi_file([n for k in range(40) for n in note(480 * k, 480 * k + 240, 40 + k)])
    data = path.read_bytes()
    read = 0
    for size in range(len(data) - 1):
        path.write_bytes(data[:size])
        try:
            music = read_midi(path)
        except MusictxError:
            assert size < 40
            continue
        assert len(music) >= read
        read = len(music)
        assert times(music)[:-1] == [(k / 2, k / 2 + 0.25, 40 + k) for k in range(len(music) - 1)]
        assert any("cut short" in remark for remark in music.remarks)
        assert len(inspect_midi(path)) == 1
    assert read == 40


def test_wrong_chunk_lengths_wrappers_and_foreign_chunks(midi_file: Any, tmp_path: Path) -> None:
    data = midi_file(note(0, 480, 60), note(480, 960, 64)).read_bytes()
    first, second = data.index(b"MTrk"), data.rindex(b"MTrk")
    variants = [
        b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + data,
        data[:first] + b"XYZT\0\0\0\3abc" + data[first:],
        data[: first + 4] + b"\xff\xff\xff\xff" + data[first + 8 :],
        data[: second + 4] + b"\x7f\xff\xff\xff" + data[second + 8 :],
        data[:4] + b"\0\0\0\7" + data[8:14] + b"\0" + data[14:],
        data[:4] + b"\0\1\0\0" + data[8:],
        data + b"rubbish after the end",
    ]
    for variant in variants:
        path = tmp_path / "variant.mid"
        path.write_bytes(variant)
        assert times(read_midi(path)) == [(0, 0.5, 60), (0.5, 1, 64)]


def test_a_track_without_end_mark_is_whole(raw_midi_file: Any) -> None:
    music = read_midi(raw_midi_file(b"\x00\x90\x3c\x40\x60\x80\x3c\x00", division=96))
    assert times(music) == [(0, 0.5, 60)]
    assert music.remarks == ()


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x00\x90\x80\x80",  # data bytes that are none
        b"\xff\xff\xff\xff\x01",  # a delta time of more than four bytes
        b"\x00\xff\x01\x7f",  # a text longer than the track
        b"\x00\xff\x51\x03\x01",  # a tempo cut short
        b"\x00\x90\x3c",  # a note cut short
        b"\x00",
    ],
)
def test_a_track_is_read_up_to_its_damage(raw_midi_file: Any, rubbish: bytes) -> None:
    music = read_midi(raw_midi_file(b"\x00\x90\x3c\x40\x60\x80\x3c\x00" + rubbish, division=96))
    assert times(music) == [(0, 0.5, 60)]
    assert len(music.remarks) == 1
    assert "breaks off after 0.5 s" in music.remarks[0]


def test_data_before_any_status_is_damage(raw_midi_file: Any) -> None:
    for start in (b"", b"\x00\xff\x03\x01a"):
        with pytest.raises(MusictxError, match="has no notes"):
            read_midi(raw_midi_file(start + b"\x00\x3c\x40\x60\x80\x3c\x00\x00\x90\x3c\x40" + END))


def test_damaged_files_never_do_worse_than_an_error(midi_file: Any, tmp_path: Path) -> None:
    rng = random.Random(7)
    moves = [(120 * k, "pedal", 127 * (k % 2)) for k in range(60)]
    notes = [n for k in range(120) for n in note(60 * k, 60 * k + 50, 30 + k % 60, 1 + k, k % 3)]
    good = midi_file(
        [(0, "name", "x"), (0, "tempo", 99)], sorted(moves + notes, key=lambda n: n[0])
    ).read_bytes()
    path = tmp_path / "damaged.mid"
    for round_ in range(400):
        data = bytearray(good)
        for _ in range(rng.choice([1, 2, 5, 50])):
            data[rng.randrange(10 if round_ % 2 else 30, len(data))] = rng.choice(
                [0, 0x7F, 0x80, 0xFF, rng.randrange(256)]
            )
        if round_ % 3 == 0:
            start = rng.randrange(14, 80)
            data[start:] = rng.randbytes(rng.randrange(400))
        path.write_bytes(data)
        inspect_outcome = read_outcome = None
        try:
            inspect_outcome = inspect_midi(path)
            read_outcome = read_midi(path)
        except MusictxError as error:
            assert "\n" not in str(error)
            continue
        assert inspect_outcome is not None
        found = read_outcome.notes
        assert len(found) > 0
        assert (found["onset"] >= 0).all() and (found["offset"] >= found["onset"]).all()
        assert found["pitch"].max() <= 127 and 1 <= found["velocity"].min() <= found["velocity"].max() <= 127
        held = read_outcome.pedals
        assert (held["offset"] > held["onset"]).all() and (held["onset"][1:] >= held["offset"][:-1]).all()
