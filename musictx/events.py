"""`Performance` ↔ event tokens: the vocabulary, encoding, decoding and the grammar.

The vocabulary is that of Oore et al. (2018) as Music Transformer uses it, 388 events and three
specials::

      0 … 127   NOTE_ON     pitch
    128 … 255   NOTE_OFF    pitch
    256 … 355   TIME_SHIFT  10 ms … 1 s
    356 … 387   VELOCITY    32 levels, said only when it changes
    388 PAD, 389 START, 390 END

Times are rounded to the 10 ms grid from the start of the piece, never from event to event, so the
error of a note is at most 5 ms however long the piece is. Within a step, offs come before ons, both
by rising pitch.

References
----------
Oore et al., "This time with feeling: learning expressive musical performance" (2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictx.errors import MusictxError
from musictx.performance import Performance, apply_pedal, make_notes

STEP_SECONDS = 0.01
STEPS_PER_SECOND = 100
MAX_SHIFT = 100  # steps in the longest TIME_SHIFT
VELOCITY_LEVELS = 32

NOTE_ON, NOTE_OFF, TIME_SHIFT, VELOCITY = 0, 128, 256, 356
PAD, START, END = 388, 389, 390
EVENTS = 388
VOCABULARY_SIZE = 391

FIRST_VELOCITY_LEVEL = -1  # no level has been said yet
DEFAULT_VELOCITY_LEVEL = 20  # velocity 82: what a note has if no VELOCITY came before it


@dataclass(frozen=True)
class EventTable:
    """Note events on the 10 ms grid, one row each, in playing order.

    Attributes
    ----------
    step : np.ndarray [shape=(n,), int64]
        10 ms steps from the start.
    is_on : np.ndarray [shape=(n,), bool]
    pitch : np.ndarray [shape=(n,), int64]
    level : np.ndarray [shape=(n,), int64]
        Velocity level (0 to 31) of the ons; ignored for the offs.
    end : int
        Step at which the passage ends: silence after the last event counts.
    """

    step: np.ndarray
    is_on: np.ndarray
    pitch: np.ndarray
    level: np.ndarray
    end: int


def velocity_to_level(velocity: np.ndarray) -> np.ndarray:
    """MIDI velocity (1 to 127) to one of 32 levels (0 to 31), four velocities a level."""
    return np.clip((np.asarray(velocity, np.int64) - 1) // 4, 0, VELOCITY_LEVELS - 1)


def level_to_velocity(level: np.ndarray) -> np.ndarray:
    """Velocity in the middle of a level; encoding it gives the level again."""
    return np.minimum(np.asarray(level, np.int64) * 4 + 2, 127)


def encode(performance: Performance, *, until: float | None = None) -> np.ndarray:
    """Turn music into event tokens.

    The sustain pedal is applied first, by the same function for training files and primers.

    Parameters
    ----------
    performance : Performance
    until : float, optional
        Cut here (s): later notes are left out, notes that still sound are left open (no NOTE_OFF),
        and the tokens end exactly here. Without it every note is closed and the tokens end with
        the last NOTE_OFF.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=uint16]
        Without special tokens.
    """
    notes = apply_pedal(performance).notes
    if until is not None:
        notes = notes[notes["onset"] < until]
    on = np.maximum(np.rint(notes["onset"] * STEPS_PER_SECOND).astype(np.int64), 0)
    off = np.maximum(np.rint(notes["offset"] * STEPS_PER_SECOND).astype(np.int64), on + 1)
    pitch = notes["pitch"].astype(np.int64)
    level = velocity_to_level(notes["velocity"])
    on, off, pitch, level = _separate(on, off, pitch, level)
    closed = np.ones(len(on), bool)
    end = int(off.max()) if len(off) else 0
    if until is not None:
        end = max(round(until * STEPS_PER_SECOND), int(on.max()) if len(on) else 0)
        closed = off <= end
    table = EventTable(
        step=np.concatenate([on, off[closed]]),
        is_on=np.repeat([True, False], [len(on), int(closed.sum())]),
        pitch=np.concatenate([pitch, pitch[closed]]),
        level=np.concatenate([level, level[closed]]),
        end=end,
    )
    return table_to_tokens(table)


def _separate(
    on: np.ndarray, off: np.ndarray, pitch: np.ndarray, level: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mend what rounding to the grid can break: two notes of a pitch that start in one step, or overlap."""
    order = np.lexsort((-off, on, pitch))
    on, off, pitch, level = on[order], off[order], pitch[order], level[order]
    first = np.ones(len(on), bool)
    first[1:] = (pitch[1:] != pitch[:-1]) | (on[1:] != on[:-1])
    on, off, pitch, level = on[first], off[first], pitch[first], level[first]
    again = pitch[1:] == pitch[:-1]
    off[:-1] = np.where(again, np.minimum(off[:-1], on[1:]), off[:-1])
    return on, off, pitch, level


