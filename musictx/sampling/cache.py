"""The state of decoding: keys and values of every layer, and what a step needs of weights and positions."""

from __future__ import annotations

import math
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musictx.model import ModelConfig, MusicTransformer
from musictx.sampling.engine import engine_for


def lean(module: nn.Module) -> Any:
    """The forward of a module in evaluation, without what `nn.Module` does around each call.

    Calling modules and looking up their attributes costs as much as a third of a decoding step. So
    here every `self` is a plain namespace with the same attributes, its children made lean likewise.
    """
    match module:
        case nn.Linear(weight=weight, bias=bias):
            return lambda x: F.linear(x, weight, bias)
        case nn.LayerNorm(normalized_shape=shape, weight=weight, bias=bias, eps=eps):
            return lambda x: torch.layer_norm(x, shape, weight, bias, eps)
        case nn.RMSNorm(normalized_shape=shape, weight=weight, eps=eps):
            return lambda x: torch.rms_norm(x, shape, weight, eps)
        case nn.Dropout() | nn.Identity():
            return lambda x: x
        case nn.ModuleList():
            return [lean(child) for child in module]
    own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    children = {name: lean(child) for name, child in module.named_children()}
    return partial(type(module).forward, SimpleNamespace(**own, **children))


class LayerCache:
    """Keys and values of one layer, kept so that each new token costs one row of attention.

    The relative table is laid out by falling distance, in the order in which a step meets the keys.

    Parameters
    ----------
    config : ModelConfig
    batch, capacity : int
        Sequences, and positions to make room for.
    like : Tensor
        For device and dtype.
    table : Tensor [shape=(H, M, d)], optional
        Relative embeddings.
    """

    def __init__(self, config: ModelConfig, batch: int, capacity: int, like: Tensor, table: Tensor | None):
        rows = batch * config.groups
        self.keys = like.new_zeros(rows, capacity, config.head_width)
        self.values = like.new_zeros(rows, capacity, config.head_width)
        self.falling = None if table is None else table.flip(1).transpose(1, 2).contiguous()

    def append(self, k: Tensor, v: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Store keys and values [shape=(B, G, T, d)] at `start`; return all up to there.

        As `attend_cached` takes them: keys [shape=(B · G, d, n)] and values [shape=(B · G, n, d)].
        """
        length, d = k.shape[2:]
        self.keys.narrow(1, start, length).copy_(k.reshape(-1, length, d))
        self.values.narrow(1, start, length).copy_(v.reshape(-1, length, d))
        end = start + length
        return self.keys.narrow(1, 0, end).mT, self.values.narrow(1, 0, end)


class Cache:
    """The state of decoding: a `LayerCache` for each layer and the number of tokens seen.

    What a step needs of weights and positions is laid out here once: a cache belongs to the weights
    as they were when it was made.

    Parameters
    ----------
    model : MusicTransformer
    batch, capacity : int
        Sequences, and positions to make room for at first; more room is made when it is needed.
    int8 : bool
        An engine's steps read weights of 8 bits (see `musictx.sampling.engine`).
    """

    def __init__(self, model: MusicTransformer, batch: int, capacity: int, *, int8: bool = False):
        self.positions, self.like = model.positions, model.head.weight
        self.length, self.capacity = 0, 0
        self.parts = lean(model.layers), lean(model.norm), lean(model.head)
        tables = [model.positions.table(i) for i in range(model.config.layers)]
        self.layers = [LayerCache(model.config, batch, 0, self.like, table) for table in tables]
        self.make_room(min(capacity, model.positions.limit or capacity))
        self.engine = engine_for(model, self, int8=int8)

    def make_room(self, end: int) -> None:
        """Have room for `end` positions: at least twice the room before, so that growing costs little."""
        if end <= self.capacity:
            return
        limit = self.positions.limit or math.inf
        self.capacity = max(end, int(min(2 * self.capacity, limit)))
        self.added = self.positions.added(0, self.capacity, self.like)
        self.order = self.positions.order(0, self.capacity, self.like)
        for layer in self.layers:
            room = self.capacity - layer.keys.shape[1]
            layer.keys = F.pad(layer.keys, (0, 0, 0, room))
            layer.values = F.pad(layer.values, (0, 0, 0, room))

    def repeat(self, times: int) -> None:
        """Make `times` sequences of the one seen so far."""
        for layer in self.layers:
            layer.keys = layer.keys.repeat(times, 1, 1)
            layer.values = layer.values.repeat(times, 1, 1)
