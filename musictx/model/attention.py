"""Causal self-attention: one call for every position scheme, and relative attention without an L × L matrix.

The relative logits of Shaw et al. are ``S[i, j] = q_i · e_(i-j)``. `musictx.lab.reference_attention` has
them by their definition and by the skew of Huang et al.; the models run `blockwise_attention`, the skew
inside blocks of queries, forward and backward, in O(L · block) memory.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from musictx.model import attention_flex
from musictx.model.attention_blocks import blockwise_attention, table_index


def hidden(distance: Tensor, window: int | None) -> Tensor:
    """Which distances a query does not see."""
    return distance < 0 if window is None else (distance < 0) | (distance >= window)


def attend(
    q: Tensor, k: Tensor, v: Tensor, *, table: Tensor | None, bias: Tensor | None, window: int | None
) -> Tensor:
    """Causal attention from every position, by the fastest exact way.

    The rule: without relative logits, bias or window it is PyTorch's own fused attention, except in
    training in half precision on a CPU; otherwise `flex_attention` where it suits (training on CUDA),
    and `blockwise_attention` everywhere else.

    Parameters
    ----------
    q, k, v : Tensor [shape=(B, H, L, d)]
    table, bias, window
        As for `blockwise_attention`.

    Returns
    -------
    Tensor [shape=(B, H, L, d)]
    """
    plain = table is None and bias is None and (window is None or window >= q.shape[2])
    if plain and not _blocks_train_faster(q):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    kernel = attention_flex.flex_attention if attention_flex.suits(q) else blockwise_attention
    return kernel(q, k, v, table=table, bias=bias, window=window)


def _blocks_train_faster(q: Tensor) -> bool:
    """Whether PyTorch's fused attention, whose backward is slow on a CPU in half precision, loses.

    By measurement, whole training steps: with AMX, blocks are 9 % faster in windows of 512 and as fast in
    windows of 1024; without it (AVX-512), 16 % faster on chorales of about 1000 tokens.
    """
    return q.device.type == "cpu" and q.requires_grad and q.element_size() == 2


def attend_cached(
    q: Tensor, keys: Tensor, values: Tensor, *, table: Tensor | None, bias: Tensor | None, window: int | None
) -> Tensor:
    """Attention of the last T positions over all keys so far.

    Parameters
    ----------
    q : Tensor [shape=(B, H, T, d)]
    keys, values : Tensor [shape=(B · H, n, d)]
        Of all positions so far, those of the queries last.
    table, bias, window
        As for `blockwise_attention`.

    Returns
    -------
    Tensor [shape=(B, H, T, d)]
    """
    batch, heads, rows, d = q.shape
    if window is not None:
        keys, values = (x[:, -(window + rows - 1) :] for x in (keys, values))
    q = q * d**-0.5
    logits = torch.bmm(q.reshape(len(keys), rows, d), keys.mT).view(batch, heads, rows, -1)
    distance = torch.arange(keys.shape[1] - 1, -1, -1, device=q.device)  # of the last query
    if rows > 1:
        distance = distance - torch.arange(rows - 1, -1, -1, device=q.device)[:, None]
    if table is not None:
        size = table.shape[1]
        products = q @ table.mT  # (B, H, T, M)
        logits += products.gather(-1, table_index(distance, size).expand(batch, heads, rows, -1))
    if bias is not None:
        logits += bias[:, distance.clamp_min(0)].view(heads, rows, -1)
    if rows > 1:  # the one query of a decoding step sees all of these keys
        logits.masked_fill_(hidden(distance, window), float("-inf"))
    p = logits.softmax(-1)
    return torch.bmm(p.view(len(keys), rows, -1), values).view(batch, heads, rows, d)
