"""Consecutive chunks of pieces, for validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from musictx.corpus.folder import Corpus
from musictx.events import START


@dataclass(frozen=True)
class Chunk:
    """Consecutive tokens of a piece for validation: inputs and the targets one step later."""

    piece: int
    inputs: np.ndarray
    targets: np.ndarray


def consecutive_chunks(corpus: Corpus, length: int) -> Iterator[Chunk]:
    """Cut every piece into consecutive chunks; every event is a target exactly once.

    The first event follows START; each later chunk starts from the last event before it, its only
    context. (Convention ``perf388``, with `length` as the context.)

    Parameters
    ----------
    corpus : Corpus
    length : int
        Targets in a chunk; the last of a piece is shorter.

    Examples
    --------
    >>> from musictx.corpus import build_corpus, consecutive_chunks
    >>> from musictx.shipped import shipped_folder
    >>> corpus = build_corpus([shipped_folder("primers")], "corpus")
    >>> sum(len(chunk.targets) for chunk in consecutive_chunks(corpus, 256)) == corpus.token_count
    True
    """
    for i in range(len(corpus)):
        stream = np.concatenate([[START], corpus.piece(i)]).astype(np.int64)
        for at in range(0, len(stream) - 1, length):
            targets = stream[at + 1 : at + 1 + length]
            yield Chunk(i, stream[at : at + len(targets)], targets)
