"""The grammar of event sequences: which event may follow which.

A sequence is grammatical if it is what `musictx.events.encode` could have written, so that encoding its
decoding gives it back. The sampler masks everything else out.
"""

from __future__ import annotations

import numpy as np

from musictx.events.loops import LOOP_RULES, LoopRule, Loops
from musictx.events.vocabulary import (
    END,
    MAX_SHIFT,
    NOTE_OFF,
    NOTE_ON,
    PAD,
    TIME_SHIFT,
    VELOCITY,
    VOCABULARY_SIZE,
)

MAX_REST_STEPS = 800  # steps (8 s) without a note event that a continuation may contain
MAX_NOTE_STEPS = 1000  # steps (10 s) after which a continuation releases a note that the model has forgotten


class Grammar:
    """What may come next, for sequences that grow together.

    Parameters
    ----------
    rows : int
        Sequences.
    max_rest : int
        Steps of 10 ms after which something must happen.
    max_note : int
        Steps of 10 ms after which a note that still sounds must be released, before anything else. In
        real performances fewer than one note in a thousand is longer than the default; a small model that
        has forgotten a note holds it forever, and such notes pile up. The attributes have both for each
        sequence, and may be changed.
    loop_rules : tuple of LoopRule
        For how long a continuation may stay on a few keys (see `musictx.events.loops`).

    Notes
    -----
    The rules: a note is struck only while silent and released only while sounding; within a step offs
    come before ons, both by rising pitch; VELOCITY stands right before a NOTE_ON, differs from the
    level before, and is said before the first note; a TIME_SHIFT shorter than 1 s is not followed by
    another; PAD and START never come.

    Examples
    --------
    >>> from musictx.events import NOTE_OFF, NOTE_ON, TIME_SHIFT, VELOCITY, Grammar
    >>> grammar = Grammar(rows=1)
    >>> for token in (VELOCITY + 19, NOTE_ON + 60, TIME_SHIFT + 49):
    ...     grammar.advance([token])
    >>> grammar.allowed()[0, [NOTE_OFF + 60, NOTE_OFF + 61, NOTE_ON + 60]].tolist()
    [True, False, False]
    """

    def __init__(
        self,
        rows: int,
        max_rest: int = MAX_REST_STEPS,
        max_note: int = MAX_NOTE_STEPS,
        loop_rules: tuple[LoopRule, ...] = LOOP_RULES,
    ):
        self.sounding = np.zeros((rows, 128), bool)
        self.level = np.full(rows, -1)
        self.after_velocity = np.zeros(rows, bool)
        self.after_short_shift = np.zeros(rows, bool)
        self.rest = np.zeros(rows, np.int64)
        self.lowest_on = np.zeros(rows, np.int64)  # within this step
        self.lowest_off = np.zeros(rows, np.int64)
        self.struck = np.zeros(rows, bool)  # a note was struck in this step
        self.clock = np.zeros(rows, np.int64)  # steps
        self.loops = Loops(rows, loop_rules)
        self.max_rest, self.max_note = np.full(rows, max_rest), np.full(rows, max_note)

    def take(self, rows: np.ndarray) -> Grammar:
        """The state of these sequences, any number of times each."""
        copy = Grammar(len(rows))
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(copy, name, value[rows])
        copy.loops = self.loops.take(rows)
        return copy

    def allowed(self) -> np.ndarray:
        """Which tokens may come next [shape=(rows, vocabulary), dtype=bool]."""
        ok = np.zeros((len(self.level), VOCABULARY_SIZE), bool)
        for row in range(len(ok)):
            self._allow(row, ok[row])
        return ok

    def _allow(self, row: int, ok: np.ndarray) -> None:
        level, sounding = int(self.level[row]), self.sounding[row]
        on, off = self.lowest_on[row], self.lowest_off[row]
        free = ~(sounding | self.loops.refused(row, int(self.clock[row])))[on:]
        if level >= 0:
            ok[NOTE_ON + on : NOTE_OFF] = free
        if self.after_velocity[row]:
            return
        if not self.struck[row]:
            held = self.clock[row] - self.loops.struck_at[row, off:]
            overdue = sounding[off:] & (held >= self.max_note[row])
            if overdue.any():  # offs come by rising pitch: those up to the first overdue one are open
                first = off + int(overdue.argmax())
                ok[:] = False
                ok[NOTE_OFF + off : NOTE_OFF + first + 1] = sounding[off : first + 1]
                return
        if not self.struck[row]:
            ok[NOTE_OFF + off : TIME_SHIFT] = sounding[off:]
        if not self.after_short_shift[row]:
            room = min(int(self.max_rest[row] - self.rest[row]), MAX_SHIFT)
            ok[TIME_SHIFT : TIME_SHIFT + max(room, 0)] = True
        if free.any():
            ok[VELOCITY:PAD] = True
            if level >= 0:
                ok[VELOCITY + level] = False
        ok[END] = True

    def advance(self, tokens: np.ndarray) -> None:
        """Take the next token of each row [shape=(rows,)]; ungrammatical ones are taken as they are."""
        for row, token in enumerate(np.asarray(tokens).tolist()):
            self._advance_row(row, token)

    def _advance_row(self, row: int, token: int) -> None:
        self.after_velocity[row] = VELOCITY <= token < PAD
        if token < TIME_SHIFT:
            pitch = token % NOTE_OFF
            is_on = token < NOTE_OFF
            self.sounding[row, pitch] = is_on
            self.struck[row] |= is_on
            (self.lowest_on if is_on else self.lowest_off)[row] = pitch + 1
            if is_on:
                self.loops.strike(row, pitch, int(self.clock[row]))
            self.rest[row], self.after_short_shift[row] = 0, False
        elif token < VELOCITY:
            steps = token - TIME_SHIFT + 1
            self.rest[row] += steps
            self.clock[row] += steps
            self.after_short_shift[row] = steps < MAX_SHIFT
            self.lowest_on[row] = self.lowest_off[row] = 0
            self.struck[row] = False
        elif token < PAD:
            self.level[row] = token - VELOCITY


def is_grammatical(tokens: np.ndarray, *, closed: bool = True) -> bool:
    """Whether `encode` could have written these tokens.

    Parameters
    ----------
    tokens : np.ndarray [shape=(n,)]
    closed : bool
        Require also that every note ends and nothing comes after the last end, as in a whole piece.

    Examples
    --------
    >>> from musictx.events import NOTE_OFF, NOTE_ON, TIME_SHIFT, VELOCITY, is_grammatical
    >>> is_grammatical([VELOCITY + 19, NOTE_ON + 60, TIME_SHIFT + 49, NOTE_OFF + 60])
    True
    >>> is_grammatical([NOTE_OFF + 60])
    False
    """
    state = Grammar(1, max_rest=2**62, max_note=2**62, loop_rules=())
    for token in np.asarray(tokens).tolist():
        if token == END or not state.allowed()[0, token]:
            return False
        state.advance(np.array([token]))
    return not (closed and (state.sounding.any() or state.after_velocity.any() or state.rest.any()))
