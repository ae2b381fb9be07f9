"""`Performance` to the messages and bytes of a MIDI file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike

import numpy as np

from musictx.errors import MusictxError
from musictx.files import writing
from musictx.metre import Metre
from musictx.midi.notes import SUSTAIN
from musictx.midi.smf import CONTROL, DRUM_CHANNEL, NOTE_OFF, NOTE_ON, PROGRAM, Messages
from musictx.midi.tempo_map import TempoMap
from musictx.performance import Performance, resolve_overlaps

Clock = Metre | TempoMap
_NO_SIGNATURES = np.empty((0, 3), np.int64)
_HALF_MILLISECOND = 0.0005
_PEDAL_DOWN, _PEDAL_UP = 127, 0
_CHANNELS = np.delete(np.arange(16), DRUM_CHANNEL)
_LARGEST_DELTA = (1 << 28) - 1
_RELEASE = 64  # the velocity of note-offs that MIDI recommends where none is known


def write_midi(
    performance: Performance,
    path: str | PathLike[str],
    *,
    cut: float | None = None,
    names: tuple[str, str] = ("Primer", "Continuation"),
) -> None:
    """Write a MIDI file of type 1 that keeps the seconds of a performance.

    Of music that came from a file with bars, it has the ticks, tempo map and time signatures of that file,
    and begins with the bar in which the music begins: in a program that counts bars, its notes lie where
    they lay. Of other music, every time is kept within a quarter of a millisecond, whatever the tempo map
    (multiples of 10 ms exactly at 120 bpm). The sustain pedal is kept. The file appears at once and
    whole, or not at all: what was there before is only replaced when the new file is complete.

    Parameters
    ----------
    performance : Performance
    path : path
        Its folder must exist.
    cut : float, optional
        Notes that are struck before this time (s) and those after it go to tracks of their own; without
        it all go to one.
    names : tuple of str
        Of the two tracks.

    Raises
    ------
    MusictxError
        The file cannot be written there, or a note has no time, pitch or velocity that MIDI knows.

    Notes
    -----
    Notes of one pitch that overlap go to different channels of their track, since a note-off does
    not say which note it ends. Beyond fifteen at once, each ends where the next one is struck.

    Examples
    --------
    >>> from musictx import Performance, make_notes, read_midi, write_midi
    >>> write_midi(Performance(make_notes([0, 0.25], [0.25, 1], [60, 64])), "out.mid")
    >>> read_midi("out.mid").notes[["onset", "pitch"]].tolist()
    [(0.0, 60), (0.25, 64)]
    """
    content = midi_bytes(performance, cut=cut, names=names)
    with writing(path) as stream:
        stream.write(content)


def midi_bytes(
    performance: Performance, *, cut: float | None = None, names: tuple[str, str] = ("Primer", "Continuation")
) -> bytes:
    """Make the content of the file that `write_midi` writes.

    Examples
    --------
    >>> from musictx import Performance
    >>> from musictx.midi import midi_bytes
    >>> midi_bytes(Performance())[:4]
    b'MThd'
    """
    clock: Clock
    if performance.metre:
        clock = performance.metre.for_writing()
        tempos, signatures = clock.tempos, clock.signatures
    else:
        clock = TempoMap.for_writing(performance.tempos)
        tempos = np.stack([clock.ticks, clock.micros.astype(np.int64)], axis=1)
        signatures = _NO_SIGNATURES
    if cut is None:
        tracks = [("Piano", _messages(performance, clock))]
    else:
        early = performance.notes["onset"] < cut - _HALF_MILLISECOND
        primer = replace(performance, notes=performance.notes[early])
        pedals = performance.pedals[performance.pedals["offset"] > cut]
        rest = replace(performance, notes=performance.notes[~early], pedals=pedals)
        both = [(names[0], _messages(primer, clock)), (names[1], _messages(rest, clock, 1))]
        tracks = both if len(primer) else both[1:]
    return build_smf(int(clock.division), tempos, signatures, tracks)


def check_notes(notes: np.ndarray) -> None:
    """Raise `MusictxError` if MIDI cannot express a note."""
    for field, lowest, highest in (("pitch", 0, 127), ("velocity", 1, 127)):
        wrong = (notes[field] < lowest) | (notes[field] > highest)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise MusictxError(f"note {i} has {field} {notes[field][i]}; MIDI has {lowest} to {highest}")
    wrong = ~(np.isfinite(notes["offset"]) & (notes["onset"] >= 0) & (notes["offset"] >= notes["onset"]))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise MusictxError(
            f"note {i} lasts from {notes['onset'][i]:g} to {notes['offset'][i]:g} s; "
            "a note must start at 0 s or later and not end before it starts"
        )


def pedal_moves(pedals: np.ndarray, tempo_map: Clock) -> tuple[np.ndarray, np.ndarray]:
    """Ticks and controller values of the sustain pedal, ticks ascending."""
    down, up = tempo_map.to_ticks(np.maximum(pedals["onset"], 0.0)), tempo_map.to_ticks(pedals["offset"])
    lasting = up > down
    down, up = down[lasting], up[lasting]
    ticks = np.concatenate([up, down])
    values = np.repeat([_PEDAL_UP, _PEDAL_DOWN], len(down))
    order = np.argsort(ticks, kind="stable")  # up before down where both fall together
    return ticks[order], values[order]


def _messages(performance: Performance, tempo_map: Clock, first_channel: int = 0) -> Messages:
    notes = performance.notes
    check_notes(notes)
    on, off = note_ticks(notes, tempo_map)
    voice = _voices(notes["pitch"], on, off)
    if voice.max(initial=0) >= len(_CHANNELS):
        notes = resolve_overlaps(notes)
        on, off = note_ticks(notes, tempo_map)
        voice = np.zeros(len(on), np.uint8)
    channels = np.roll(_CHANNELS, -first_channel)  # two tracks that are struck together do not share one
    channel = channels[voice]
    used = channels[: int(voice.max(initial=0)) + 1]
    moves, values = pedal_moves(performance.pedals, tempo_map)

    # What falls into one tick stands in this order: a key that is released while the pedal goes
    # down is held by it, and one that is struck again was released before.
    counts = (len(used), len(used) * len(moves), len(off), len(on))
    kind = np.repeat(np.arange(4), counts)
    tick = np.concatenate([np.zeros(len(used), int), np.repeat(moves, len(used)), off, on])
    status = np.repeat([PROGRAM, CONTROL, NOTE_OFF, NOTE_ON], counts)
    status += np.concatenate([used, np.tile(used, len(moves)), channel, channel])
    number = np.full(counts[1], SUSTAIN)
    data1 = np.concatenate([np.zeros(len(used), int), number, notes["pitch"], notes["pitch"]])
    release = np.full(len(off), _RELEASE)
    data2 = np.concatenate(
        [np.zeros(len(used), int), np.repeat(values, len(used)), release, notes["velocity"]]
    )
    columns = Messages(tick, *(column.astype(np.uint8) for column in (status, data1, data2)))
    return columns.where(np.lexsort((kind, tick)))


def note_ticks(notes: np.ndarray, tempo_map: Clock) -> tuple[np.ndarray, np.ndarray]:
    """Ticks at which notes start and end; no note is without length, since it might get lost."""
    on = tempo_map.to_ticks(notes["onset"])
    return on, np.maximum(tempo_map.to_ticks(notes["offset"]), on + 1)


def _voices(pitch: np.ndarray, on: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Number the voices so that no two notes of one pitch sound at once in a voice."""
    voice = np.zeros(len(on), np.uint8)
    order = np.lexsort((on, pitch))
    sorted_pitch = pitch[order]
    overlap = (sorted_pitch[1:] == sorted_pitch[:-1]) & (on[order][1:] < off[order][:-1])
    for crowded in np.unique(sorted_pitch[1:][overlap]):
        notes = order[sorted_pitch == crowded]
        free = [0]  # tick from which each voice is free
        chosen = []
        for start, end in zip(on[notes].tolist(), off[notes].tolist(), strict=True):
            v = min(next((v for v, time in enumerate(free) if time <= start), len(free)), len(_CHANNELS))
            free[v : v + 1] = [end]  # one voice more, if none is free
            chosen.append(v)
        voice[notes] = chosen
    return voice


