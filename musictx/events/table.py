"""Note events on the 10 ms grid, between notes and tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from musictx.events.vocabulary import (
    DEFAULT_VELOCITY_LEVEL,
    FIRST_VELOCITY_LEVEL,
    MAX_SHIFT,
    NOTE_OFF,
    NOTE_ON,
    PAD,
    TIME_SHIFT,
    VELOCITY,
)
from musictx.performance import separate


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

    def where(self, rows: np.ndarray) -> EventTable:
        """Pick rows by position or by mask."""
        columns = {name: getattr(self, name)[rows] for name in ("step", "is_on", "pitch", "level")}
        return replace(self, **columns)


def table_to_tokens(table: EventTable) -> np.ndarray:
    """Write an event table as tokens: sorts it, inserts time shifts and velocity changes.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=uint16]

    Examples
    --------
    >>> from musictx.events import table_to_tokens, tokens_to_table
    >>> table_to_tokens(tokens_to_table([375, 60, 305, 188])).tolist()
    [375, 60, 305, 188]
    """
    order = np.lexsort((table.pitch, table.is_on, table.step))
    table = table.where(order)
    step, is_on, pitch, level = table.step, table.is_on, table.pitch, table.level
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

    Examples
    --------
    >>> from musictx.events import tokens_to_table
    >>> table = tokens_to_table([375, 60, 305, 188])
    >>> table.step.tolist(), table.is_on.tolist(), table.pitch.tolist()
    ([0, 50], [True, False], [60, 60])
    """
    tokens = np.asarray(tokens).astype(np.int64)
    clock = clock_of(tokens)
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


def clock_of(tokens: np.ndarray) -> np.ndarray:
    """The step after each token [shape=(n,), dtype=int64]."""
    is_shift = (tokens >= TIME_SHIFT) & (tokens < VELOCITY)
    return np.cumsum(np.where(is_shift, tokens.astype(np.int64) - TIME_SHIFT + 1, 0))


def note_pairs(table: EventTable) -> np.ndarray:
    """Row of the off that ends each on, and of the on that each off ends; -1 where it is outside.

    Returns
    -------
    np.ndarray [shape=(n,), int64]

    Examples
    --------
    >>> from musictx.events import note_pairs, tokens_to_table
    >>> note_pairs(tokens_to_table([375, 60, 64, 305, 188])).tolist()
    [2, -1, 0]
    """
    order = np.argsort(table.pitch, kind="stable")
    pitch, is_on = table.pitch[order], table.is_on[order]
    pair = np.flatnonzero((pitch[1:] == pitch[:-1]) & is_on[:-1] & ~is_on[1:])
    partner = np.full(len(order), -1, np.int64)
    partner[order[pair]], partner[order[pair + 1]] = order[pair + 1], order[pair]
    return partner


def separate_notes(
    on: np.ndarray, off: np.ndarray, pitch: np.ndarray, level: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mend what one keyboard cannot play: two notes of a pitch that start in one step, or overlap.

    Rounding to the grid can bring them about, and so can music that is laid over other music.

    Parameters
    ----------
    on, off : np.ndarray [shape=(n,), int64]
        Steps of 10 ms.
    pitch, level : np.ndarray [shape=(n,), int64]

    Returns
    -------
    on, off, pitch, level : np.ndarray [shape=(m,), int64]
        By pitch and onset. Of notes that start together the longest stays; a note ends where the next one
        of its pitch begins.

    Examples
    --------
    >>> on, off, pitch, level = np.array([[0, 50], [90, 70], [60, 60], [20, 20]])
    >>> separate_notes(on, off, pitch, level)[1].tolist()
    [50, 70]
    """
    kept, ends = separate(on, off, pitch)
    return on[kept], ends, pitch[kept], level[kept]
