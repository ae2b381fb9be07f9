"""Messages to music: which note-off ends which note, and when the sustain pedal is down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from musictx.errors import MusictxError
from musictx.midi.smf import NOTE_ON, TrackEvents
from musictx.performance import NOTE_DTYPE, SPAN_DTYPE, Performance, apply_pedal

SUSTAIN, RESET_CONTROLLERS = 64, 121
MAX_SECONDS = 24 * 3600.0


class PairedNotes(NamedTuple):
    """Notes of one track in ticks.

    Parameters
    ----------
    onset, offset : np.ndarray [shape=(n,), dtype=int64]
    channel, pitch, velocity : np.ndarray [shape=(n,), dtype=uint8]
    unended : np.ndarray [shape=(n,), dtype=bool]
        Which of them had no note-off.
    """

    onset: np.ndarray
    offset: np.ndarray
    channel: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    unended: np.ndarray

    def of(self, channel: int) -> PairedNotes:
        """Those of one channel."""
        return PairedNotes(*(column[self.channel == channel] for column in self))


def pair_notes(track: TrackEvents) -> PairedNotes:
    """Find the end of every note of a track.

    Of overlapping notes with one channel and pitch, the first struck is the first to end, as
    sequencers write them. Where a channel and pitch has more note-ons than note-offs, that
    would end every later note one too late; there a note ends at the next note-off, or where its
    pitch is struck again, or with the track. Notes that end in the tick in which they begin are
    kept: in performances they are the shortest strokes.

    Parameters
    ----------
    track : TrackEvents
    """
    messages = track.messages
    messages = messages.where(np.flatnonzero(messages.status < NOTE_ON + 16))
    key = ((messages.status & 15).astype(np.uint16) << 7) | messages.data1
    order = np.argsort(key, kind="stable")
    messages, key = messages.where(order), key[order]
    tick, on = messages.tick, (messages.status >= NOTE_ON) & (messages.data2 > 0)

    new = np.ones(len(key), bool)
    new[1:] = key[1:] != key[:-1]
    begin = np.flatnonzero(new)
    group = np.cumsum(new) - 1
    ons = np.flatnonzero(on)
    on_group = group[ons]
    kept = np.flatnonzero(~on & ~_unmatched(on, group, begin))
    on_count = np.bincount(on_group, minlength=len(begin))
    off_count = np.bincount(group[kept], minlength=len(begin))

    # First in, first out: in each group the k-th note ends with the k-th matched note-off.
    rank = np.arange(len(ons)) - (np.cumsum(on_count) - on_count)[on_group]
    partner = (np.cumsum(off_count) - off_count)[on_group] + rank
    even = (on_count == off_count)[on_group]
    end = np.empty(len(ons), np.int64)
    end[even] = tick[kept[partner[even]]]
    unended = np.zeros(len(ons), bool)
    if not even.all():
        odd = np.flatnonzero(~even)
        end[odd], unended[odd] = _ends_by_next_message(tick, group, on, ons[odd], track.end)

    struck = messages.where(ons)
    return PairedNotes(struck.tick, end, struck.status & 15, struck.data1, struck.data2, unended)


def _unmatched(on: np.ndarray, group: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """Mark the note-offs that come while nothing of their group sounds."""
    depth = np.cumsum(np.where(on, 1, -1))
    before = np.append(0, depth)[begin]
    # Each group starts far below the one before it, so that the running minimum starts anew.
    depth += -before[group] - group * (2 * len(on) + 2)
    floor = np.minimum.accumulate(depth)
    start = -group * (2 * len(on) + 2)
    previous = np.append(0, floor[:-1])
    previous[begin] = start[begin]
    return ~on & (depth < np.minimum(previous, start))


def _ends_by_next_message(
    tick: np.ndarray, group: np.ndarray, on: np.ndarray, which: np.ndarray, end: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the notes struck at `which`, each at the next message of its group.

    Returns
    -------
    ends : np.ndarray [shape=(len(which),)]
    unended : np.ndarray [shape=(len(which),), dtype=bool]
        Which found no note-off there.
    """
    # Group and tick as one number, so that one sorted search finds the next message of the group.
    place = group * (int(max(tick.max(), end)) + 1) + tick
    following = np.searchsorted(place, place[which], side="right")
    following[following == len(place)] = -1
    found = group[following] == group[which]
    found[following == -1] = False
    ends = np.where(found, tick[following], np.maximum(end, tick[which]))
    unended = ~found | on[following]
    # A note-off in the same tick ends the note only if there is no earlier one that it could mean.
    after, before = np.minimum(which + 1, len(on) - 1), np.maximum(which - 1, 0)
    at_once = ~on[after] & (place[after] == place[which])
    at_once &= ~(on[before] & (group[before] == group[which])) | (which == 0)
    return np.where(at_once, tick[which], ends), unended & ~at_once


