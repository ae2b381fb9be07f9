"""Ostinato: a pattern that is played again and again, and how much of the music now is one.

A model that has played two bars a few times is surer each time that they come once more, and may stay with
them to the end. `app/static/engine/ostinato.js` is this file for the browser.
"""

from __future__ import annotations

import math

import numpy as np

from musictx.events import STEPS_PER_SECOND

# A pattern lasts so many steps; notes are forgotten at this pace (steps); a note comes again if its key was
# struck a pattern's length before, give or take so many steps; fewer notes show no pattern.
PATTERN_LOW, PATTERN_HIGH = STEPS_PER_SECOND, 6 * STEPS_PER_SECOND
PATTERN_MEMORY, PATTERN_SLACK, PATTERN_NOTES = 400.0, 4, 12.0


class Ostinato:
    """How much of the last seconds was played a pattern's length before, and twice its length before.

    Attributes
    ----------
    share : float
        Share of the notes of the last seconds whose key was struck the pattern's length before; the same of
        twice its length, if that is less.
    length : int
        Of the pattern that most of them are in (steps).

    Examples
    --------
    >>> from musictx.sampling.ostinato import Ostinato
    >>> ostinato = Ostinato()
    >>> for step in range(0, 2400, 20):
    ...     ostinato.strike(60 + step % 200 // 20, step)
    >>> round(ostinato.share, 2), ostinato.due(2400)
    (1.0, [60])
    """

    def __init__(self) -> None:
        self.share, self.length = 0.0, PATTERN_HIGH
        self.clock, self.notes = 0, 0.0  # steps; notes of the last seconds
        self.again = np.zeros(2 * PATTERN_HIGH + 1)  # of these, how many came again after so many steps
        self.struck = np.zeros((2, 0), np.int64)  # steps and keys of the notes that may come again

    def strike(self, key: int, step: int) -> None:
        """Take in a note."""
        kept = math.exp((self.clock - step) / PATTERN_MEMORY)
        self.clock, self.notes = step, self.notes * kept + 1
        self.struck = self.struck[:, self.struck[0] >= step - self.again.size - PATTERN_SLACK]
        gaps = step - self.struck[0, self.struck[1] == key]
        near = (gaps[:, None] + np.arange(-PATTERN_SLACK, PATTERN_SLACK + 1)).ravel()
        heard = np.zeros_like(self.again)
        heard[near[(near >= 0) & (near < self.again.size)]] = 1
        self.again = self.again * kept + heard
        self.struck = np.append(self.struck, [[step], [key]], 1)
        twice = np.minimum(
            self.again[PATTERN_LOW : PATTERN_HIGH + 1], self.again[2 * PATTERN_LOW : 2 * PATTERN_HIGH + 1 : 2]
        )
        self.length = PATTERN_LOW + int(twice.argmax())
        self.share = float(twice.max()) / max(self.notes, PATTERN_NOTES)

    def due(self, step: int) -> list[int]:
        """Keys whose notes would go on with the pattern now."""
        gaps = step - self.struck[0]
        once, twice = (
            set(self.struck[1, abs(gaps - length) <= PATTERN_SLACK].tolist())
            for length in (self.length, 2 * self.length)
        )
        return sorted(once & twice)