def build_smf(
    division: int, tempos: np.ndarray, signatures: np.ndarray, tracks: Sequence[tuple[str, Messages]]
) -> bytes:
    """Make a Standard MIDI File of type 1: one track with the tempo map, and those with the music.

    Parameters
    ----------
    division : int
        Ticks per quarter note (1 to 32767).
    tempos : np.ndarray [shape=(t, 2), dtype=int64]
        Tick and microseconds a quarter note of each tempo change, ticks ascending.
    signatures : np.ndarray [shape=(s, 3), dtype=int64]
        Tick, number of beats and kind of beat (4: quarters) of each time signature.
    tracks : sequence of (str, Messages)
        Name and music of each; ticks ascending.

    Returns
    -------
    bytes
    """
    changes = np.zeros((len(signatures) + len(tempos), 7), np.uint8)
    metre, tempo = changes[: len(signatures)], changes[len(signatures) :, :6]
    metre[:] = 0xFF, 0x58, 4, 0, 0, 24, 8  # 24 clocks a metronome click, 8 notes of 1/32 a quarter
    metre[:, 3], metre[:, 4] = signatures[:, 1], np.log2(signatures[:, 2])
    tempo[:, :3] = 0xFF, 0x51, 3
    tempo[:, 3:] = tempos[:, 1:] >> np.array([16, 8, 0]) & 0xFF
    ticks = np.concatenate([signatures[:, 0], tempos[:, 0]])
    order = np.argsort(ticks, kind="stable")
    lengths = np.repeat([7, 6], [len(metre), len(tempo)])
    chunks = [_chunk(_with_deltas(ticks[order], changes[order], lengths[order]))]
    for name, messages in tracks:
        title = name.encode()[:127].decode(errors="ignore").encode()  # no half of a character
        body = np.stack(messages[1:], axis=1)
        notes = _with_deltas(messages.tick, body, np.where(messages.status & 0xE0 == 0xC0, 2, 3))
        chunks.append(_chunk(bytes([0, 0xFF, 0x03, len(title)]) + title + notes))
    head = (n.to_bytes(2, "big") for n in (1, len(chunks), division))
    return b"".join([b"MThd", (6).to_bytes(4, "big"), *head, *chunks])


