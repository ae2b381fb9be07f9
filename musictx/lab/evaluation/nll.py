"""Negative log-likelihood of real music under a model, and the sums that every table is made of.

Convention ``perf388``: the sustain pedal is part of the note ends, pieces are cut into consecutive chunks
of a given number of tokens, the context is reset at each chunk, every token counts once, START is the only
special token (before the first event of a piece). Figures are nats per token, and nats per note: the whole
loss over the number of NOTE_ONs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from musictx.corpus import Chunk, Corpus, consecutive_chunks
from musictx.events import NOTE_OFF, TIME_SHIFT, VELOCITY

EVENT_TYPES = ("NOTE_ON", "NOTE_OFF", "TIME_SHIFT", "VELOCITY")
_TYPE_STARTS = np.array([NOTE_OFF, TIME_SHIFT, VELOCITY])


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
