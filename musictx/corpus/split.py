"""Training and validation parts of a corpus, split by piece."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musictx.corpus.folder import Corpus


def split_sources(corpus: Corpus, groups: Sequence[int], share: float, seed: int) -> tuple[Corpus, Corpus]:
    """Split into training and validation parts, whole groups at a time.

    Parameters
    ----------
    corpus : Corpus
    groups : sequence of int
        The piece that each performance belongs to.
    share : float
        Share of the groups for validation; at least one if there are two.
    seed : int

    Returns
    -------
    train, validation : Corpus
        Validation is empty if there is only one group.
    """
    numbers = np.unique(np.asarray(groups))
    np.random.default_rng(seed).shuffle(numbers)
    count = 0 if len(numbers) < 2 else max(1, round(share * len(numbers)))
    held = np.isin(np.asarray(groups), numbers[:count])
    return corpus.subset(np.flatnonzero(~held)), corpus.subset(np.flatnonzero(held))
