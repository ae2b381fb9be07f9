"""The kernels of `musictx.sampling.engine`: one token of each sequence through a model, as machine code.

Arrays are float32 unless said otherwise; everything works in place on memory that the caller gives.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from musictx.compiled import compiled, njit

if njit is not None:  # without it PyTorch does the steps
    from numba import float32, int32

Array = np.ndarray
Matrix = tuple[Array, Array]  # float32 or int8 [shape=(rows, columns)], and a scale a row or nothing
Norm = tuple[int, Array, Array, np.float32]  # kind (1 layer, 2 root mean square), weight, bias, eps
Terms = tuple[Array, Array, Array]  # cosines and sines (a row for each position, or none), biases of distance
Scratch = tuple[Array, Array, Array, Array, Array]  # for scores, and for what goes between a layer's maps
Rule = tuple[int, int]  # number of the activation, window

_POWERS = (2.0 ** np.arange(-64, 1)).astype(np.float32)


# Sums may be reordered, and so vectorised; nothing else is relaxed.
_compiled = partial(compiled, fastmath={"reassoc", "contract", "nsz", "arcp"})


@_compiled
def _product(weights: Matrix, x: Array, y: Array) -> None:
    """``y = x wᵀ`` for the rows of `x`; four rows of the matrix at a time, each read once."""
    w, scale = weights
    rows, columns = w.shape
    for i in range(0, rows - 3, 4):
        for n in range(len(x)):
            a = b = c = d = float32(0)
            for j in range(columns):
                v = x[n, j]
                a += float32(w[i, j]) * v
                b += float32(w[i + 1, j]) * v
                c += float32(w[i + 2, j]) * v
                d += float32(w[i + 3, j]) * v
            y[n, i], y[n, i + 1], y[n, i + 2], y[n, i + 3] = a, b, c, d
    for i in range(rows - rows % 4, rows):
        for n in range(len(x)):
            a = float32(0)
            for j in range(columns):
                a += float32(w[i, j]) * x[n, j]
            y[n, i] = a
    if len(scale):
        for n in range(len(x)):
            for i in range(rows):
                y[n, i] *= scale[i]


@_compiled
def _normalise(x: Array, norm: Norm, y: Array) -> None:
    kind, weight, bias, eps = norm
    size = float32(x.shape[1])
    for n in range(len(x)):
        mean = float32(0)
        if kind == 1:
            for i in range(x.shape[1]):
                mean += x[n, i]
            mean /= size
        square = float32(0)
        for i in range(x.shape[1]):
            square += (x[n, i] - mean) * (x[n, i] - mean)
        factor = float32(1) / math.sqrt(square / size + eps)
        for i in range(x.shape[1]):
            if kind == 1:
                y[n, i] = (x[n, i] - mean) * factor * weight[i] + bias[i]
            else:
                y[n, i] = x[n, i] * factor * weight[i]


@_compiled
def _softmax(s: Array) -> None:
    """In place. The exponential is 2 to a whole number, from a table, times a polynomial of the rest."""
    top = s[0]
    for v in s:
        top = max(top, v)
    total = float32(0)
    for j in range(len(s)):
        t = max((s[j] - top) * float32(1.442695040888963), float32(-60))  # so small that it adds nothing
        whole = min(max(int32(t), int32(-64)), int32(0))  # in the table even if t is no number
        f = t - float32(whole)
        p = float32(1.5403530e-4)
        p = p * f + float32(1.3333558e-3)
        p = p * f + float32(9.6181291e-3)
        p = p * f + float32(5.5504109e-2)
        p = p * f + float32(2.4022651e-1)
        p = p * f + float32(6.9314718e-1)
        s[j] = (p * f + float32(1)) * _POWERS[whole + 64]
        total += s[j]
    scale = float32(1) / total
    for j in range(len(s)):
        s[j] *= scale


@_compiled
def _turn(x: Array, cos: Array, sin: Array, spare: Array) -> None:
    """Rotate halves in place."""
    half = len(cos) // 2
    for c in range(len(cos)):
        spare[c] = x[c] * cos[c] + x[(c + half) % len(cos)] * sin[c]
    for c in range(len(cos)):
        x[c] = spare[c]


@_compiled
def _attend(q: Array, keys: Array, values: Array, table: Array, bias: Array, s: Array, y: Array) -> None:
    """One head's attention of the last position over all keys given."""
    count, d = keys.shape
    size = len(table)
    scale = float32(1) / math.sqrt(float32(d))
    far = max(0, count - size) if size else count
    last = float32(0)
    if size:  # the last row, for all farther distances
        for c in range(d):
            last += q[c] * table[size - 1, c]
    for j in range(count):
        a = float32(0)
        if j < far:
            for c in range(d):
                a += q[c] * keys[j, c]
            a += last
        else:
            row = count - 1 - j
            for c in range(d):
                a += q[c] * (keys[j, c] + table[row, c])
        s[j] = a * scale
    if len(bias):
        for j in range(count):
            s[j] += bias[count - 1 - j]
    _softmax(s[:count])
    for c in range(d):
        y[c] = float32(0)
    for j in range(count):
        p = s[j]
        for c in range(d):
            y[c] += p * values[j, c]


