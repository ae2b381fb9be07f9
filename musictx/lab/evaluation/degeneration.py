"""Degeneration: notes that pile up so that nobody could play them, or a few keys that are never left."""

from __future__ import annotations

import numpy as np

from musictx.lab.evaluation.structure import mean_polyphony
from musictx.performance import Performance

MAX_NOTES = 40  # in any second
MAX_AT_ONCE = 12.0  # on average, while anything sounds
STUCK = 2.0  # seconds in which so many notes …
STUCK_NOTES = 8
STUCK_KEYS = 3  # … are struck on no more keys than this


def densest_second(performance: Performance, seconds: float) -> int:
    """The largest number of notes struck in any whole second."""
    counts = np.histogram(performance.notes["onset"], np.arange(0, max(seconds, 1) + 1))[0]
    return int(counts.max()) if len(counts) else 0


def is_degenerate(performance: Performance, seconds: float) -> bool:
    """Whether notes pile up.

    Parameters
    ----------
    performance : Performance
        From time 0.
    seconds : float
        Its length.

    Returns
    -------
    bool
        More than `MAX_NOTES` in some second, or `MAX_AT_ONCE` at once on average. Five of 74 real
        continuations of a minute do.
    """
    at_once = mean_polyphony(performance.notes, 0.0, seconds) if len(performance) else 0.0
    return densest_second(performance, seconds) > MAX_NOTES or at_once > MAX_AT_ONCE


def stuck_share(performance: Performance, seconds: float) -> float:
    """How much of the time the same few keys are struck again and again.

    Parameters
    ----------
    performance : Performance
        From time 0.
    seconds : float
        Its length.

    Returns
    -------
    float
        Of the spans of `STUCK` s (one begins each half second) with `STUCK_NOTES` notes or more, the
        share with at most `STUCK_KEYS` different pitches; 0 if there is none. In 40 minutes of real music,
        of as many pieces, it is 0.001.
    """
    onset, pitch = performance.notes["onset"], performance.notes["pitch"]
    spans = [
        pitch[(onset >= start) & (onset < start + STUCK)]
        for start in np.arange(0, seconds - STUCK + 1e-6, 0.5)
    ]
    found = [len(set(keys)) <= STUCK_KEYS for keys in spans if len(keys) >= STUCK_NOTES]
    return float(np.mean(found)) if found else 0.0
