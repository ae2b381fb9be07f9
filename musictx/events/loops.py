"""Against loops: which keys a continuation may not strike, because it has stayed on them for too long.

A small model that has played a chord or a trill a few times goes on with it, and does not find out by itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class LoopRule(NamedTuple):
    """What is too long: so many notes within so many steps, on no more keys than this.

    Attributes
    ----------
    steps : int
        Of 10 ms.
    notes, keys : int
    aside : int
        For how many further notes these keys are set aside; after a single other one a tremolo comes back.
    """

    steps: int
    notes: int
    keys: int
    aside: int


# Of the notes of the training music, 0.8 % (ASAP) and 0.3 % (POP909) would have to be other ones.
LOOP_RULES = (LoopRule(200, 8, 3, 8), LoopRule(400, 16, 4, 8), LoopRule(800, 32, 6, 0))
CHORD = 5  # steps from its first note in which the notes of a chord come
_NEVER = -(2**40)  # steps


class Loops:
    """The keys that were struck for too long.

    Where the next note would break a rule, it is struck on another key, and then the keys struck for
    too long are set aside. A chord is refused whole or not at all. A primer that stays there all the same,
    for as many notes again, lifts the rule.

    Parameters
    ----------
    loop_rules : tuple of LoopRule

    Examples
    --------
    >>> from musictx.events.loops import Loops, LoopRule
    >>> loops = Loops((LoopRule(steps=200, notes=4, keys=2, aside=1),))
    >>> for step, key in ((0, 60), (20, 62), (40, 60)):
    ...     loops.strike(key, step)
    >>> loops.refused(60)[[60, 61, 62]].tolist()
    [True, False, True]
    """

    def __init__(self, loop_rules: tuple[LoopRule, ...] = LOOP_RULES):
        self.loop_rules = loop_rules
        self.broken = np.zeros(len(loop_rules), np.int64)  # by how many notes all the same
        self.aside = np.zeros(128, np.int64)  # for how many notes
        self.struck_at = np.full(128, _NEVER)  # steps; the last time of each key
        self.notes_at = np.full(max((s.notes for s in loop_rules), default=0), _NEVER)
        self.chord_at, self.worn = _NEVER, self._worn(0)  # when the last chord began, and what was worn then

    def refused(self, step: int) -> np.ndarray:
        """Keys that may not be struck now [shape=(128,), dtype=bool]."""
        worn = self.worn if step < self.chord_at + CHORD else self._worn(step)
        return worn.any(0) | (self.aside > 0)

    def strike(self, key: int, step: int) -> None:
        """Take in a note."""
        if step >= self.chord_at + CHORD:
            self.chord_at, self.worn = step, self._worn(step)
        worn = self.worn
        self.broken += worn[:, key]
        self.aside = np.maximum(self.aside - 1, 0)
        if not worn[:, key].any():
            for keys, rule in zip(worn, self.loop_rules, strict=True):
                self.aside[keys] = np.maximum(self.aside[keys], rule.aside)
        self.struck_at[key] = step
        self.notes_at[:-1] = self.notes_at[1:]
        self.notes_at[-1:] = step

    def _worn(self, step: int) -> np.ndarray:
        """Keys of each rule that the next note would break [shape=(rules, 128), dtype=bool]."""
        worn = np.zeros((len(self.loop_rules), 128), bool)
        for i, (steps, notes, max_keys, _) in enumerate(self.loop_rules):
            since = step - steps
            if self.notes_at[1 - notes] > since and self.broken[i] < notes:
                keys = self.struck_at > since
                worn[i] = keys & (keys.sum() <= max_keys)
        return worn
