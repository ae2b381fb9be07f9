"""Steady: music that keeps to what its primer does, where a model would drift away from it.

A model that has struck more and more notes goes on with it, until nobody could play them; notes grow longer
and pile up; a key is held and forgotten; a song's strict time loosens. A key is released (by the grammar)
that is held for much longer than any in the primer, and what is drawn is tilted:

- away from notes, towards longer times, where the last second has more notes than the primer's densest one;
- towards releases, where more keys are held than ever in the primer, most of those held for long;
- towards the likeliest times, after a primer in strict time, as songs and scores are: its gaps between notes
  are often equal.

How much of real music strays so from its primer: `checkpoints/steady.py`. `app/static/engine/steady.js` is
this file for the browser.
"""

from __future__ import annotations

import math

import numpy as np

from musictx.events import (
    MAX_SHIFT,
    NOTE_OFF,
    NOTE_ON,
    PAD,
    STEP_SECONDS,
    STEPS_PER_SECOND,
    TIME_SHIFT,
    VELOCITY,
    VOCABULARY_SIZE,
    tokens_to_table,
)
from musictx.events.grammar import MAX_NOTE_STEPS

# Notes a second: nats for a unit of `DENSITY`; the primer's densest second counts as so many at least and at
# most, and as so many where there is no primer. Times up to so many steps, as in a rolled chord, do not
# count; one more note counts as much as two times of half the length.
NOTE_TILT, DENSE, DENSEST, OPEN, SHORTEST, NOTE = 4.0, 12.0, 25.0, 20.0, 8, 2.0
# Keys that are held: nats for a release; the most of the primer counts as so many at least; the steps after
# which a key has been held for long.
RELEASE_TILT, HELD, LONG_HELD = 12.0, 10, 100
# Both are tilted from this much more than the primer's most on (log2), and tilted most at one above that.
BEYOND = 0.25
# A note may be so many times as long as the primer's longest, and so many steps at least.
LONGER, LONG = 1.5, 400
# How often two gaps of the primer are equal: where its time begins to be strict, and where it is; the
# temperature of times after the strictest.
LOOSE, STRICT, STRICT_TEMPERATURE = 0.1, 0.2, 0.7

DENSITY = np.zeros(VOCABULARY_SIZE)  # what each token counts for
DENSITY[TIME_SHIFT:VELOCITY] = -np.log2(np.maximum(np.arange(1, MAX_SHIFT + 1) / SHORTEST, 1))
DENSITY[NOTE_ON:NOTE_OFF] = DENSITY[VELOCITY:PAD] = NOTE


class Steady:
    """One sequence that keeps to what its primer does.

    Parameters
    ----------
    primer : np.ndarray [shape=(n,)]
        Its tokens.

    Attributes
    ----------
    max_note : int
        Steps after which a note is to be released: see `musictx.events.grammar`.
    """

    def __init__(self, primer: np.ndarray):
        self.clock, self.second = 0, 0.0  # steps; notes of the last second
        self.struck: dict[int, int] = {}  # when each key that is held was struck
        self.most_held, longest = HELD, 0
        for token in primer.tolist():
            self.advance(token)
            self.most_held, longest = max(self.most_held, len(self.struck)), max(longest, self.oldest)
        self.max_note = min(max(int(LONGER * longest), LONG), MAX_NOTE_STEPS)
        table = tokens_to_table(primer)
        onset = table.step[table.is_on]
        notes = np.searchsorted(onset, onset + STEPS_PER_SECOND) - np.arange(len(onset))
        self.densest = min(max(DENSE, float(notes.max())), DENSEST) if len(notes) else OPEN
        self.strict = _within((equal_gaps(onset) - LOOSE) / (STRICT - LOOSE))

    @property
    def oldest(self) -> int:
        """For how many steps the key has been held that was struck first."""
        return self.clock - min(self.struck.values(), default=self.clock)

    def advance(self, token: int) -> None:
        """Take the next token."""
        if token < NOTE_OFF:
            self.struck[token] = self.clock
            self.second += 1
        elif token < TIME_SHIFT:
            self.struck.pop(token - NOTE_OFF, None)
        elif token < VELOCITY:
            steps = token - TIME_SHIFT + 1
            self.clock += steps
            self.second *= math.exp(-steps * STEP_SECONDS)

    def firmness(self) -> tuple[float, float]:
        """How firmly notes a second and keys held are tilted (0 to 1)."""
        now = (max(self.second, 1.0) / self.densest, max(len(self.struck), 1) / self.most_held)
        dense, many = (_within(math.log2(each) - BEYOND) for each in now)
        return dense, many

    def steered(self, scores: np.ndarray) -> np.ndarray:
        """Logits with the tilt [shape=(vocabulary,), dtype=float64]; -inf stays."""
        dense, many = self.firmness()
        result = scores - NOTE_TILT * dense * DENSITY
        for key, since in self.struck.items():
            result[NOTE_OFF + key] += RELEASE_TILT * many * min((self.clock - since) / LONG_HELD, 1.0)
        if self.strict:
            times = slice(TIME_SHIFT, VELOCITY)
            temperature = 1 - self.strict * (1 - STRICT_TEMPERATURE)
            result[times] = as_likely(result[times] / temperature, result[times])
        return result


def as_likely(scores: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Scores moved so that they are as likely as a whole as those before."""
    whole = np.logaddexp.reduce(before)
    return scores + (whole - np.logaddexp.reduce(scores)) if whole > -np.inf else scores


def equal_gaps(onset: np.ndarray) -> float:
    """How often two gaps between notes are equal that are struck at these steps."""
    gaps = np.diff(onset)
    count = np.bincount(gaps[gaps > 0])
    total = int(count.sum())
    return float((count * (count - 1)).sum() / max(total * (total - 1), 1))


def _within(share: float) -> float:
    return float(min(max(share, 0.0), 1.0))