@_compiled
def _activate(x: Array, kind: int) -> None:
    """In place; of a gated activation the result takes the first half."""
    half = x.shape[1] // 2
    for n in range(len(x)):
        if kind == 3:
            for i in range(half):
                x[n, i] *= x[n, half + i] / (float32(1) + math.exp(-x[n, i]))
            continue
        for i in range(x.shape[1]):
            v = x[n, i]
            if kind == 0:
                x[n, i] = float32(0.5) * v * (float32(1) + float32(math.erf(v * float32(0.70710678))))
            else:
                v = max(v, float32(0))
                x[n, i] = v if kind == 1 else v * v


@_compiled
def _attention(
    heads: Array,
    table: Array,
    keys: Array,
    values: Array,
    position: int,
    terms: Terms,
    rule: Rule,
    scores: Array,
    y: Array,
) -> None:
    """Attention of one token of each sequence, from its queries, keys and values [shape=(B, …)]."""
    (cos, sin, bias), (_, window) = terms, rule
    count, d = len(table), table.shape[2]
    first, end = max(0, position + 1 - window), position + 1
    for n in range(len(heads)):
        if len(cos):
            for g in range(2 * count):
                _turn(heads[n, g * d : (g + 1) * d], cos[position], sin[position], scores)
        for a in range(count):
            row, at = n * count + a, (count + a) * d
            for c in range(d):
                keys[row, position, c] = heads[n, at + c]
                values[row, position, c] = heads[n, at + count * d + c]
            _attend(
                heads[n, a * d : (a + 1) * d],
                keys[row, first:end],
                values[row, first:end],
                table[a],
                bias[a],
                scores,
                y[n, a * d : (a + 1) * d],
            )


@_compiled
def _add(x: Array, y: Array) -> None:
    for n in range(len(x)):
        for i in range(x.shape[1]):
            x[n, i] += y[n, i]


@_compiled
def step(
    x: Array,
    layers: tuple[Any, ...],
    stored: tuple[Any, ...],
    norm: Norm,
    head: Matrix,
    logits: Array,
    position: int,
    terms: Terms,
    scratch: Scratch,
    rule: Rule,
) -> None:
    """One token of each sequence through all layers, on the residual streams `x` [shape=(B, width)] in place.

    `layers` holds each layer's matrices, norms and relative embeddings, `stored` its keys and values.
    One call for a whole step: coming back between layers, a thread would have to wait for Python's lock
    each time, behind other lanes and the server.
    """
    scores, h, heads, inner, y = scratch
    for i in range(len(layers)):
        qkv, out, up, down, attention_norm, feed_forward_norm, table = layers[i]
        keys, values = stored[i]
        _normalise(x, attention_norm, h)
        _product(qkv, h, heads)
        _attention(heads, table, keys, values, position, terms, rule, scores, y)
        _product(out, y, h)
        _add(x, h)
        _normalise(x, feed_forward_norm, h)
        _product(up, h, inner)
        _activate(inner, rule[0])
        _product(down, inner, h)
        _add(x, h)
    _normalise(x, norm, h)
    _product(head, h, logits)
