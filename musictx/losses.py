"""The loss of every event of real music under a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from musictx.corpus import Chunk
from musictx.errors import require
from musictx.events import PAD

PRECISIONS = ("float32", "bfloat16")


def computing_in(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Context in which a model computes in float32, or in bfloat16 where that is safe (autocast)."""
    require(precision in PRECISIONS, "precision", precision, f"be one of {', '.join(PRECISIONS)}")
    return nullcontext() if precision == "float32" else torch.autocast(device.type, torch.bfloat16)


def _groups(chunks: Iterable[Chunk], tokens_at_once: int) -> Iterator[list[Chunk]]:
    """Chunks to compute together: as many as `tokens_at_once` allows with padding, and one at least."""
    group: list[Chunk] = []
    widest = 0
    for chunk in chunks:
        widest = max(widest, len(chunk.targets))
        if group and widest * (len(group) + 1) > tokens_at_once:
            yield group
            group, widest = [], len(chunk.targets)
        group.append(chunk)
    if group:
        yield group


def chunk_losses(
    model: torch.nn.Module, chunks: Iterable[Chunk], *, tokens_at_once: int = 8192, precision: str = "float32"
) -> Iterator[tuple[Chunk, np.ndarray]]:
    """Loss of every target of every chunk.

    Parameters
    ----------
    model : MusicTransformer
    chunks : iterable of Chunk
        As `musictx.corpus.consecutive_chunks` yields them.
    tokens_at_once : int
        With padding: it bounds the memory at every length.
    precision : {"float32", "bfloat16"}
        The loss itself is always computed in float32.

    Yields
    ------
    chunk : Chunk
    losses : np.ndarray [shape=(len(chunk.targets),), dtype=float32]
        Nats.
    """
    device = next(model.parameters()).device
    for group in _groups(chunks, tokens_at_once):
        inputs, targets = (
            pad_sequence([torch.from_numpy(x) for x in each], batch_first=True, padding_value=PAD).to(device)
            for each in zip(*((chunk.inputs, chunk.targets) for chunk in group), strict=True)
        )
        with torch.inference_mode(), computing_in(precision, device):
            logits = model(inputs).float()
        losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        for chunk, row in zip(group, losses.view_as(targets).cpu().numpy(), strict=True):
            yield chunk, row[: len(chunk.targets)]
