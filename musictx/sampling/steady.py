"""Steady: music that keeps to what its primer does, where a model would drift away from it.

A model that has struck more and more notes goes on with it, until nobody could play them; it falls silent for
seconds; notes grow longer and pile up; a key is held and forgotten; two bars are played to the end; a song's
strict time loosens, and wrong notes come in. By the grammar something must happen after a rest that is much
longer than any in the primer, and a key is released that is held for much longer. What is drawn is tilted:

- away from notes, towards longer times, where the last second has more notes than the primer's densest one;
- towards releases, where more keys are held than ever in the primer, most of those held for long;
- away from the keys that would go on with a pattern, where more of the music is one than ever in the primer;
- after a primer in strict time, as songs and scores are (its gaps between notes are often equal): towards
  the likeliest times, and, if it keeps to one scale, away from the notes outside it. Other music that begins
  in one scale leaves it.

That music leaves its primer's density for longer, its register or loudness, is minded in
`musictx.sampling.shaping`, which knows whether somebody asked for it. How much of real music strays so from
its primer: `checkpoints/steady.py`.
`app/static/engine/steady.js` is this file for the browser.
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
from musictx.events.grammar import MAX_NOTE_STEPS, MAX_REST_STEPS
from musictx.sampling.ostinato import Ostinato

# Notes a second: nats for a unit of `DENSITY`; the primer's densest second counts as so many at least and at
# most, and as so many where there is no primer. Times up to so many steps, as in a rolled chord, do not
# count; one more note counts as much as two times of half the length.
NOTE_TILT, DENSE, DENSEST, OPEN, SHORTEST, NOTE = 4.0, 12.0, 25.0, 20.0, 8, 2.0
# Keys that are held: nats for a release; the most of the primer counts as so many at least; the steps after
# which a key has been held for long.
RELEASE_TILT, HELD, LONG_HELD = 12.0, 10, 100
# Notes are tilted from this much more than the primer's most on (log2), keys at once; most at one above that.
DENSE_FROM = 0.25
# A note may be so many times as long as the primer's longest, and so many steps at least; a rest that many
# times as long as the longest time between two of its notes.
LONGER, LONG, REST = 1.5, 400, 250
# Nats for the keys that go on with a pattern: from this much more of the music than of the primer's most on,
# and most at this much more; the primer's most counts as so much at least and at most.
PATTERN_TILT, PATTERN_FROM, PATTERN_FULL, PATTERN_LEAST, PATTERN_MOST = 8.0, 0.15, 0.25, 0.1, 0.5
# How often two gaps of the primer are equal: where its time begins to be strict, and where it is; the
# temperature of times after the strictest.
LOOSE, STRICT, STRICT_TEMPERATURE = 0.1, 0.2, 0.7
# Nats for notes outside the primer's scale; how much of it is in a major one where it begins to keep to it,
# and where it does. Of scales that hold as much but for so little it may be any.
SCALE_TILT, SCALE_LOW, SCALE_HIGH, SCALE_EQUAL = 0.8, 0.97, 0.99, 0.01

DENSITY = np.zeros(VOCABULARY_SIZE)  # what each token counts for
DENSITY[TIME_SHIFT:VELOCITY] = -np.log2(np.maximum(np.arange(1, MAX_SHIFT + 1) / SHORTEST, 1))
DENSITY[NOTE_ON:NOTE_OFF] = DENSITY[VELOCITY:PAD] = NOTE
MAJOR = (0, 2, 4, 5, 7, 9, 11)  # semitones above the first note of a scale
_SCALES = np.isin((np.arange(NOTE_OFF - NOTE_ON) - np.arange(12)[:, None]) % 12, MAJOR)  # keys of each


class Steady:
    """One sequence that keeps to what its primer does.

    Parameters
    ----------
    primer : np.ndarray [shape=(n,)]
        Its tokens.

    Attributes
    ----------
    max_note, max_rest : int
        Steps after which a note is to be released, and something must happen: see `musictx.events.grammar`.
    """

    def __init__(self, primer: np.ndarray):
        self.clock, self.second = 0, 0.0  # steps; notes of the last second
        self.struck: dict[int, int] = {}  # when each key that is held was struck
        self.ostinato = Ostinato()
        self.most_held, self.most_again, longest = HELD, PATTERN_LEAST, 0
        for token in primer.tolist():
            self.advance(token)
            self.most_held, longest = max(self.most_held, len(self.struck)), max(longest, self.oldest)
            self.most_again = min(max(self.most_again, self.ostinato.share), PATTERN_MOST)
        self.max_note = min(max(int(LONGER * longest), LONG), MAX_NOTE_STEPS)
        table = tokens_to_table(primer)
        onset = table.step[table.is_on]
        rest = int(np.diff(onset, prepend=0, append=self.clock).max())
        self.max_rest = min(max(int(LONGER * rest), REST), MAX_REST_STEPS)
        notes = np.searchsorted(onset, onset + STEPS_PER_SECOND) - np.arange(len(onset))
        self.densest = min(max(DENSE, float(notes.max())), DENSEST) if len(notes) else OPEN
        self.strict = rise(equal_gaps(onset), LOOSE, STRICT)
        kept, self.outside = scale_of(table.pitch[table.is_on])
        self.in_scale = self.strict * rise(kept, SCALE_LOW, SCALE_HIGH)

    @property
    def oldest(self) -> int:
        """For how many steps the key has been held that was struck first."""
        return self.clock - min(self.struck.values(), default=self.clock)

    def advance(self, token: int) -> None:
        """Take the next token."""
        if token < NOTE_OFF:
            self.struck[token] = self.clock
            self.ostinato.strike(token, self.clock)
            self.second += 1
        elif token < TIME_SHIFT:
            self.struck.pop(token - NOTE_OFF, None)
        elif token < VELOCITY:
            steps = token - TIME_SHIFT + 1
            self.clock += steps
            self.second *= math.exp(-steps * STEP_SECONDS)

    def firmness(self) -> tuple[float, float, float]:
        """How firmly notes a second, keys held and a pattern are tilted (0 to 1)."""
        dense = within(math.log2(max(self.second, 1.0) / self.densest) - DENSE_FROM)
        many = within(math.log2(max(len(self.struck), 1) / self.most_held))
        more = self.ostinato.share - self.most_again
        return dense, many, rise(more, PATTERN_FROM, PATTERN_FULL)

    def steered(self, scores: np.ndarray) -> np.ndarray:
        """Logits with the tilt [shape=(vocabulary,), dtype=float64]; -inf stays."""
        dense, many, again = self.firmness()
        result = scores - NOTE_TILT * dense * DENSITY
        for key, since in self.struck.items():
            result[NOTE_OFF + key] += RELEASE_TILT * many * min((self.clock - since) / LONG_HELD, 1.0)
        if again:
            result[self.ostinato.due(self.clock)] -= PATTERN_TILT * again
        result[NOTE_ON:NOTE_OFF] -= SCALE_TILT * self.in_scale * self.outside
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


def scale_of(pitch: np.ndarray) -> tuple[float, np.ndarray]:
    """How much of these notes is in one major scale, and which keys are outside it.

    Of the scales that hold as much but for `SCALE_EQUAL` it may be any: outside are the keys of none.

    Parameters
    ----------
    pitch : np.ndarray [shape=(n,)]
        MIDI note numbers.

    Returns
    -------
    float
        0 to 1; 0 where there are no notes.
    np.ndarray [shape=(128,), dtype=bool]
    """
    kept = _SCALES[:, pitch].sum(1) / max(len(pitch), 1)
    return float(kept.max()), ~_SCALES[kept >= kept.max() - SCALE_EQUAL].any(0)


def within(share: float) -> float:
    """A share of 0 to 1 stays; others become the nearer end."""
    return float(min(max(share, 0.0), 1.0))


def rise(value: float, begin: float, full: float) -> float:
    """How far a value is on its way from `begin` (0) to `full` (1)."""
    return within((value - begin) / (full - begin))
