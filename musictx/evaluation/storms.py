"""Storms: music that has come off its rails into clusters and tremolos that nobody could play."""

from __future__ import annotations

import numpy as np

from musictx.evaluation.structure import mean_polyphony
from musictx.performance import Performance

MOST_NOTES = 40  # in any second
MOST_AT_ONCE = 12.0  # on average, while anything sounds


def densest_second(performance: Performance, seconds: float) -> int:
    """The largest number of notes struck in any whole second."""
    counts = np.histogram(performance.notes["onset"], np.arange(0, max(seconds, 1) + 1))[0]
    return int(counts.max()) if len(counts) else 0


def is_storm(performance: Performance, seconds: float) -> bool:
    """Whether so much is played that it is a storm.

    Parameters
    ----------
    performance : Performance
        From time 0.
    seconds : float
        Its length.

    Returns
    -------
    bool
        More than `MOST_NOTES` in some second, or `MOST_AT_ONCE` at once on average. None of 94 real
        continuations is one.
    """
    at_once = mean_polyphony(performance.notes, 0.0, seconds) if len(performance) else 0.0
    return densest_second(performance, seconds) > MOST_NOTES or at_once > MOST_AT_ONCE
