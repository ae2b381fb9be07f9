"""The state of decoding: keys and values of every layer, and steps that cost one row of attention a token."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from musictx.model import MusicTransformer
from musictx.model.attention import attend, attend_cached
from musictx.sampling.engine import Steps, engine_for


class LayerCache:
    """Keys and values of one layer: a `musictx.model.transformer.Memory`.

    Parameters
    ----------
    keys, values : Tensor [shape=(B · H, capacity, d)]
        Room for them, which is written over.
    """

    def __init__(self, keys: Tensor, values: Tensor):
        self.keys, self.values = keys, values

    def attend(self, q: Tensor, k: Tensor, v: Tensor, start: int, **options: Any) -> Tensor:
        """Store keys and values [shape=(B, H, T, d)] from `start` on; attend to all up to there."""
        length, d = k.shape[2:]
        end = start + length
        self.keys[:, start:end] = k.reshape(-1, length, d)
        self.values[:, start:end] = v.reshape(-1, length, d)
        if start == 0:
            return attend(q, k, v, **options)
        return attend_cached(q, self.keys[:, :end], self.values[:, :end], **options)


class Cache:
    """The state of decoding some sequences: a `LayerCache` for each layer, and the number of tokens seen.

    Steps of one token each are done by an `Engine` where there is one for the model, and by PyTorch
    otherwise. With 8 bits, an engine has the weights as they were when the cache was made.

    Parameters
    ----------
    model : MusicTransformer
    batch, capacity : int
        Sequences, and positions to make room for at first; more room is made when it is needed.
    int8 : bool
        Where there is an engine, weights are those of 8 bits (see `musictx.sampling.engine.in_8_bits`).
    """

    def __init__(self, model: MusicTransformer, batch: int, capacity: int, *, int8: bool = False):
        self.engine = engine_for(model, int8=int8)
        self.model = self.engine.model if self.engine else model
        self._begin(batch, capacity)

    def _begin(self, batch: int, capacity: int) -> None:
        config, weight = self.model.config, self.model.head.weight
        empty = weight.new_zeros(batch * config.heads, 0, config.head_width)
        self.layers = [LayerCache(empty, empty) for _ in range(config.layers)]
        self.length, self.capacity = 0, 0
        self.steps: Steps | None = None  # the engine's, on the memory as it is now
        self.make_room(min(capacity, self.model.positions.limit or capacity))

    def step(self, tokens: Tensor) -> Tensor:
        """Logits after each of some more tokens.

        Parameters
        ----------
        tokens : Tensor [shape=(B, T), dtype=int64]
            Any number: first a whole primer (prefill), then usually one at a time.

        Returns
        -------
        Tensor [shape=(B, T, vocabulary)]

        Raises
        ------
        MusictxError
            Where learned positions end.
        """
        start, end = self.length, self.length + tokens.shape[1]
        self.make_room(end)
        if self.engine is not None and start > 0 and tokens.shape[1] == 1:
            self.steps = self.steps or Steps(self.engine, [(x.keys, x.values) for x in self.layers])
            logits = self.steps.step(tokens, start)
        else:
            logits = self.model.logits(tokens, self.model.positions.terms(start, end), self.layers)
        self.length = end
        return logits

    def make_room(self, end: int) -> None:
        """Have room for `end` positions: at least twice the room before, so that growing costs little."""
        if end <= self.capacity:
            return
        limit = self.model.positions.limit or math.inf
        room = max(end, int(min(2 * self.capacity, limit))) - self.capacity
        self._replace(lambda x: F.pad(x, (0, 0, 0, room)))
        self.capacity += room

    def repeat(self, times: int) -> None:
        """Make `times` sequences of the one seen so far."""
        self._replace(lambda x: x.repeat(times, 1, 1))

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these sequences only."""
        heads = self.model.config.heads
        self._replace(lambda x: x.unflatten(0, (-1, heads))[rows].flatten(0, 1))

    def sibling(self, batch: int, capacity: int) -> Cache:
        """An empty cache of the same model, which shares the engine's weights."""
        other = copy(self)
        other._begin(batch, capacity)
        return other

    def _replace(self, change: Callable[[Tensor], Tensor]) -> None:
        self.layers = [LayerCache(change(x.keys), change(x.values)) for x in self.layers]
        self.steps = None
