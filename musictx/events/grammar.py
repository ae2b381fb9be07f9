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
    """What may come next in a sequence that grows.

    Parameters
    ----------
    max_rest : int
        Steps of 10 ms after which something must happen.
    max_note : int
        Steps of 10 ms after which a note that still sounds must be released, before anything else. In
        real performances fewer than one note in a thousand is longer than the default; a small model that
        has forgotten a note holds it forever, and such notes pile up. Both may be changed on the way.
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
    >>> grammar = Grammar()
    >>> for token in (VELOCITY + 19, NOTE_ON + 60, TIME_SHIFT + 49):
    ...     grammar.advance(token)
    >>> grammar.allowed()[[NOTE_OFF + 60, NOTE_OFF + 61, NOTE_ON + 60]].tolist()
    [True, False, False]
    """

    def __init__(
        self,
        max_rest: int = MAX_REST_STEPS,
        max_note: int = MAX_NOTE_STEPS,
        loop_rules: tuple[LoopRule, ...] = LOOP_RULES,
    ):
        self.max_rest, self.max_note = max_rest, max_note
        self.sounding = np.zeros(128, bool)
        self.level = -1
        self.after_velocity = self.after_short_shift = False
        self.clock = 0  # steps
        self.rest = 2**40  # steps; what is played begins with a note
        self.wait = 0  # steps of a primer's end in which nothing comes any more
        self.lowest_on = self.lowest_off = 0  # within this step
        self.struck = False  # a note was struck in this step
        self.loops = Loops(loop_rules)

    def allowed(self) -> np.ndarray:
        """Which tokens may come next [shape=(vocabulary,), dtype=bool]."""
        ok = np.zeros(VOCABULARY_SIZE, bool)
        if self.wait:
            ok[TIME_SHIFT + min(self.wait, MAX_SHIFT) - 1 : VELOCITY] = True
            return ok
        on, off, sounding = self.lowest_on, self.lowest_off, self.sounding
        free = ~(sounding | self.loops.refused(self.clock))[on:]
        if self.level >= 0:
            ok[NOTE_ON + on : NOTE_OFF] = free
        if self.after_velocity:
            return ok
        if not self.struck:
            ok[NOTE_OFF + off : TIME_SHIFT] = sounding[off:]
            overdue = sounding[off:] & (self.clock - self.loops.struck_at[off:] >= self.max_note)
            if overdue.any():  # offs come by rising pitch: those up to the first overdue one are open
                ok[NOTE_ON:NOTE_OFF] = False
                ok[NOTE_OFF + off + int(overdue.argmax()) + 1 :] = False
                return ok
        if not self.after_short_shift:
            room = min(self.max_rest - self.rest, MAX_SHIFT)
            ok[TIME_SHIFT : TIME_SHIFT + max(room, 0)] = True
        if free.any():
            ok[VELOCITY:PAD] = True
            if self.level >= 0:
                ok[VELOCITY + self.level] = False
        ok[END] = True
        return ok

    def advance(self, token: int) -> None:
        """Take the next token; one that is not grammatical is taken as it is."""
        self.after_velocity = VELOCITY <= token < PAD
        if token < TIME_SHIFT:
            pitch = token % NOTE_OFF
            self.sounding[pitch] = token < NOTE_OFF
            if token < NOTE_OFF:
                self.lowest_on, self.struck = pitch + 1, True
                self.loops.strike(pitch, self.clock)
            else:
                self.lowest_off = pitch + 1
            self.rest, self.after_short_shift = 0, False
        elif token < VELOCITY:
            steps = token - TIME_SHIFT + 1
            self.rest += max(0, steps - self.wait)  # the primer's own rest does not count
            self.clock += steps
            self.wait = max(0, self.wait - steps)
            self.after_short_shift = steps < MAX_SHIFT
            self.lowest_on = self.lowest_off = 0
            self.struck = False
        elif token < PAD:
            self.level = token - VELOCITY


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
    state = Grammar(max_rest=2**62, max_note=2**62, loop_rules=())
    for token in np.asarray(tokens).tolist():
        if token == END or not state.allowed()[token]:
            return False
        state.advance(token)
    return not (closed and len(tokens) and (state.sounding.any() or state.after_velocity or state.rest))
