"""The grammar of event sequences: which event may follow which.

A sequence is grammatical if it is what `musictx.events.encode` could have written, so that encoding its
decoding gives it back. The sampler masks everything else out.
"""

from __future__ import annotations

import numpy as np

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

LONGEST_REST = 800  # steps (8 s) without a note event that a continuation may contain
LONGEST_NOTE = 1000  # steps (10 s) after which a continuation releases a note that the model has forgotten
# A continuation does not stay longer on a few keys: so many steps (2, 4 and 8 s) in which so many notes are
# struck on no more keys than this; these are then set aside for further notes, since after a single other one
# a tremolo comes back. Of the notes of the training music this would change 0.8 % (ASAP) and 0.3 % (POP909).
STRETCHES = ((200, 8, 3, 8), (400, 16, 4, 8), (800, 32, 6, 0))
_NEVER = -(2**40)  # steps


class Grammar:
    """What may come next, for sequences that grow together.

    Parameters
    ----------
    rows : int
        Sequences.
    longest_rest : int
        Steps of 10 ms after which something must happen.
    longest_note : int
        Steps of 10 ms after which a note that still sounds must be released, before anything else. In
        real performances fewer than one note in a thousand is longer than the default; a small model that
        has forgotten a note holds it forever, and such notes pile up.
    stretches : tuple of (int, int, int, int)
        Steps, notes, keys and further notes: where the next note would be one of so many within so many
        steps, all of them on no more keys than this, it is struck on another key, and so are so many
        further notes. A small model falls into loops, a chord or a trill without end, and does not find
        out by itself. A primer that stays there all the same, for as many notes again, lifts the rule.

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
        longest_rest: int = LONGEST_REST,
        longest_note: int = LONGEST_NOTE,
        stretches: tuple[tuple[int, int, int, int], ...] = STRETCHES,
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
        self.struck_at = np.zeros((rows, 128), np.int64)
        self.broken = np.zeros((rows, len(stretches)), np.int64)  # by how many notes all the same
        self.aside = np.zeros((rows, 128), np.int64)  # for so many notes
        self.hit_at = np.full((rows, 128), _NEVER)  # when each key was struck last
        self.notes_at = np.full((rows, max((notes for _, notes, *_ in stretches), default=0)), _NEVER)
        self.longest_rest, self.longest_note, self.stretches = longest_rest, longest_note, stretches

    def take(self, rows: np.ndarray) -> Grammar:
        """The state of these sequences, any number of times each."""
        copy = Grammar(len(rows), self.longest_rest, self.longest_note, self.stretches)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(copy, name, value[rows])
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
        free = ~(sounding | self._worn(row).any(0) | (self.aside[row] > 0))[on:]
        if level >= 0:
            ok[NOTE_ON + on : NOTE_OFF] = free
        if self.after_velocity[row]:
            return
        if not self.struck[row]:
            overdue = sounding[off:] & (self.clock[row] - self.struck_at[row, off:] >= self.longest_note)
            if overdue.any():  # offs come by rising pitch: those up to the first overdue one are open
                first = off + int(overdue.argmax())
                ok[:] = False
                ok[NOTE_OFF + off : NOTE_OFF + first + 1] = sounding[off : first + 1]
                return
        if not self.struck[row]:
            ok[NOTE_OFF + off : TIME_SHIFT] = sounding[off:]
        if not self.after_short_shift[row]:
            room = min(self.longest_rest - int(self.rest[row]), MAX_SHIFT)
            ok[TIME_SHIFT : TIME_SHIFT + max(room, 0)] = True
        if free.any():
            ok[VELOCITY:PAD] = True
            if level >= 0:
                ok[VELOCITY + level] = False
        ok[END] = True

    def _worn(self, row: int) -> np.ndarray:
        """Keys that were struck for too long and nothing but them [shape=(stretches, 128), dtype=bool]."""
        worn = np.zeros((len(self.stretches), 128), bool)
        for i, (steps, notes, keys, _) in enumerate(self.stretches):
            since = self.clock[row] - steps
            if (
                self.notes_at[row, 1 - notes] > since and self.broken[row, i] < notes
            ):  # the next makes the number
                struck = self.hit_at[row] > since
                worn[i] = struck if struck.sum() <= keys else False
        return worn

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
            self.struck_at[row, pitch] = self.clock[row]
            (self.lowest_on if is_on else self.lowest_off)[row] = pitch + 1
            if is_on:
                worn = self._worn(row)
                self.broken[row] += worn[:, pitch]
                self.aside[row] = np.maximum(self.aside[row] - 1, 0)
                if not worn[:, pitch].any():
                    for keys, (*_, further) in zip(worn, self.stretches, strict=True):
                        self.aside[row, keys] = np.maximum(self.aside[row, keys], further)
                self.hit_at[row, pitch] = self.clock[row]
                self.notes_at[row, :-1] = self.notes_at[row, 1:]
                self.notes_at[row, -1:] = self.clock[row]
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
    state = Grammar(1, longest_rest=2**62, longest_note=2**62, stretches=())
    for token in np.asarray(tokens).tolist():
        if token == END or not state.allowed()[0, token]:
            return False
        state.advance(np.array([token]))
    return not (closed and (state.sounding.any() or state.after_velocity.any() or state.rest.any()))
