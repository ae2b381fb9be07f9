"""Decoding steps compiled to machine code, in float32 or with 8-bit weights, on a processor. Needs numba.

One token streams every weight through the processor once; for the shipped models that takes about a
millisecond, and calling PyTorch's operations one by one takes as much again. Here a step is one call,
which holds no Python lock while it runs, so that models that play at once share the cores.
The arithmetic is that of `musictx.model` and `musictx.model.attention`; tests hold them together.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from musictx.sampling import kernels as engine_kernels
from musictx.sampling.kernels import Matrix, Norm

if TYPE_CHECKING:
    from musictx.model import MusicTransformer
    from musictx.sampling.cache import Cache

_ACTIVATIONS = ("gelu", "relu", "relu_squared", "swiglu")
_NOTHING = np.zeros(0, np.float32)


def engine_for(model: MusicTransformer, cache: Cache, *, int8: bool = False) -> Engine | None:
    """The engine that does the steps of a cache, or None if PyTorch does them.

    The rule: an engine, if numba is installed and the model is in float32 on a processor.
    """
    weight = model.head.weight
    if engine_kernels.njit is None or weight.device.type != "cpu" or weight.dtype != torch.float32:
        return None
    return Engine(model, cache, int8)


class Engine:
    """Does the steps of the sequences of a cache; keys and values are the cache's.

    Parameters
    ----------
    model : MusicTransformer
    cache : Cache
    int8 : bool
        Round the weights of each output to 8 bits with a scale of its own. It moves the shipped models' NLL
        of the shipped primers by at most 0.001 nats, up or down.
    """

    def __init__(self, model: MusicTransformer, cache: Cache, int8: bool):
        config = model.config
        self.cache, self.config = cache, config
        slope = getattr(model.positions, "slope", None)
        self.slope = np.zeros(config.heads, np.float32) if slope is None else _array(slope)
        self.embedding, self.norm = _array(model.embedding.weight), _norm(model.norm)
        self.head = _weights(model.head, int8)
        none = np.zeros((config.heads, 0, config.head_width), np.float32)
        layers: list[tuple[Any, ...]] = []
        layer: Any
        for i, layer in enumerate(model.layers):
            attention, feed_forward = layer.attention, layer.feed_forward
            linear = (attention.qkv, attention.out, feed_forward.up, feed_forward.down)
            norms = (_norm(layer.attention_norm), _norm(layer.feed_forward_norm))
            table = model.positions.table(i)
            weights = (_weights(x, int8) for x in linear)
            layers.append((*weights, *norms, none if table is None else _array(table)))
        self.layers = tuple(layers)
        self.rule = (
            config.norm_placement == "pre",
            _ACTIVATIONS.index(config.activation),
            config.beyond == "clamp",
            config.window or 2**62,
        )
        self.seen: Tensor | None = None

    def step(self, tokens: Tensor, position: int) -> Tensor:
        """Logits [shape=(B, 1, vocabulary)] after one more token each [shape=(B, 1)], at `position`."""
        if self.seen is not self.cache.layers[0].keys:
            self._look()
        x = self.embedding[tokens[:, 0].numpy()]
        if self.added is not None:
            x += self.added[position]
        logits = np.empty((len(x), len(self.head[0])), np.float32)
        turn = self.cos[position], self.sin[position]
        ends = self.norm, self.head, logits
        _run(x, self.layers, self.stored, *ends, position, *turn, self.slope, *self.scratch, *self.rule)
        return torch.from_numpy(logits)[:, None]

    def _look(self) -> None:
        """Look at the cache's memory: it is another one after the cache has grown or was repeated."""
        cache, config = self.cache, self.config
        self.seen = cache.layers[0].keys
        self.stored = tuple((_array(layer.keys), _array(layer.values)) for layer in cache.layers)
        self.added = None if cache.added is None else _array(cache.added)
        turn = cache.order.rotation
        none = np.zeros((cache.capacity, 0), np.float32)
        self.cos: np.ndarray
        self.sin: np.ndarray
        self.cos, self.sin = (none, none) if turn is None else (_array(turn[0]), _array(turn[1]))
        batch, d = len(self.seen) // config.groups, config.head_width
        sizes = (
            config.width,
            (config.heads + 2 * config.groups) * d,
            len(self.layers[0][2][0]),
            config.heads * d,
        )
        scores = np.empty(max(cache.capacity, d), np.float32)
        self.scratch = (scores, *(np.empty((batch, size), np.float32) for size in sizes))


def _run(*arguments: Any) -> None:
    """``engine_kernels.step``, on a full disk too, where numba compiles a kernel but fails to keep it."""
    for _ in range(20):  # more than there are kernels: each is in memory after it has failed once
        with suppress(OSError):
            return engine_kernels.step(*arguments)
    return engine_kernels.step(*arguments)


def _weights(linear: nn.Linear, int8: bool) -> Matrix:
    """A matrix and a scale for each of its rows; no scales if it is as it was."""
    if not int8:
        return _array(linear.weight), _NOTHING
    rounded, scale = round_to_8_bits(linear.weight)
    return _array(rounded), _array(scale)


def round_to_8_bits(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix [shape=(rows, columns)] as whole numbers from -127 to 127, and the scale of each row."""
    weight = weight.detach()
    scale = (weight.abs().amax(1) / 127).clamp_min(1e-30)
    return (weight / scale[:, None]).round().to(torch.int8), scale


def _array(x: Tensor) -> np.ndarray:
    return x.detach().contiguous().numpy()


def _norm(module: nn.Module) -> Norm:
    match module:
        case nn.LayerNorm():
            return 1, _array(module.weight), _array(module.bias), np.float32(module.eps)
        case nn.RMSNorm():
            eps = torch.finfo(torch.float32).eps if module.eps is None else module.eps
            return 2, _array(module.weight), _NOTHING, np.float32(eps)
    return 0, _NOTHING, _NOTHING, np.float32(0)