def table_to_tokens(table: EventTable) -> np.ndarray:
    """Write an event table as tokens: sorts it, inserts time shifts and velocity changes.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=uint16]
    """
    order = np.lexsort((table.pitch, table.is_on, table.step))
    step, is_on, pitch = table.step[order], table.is_on[order], table.pitch[order]
    level = table.level[order]
    gap = np.diff(np.append(step, table.end), prepend=0)  # before each event, and after the last
    full, rest = np.divmod(np.maximum(gap, 0), MAX_SHIFT)
    shifts = full + (rest > 0)

    said = np.zeros(len(step), bool)  # is a VELOCITY said before this event?
    ons = np.flatnonzero(is_on)
    said[ons] = np.diff(level[ons], prepend=FIRST_VELOCITY_LEVEL) != 0

    count = shifts.copy()
    count[:-1] += said.astype(np.int64) + 1
    start = np.cumsum(count) - count  # where each event's tokens begin
    tokens = np.full(int(count.sum()), TIME_SHIFT + MAX_SHIFT - 1, np.uint16)
    last_shift = (start + shifts - 1)[rest > 0]
    tokens[last_shift] = TIME_SHIFT + rest[rest > 0] - 1
    note = (start + count - 1)[:-1]
    tokens[note] = np.where(is_on, NOTE_ON, NOTE_OFF) + pitch
    tokens[note[said] - 1] = VELOCITY + level[said]
    return tokens


def tokens_to_table(tokens: np.ndarray, level: int = DEFAULT_VELOCITY_LEVEL) -> EventTable:
    """Read tokens as an event table; special tokens are skipped.

    Parameters
    ----------
    tokens : np.ndarray [shape=(n,), dtype=integer]
    level : int
        Velocity level that holds before the first VELOCITY.

    Returns
    -------
    EventTable
        In the order of the tokens.
    """
    tokens = np.asarray(tokens).astype(np.int64)
    is_shift = (tokens >= TIME_SHIFT) & (tokens < VELOCITY)
    clock = np.cumsum(np.where(is_shift, tokens - TIME_SHIFT + 1, 0))
    is_velocity = (tokens >= VELOCITY) & (tokens < PAD)
    latest = np.maximum.accumulate(np.where(is_velocity, np.arange(len(tokens)), -1))
    levels = np.where(latest >= 0, tokens[latest] - VELOCITY, level)
    note = np.flatnonzero(tokens < TIME_SHIFT)
    is_on = tokens[note] < NOTE_OFF
    return EventTable(
        step=clock[note],
        is_on=is_on,
        pitch=tokens[note] % NOTE_OFF,
        level=levels[note],
        end=int(clock[-1]) if len(tokens) else 0,
    )


def note_pairs(table: EventTable) -> np.ndarray:
    """Row of the off that ends each on, and of the on that each off ends; -1 where it is outside.

    Returns
    -------
    np.ndarray [shape=(n,), int64]
    """
    order = np.argsort(table.pitch, kind="stable")
    pitch, is_on = table.pitch[order], table.is_on[order]
    pair = np.flatnonzero((pitch[1:] == pitch[:-1]) & is_on[:-1] & ~is_on[1:])
    partner = np.full(len(order), -1, np.int64)
    partner[order[pair]], partner[order[pair + 1]] = order[pair + 1], order[pair]
    return partner


def decode(tokens: np.ndarray) -> Performance:
    """Turn event tokens into music; any sequence of tokens decodes.

    A NOTE_ON of a sounding pitch ends the note before it, a NOTE_OFF of a silent pitch is ignored,
    and notes still open at the end are closed there (10 ms later if they were just struck).

    Parameters
    ----------
    tokens : np.ndarray [shape=(n,), dtype=integer]

    Returns
    -------
    Performance
        Without pedals.

    Raises
    ------
    MusictxError
        If a token is outside the vocabulary.
    """
    tokens = np.asarray(tokens)
    if tokens.size and not (int(tokens.min()) >= 0 and int(tokens.max()) < VOCABULARY_SIZE):
        raise MusictxError(
            f"tokens must lie between 0 and {VOCABULARY_SIZE - 1}; found {tokens.min()} to {tokens.max()}"
        )
    table = tokens_to_table(tokens)
    order = np.argsort(table.pitch, kind="stable")  # by pitch, then as played
    step, is_on, pitch = table.step[order], table.is_on[order], table.pitch[order]
    on = np.flatnonzero(is_on)
    following = np.append(step[1:], table.end)
    ends_here = np.append(pitch[1:] == pitch[:-1], False)
    off = np.where(ends_here, following, table.end)[on]
    onset = step[on]
    off = np.where(ends_here[on], off, np.maximum(off, onset + 1))
    keep = off > onset  # struck and released, or struck twice, in one step: nothing to hear
    velocity = level_to_velocity(table.level[order][on])
    notes = make_notes(
        onset[keep] / STEPS_PER_SECOND, off[keep] / STEPS_PER_SECOND, pitch[on][keep], velocity[keep]
    )
    return Performance(notes)
