"""Decoding steps compiled to machine code, in float32 or with 8-bit weights, on a processor. Needs numba.

One token streams every weight through the processor once; for the shipped models that takes about a
millisecond, and calling PyTorch's operations one by one takes as much again. Here a step is one call,
which holds no Python lock while it runs, so that models that play at once share the cores.
The arithmetic is that of `musictx.model` and `musictx.model.attention`; tests hold them together.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from musictx.compiled import call
from musictx.model import MusicTransformer
from musictx.model.config import ACTIVATIONS
from musictx.sampling import kernels as engine_kernels
from musictx.sampling.kernels import Matrix, Norm

_NOTHING = np.zeros(0, np.float32)


def engine_for(model: MusicTransformer, *, int8: bool = False) -> Engine | None:
    """The engine that does a model's steps, or None if PyTorch does them.

    The rule: an engine, if numba is installed, the model is in float32 on a processor, and the kernels
    know its position scheme.
    """
    weight = model.head.weight
    if engine_kernels.njit is None or weight.device.type != "cpu" or weight.dtype != torch.float32:
        return None
    if not model.positions.engine_supports:
        return None
    if not int8:
        return Engine(model, int8)
    weights = list(model.parameters())
    if any(weight.is_inference() for weight in weights):  # nobody counts how often these were changed
        return Engine(in_8_bits(model), int8)
    # Fused optimisers change weights without counting it: their sums tell that they were changed.
    state = [(weight.data_ptr(), weight._version, weight.detach().sum().item()) for weight in weights]
    before = _engines.get(model)
    if before is None or before[0] != state:
        before = _engines[model] = state, Engine(in_8_bits(model), int8)
    return before[1]


_engines: WeakKeyDictionary[MusicTransformer, tuple[Any, Engine]] = WeakKeyDictionary()  # of 8 bits


def in_8_bits(model: MusicTransformer) -> MusicTransformer:
    """A copy of a model with the weights of its file for the browser, so that a seed plays alike in both.

    Linear maps are whole numbers of 8 bits with a scale a row, everything else that was learned is in half
    precision.
    """
    with torch.inference_mode(False), torch.no_grad():
        rounded = copy.deepcopy(model)
        linear = {id(layer.weight) for layer in rounded.modules() if isinstance(layer, nn.Linear)}
        for weight in rounded.parameters():
            if id(weight) in linear:
                whole, scale = round_to_8_bits(weight)
                weight.copy_(whole * scale[:, None])
            else:
                weight.copy_(weight.half())
    return rounded


class Engine:
    """A model's weights as the kernels read them. It knows of no sequences: `Steps` does.

    With weights of 8 bits, `model` is one that has them rounded already, for whole passages by PyTorch.

    Parameters
    ----------
    model : MusicTransformer
    int8 : bool
        Round the weights of each output to 8 bits with a scale of its own. It moves the shipped models' NLL
        of the shipped primers by at most 0.001 nats, up or down.
    """

    def __init__(self, model: MusicTransformer, int8: bool):
        self.model, config = model, model.config
        self.config, self.positions = config, model.positions
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
        self.rule = ACTIVATIONS.index(config.activation), config.window or 2**62


class Steps:
    """An engine at work on the keys and values of some sequences, which it reads and writes in place.

    Parameters
    ----------
    engine : Engine
    stored : sequence of (Tensor, Tensor) [shape=(B · H, capacity, d)]
        Keys and values of each layer.
    """

    def __init__(self, engine: Engine, stored: Sequence[tuple[Tensor, Tensor]]):
        config, self.engine = engine.config, engine
        self.stored = tuple((_array(keys), _array(values)) for keys, values in stored)
        rows, capacity, d = stored[0][0].shape
        terms = engine.positions.terms(0, capacity)
        self.absolute = None if terms.absolute is None else _array(terms.absolute)
        cos, sin = terms.rope_cos_sin or 2 * (torch.zeros(0, d),)
        bias = np.zeros((config.heads, 0), np.float32) if terms.bias is None else _array(terms.bias)
        sizes = (config.width, 3 * config.heads * d, len(engine.layers[0][2][0]), config.heads * d)
        scores = np.empty(max(capacity, d), np.float32)
        batch = rows // config.heads
        self.terms = _array(cos), _array(sin), bias
        self.scratch = (scores, *(np.empty((batch, size), np.float32) for size in sizes))

    def step(self, tokens: Tensor, position: int) -> Tensor:
        """Logits after one more token of each sequence [shape=(B, 1, vocabulary)].

        Parameters
        ----------
        tokens : Tensor [shape=(B, 1), dtype=int64]
        position : int
            Where they stand.
        """
        engine = self.engine
        x = engine.embedding[tokens[:, 0].numpy()]
        if self.absolute is not None:
            x += self.absolute[position]
        logits = np.empty((len(x), len(engine.head[0])), np.float32)
        weights = engine.layers, self.stored, engine.norm, engine.head
        how = self.terms, self.scratch, engine.rule
        call(engine_kernels.step, x, *weights, logits, position, *how)
        return torch.from_numpy(logits)[:, None]


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


def _norm(module: Any) -> Norm:
    eps = np.float32(torch.finfo(torch.float32).eps if module.eps is None else module.eps)
    if isinstance(module, nn.LayerNorm):
        return 1, _array(module.weight), _array(module.bias), eps
    return 2, _array(module.weight), _NOTHING, eps
