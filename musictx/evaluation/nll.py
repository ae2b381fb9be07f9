"""Negative log-likelihood of real music under a model, and the sums that every table is made of.

Convention ``perf388``: the sustain pedal is part of the note ends, pieces are cut into consecutive chunks
of a given number of tokens, the context is reset at each chunk, every token counts once, START is the only
special token (before the first event of a piece). Figures are nats per token, and nats per note: the whole
loss over the number of NOTE_ONs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch.nn import functional as F

from musictx.corpus import Chunk, Corpus, consecutive_chunks
from musictx.errors import require
from musictx.events import NOTE_OFF, PAD, TIME_SHIFT, VELOCITY

EVENT_TYPES = ("NOTE_ON", "NOTE_OFF", "TIME_SHIFT", "VELOCITY")
_TYPE_STARTS = np.array([NOTE_OFF, TIME_SHIFT, VELOCITY])
PRECISIONS = ("float32", "bfloat16")


def computing_in(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Context in which a model computes in float32, or in bfloat16 where that is safe (autocast)."""
    require(precision in PRECISIONS, "precision", precision, f"be one of {', '.join(PRECISIONS)}")
    return nullcontext() if precision == "float32" else torch.autocast(device.type, torch.bfloat16)


def _groups(chunks: Iterable[Chunk], batch: int, tokens_at_once: int | None) -> Iterator[list[Chunk]]:
    """Chunks to compute together: `batch` of them, or as many as `tokens_at_once` allows with padding."""
    group: list[Chunk] = []
    widest = 0
    for chunk in chunks:
        widest = max(widest, len(chunk.targets))
        if tokens_at_once is None:
            crowded = len(group) == batch
        else:
            crowded = widest * (len(group) + 1) > tokens_at_once
        if group and crowded:
            yield group
            group, widest = [], len(chunk.targets)
        group.append(chunk)
    if group:
        yield group


def chunk_losses(
    model: torch.nn.Module,
    chunks: Iterable[Chunk],
    *,
    batch: int = 8,
    tokens_at_once: int | None = None,
    precision: str = "float32",
) -> Iterator[tuple[Chunk, np.ndarray]]:
    """Loss of every target of every chunk.

    Parameters
    ----------
    model : MusicTransformer
    chunks : iterable of Chunk
        As `musictx.corpus.consecutive_chunks` yields them.
    batch : int
        Chunks computed at once.
    tokens_at_once : int, optional
        Instead of `batch`: tokens computed at once, which bounds the memory at every length.
    precision : {"float32", "bfloat16"}
        The loss itself is always computed in float32.

    Yields
    ------
    chunk : Chunk
    losses : np.ndarray [shape=(len(chunk.targets),), dtype=float32]
        Nats.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        for group in _groups(chunks, batch, tokens_at_once):
            longest = max(len(c.targets) for c in group)
            inputs = torch.full((len(group), longest), PAD)
            targets = torch.full((len(group), longest), PAD)
            for row, chunk in enumerate(group):
                inputs[row, : len(chunk.inputs)] = torch.from_numpy(chunk.inputs)
                targets[row, : len(chunk.targets)] = torch.from_numpy(chunk.targets)
            with torch.inference_mode(), computing_in(precision, device):
                logits = model(inputs.to(device)).float()
            losses = F.cross_entropy(logits.flatten(0, 1), targets.to(device).flatten(), reduction="none")
            rows = losses.view(len(group), longest).cpu().numpy()
            for row, chunk in enumerate(group):
                yield chunk, rows[row, : len(chunk.targets)]
    finally:
        model.train(was_training)


def padded_little(corpus: Corpus, length: int) -> Iterator[Chunk]:
    """The chunks of `consecutive_chunks`, the full ones first, then the others by falling length."""
    tails = []
    for chunk in consecutive_chunks(corpus, length):
        if len(chunk.targets) == length:
            yield chunk
        else:
            tails.append(Chunk(chunk.piece, chunk.inputs.copy(), chunk.targets.copy()))
    yield from sorted(tails, key=lambda c: -len(c.targets))


def event_types(tokens: np.ndarray) -> np.ndarray:
    """Number of each event's type in `EVENT_TYPES`."""
    return np.searchsorted(_TYPE_STARTS, tokens, side="right")


class LossTable:
    """Sums of losses by piece, place in the chunk, and event type.

    Parameters
    ----------
    groups : np.ndarray [shape=(pieces,)]
        The unit that each piece of the corpus belongs to, numbered from 0: performances of one
        composition are not independent, so intervals are drawn over units.
    length : int
        Targets in a full chunk.
    bin_width : int
        Places that share a row of the table over positions.

    Attributes
    ----------
    loss, count : np.ndarray [shape=(units, bins)]
        Nats, and events, by unit and place in the chunk.
    type_loss, type_count : np.ndarray [shape=(units, 4)]
        The same by event type.
    full_loss, full_count : np.ndarray [shape=(units,)]
        The same of full chunks only.
    """

    def __init__(self, groups: np.ndarray, length: int, bin_width: int):
        self.groups, self.length, self.bin_width = np.asarray(groups), length, bin_width
        units, bins = int(self.groups.max()) + 1, -(-length // bin_width)
        self.loss, self.count = np.zeros((units, bins)), np.zeros((units, bins))
        self.type_loss, self.type_count = np.zeros((units, 4)), np.zeros((units, 4))
        self.full_loss, self.full_count = np.zeros(units), np.zeros(units)

    def add(self, chunk: Chunk, losses: np.ndarray) -> None:
        """Count a chunk."""
        unit = self.groups[chunk.piece]
        place = np.arange(len(losses)) // self.bin_width
        types = event_types(chunk.targets)
        bins = self.loss.shape[1]
        self.loss[unit] += np.bincount(place, losses, bins)
        self.count[unit] += np.bincount(place, minlength=bins)
        self.type_loss[unit] += np.bincount(types, losses, 4)
        self.type_count[unit] += np.bincount(types, minlength=4)
        if len(losses) == self.length:
            self.full_loss[unit] += losses.sum(dtype=np.float64)
            self.full_count[unit] += len(losses)

    @property
    def notes(self) -> np.ndarray:
        """Notes struck, by unit."""
        return self.type_count[:, 0]

    @property
    def nats_per_token(self) -> float:
        """Mean loss of all events."""
        return float(self.loss.sum() / self.count.sum())
