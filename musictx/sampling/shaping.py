"""Shaping: music that is denser or calmer, higher or lower, louder or softer than its primer; or steady.

What a model finds likely is tilted a little. Towards notes and short times between events, or away from both;
towards high or low keys; towards high or low velocities. That a key is struck at all, or a velocity said,
stays as likely as the model has it where keys and velocities are tilted. The tilt lets go as the music of the
last seconds gets far from the primer, so that it does not run away.

A model that has struck more and more notes goes on with it, until nobody could play them. To be steady is to
be tilted away from that, the more the denser the last second is than the primer's densest one: from a fifth
denser on, which real music is in 2 % of its time, and most from 2.4 times as dense on, which it never was in
69 minutes (`checkpoints/shaping.py --real`). Notes grow longer as well, and pile up: where more keys are held
than ever in the primer, releases become likelier, most those of keys that have been held for long.
`app/static/engine/shaping.js` is this file for the browser.
"""

from __future__ import annotations

import math

import numpy as np

from musictx.events import (
    DEFAULT_VELOCITY_LEVEL,
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
from musictx.settings import read_shape

# Of density (log2 of notes a second), pitch, and level of velocity:
TILT = ((0.3, 0.6), (0.09, 0.06), (0.2, 0.2))  # nats for one unit of more and of less
BY = (1.4, 14.0, 10.0)  # how far from the primer's the tilt has let go; it begins to half way there
KINDS = ((NOTE_ON, NOTE_OFF), (VELOCITY, PAD))  # what pitch and velocity level are said by
SHORTEST = 8  # steps: times up to it, as in a rolled chord, are not tilted
NOTE = 2.0  # units of density: one more note, beside a time half as long
PRIMER_NOTES = 64  # at the primer's end, with which the music is compared
USUAL = (2.5, 62.0, 16.0)  # the figures where there is no primer
RECENT_SECONDS, RECENT_NOTES = 4.0, 24  # the pace at which music is forgotten
SPARSEST = 0.25  # notes a second that count where there are fewer
# To be steady: log2 of how much denser than the primer's densest second is not tilted yet, and the tilt at
# one more (nats a unit); the notes that it counts as at least, and those where there is no primer.
BEYOND, STEADY_TILT, DENSE, OPEN = 0.25, 4.0, 12.0, 20.0
# The same of the keys that are held: nats for a release; the keys that it counts as at least; the steps after
# which a key has been held for long.
RELEASE_TILT, HELD, LONG_HELD = 12.0, 10, 100

_UNITS = np.zeros((3, VOCABULARY_SIZE))
_UNITS[0, TIME_SHIFT:VELOCITY] = -np.log2(np.maximum(np.arange(1, MAX_SHIFT + 1) / SHORTEST, 1))
_UNITS[0, NOTE_ON:NOTE_OFF] = _UNITS[0, VELOCITY:PAD] = NOTE
_UNITS[1, NOTE_ON:NOTE_OFF] = np.arange(NOTE_OFF - NOTE_ON)
_UNITS[2, VELOCITY:PAD] = np.arange(PAD - VELOCITY)


class Shaping:
    """Wishes at work on one sequence.

    Parameters
    ----------
    shape : str
        See `musictx.settings.SamplingSettings`.
    primer : np.ndarray [shape=(n,)]
        Its tokens.
    """

    def __init__(self, shape: str, primer: np.ndarray):
        *self.signs, self.steady = read_shape(shape)
        self.start, self.level, self.densest = list(USUAL), DEFAULT_VELOCITY_LEVEL, OPEN
        self.clock, self.struck = 0, dict[int, int]()  # steps; when each key that is held was struck
        self.most_held = HELD
        for token in primer.tolist():
            self._hold(token)
            self.most_held = max(self.most_held, len(self.struck))
        table = tokens_to_table(primer)
        last = np.flatnonzero(table.is_on)[-PRIMER_NOTES:]
        if len(last):
            onset = table.step[table.is_on]
            notes = np.searchsorted(onset, onset + STEPS_PER_SECOND) - np.arange(len(onset))
            self.densest = max(DENSE, float(notes.max()))
            self.level = int(table.level[last[-1]])
            seconds = max(float(table.end - table.step[last[0]]) * STEP_SECONDS, 1.0)
            self.start = [math.log2(len(last) / seconds), table.pitch[last].mean(), table.level[last].mean()]
        self.rate, self.pitch, self.loudness = 2 ** self.start[0], self.start[1], self.start[2]
        self.second = self.rate  # the same of the last second alone

    def advance(self, token: int) -> None:
        """Take the next token."""
        self._hold(token)
        if token < NOTE_OFF:
            self.rate, self.second = self.rate + 1 / RECENT_SECONDS, self.second + 1
            self.pitch += (token - self.pitch) / RECENT_NOTES
            self.loudness += (self.level - self.loudness) / RECENT_NOTES
        elif TIME_SHIFT <= token < VELOCITY:
            seconds = (token - TIME_SHIFT + 1) * STEP_SECONDS
            self.rate *= math.exp(-seconds / RECENT_SECONDS)
            self.second *= math.exp(-seconds)
        elif VELOCITY <= token < PAD:
            self.level = token - VELOCITY

    def _hold(self, token: int) -> None:
        """Which keys are held, and since when."""
        if token < NOTE_OFF:
            self.struck[token] = self.clock
        elif token < TIME_SHIFT:
            self.struck.pop(token - NOTE_OFF, None)
        elif token < VELOCITY:
            self.clock += token - TIME_SHIFT + 1

    @property
    def beyond(self) -> tuple[float, float]:
        """How much denser the last second is than the primer's densest one, and how many more keys are held
        than ever in the primer, as log2.
        """
        held = math.log2(max(len(self.struck), 1) / self.most_held)
        return math.log2(max(self.second, SPARSEST) / self.densest), held

    def shaped(self, scores: np.ndarray) -> np.ndarray:
        """Logits with the tilt [shape=(vocabulary,), dtype=float32]; -inf stays."""
        now = (math.log2(max(self.rate, SPARSEST)), self.pitch, self.loudness)
        denser, more = (min(max(x - BEYOND, 0.0), 1.0) * self.steady for x in self.beyond)
        result = scores - STEADY_TILT * denser * _UNITS[0]
        for key, since in self.struck.items():
            result[NOTE_OFF + key] += RELEASE_TILT * more * min((self.clock - since) / LONG_HELD, 1.0)
        for figure, sign in enumerate(self.signs):
            gone = (now[figure] - self.start[figure]) * sign / BY[figure]
            tilt = sign * TILT[figure][sign < 0] * min(max(2 - 2 * gone, 0.0), 1.0)
            tilted = result + tilt * _UNITS[figure]
            if figure:  # as likely as a whole
                kind = slice(*KINDS[figure - 1])
                before = _log_sum(result[kind])
                if before > -np.inf:
                    tilted[kind] += before - _log_sum(tilted[kind])
            result = tilted
        return result.astype(np.float32)  # as the browser has it


def _log_sum(scores: np.ndarray) -> float:
    """The logarithm of the sum of the exponentials."""
    most = float(scores.max())
    return most + math.log(np.exp(scores - most).sum()) if most > -np.inf else most
