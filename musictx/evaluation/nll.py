"""Negative log-likelihood of real music under a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from torch.nn import functional as F

from musictx.corpus import Chunk
from musictx.events import PAD


def chunk_losses(
    model: torch.nn.Module, chunks: Iterable[Chunk], *, batch: int = 8
) -> Iterator[tuple[Chunk, np.ndarray]]:
    """Loss of every target of every chunk.

    Parameters
    ----------
    model : MusicTransformer
    chunks : iterable of Chunk
        As `musictx.corpus.consecutive_chunks` yields them.
    batch : int
        Chunks computed at once.

    Yields
    ------
    chunk : Chunk
    losses : np.ndarray [shape=(len(chunk.targets),), dtype=float32]
        Nats.
    """
    device = next(model.parameters()).device
    chunks = iter(chunks)
    was_training = model.training
    model.eval()
    try:
        while group := list(islice(chunks, batch)):
            longest = max(len(c.targets) for c in group)
            inputs = torch.full((len(group), longest), PAD)
            targets = torch.full((len(group), longest), PAD)
            for row, chunk in enumerate(group):
                inputs[row, : len(chunk.inputs)] = torch.from_numpy(chunk.inputs)
                targets[row, : len(chunk.targets)] = torch.from_numpy(chunk.targets)
            with torch.inference_mode():
                logits = model(inputs.to(device)).float()
                losses = F.cross_entropy(logits.flatten(0, 1), targets.to(device).flatten(), reduction="none")
            table = losses.view(len(group), longest).cpu().numpy()
            for row, chunk in enumerate(group):
                yield chunk, table[row, : len(chunk.targets)]
    finally:
        model.train(was_training)
