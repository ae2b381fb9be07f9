"""Models as the browser's engine reads them: one file, in the order in which it is read.

A file begins with the header that `app/static/engine/engine.c` declares, 96 bytes; the tensors follow, each
at a multiple of 16 bytes. With 8 bits, linear maps are whole numbers with a scale a row and everything else
is in half precision; with 32, everything is float32. Angles' frequencies and ALiBi's slopes are float32.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from musictx.errors import MusictxError
from musictx.model import MusicTransformer
from musictx.model.config import ACTIVATIONS
from musictx.model.positions import Formula
from musictx.sampling.engine import round_to_8_bits

_MAGIC = b"musictx1"
_HEADER = struct.Struct("<8s17i2f12x")
_ALIGNMENT = 16
_NORMS = {nn.LayerNorm: 1, nn.RMSNorm: 2}


def web_model(model: MusicTransformer, *, bits: int = 8) -> bytes:
    """Write a model for the browser.

    Parameters
    ----------
    model : MusicTransformer
    bits : int
        Of the linear maps' weights: 8, rounded as `musictx.sampling.engine` rounds them, or 32.

    Returns
    -------
    bytes
        The same ones for the same weights.

    Raises
    ------
    MusictxError
        The model has sizes that the engine does not take.
    """
    config = model.config
    formula = _check(model, bits)
    tables = [model.positions.table(i) for i in range(config.layers)]
    layer: Any = model.layers[0]
    inner = layer.feed_forward.down.in_features
    feed_forward = _up(inner)
    header = _HEADER.pack(
        _MAGIC,
        bits,
        config.vocabulary,
        config.layers,
        config.width,
        config.heads,
        config.heads,  # of keys and values
        feed_forward,
        *(
            0 if part is None else len(part)
            for part in (formula.sinusoids, formula.vectors, formula.rotations, formula.slopes)
        ),
        0 if tables[0] is None else tables[0].shape[1],
        1,  # distances beyond the table use its last row
        config.window or 0,
        _NORMS[type(layer.attention_norm)],
        1,  # norms stand before what they norm
        ACTIVATIONS.index(config.activation),
        formula.gain,
        _epsilon(layer.attention_norm),
    )
    file = _File(bits)
    file.add(header)
    file.plain(formula.sinusoids if formula.rotations is None else formula.rotations)
    file.plain(formula.slopes)
    file.tensor(model.embedding.weight)
    file.tensor(formula.vectors)
    for layer, table in zip(model.layers, tables, strict=True):
        attention, between = layer.attention, layer.feed_forward
        file.norm(layer.attention_norm)
        file.matrix(attention.qkv.weight)
        file.matrix(attention.out.weight)
        file.norm(layer.feed_forward_norm)
        parts = between.up.weight.split(inner)  # two, where the activation is gated
        file.matrix(torch.cat([_widened(part.T, feed_forward).T for part in parts]))
        file.matrix(_widened(between.down.weight, feed_forward))
        file.tensor(None if table is None else table.flip(1))
    file.norm(model.norm)
    file.matrix(model.head.weight)
    return bytes(file.content)


def model_facts(name: str, model: MusicTransformer, content: bytes) -> dict[str, Any]:
    """What a page must know of a model before its file is there.

    Parameters
    ----------
    name : str
        The lane's.
    model : MusicTransformer
    content : bytes
        Its file, as `web_model` wrote it.

    Returns
    -------
    dict
        ``name``; ``bytes`` and ``sha256`` of the file, by which it is known to have arrived whole;
        ``context_length``; ``limit``, the number of positions that the model has (0: no end).
    """
    return {
        "name": name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "context_length": model.config.context_length,
        "limit": model.positions.limit or 0,
    }


class _File:
    def __init__(self, bits: int):
        self.bits, self.content = bits, bytearray()

    def add(self, data: bytes) -> None:
        self.content += data + bytes(-len(data) % _ALIGNMENT)

    def plain(self, x: Tensor | None) -> None:
        if x is not None:
            self.add(_numbers(x, "<f4"))

    def tensor(self, x: Tensor | None) -> None:
        if x is not None:
            self.add(_numbers(x, "<f2" if self.bits == 8 else "<f4"))

    def norm(self, norm: nn.Module) -> None:
        self.tensor(getattr(norm, "weight", None))
        self.tensor(getattr(norm, "bias", None))

    def matrix(self, weight: Tensor) -> None:
        if self.bits == 32:
            self.tensor(weight)
            return
        rounded, scale = round_to_8_bits(weight)
        self.add(_numbers(rounded, "<i1"))
        self.plain(scale)


def _numbers(x: Tensor, kind: str) -> bytes:
    array: np.ndarray = x.detach().cpu().numpy()
    return array.astype(kind).tobytes()


def _widened(weight: Tensor, columns: int) -> Tensor:
    return nn.functional.pad(weight, (0, columns - weight.shape[1]))


def _up(size: int) -> int:
    return math.ceil(size / _ALIGNMENT) * _ALIGNMENT


def _epsilon(norm: Any) -> float:
    return float(torch.finfo(torch.float32).eps if norm.eps is None else norm.eps)


def _check(model: MusicTransformer, bits: int) -> Formula:
    config, formula = model.config, model.positions.formula()
    if bits not in (8, 32):
        raise MusictxError(f"a model for the browser has weights of 8 or 32 bits, not {bits}")
    if formula is None or not model.positions.engine_supports:
        raise MusictxError(f"the browser's engine does not play models with {config.position} positions")
    if config.width % 16 or config.head_width % 8:
        raise MusictxError(
            f"the browser's engine plays models whose width is a multiple of 16 and whose heads have a "
            f"multiple of 8 numbers; this one's width is {config.width}, its heads have {config.head_width}"
        )
    if config.head_width > 256 or config.layers > 64:
        raise MusictxError(
            f"the browser's engine plays models of up to 64 layers with heads of up to 256 numbers; "
            f"this one has {config.layers} layers with heads of {config.head_width}"
        )
    return formula
