"""Standard MIDI Files: bytes to columns of messages.

Finding the events of a track is sequential (each one's length says where the next begins), which
is why plain Python readers are slow. Here every byte position is asked at once where the next
event would begin *if* one began there; the real events are then the path that leads from the first
byte through these answers, and a compiled graph search walks it.

Anything that a file can contain is accepted. Where a track is damaged or cut short, the events
before that place are kept and the track says so.

References
----------
MIDI Manufacturers Association, "Standard MIDI Files 1.0" (RP-001).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from musictx.errors import MusictxError

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
DRUM_CHANNEL = 9

_MAX_TRACKS = 1024  # far above any real file; keeps a hostile one from costing minutes
_WINDOW = 1 << 18  # bytes looked at together: bounds the memory that a large file needs
_AHEAD = 16  # bytes that the longest event head needs: delta 4, status, type, length 4, data 2
_HEADER_SEARCH = 256  # some files carry a wrapper (RIFF, MacBinary) before the MIDI header

# Length (bytes) of a message by its status byte, the status itself included. Below 0x80 stands running
# status with two data bytes. Meta and system exclusive messages state their own length.
LENGTH = np.full(256, 3, np.int32)
LENGTH[:0x80] = 2
LENGTH[0xC0:0xE0] = 2
LENGTH[0xF0:] = 1
LENGTH[[0xF1, 0xF3]] = 2
LENGTH[0xF2] = 3
_STATES_LENGTH = np.isin(np.arange(256), [0xF0, 0xF7, 0xFF])


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

    def where(self, index: np.ndarray) -> Messages:
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
    length, form, _, division = _big_endian(data[start + 4 : start + 14], (4, 2, 2, 2))
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


def _big_endian(data: bytes, sizes: tuple[int, ...]) -> list[int]:
    values, place = [], 0
    for size in sizes:
        values.append(int.from_bytes(data[place : place + size], "big"))
        place += size
    return values


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
    data = np.zeros(size + _AHEAD, np.uint8)
    data[:size] = np.frombuffer(chunk, np.uint8)
    starts, heads = _event_places(data, size)
    status = data[heads]
    # The status in force: that of the last channel message which stated one.
    stated = np.flatnonzero((status >= 0x80) & (status < 0xF0))
    running = status < 0x80
    full = status
    if running.any():
        latest = np.zeros(len(status), np.intp)
        latest[stated] = stated
        full = np.where(running, status[np.maximum.accumulate(latest)], status)
    at = heads + 1 - running
    first, second = data[at], data[at + 1]
    second[full & 0xE0 == 0xC0] = 0

    bad = ((first | second) >= 0x80) & (full < 0xF0)
    bad |= data[heads - 1] >= 0x80  # a delta time of more than four bytes
    # Whatever reaches over the end, or has no status to run on, spoils all that follows it.
    firm = int(np.searchsorted(heads - running + LENGTH[full], size, side="right"))
    if running.any() and (first_run := int(np.argmax(running))) < (stated[0] if len(stated) else len(status)):
        firm = min(firm, first_run)
    stop = min(firm, int(np.argmax(bad)) if bad.any() else firm)
    meta = np.flatnonzero(status[:stop] == 0xFF)
    kind = first[meta]
    end_of_track = meta[kind == 0x2F]
    complete = len(end_of_track) > 0
    ticks = np.cumsum(_deltas(data, starts, heads))
    end = int(ticks[stop - 1]) if stop else 0
    if complete:
        stop = int(end_of_track[0])
        end = int(ticks[stop])
    elif stop == len(bad):  # no end mark, but nothing else amiss, unless the last text is cut short
        complete = not cut and (not stop or _end_of_event(data, int(heads[-1])) <= size)
    channel = np.flatnonzero(full[:stop] < 0xF0)
    messages = Messages(ticks, full, first, second).where(channel)

    meta, kind = meta[meta < stop], kind[meta < stop]
    tempo = meta[(kind == 0x51) & (data[heads[meta] + 2] == 3) & (heads[meta] + 6 <= size)]
    micros = data[heads[tempo][:, None] + [3, 4, 5]] @ np.array([1 << 16, 1 << 8, 1])
    tempos = np.stack([ticks[tempo], micros], axis=1)[micros > 0]
    metre = meta[(kind == 0x58) & (data[heads[meta] + 2] == 4) & (heads[meta] + 4 <= size)]
    beats, power = (data[heads[metre] + k].astype(np.int64) for k in (3, 4))
    signatures = np.stack([ticks[metre], beats, 1 << np.minimum(power, 6)], axis=1)[beats > 0]
    names, ports = heads[meta[kind == 0x03]], heads[meta[kind == 0x21]]
    name = _text(data[int(names[0]) + 2 :][:210].tobytes()) if len(names) else ""
    port = int(data[ports[0] + 3]) if len(ports) else 0
    return TrackEvents(messages, tempos, signatures, name, port, end, damaged=not complete)


def _event_places(data: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions at which events start (their delta time) and where their status byte stands."""
    starts, heads = [], []
    place, short = 0, 0
    while place < size:
        path, head, place, short = _walk(data[place : min(size, place + _WINDOW) + _AHEAD], place, short)
        starts.append(path)
        heads.append(head)
    if not starts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(starts), np.concatenate(heads)


