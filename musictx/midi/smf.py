"""Standard MIDI Files: bytes to columns of messages.

One loop walks the bytes of a track. numba compiles it; without numba it is plain Python, the same but slow.

Anything that a file can contain is accepted. Where a track is damaged or cut short, the events
before that place are kept and the track says so.

References
----------
MIDI Manufacturers Association, "Standard MIDI Files 1.0" (RP-001).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from musictx.compiled import call, compiled
from musictx.errors import MusictxError

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
DRUM_CHANNEL = 9

_MAX_TRACKS = 1024  # far above any real file; keeps a hostile one from costing minutes
_AHEAD = 16  # bytes that the longest event head needs: delta 4, status, type, length 4, data 2
_HEADER_SEARCH = 256  # some files carry a wrapper (RIFF, MacBinary) before the MIDI header


class Messages(NamedTuple):
    """Channel messages in columns, in file order.

    Parameters
    ----------
    tick : np.ndarray [shape=(n,), dtype=int64]
        Counted from the start of the track.
    status : np.ndarray [shape=(n,), dtype=uint8]
        Kind and channel; running status is resolved.
    data1, data2 : np.ndarray [shape=(n,), dtype=uint8]
        `data2` is 0 where the message has only one data byte.
    """

    tick: np.ndarray
    status: np.ndarray
    data1: np.ndarray
    data2: np.ndarray

    def where(self, index: np.ndarray | slice) -> Messages:
        """Pick messages by position or by mask."""
        return Messages(*(column[index] for column in self))


@dataclass(frozen=True)
class TrackEvents:
    """One track chunk.

    Parameters
    ----------
    messages : Messages
    tempos : np.ndarray [shape=(t, 2), dtype=int64]
        Tick and microseconds a quarter note of each tempo change.
    signatures : np.ndarray [shape=(s, 3), dtype=int64]
        Tick, number of beats and kind of beat (4: quarters) of each time signature.
    name : str
    port : int
        MIDI port; channels of different ports are different channels.
    end : int
        Tick of the end of the track.
    damaged : bool
        The track breaks off, or holds something that is no MIDI, after its last event.
    """

    messages: Messages
    tempos: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    signatures: np.ndarray = field(default_factory=lambda: np.empty((0, 3), np.int64))
    name: str = ""
    port: int = 0
    end: int = 0
    damaged: bool = False


@dataclass(frozen=True)
class MidiEvents:
    """All tracks of a file.

    Parameters
    ----------
    format : int
        0: one track; 1: tracks that sound together; 2: tracks that are pieces of their own.
    division : int
        Ticks per quarter note; 0 if the file counts in fractions of a second.
    ticks_per_second : float
        Ticks per second if `division` is 0 (SMPTE time), else 0.
    tracks : tuple of TrackEvents
    tracks_left_out : int
        Tracks beyond the largest number that is read.
    """

    format: int
    division: int
    ticks_per_second: float
    tracks: tuple[TrackEvents, ...]
    tracks_left_out: int = 0


def parse_smf(data: bytes) -> MidiEvents:
    """Read a Standard MIDI File.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    MidiEvents

    Raises
    ------
    MusictxError
        There is no MIDI header, no track, or no time division. The message has no subject: the
        caller puts the file's name before it.
    """
    start = data.find(b"MThd", 0, _HEADER_SEARCH)
    if start < 0 or len(data) < start + 14:
        raise MusictxError("is not a MIDI file: it has no MIDI header")
    length, form, _, division = struct.unpack(">IHHH", data[start + 4 : start + 14])
    chunks, left_out = _track_chunks(data, start + 8 + max(length, 6))
    if not chunks:
        raise MusictxError("has a MIDI header but no tracks")
    ticks_per_second = 0.0
    if division & 0x8000:  # minus the frames per second, then ticks per frame
        frames, division = 256 - (division >> 8), division & 0xFF
        ticks_per_second = (30000 / 1001 if frames == 29 else frames) * division
    if not (division or ticks_per_second):
        raise MusictxError("has a damaged MIDI header: its time division is 0")
    tracks = tuple(_parse_track(chunk, cut) for chunk, cut in chunks)
    return MidiEvents(form, 0 if ticks_per_second else division, ticks_per_second, tracks, left_out)


def _track_chunks(data: bytes, place: int) -> tuple[list[tuple[bytes, bool]], int]:
    """Find the track chunks from `place` on, each with whether the file ends in it, and count the rest."""
    chunks: list[tuple[bytes, bool]] = []
    left_out = 0
    if data.find(b"MTrk", place) < 0:  # a header of a wrong length must not hide the tracks
        place = 14
    while (place := data.find(b"MTrk", place)) >= 0:
        length = int.from_bytes(data[place + 4 : place + 8], "big")
        begin, end = place + 8, place + 8 + length
        cut = end > len(data)
        if cut:  # a wrong length must not swallow the tracks that follow
            following = data.find(b"MTrk", begin)
            cut, end = following < 0, following if following >= 0 else len(data)
        if len(chunks) == _MAX_TRACKS:
            left_out += 1
        else:
            chunks.append((data[begin:end], cut))
        place = end
    return chunks, left_out


def _parse_track(chunk: bytes, cut: bool) -> TrackEvents:
    """Parse one track chunk (without its head); `cut`: the file ends before the chunk should."""
    size = len(chunk)
    messages = Messages(np.empty(size // 2 + 1, np.int64), *np.empty((3, size // 2 + 1), np.uint8))
    metas = np.empty((size // 3 + 1, 4), np.int64)
    data = chunk + bytes(_AHEAD)
    count, meta_count, end, whole, marked = call(_walk, data, size, *messages, metas)
    messages = messages.where(slice(count))
    name, port = None, None
    tempos, signatures = [], []
    for tick, kind, place, length in metas[:meta_count].tolist():
        if kind == 0x51 and length == 3 and place + 3 <= size:
            micros = int.from_bytes(data[place : place + 3], "big")
            tempos += [(tick, micros)] if micros else []
        elif kind == 0x58 and length == 4 and place + 1 <= size:
            beats = data[place]
            signatures += [(tick, beats, 1 << min(data[place + 1], 6))] if beats else []
        elif kind == 0x03 and name is None:
            name = _text(data[place : place + min(length, 200)])
        elif kind == 0x21 and port is None:
            port = data[place]
    return TrackEvents(
        messages,
        np.array(tempos, np.int64).reshape(-1, 2),
        np.array(signatures, np.int64).reshape(-1, 3),
        name or "",
        port or 0,
        end,
        damaged=not (marked or (whole and not cut)),
    )


@compiled
def _walk(
    data: bytes,
    size: int,
    ticks: np.ndarray,
    states: np.ndarray,
    firsts: np.ndarray,
    seconds: np.ndarray,
    metas: np.ndarray,
) -> tuple[int, int, int, bool, bool]:
    """Write a track's channel messages into columns, and of its meta messages tick, kind, place and length.

    Parameters
    ----------
    data : bytes
        The chunk, with `_AHEAD` more than may be the start of an event.
    size : int
        Of the chunk.
    ticks, states, firsts, seconds : np.ndarray [shape=(m,)]
        Room for the columns of `Messages`.
    metas : np.ndarray [shape=(k, 4), dtype=int64]

    Returns
    -------
    count, meta_count : int
    end : int
        Tick of the last event.
    whole, marked : bool
        Whether all bytes were events; whether the end of the track was marked.
    """
    place = tick = count = meta_count = running = 0
    while place < size:
        byte = data[place]
        delta = byte & 0x7F
        place += 1
        for _ in range(3):
            if byte < 0x80:
                break
            byte = data[place]
            delta = delta << 7 | byte & 0x7F
            place += 1
        status = data[place]
        if byte >= 0x80:  # a delta time of more than four bytes
            return count, meta_count, tick, False, False
        if status < 0xF0:  # a channel message; below 0x80 the last status stands for it too
            if status >= 0x80:
                running = status
                place += 1
            single = running & 0xE0 == 0xC0
            first, second = data[place], 0 if single else data[place + 1]
            place += 1 if single else 2
            if not running or place > size or (first | second) >= 0x80:
                return count, meta_count, tick, False, False
            tick += delta
            ticks[count], states[count], firsts[count], seconds[count] = tick, running, first, second
            count += 1
            continue
        head = place
        if status == 0xF0 or status == 0xF7 or status == 0xFF:  # its length stands in it
            place += 2 if status == 0xFF else 1
            length = 0
            for _ in range(4):
                byte = data[place]
                length = length << 7 | byte & 0x7F
                place += 1
                if byte < 0x80:
                    break
            place += length
        else:
            place += 3 if status == 0xF2 else 2 if status == 0xF1 or status == 0xF3 else 1
            if place > size:
                return count, meta_count, tick, False, False
        tick += delta
        if status == 0xFF:
            if data[head + 1] == 0x2F:
                return count, meta_count, tick, True, True
            metas[meta_count, 0], metas[meta_count, 1] = tick, data[head + 1]
            metas[meta_count, 2], metas[meta_count, 3] = place - length, length
            meta_count += 1
    return count, meta_count, tick, place <= size, False


def _text(data: bytes) -> str:
    """Return a name as text that is fit to be printed on one line."""
    raw = data.rstrip(b"\0")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