def sustain_moves(controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of a sustain pedal's movements, in order; resetting all controllers lifts it.

    Parameters
    ----------
    controls : np.ndarray [shape=(n, 3)]
        Time, number and value of any controllers.
    """
    moves = controls[np.isin(controls[:, 1], (SUSTAIN, RESET_CONTROLLERS))]
    moves = moves[np.argsort(moves[:, 0], kind="stable")]
    return moves[:, 0], np.where(moves[:, 1] == SUSTAIN, moves[:, 2], 0)


def pedal_spans(time: np.ndarray, value: np.ndarray, threshold: int, end: float) -> np.ndarray:
    """Spans in which a sustain pedal is down.

    Parameters
    ----------
    time : np.ndarray [shape=(n,)]
        Seconds, ascending.
    value : np.ndarray [shape=(n,)]
        Controller values; down is from `threshold` on.
    threshold : int
    end : float
        Where a pedal that never comes up ends (s).

    Returns
    -------
    np.ndarray [shape=(m,), dtype=SPAN_DTYPE]
        A pedal lifted and pressed again at one time makes two spans that touch.
    """
    down = np.append(value >= threshold, False)
    change = np.flatnonzero(down != np.append(False, down[:-1]))
    times = np.append(time, max(end, time[-1] if len(time) else end))
    spans = np.empty(len(change) // 2, SPAN_DTYPE)
    spans["onset"], spans["offset"] = times[change[::2]], times[change[1::2]]
    return spans[spans["offset"] > spans["onset"]]


@dataclass(frozen=True)
class Part:
    """What one sustain pedal acts on: the notes of a channel, and the pedal's movements (s, value)."""

    notes: np.ndarray
    pedal_time: np.ndarray
    pedal_value: np.ndarray


def assemble(
    parts: Sequence[Part], tempos: np.ndarray, remarks: Sequence[str], threshold: int
) -> Performance:
    """Merge parts on one time axis.

    A `Performance` has one pedal. If all parts with notes move it in the same way, it is kept; if they
    differ, each part's pedal is applied to its own notes first, so that it lengthens nobody else's.

    Parameters
    ----------
    parts : sequence of Part
    tempos : np.ndarray [shape=(t,), dtype=TEMPO_DTYPE]
    remarks : sequence of str
    threshold : int
        Controller value from which the pedal is down.

    Returns
    -------
    Performance

    Raises
    ------
    MusictxError
        The threshold is not between 1 and 127.
    """
    if not 1 <= threshold <= 127:
        raise MusictxError(f"the pedal threshold must be between 1 and 127, not {threshold}")
    remarks = list(remarks)
    tempos = tempos[tempos["time"] < MAX_SECONDS]
    parts = [part for part in parts if len(part.notes)]
    if not parts:
        return Performance(np.empty(0, NOTE_DTYPE), tempos=tempos, remarks=tuple(remarks))
    end = max(max(float(p.notes["offset"].max()), float(p.pedal_time.max(initial=0.0))) for p in parts)
    end = min(end, MAX_SECONDS)
    spans = [pedal_spans(p.pedal_time, p.pedal_value, threshold, end) for p in parts]
    if all(np.array_equal(s, spans[0]) for s in spans):
        notes = np.concatenate([p.notes for p in parts])
        return Performance(*_clip(notes, spans[0], remarks), tempos, tuple(remarks))
    remarks.append("the channels have different sustain pedals: each was applied to its own notes")
    played = [apply_pedal(Performance(p.notes, s)).notes for p, s in zip(parts, spans, strict=True)]
    notes, pedals = _clip(np.concatenate(played), spans[0][:0], remarks)
    return Performance(notes, pedals, tempos, tuple(remarks))


def _clip(notes: np.ndarray, pedals: np.ndarray, remarks: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Leave out what lies after the longest time that is read."""
    late = notes["onset"] >= MAX_SECONDS
    if late.any():
        hours = MAX_SECONDS / 3600
        remarks.append(f"{counted(int(late.sum()), 'note')} after the first {hours:g} hours left out")
    notes, pedals = notes[~late], pedals[pedals["onset"] < MAX_SECONDS]
    for array in (notes, pedals):
        array["offset"] = np.minimum(array["offset"], MAX_SECONDS)
    return notes, pedals


def counted(number: int, word: str) -> str:
    """Say how many there are of something: ``1 note``, ``2 notes``."""
    return f"{number} {word}" + ("" if number == 1 else "s")
