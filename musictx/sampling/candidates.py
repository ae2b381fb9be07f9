"""Candidates: a few seconds drawn several times side by side, the one that fits best kept and gone on from.

What fits best is told by the model itself: which notes does all that was played make likelier than the
last few tokens alone would, and how likely is the whole. So a candidate that takes up the theme is
preferred to one that goes on just as smoothly with something else.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from musictx.sampling.draws import Draws

SEGMENT = 96  # tokens drawn before a candidate is kept: two to three seconds of music


def best_candidate(fit: np.ndarray, likelihood: np.ndarray) -> int:
    """The candidate that fits the primer and is likely.

    Parameters
    ----------
    fit : np.ndarray [shape=(candidates,)]
        Nats per note that the whole context adds to the short one.
    likelihood : np.ndarray [shape=(candidates,)]
        Nats per token, negative.

    Returns
    -------
    int
        The largest sum of the two, each in standard deviations over the candidates.
    """
    total = np.zeros(len(fit))
    for figure in (fit, likelihood):
        spread = figure.std()
        total += (figure - figure.mean()) / spread if spread > 0 else 0.0
    return int(total.argmax())


def draw_best(draws: Draws, variations: int, max_tokens: int | None = None) -> Iterator[np.ndarray]:
    """Draw tokens of several variations, each the best of its candidates from segment to segment.

    Parameters
    ----------
    draws : Draws
        Its rows are the candidates of the first variation, then of the second, and so on.
    variations : int
    max_tokens : int, optional
        Stop after so many; without it, until every variation has ended.

    Yields
    ------
    np.ndarray [shape=(variations,), dtype=int64]
        The next token of each; those of a segment come together, once it is chosen.
    """
    made, rows = 0, np.arange(len(draws.ended)).reshape(variations, -1)
    while max_tokens is None or made < max_tokens:
        segment = []
        for _ in range(SEGMENT if max_tokens is None else min(SEGMENT, max_tokens - made)):
            segment.append(draws.draw())
            if draws.ended.all():
                break
        fit, likelihood = draws.fit()
        best = np.array([own[best_candidate(fit[own], likelihood[own])] for own in rows])
        yield from np.array(segment)[:, best]
        made += len(segment)
        if draws.ended[best].all():
            return
        draws.keep(np.repeat(best, rows.shape[1]))
