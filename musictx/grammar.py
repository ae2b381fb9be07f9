"""The grammar of event sequences: which event may follow which.

A sequence is grammatical if it is what `musictx.events.encode` could have written, so that encoding its
decoding gives it back. The sampler masks everything else out.
"""

from __future__ import annotations

import numpy as np

from musictx.events import (
    END,
    MAX_SHIFT,
    NOTE_OFF,
    NOTE_ON,
    PAD,
    START,
    TIME_SHIFT,
    VELOCITY,
    VOCABULARY_SIZE,
)

LONGEST_REST = 800  # steps (8 s) without a note event that a continuation may contain


class Grammar:
    """What may come next, for sequences that grow together.

    Parameters
    ----------
    rows : int
        Sequences.
    longest_rest : int
        Steps of 10 ms after which something must happen.

    Notes
    -----
    The rules: a note is struck only while silent and released only while sounding; within a step offs
    come before ons, both by rising pitch; VELOCITY stands right before a NOTE_ON, differs from the
    level before, and is said before the first note; a TIME_SHIFT shorter than 1 s is not followed by
    another; PAD and START never come.
    """

    def __init__(self, rows: int, longest_rest: int = LONGEST_REST):
        self.sounding = np.zeros((rows, 128), bool)
        self.level = np.full(rows, -1)
        self.after_velocity = np.zeros(rows, bool)
        self.after_short_shift = np.zeros(rows, bool)
        self.rest = np.zeros(rows, np.int64)
        self.lowest_on = np.zeros(rows, np.int64)  # within this step
        self.lowest_off = np.zeros(rows, np.int64)
        self.struck = np.zeros(rows, bool)  # a note was struck in this step
        self.longest_rest = longest_rest
        self._pitch = np.arange(128)

    def copy_rows(self, rows: int) -> Grammar:
        """The state of the first sequence, `rows` times."""
        copy = Grammar(rows, self.longest_rest)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and name != "_pitch":
                setattr(copy, name, np.repeat(value[:1], rows, 0))
        return copy

    def allowed(self) -> np.ndarray:
        """Which tokens may come next [shape=(rows, vocabulary), dtype=bool]."""
        ok = np.ones((len(self.level), VOCABULARY_SIZE), bool)
        ok[:, [PAD, START]] = False
        ok[:, NOTE_ON:NOTE_OFF] = ~self.sounding & (self._pitch >= self.lowest_on[:, None])
        ok[:, NOTE_OFF:TIME_SHIFT] = (
            self.sounding & (self._pitch >= self.lowest_off[:, None]) & ~self.struck[:, None]
        )
        ok[:, TIME_SHIFT:VELOCITY] &= ~self.after_short_shift[:, None]
        room = self.longest_rest - self.rest
        shift = np.arange(1, MAX_SHIFT + 1)
        ok[:, TIME_SHIFT:VELOCITY] &= shift[None, :] <= room[:, None]
        can_strike = np.any(ok[:, NOTE_ON:NOTE_OFF], axis=1)
        ok[:, VELOCITY:PAD] &= can_strike[:, None]
        ok[self.level < 0, NOTE_ON:NOTE_OFF] = False
        rows = np.flatnonzero(self.level >= 0)
        ok[rows, VELOCITY + self.level[rows]] = False
        ok[self.after_velocity, NOTE_OFF:] = False
        return ok

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
            self.rest[row], self.after_short_shift[row] = 0, False
        elif token < VELOCITY:
            steps = token - TIME_SHIFT + 1
            self.rest[row] += steps
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
        Ask also that every note ends and nothing comes after the last end, as in a whole piece.
    """
    state = Grammar(1, longest_rest=2**62)
    for token in np.asarray(tokens).tolist():
        if token == END or not state.allowed()[0, token]:
            return False
        state.advance(np.array([token]))
    return not (closed and (state.sounding.any() or state.after_velocity.any() or state.rest.any()))
