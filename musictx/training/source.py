"""What a run learns from and what it is judged by: a protocol each, and both for corpora of performances."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional as F

from musictx.corpus import BatchSource, Chunk, Corpus, consecutive_chunks
from musictx.errors import MusictxError, require
from musictx.losses import chunk_losses
from musictx.model import MusicTransformer
from musictx.training_settings import TrainingConfig

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


def loss_of(
    source: Source, logits: torch.Tensor, targets: torch.Tensor, step: int, first: int
) -> torch.Tensor:
    """What some rows add to the mean loss of a step's batch.

    The rows' negative log-likelihood over all targets of the batch, unless the source has a `loss` of its
    own, with the arguments after `source`.

    Parameters
    ----------
    source : Source
    logits : torch.Tensor [shape=(rows, length, vocabulary)]
    targets : torch.Tensor [shape=(rows, length)]
    step, first : int
        As for `Source.batch`, which gave the rows.
    """
    own = getattr(source, "loss", None)
    if own is not None:
        return own(logits, targets, step, first)
    nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")
    return nats / source.tokens(step)


# A model's loss (nats per token) on each of some named parts of held-out music.
ValidationLoss = Callable[[MusicTransformer], dict[str, float]]


class Curriculum:
    """What a run draws its batches from: windows that grow from stage to stage, at last to the context.

    Parameters
    ----------
    train : Corpus or Source
    config : TrainingConfig
    length : int
        Tokens in the windows of the last stage, of which `config.batch` are drawn; of shorter ones more, so
        that a batch has about as many tokens in every stage.
    """

    def __init__(self, train: Corpus | Source, config: TrainingConfig, length: int):
        lengths = [*(tokens for tokens, _ in config.curriculum), length]
        self.ends = list(accumulate(share for _, share in config.curriculum))  # shares of the budget
        if not isinstance(train, Corpus):
            if config.curriculum:
                raise MusictxError(
                    "curriculum shortens windows of performances; other music is taken as it is"
                )
            self.stages: list[Source] = [train]
            return
        for tokens in lengths[:-1]:
            require(tokens <= length, "curriculum: tokens", tokens, f"be at most the context, {length}")
        named = {"folders": [1.0] * train.folders, "tokens": None}
        mix: Sequence[float] | None = named[config.mix] if isinstance(config.mix, str) else config.mix
        self.stages = [
            BatchSource(
                train,
                length=tokens,
                batch=config.batch * round(length / tokens),
                seed=config.seed,
                augmentation=config.augmentation,
                mix=mix,
            )
            for tokens in lengths
        ]

    def at(self, share: float) -> Source:
        """The source of batches when a share of the budget is used up."""
        return self.stages[bisect_right(self.ends, share)]

    def fingerprint(self) -> str:
        """What tells this music from other music."""
        return self.stages[-1].fingerprint()


def fingerprints(corpora: Mapping[str, Corpus]) -> dict[str, str]:
    """What tells held-out music from other music, by the names under which a run keeps it."""
    return {f"held out: {name}": corpus.fingerprint() for name, corpus in corpora.items()}


def make_validation(corpora: Mapping[str, Corpus], length: int, max_chunks: int) -> ValidationLoss:
    """A judge by the mean loss of each corpus over a number of chunks, spread over its pieces."""

    def judge(model: MusicTransformer) -> dict[str, float]:
        results = {}
        for name, corpus in corpora.items():
            losses = [x for _, x in chunk_losses(model, spread_chunks(corpus, length, max_chunks))]
            results[name] = float(np.concatenate(losses).mean())
        return results

    return judge


def spread_chunks(corpus: Corpus, length: int, max_chunks: int) -> Iterator[Chunk]:
    """At most `max_chunks` chunks, spread evenly over a corpus: full ones, or as many of the longest."""
    sizes = (corpus.ends - corpus.starts).tolist()
    lengths = np.array([min(length, size - at) for size in sizes for at in range(0, size, length)])
    count = max(int((lengths == length).sum()), min(max_chunks, len(lengths)))
    longest = np.sort(np.argsort(-lengths, kind="stable")[:count])
    chosen = set(longest[np.linspace(0, count - 1, min(count, max_chunks)).round().astype(int)].tolist())
    return (chunk for k, chunk in enumerate(consecutive_chunks(corpus, length)) if k in chosen)
