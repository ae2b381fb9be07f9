"""What a run learns from and what it is judged by: a protocol each, and both for corpora of performances."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Protocol

import numpy as np

from musictx.corpus import BatchSource, Chunk, Corpus, consecutive_chunks
from musictx.errors import MusictxError
from musictx.evaluation.nll import chunk_losses
from musictx.model import MusicTransformer
from musictx.training.config import TrainingConfig

IGNORED = -100  # a target that does not count: padding


class Source(Protocol):
    """Batches of training data, each a function of its step alone, so that nothing of it must be saved.

    Attributes
    ----------
    size : int
        Rows of a batch, over all devices.
    """

    size: int

    def batch(self, step: int, first: int = 0, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets [shape=(count, length)] of some rows, all by default; padding is `IGNORED`."""

    def tokens(self, step: int) -> int:
        """Targets that count in the whole batch of a step."""

    def fingerprint(self) -> str:
        """What tells this data from other data."""


# A model's loss (nats per token) on each of some named parts of held-out music.
Judge = Callable[[MusicTransformer], dict[str, float]]


def sources(train: Corpus | Source, config: TrainingConfig, length: int) -> tuple[Source, Source]:
    """What a run draws its batches from, and what it does while the curriculum has them short.

    Of performances these are windows of `length` tokens, and twice as many of half that length.
    """
    if not isinstance(train, Corpus):
        if config.curriculum:
            raise MusictxError("curriculum shortens windows of performances; other music is taken as it is")
        return train, train
    how: dict[str, Any] = {
        "seed": config.seed,
        "augmentation": config.augmentation,
        "balance": config.mix == "folders",
    }
    short = BatchSource(train, length=max(1, length // 2), batch=2 * config.batch, **how)
    return BatchSource(train, length=length, batch=config.batch, **how), short


def judge_by(corpora: Mapping[str, Corpus], length: int, most: int) -> Judge:
    """A judge by the mean loss of each corpus over a number of chunks, spread over its pieces."""

    def judge(model: MusicTransformer) -> dict[str, float]:
        results = {}
        for name, corpus in corpora.items():
            losses = [x for _, x in chunk_losses(model, spread_chunks(corpus, length, most))]
            results[name] = float(np.concatenate(losses).mean())
        return results

    return judge


def spread_chunks(corpus: Corpus, length: int, most: int) -> Iterator[Chunk]:
    """Full chunks, at most `count`, spread evenly over a corpus; shorter ones if there are no full ones."""
    full = int(((corpus.ends - corpus.starts) // length).sum())
    stride = math.ceil((full or len(corpus)) / most)
    return islice(consecutive_chunks(corpus, length, full_only=full > 0), 0, None, stride)