def _walk(window: np.ndarray, offset: int, short: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Follow the events that start inside a window.

    Running status makes a message's length depend on an earlier one. Two data bytes are assumed
    first, since that fits almost every file; if it turns out wrong, the walk is repeated over
    (position, data bytes) pairs.

    Parameters
    ----------
    window : np.ndarray of uint8
        The bytes, with `_AHEAD` more than may be the start of an event.
    offset : int
        Position of the window in the track.
    short : int
        1 if the running status at the window's start has one data byte, else 0.

    Returns
    -------
    starts, heads : np.ndarray
        Positions in the track.
    after : int
        Position at which the first event after the window starts.
    short : int
        As the parameter, after the window.
    """
    size = len(window) - _AHEAD
    high = window >= 0x80
    delta = high[:size].astype(np.int32)
    more = high[:size] & high[1 : size + 1]
    delta += more
    more &= high[2 : size + 2]
    delta += more
    head = np.arange(1, size + 1, dtype=np.int32) + delta
    status = window[head]
    follow = head + LENGTH[status]
    stated = np.flatnonzero(status >= 0xF0)
    stated = stated[_STATES_LENGTH[status[stated]]]
    follow[stated] = _end_of_stated(window, head[stated], status[stated])

    path = _path(np.minimum(follow, size), 0)
    on_path = status[path]
    if short or (on_path & 0xE0 == 0xC0).any():
        channel = (on_path >= 0x80) & (on_path < 0xF0)
        latest = np.maximum.accumulate(np.where(channel, np.arange(len(path)), -1))
        now_short = np.where(latest >= 0, on_path[latest] & 0xE0 == 0xC0, bool(short))
        if (now_short & (on_path < 0x80)).any():
            # Node 2 p + k: an event at p while the running status has one (k = 1) or two data bytes.
            running = status < 0x80
            ends = np.stack([follow, follow - running], axis=1)
            keeps = (running | (status >= 0xF0))[:, None]
            after = np.where(keeps, [[0, 1]], (status & 0xE0 == 0xC0)[:, None])
            nodes = np.where(ends < size, 2 * ends + after, 2 * size).ravel()
            nodes = _path(nodes.astype(np.int32), short)
            path, follow = nodes // 2, ends.ravel()[nodes]
            return path + offset, head[path] + offset, int(follow[-1]) + offset, int(after.ravel()[nodes[-1]])
        short = int(now_short[-1])
    return path + offset, head[path] + offset, int(follow[path[-1]]) + offset, short


def _path(following: np.ndarray, start: int) -> np.ndarray:
    """Nodes met from `start` on when node ``i`` leads to ``following[i]``; ``len(following)`` ends it."""
    size = len(following)
    rows = np.minimum(np.arange(size + 2, dtype=np.int32), size)
    graph = csr_array((np.ones(size), following, rows), shape=(size + 1, size + 1))
    return breadth_first_order(graph, start, return_predecessors=False)[:-1]


def _end_of_stated(data: np.ndarray, head: np.ndarray, status: np.ndarray) -> np.ndarray:
    """Position after messages that state their length: meta (0xFF) and system exclusive."""
    place = head + 1 + (status == 0xFF)
    length = np.zeros(len(head), np.int32)
    open_ = np.ones(len(head), bool)
    for _ in range(4):
        byte = data[place]
        length = np.where(open_, (length << 7) | (byte & 0x7F), length)
        place = place + open_
        open_ &= byte >= 0x80
    return place + length


def _end_of_event(data: np.ndarray, head: int) -> int:
    status = data[head : head + 1]
    if _STATES_LENGTH[status[0]]:
        return int(_end_of_stated(data, np.array([head]), status)[0])
    return head


def _deltas(data: np.ndarray, starts: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Values of the variable-length delta times between `starts` and `heads`."""
    value = (data[heads - 1] & 0x7F).astype(np.int64)
    length = heads - starts
    for size in (2, 3, 4):
        longer = np.flatnonzero(length >= size)
        if not len(longer):
            break
        value[longer] |= (data[heads[longer] - size].astype(np.int64) & 0x7F) << (7 * (size - 1))
    return value


def _text(data: bytes) -> str:
    """Return the text that follows its own length, fit to be printed on one line."""
    length, place = 0, 0
    for place in range(1, 5):
        length = (length << 7) | (data[place - 1] & 0x7F)
        if data[place - 1] < 0x80:
            break
    raw = data[place : place + min(length, 200)].rstrip(b"\0")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
