"""Models as ONNX: one graph that takes a primer at once and then a token at a time, for other programs.

Inputs are ``tokens`` [T], ``position`` [] (how many tokens came before) and, for each layer i, the cache:
``keys.i`` and ``values.i`` [key-value heads, capacity, head width]. Outputs are ``logits`` [vocabulary] of
the next token and, for each layer, ``new_keys.i`` and ``new_values.i`` [key-value heads, T, head width],
which the host writes into its arrays at ``position``: no step copies the cache.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from musictx.checkpoint import licence_of
from musictx.errors import MusictxError, require
from musictx.files import writing
from musictx.model import MusicTransformer
from musictx.model.positions import apply_rope

OPSET = 18
CHECKED = 24  # tokens with which a written file is compared with its model
LARGEST = 65_536  # tokens: forty minutes of dense music


class _Step(nn.Module):
    """The model as a pure function of tokens, their position, and keys and values of fixed capacity."""

    def __init__(self, model: MusicTransformer, capacity: int):
        super().__init__()
        self.model, self.capacity = model, capacity
        terms = model.positions.terms(0, capacity)
        self.absolute, self.bias = terms.absolute, terms.bias
        rope_cos_sin: tuple[Tensor | None, Tensor | None] = terms.rope_cos_sin or (None, None)
        self.cos, self.sin = rope_cos_sin

    def forward(self, tokens: Tensor, position: Tensor, *stored: Tensor) -> tuple[Tensor, ...]:
        model, config = self.model, self.model.config
        length, d = tokens.shape[0], config.head_width
        places = position + torch.arange(length)
        x = model.embedding(tokens)
        x = x if self.absolute is None else x + self.absolute[places]
        rope_cos_sin = None if self.cos is None or self.sin is None else (self.cos[places], self.sin[places])
        distance = places[:, None] - torch.cat([torch.arange(self.capacity), places])
        before = (torch.arange(self.capacity) < position).expand(length, -1)
        seen = torch.cat([before, distance[:, self.capacity :] >= 0], 1)
        if config.window is not None:
            seen = seen & (distance < config.window)
        fresh: list[Tensor] = []
        layer: Any
        for i, layer in enumerate(model.layers):
            keys, values = stored[2 * i], stored[2 * i + 1]
            h = layer.attention_norm(x)
            heads = layer.attention.qkv(h).reshape(length, -1, d).transpose(0, 1)  # (3 H, T, d)
            turned, v = apply_rope(heads[: 2 * config.heads], rope_cos_sin), heads[2 * config.heads :]
            q, k = turned[: config.heads] * d**-0.5, turned[config.heads :]
            fresh += [k, v]
            logits = torch.cat([q @ keys.transpose(1, 2), q @ k.transpose(1, 2)], 2)
            for more in (self._relative(i, q, distance), self._bias(distance)):
                logits = logits if more is None else logits + more
            p = logits.masked_fill(~seen, -1e30).softmax(-1)
            y = p[:, :, : self.capacity] @ values + p[:, :, self.capacity :] @ v
            y = layer.attention.out(y.transpose(0, 1).reshape(length, -1))
            x = x + y
            x = x + layer.feed_forward(layer.feed_forward_norm(x))
        return (model.head(model.norm(x[-1])), *fresh)

    def _relative(self, layer: int, q: Tensor, distance: Tensor) -> Tensor | None:
        """What relative embeddings add to the logits [shape=(H, T, capacity + T)]."""
        table = self.model.positions.table(layer)
        if table is None:
            return None
        size = table.shape[1]
        row = distance.clamp(0, size - 1).expand(len(q), -1, -1)
        return (q @ table.transpose(1, 2)).gather(2, row)

    def _bias(self, distance: Tensor) -> Tensor | None:
        """What each distance adds by itself [shape=(H, T, capacity + T)]."""
        return None if self.bias is None else self.bias[:, distance.clamp(0, self.capacity - 1)]


def export_onnx(model: MusicTransformer, path: str | PathLike[str], *, capacity: int = 2048) -> float:
    """Write a model as ONNX, and check the file against it. Needs the extra ``onnx``.

    Parameters
    ----------
    model : MusicTransformer
        In float32.
    path : path
        File to write.
    capacity : int
        Tokens that the cache holds; music does not go on after them.

    Returns
    -------
    float
        The largest difference between logits of the file and of the model.

    Raises
    ------
    MusictxError
        The extra is not installed, the capacity is impossible, or the file cannot be written.
    """
    limit = model.positions.limit
    maximum = limit or LARGEST
    why = ", where the model's positions end" if limit else ""
    words = f"be at least {CHECKED} and at most {maximum}{why}"
    require(CHECKED <= capacity <= maximum, "capacity", capacity, words)
    onnx, _ = _tools()
    config = model.config
    names = [f"{what}.{i}" for i in range(config.layers) for what in ("keys", "values")]
    with torch.inference_mode(False), torch.no_grad(), _quietly():
        shape = config.heads, capacity, config.head_width
        example = (torch.arange(5), torch.tensor(3), *(torch.zeros(shape) for _ in names))
        program = torch.onnx.export(
            _Step(model, capacity).eval(),
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=["tokens", "position", *names],
            output_names=["logits", *(f"new_{name}" for name in names)],
            dynamic_shapes=({0: torch.export.Dim("T", min=1)}, {}, tuple({} for _ in names)),
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    for node in graph.graph.node:
        del node.metadata_props[:]  # where in this computer's files each operation was written
    facts = {"context_length": config.context_length, "capacity": capacity, "licence": licence_of(model.card)}
    for key, value in facts.items():
        graph.metadata_props.append(onnx.StringStringEntryProto(key=key, value=str(value)))
    content = graph.SerializeToString()
    difference = _difference(model, content, capacity, names)
    with writing(path) as stream:
        stream.write(content)
    return difference


@torch.inference_mode()
def _difference(model: MusicTransformer, content: bytes, capacity: int, names: list[str]) -> float:
    """Run a primer and some steps through the file; how far its logits lie from the model's."""
    _, onnxruntime = _tools()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    config = model.config
    shape = config.heads, capacity, config.head_width
    cache = {name: np.zeros(shape, np.float32) for name in names}
    tokens = torch.randint(0, 388, (CHECKED,), generator=torch.Generator().manual_seed(0))
    expected = model(tokens[None])[0].numpy()
    worst, position = 0.0, 0
    for count in (CHECKED // 2, *[1] * (CHECKED - CHECKED // 2)):
        part = tokens[position : position + count].numpy()
        logits, *new = session.run(None, {"tokens": part, "position": np.array(position), **cache})
        for name, rows in zip(names, new, strict=True):
            cache[name][:, position : position + count] = rows
        position += count
        worst = max(worst, float(np.abs(logits - expected[position - 1]).max()))
    return worst


def _tools() -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MusictxError(f"{error.name} is not installed: pip install 'musictx[onnx]'") from None
    return onnx, onnxruntime


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter says about itself."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)
