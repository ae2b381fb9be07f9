"""Shaping: music that is denser or calmer, higher or lower, louder or softer than its primer.

What a model finds likely is tilted a little. Towards notes and short times between events, or away from both;
towards high or low keys; towards high or low velocities. That a key is struck at all, or a velocity said,
stays as likely as the model has it where keys and velocities are tilted. The tilt lets go as the music of the
last seconds gets far from the primer, so that it does not run away. Steady music that has become denser or
sparser, higher or lower, louder or softer than ever in the primer is tilted back, unless that was asked for.

`app/static/engine/shaping.js` is this file for the browser.
"""

from __future__ import annotations

import math

import numpy as np

from musictx.events import (
    DEFAULT_VELOCITY_LEVEL,
    NOTE_OFF,
    NOTE_ON,
    PAD,
    STEP_SECONDS,
    TIME_SHIFT,
    VELOCITY,
    VOCABULARY_SIZE,
    tokens_to_table,
)
from musictx.events.grammar import MAX_NOTE_STEPS, MAX_REST_STEPS
from musictx.sampling.steady import DENSITY, Steady, as_likely, rise, within
from musictx.settings import read_shape

# Of density (log2 of notes a second), pitch, and level of velocity:
TILT = ((0.3, 0.6), (0.09, 0.06), (0.2, 0.2))  # nats for one unit of more and of less
BY = (1.4, 14.0, 10.0)  # how far from the primer's the tilt has let go; it begins to half way there
KINDS = ((NOTE_ON, NOTE_OFF), (VELOCITY, PAD))  # what pitch and velocity level are said by
PRIMER_NOTES = 64  # at the primer's end, with which the music is compared
USUAL = (2.5, 62.0, 16.0)  # the figures where there is no primer
RECENT_SECONDS, RECENT_NOTES = 4.0, 24  # the pace at which music is forgotten
SPARSEST = 0.25  # notes a second that count where there are fewer
# Steady music: nats for one unit; how far below the primer's least and above its most they begin, and are
# tilted most. `USUAL` counts as part of the primer. How many notes a single second has is minded in
# `musictx.sampling.steady`.
BACK_TILT = (0.5, 0.15, 0.3)
BELOW = ((0.1, 0.8), (2.0, 6.0), (0.5, 3.0))
ABOVE = ((0.4, 1.0), (2.0, 6.0), (0.5, 3.0))

_UNITS = np.zeros((3, VOCABULARY_SIZE))
_UNITS[0] = DENSITY
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
        *self.signs, steady = read_shape(shape)
        self.steady = Steady(primer) if steady else None
        self.max_note = self.steady.max_note if self.steady else MAX_NOTE_STEPS  # for the grammar
        self.max_rest = self.steady.max_rest if self.steady else MAX_REST_STEPS
        self.start, self.level = list(USUAL), DEFAULT_VELOCITY_LEVEL
        table = tokens_to_table(primer)
        last = np.flatnonzero(table.is_on)[-PRIMER_NOTES:]
        if len(last):
            self.level = int(table.level[last[-1]])
            seconds = max(float(table.end - table.step[last[0]]) * STEP_SECONDS, 1.0)
            self.start = [math.log2(len(last) / seconds), table.pitch[last].mean(), table.level[last].mean()]
        self.rate, self.pitch, self.loudness = 2 ** self.start[0], self.start[1], self.start[2]
        played = (table.pitch[table.is_on], table.level[table.is_on])
        means = (_running_mean(values) for values in played)
        every = (_rates(table.step[table.is_on], table.end, self.rate), *means)
        self.least = [min([usual, *now]) for usual, now in zip(USUAL, every, strict=True)]
        self.most = [max([usual, *now]) for usual, now in zip(USUAL, every, strict=True)]

    @property
    def figures(self) -> tuple[float, float, float]:
        """Density (log2 of notes a second), pitch and level of the last seconds and notes."""
        return math.log2(max(self.rate, SPARSEST)), self.pitch, self.loudness

    def advance(self, token: int) -> None:
        """Take the next token."""
        if self.steady:
            self.steady.advance(token)
        if token < NOTE_OFF:
            self.rate += 1 / RECENT_SECONDS
            self.pitch += (token - self.pitch) / RECENT_NOTES
            self.loudness += (self.level - self.loudness) / RECENT_NOTES
        elif TIME_SHIFT <= token < VELOCITY:
            seconds = (token - TIME_SHIFT + 1) * STEP_SECONDS
            self.rate *= math.exp(-seconds / RECENT_SECONDS)
        elif VELOCITY <= token < PAD:
            self.level = token - VELOCITY

    def shaped(self, scores: np.ndarray) -> np.ndarray:
        """Logits with the tilt [shape=(vocabulary,), dtype=float32]; -inf stays."""
        result = self.steady.steered(scores) if self.steady else scores.astype(np.float64)
        for figure, now in enumerate(self.figures):
            if tilt := self._tilt(figure, now):
                tilted = result + tilt * _UNITS[figure]
                if figure:  # as likely as a whole
                    kind = slice(*KINDS[figure - 1])
                    tilted[kind] = as_likely(tilted[kind], result[kind])
                result = tilted
        return result.astype(np.float32)  # as the browser has it

    def _tilt(self, figure: int, now: float) -> float:
        """Nats for one unit more of a figure that is now so."""
        if sign := self.signs[figure]:
            gone = (now - self.start[figure]) * sign / BY[figure]
            return sign * TILT[figure][sign < 0] * within(2 - 2 * gone)
        return -BACK_TILT[figure] * self.beyond(figure) if self.steady else 0.0

    def beyond(self, figure: int) -> float:
        """How far a figure is below the primer's least (to -1) or above its most (to 1)."""
        now, least, most = self.figures[figure], self.least[figure], self.most[figure]
        return rise(now - most, *ABOVE[figure]) - rise(least - now, *BELOW[figure])


def _running_mean(values: np.ndarray) -> list[float]:
    """The mean of the last notes, at first and after each."""
    if not len(values):
        return []
    result = [float(values[:RECENT_NOTES].mean())]
    for value in values.tolist():
        result.append(result[-1] + (value - result[-1]) / RECENT_NOTES)
    return result


def _rates(onset: np.ndarray, end: int, rate: float) -> list[float]:
    """Notes a second (log2) of the last seconds, before and after each of the notes and at the end."""
    result = []
    for steps in np.diff(onset, append=end).tolist():
        rate += 1 / RECENT_SECONDS
        result.append(math.log2(rate))
        rate *= math.exp(-steps * STEP_SECONDS / RECENT_SECONDS)
        result.append(math.log2(max(rate, SPARSEST)))
    return result
