"""`Performance` → event tokens.

Times are rounded to the 10 ms grid from the start of the piece, never from event to event, so the
error of an onset is at most 5 ms however long the piece is. A note lasts at least one step. Within a
step, offs come before ons, both by rising pitch.
"""

from __future__ import annotations

import numpy as np

from musictx.events.table import EventTable, separate_notes, table_to_tokens
from musictx.events.velocity import velocity_to_level
from musictx.events.vocabulary import STEPS_PER_SECOND
from musictx.performance import Performance, apply_pedal


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

    Examples
    --------
    A note on middle C for half a second: VELOCITY, NOTE_ON, TIME_SHIFT, NOTE_OFF.

    >>> from musictx import Performance, encode, make_notes
    >>> encode(Performance(make_notes([0], [0.5], [60], 80))).tolist()
    [375, 60, 305, 188]
    """
    notes = apply_pedal(performance).notes
    if until is not None:
        notes = notes[notes["onset"] < until]
    on = np.maximum(np.rint(notes["onset"] * STEPS_PER_SECOND).astype(np.int64), 0)
    off = np.maximum(np.rint(notes["offset"] * STEPS_PER_SECOND).astype(np.int64), on + 1)
    pitch = notes["pitch"].astype(np.int64)
    level = velocity_to_level(notes["velocity"])
    on, off, pitch, level = separate_notes(on, off, pitch, level)
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