def _chunk(body: bytes) -> bytes:
    body += b"\x00\xff\x2f\x00"
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def _with_deltas(ticks: np.ndarray, bodies: np.ndarray, lengths: np.ndarray) -> bytes:
    """Put each message's delta time before it: row i of `bodies` is a message of ``lengths[i]`` bytes."""
    deltas = np.diff(ticks, prepend=0)
    far = np.flatnonzero(deltas > _LARGEST_DELTA)
    if len(far):  # no delta time is long enough: empty texts on the way split it
        steps = -(-deltas[far] // _LARGEST_DELTA) - 1
        places = np.repeat(far, steps)
        filler = np.zeros((1, bodies.shape[1]), np.uint8)
        filler[0, :3] = 0xFF, 0x01, 0x00
        deltas[far] -= steps * _LARGEST_DELTA
        deltas = np.insert(deltas, places, _LARGEST_DELTA)
        bodies = np.insert(bodies, places, filler, axis=0)
        lengths = np.insert(lengths, places, 3)
    heads = (deltas[:, None] >> [21, 14, 7, 0] & 0x7F).astype(np.uint8)
    heads[:, :3] |= 0x80
    size = 1 + (deltas[:, None] >= np.array([1 << 7, 1 << 14, 1 << 21])).sum(axis=1)
    used = np.arange(4) >= 4 - size[:, None]
    there = np.arange(bodies.shape[1]) < lengths[:, None]
    return np.concatenate([heads, bodies], axis=1)[np.concatenate([used, there], axis=1)].tobytes()
