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

    Examples
    --------
    >>> from musictx.corpus import build_corpus, group_pieces, split_sources
    >>> from musictx.shipped import shipped_folder
    >>> corpus = build_corpus([shipped_folder("primers")], "corpus")
    >>> train, validation = split_sources(corpus, group_pieces(corpus), share=0.2, seed=0)
    >>> len(train), len(validation), set(train.names) & set(validation.names)
    (10, 3, set())
    """
    numbers = np.unique(np.asarray(groups))
    np.random.default_rng(seed).shuffle(numbers)
    count = 0 if len(numbers) < 2 else max(1, round(share * len(numbers)))
    held = np.isin(np.asarray(groups), numbers[:count])
    return corpus.subset(np.flatnonzero(~held)), corpus.subset(np.flatnonzero(held))
