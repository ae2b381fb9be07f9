"""Causal self-attention: one call for every position scheme, and relative attention without an L × L matrix.

Three algorithms compute the relative logits of Shaw et al., ``S[i, j] = q_i · e_(i-j)``:

`relative_logits_gather`
    The definition, by gathering an embedding for every pair: O(L² d) memory. The reference.
`relative_logits_skew`
    The skew of Huang et al.: one product with the table, then a shift of each row: O(L²) memory.
`blockwise_attention`
    What the models run: the skew inside blocks of queries, forward and backward, O(L · block) memory.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from musictx.model import attention_flex
from musictx.model.attention_blocks import BeyondRule, blockwise_attention, table_index


def relative_logits_gather(q: Tensor, table: Tensor, beyond: BeyondRule = "clamp") -> Tensor:
    """Relative logits by their definition: gather one embedding for every query and key.

    Parameters
    ----------
    q : Tensor [shape=(B, H, L, d)]
    table : Tensor [shape=(H, M, d)]
        Row ``r`` is the embedding of the distance ``r`` (query position minus key position).
    beyond : {"clamp", "zero"}
        Distances of M and more use the last row (Shaw et al.), or have the logit 0 (tensor2tensor).

    Returns
    -------
    Tensor [shape=(B, H, L, L)]
        Entries above the diagonal carry no meaning; the causal mask removes them.

    References
    ----------
    Shaw, Uszkoreit, Vaswani, "Self-Attention with Relative Position Representations" (2018), eq. 5.
    """
    length, size = q.shape[2], table.shape[1]
    position = torch.arange(length, device=q.device)
    distance = position[:, None] - position[None, :]
    logits = torch.einsum("bhid,hijd->bhij", q, table[:, table_index(distance, size)])
    return logits.masked_fill(distance >= size, 0.0) if beyond == "zero" else logits


def relative_logits_skew(q: Tensor, table: Tensor, beyond: BeyondRule = "clamp") -> Tensor:
    """Relative logits by the skew: multiply by the table once, then shift row i by i.

    Same parameters and result as `relative_logits_gather`.

    References
    ----------
    Huang et al., "Music Transformer" (2018), section 3.4.1.
    """
    batch, heads, length, _ = q.shape
    distance = torch.arange(length - 1, -1, -1, device=q.device)
    rows = table[:, table_index(distance, table.shape[1])]
    if beyond == "zero":
        rows = rows * (distance < table.shape[1])[:, None]
    padded = F.pad(q @ rows.transpose(-1, -2), (1, 0))  # (B, H, L, 1 + L)
    return padded.view(batch, heads, length + 1, length)[:, :, 1:]


def reference_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    table: Tensor | None = None,
    beyond: BeyondRule = "clamp",
    bias: Tensor | None = None,
    window: int | None = None,
    logits: Literal["gather", "skew"] = "gather",
) -> Tensor:
    """Attention as the formula says it, with all of its L × L matrices; for tests and benchmarks.

    Parameters and result as `blockwise_attention`.
    """
    length, scale = q.shape[2], q.shape[-1] ** -0.5
    scores = q @ k.transpose(-1, -2)
    if table is not None:
        relative = relative_logits_gather if logits == "gather" else relative_logits_skew
        scores = scores + relative(q, table, beyond)
    scores = scores * scale
    position = torch.arange(length, device=q.device)
    distance = position[:, None] - position[None, :]
    if bias is not None:
        scores = scores + bias[:, distance.clamp_min(0)]
    return scores.masked_fill(_hidden(distance, window), float("-inf")).softmax(-1) @ v


def _hidden(distance: Tensor, window: int | None) -> Tensor:
    """Which distances a query does not see."""
    return distance < 0 if window is None else (distance < 0) | (distance >= window)


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    table: Tensor | None,
    beyond: BeyondRule,
    bias: Tensor | None,
    window: int | None,
) -> Tensor:
    """Causal attention from every position, by the fastest exact way.

    The rule: without relative logits, bias or window it is PyTorch's own fused attention, except in
    training in half precision on a CPU; otherwise `flex_attention` where it suits (training on CUDA),
    and `blockwise_attention` everywhere else.

    Parameters
    ----------
    q, k, v : Tensor [shape=(B, H, L, d)]
    table, beyond, bias, window
        As for `blockwise_attention`.

    Returns
    -------
    Tensor [shape=(B, H, L, d)]
    """
    plain = table is None and bias is None and (window is None or window >= q.shape[2])
    if plain and not _blocks_train_faster(q):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    kernel = attention_flex.flex_attention if attention_flex.suits(q) else blockwise_attention
    return kernel(q, k, v, table=table, beyond=beyond, bias=bias, window=window)


def _blocks_train_faster(q: Tensor) -> bool:
    """Whether PyTorch's fused attention, whose backward is slow on a CPU in half precision, loses.

    By measurement, whole training steps: with AMX, blocks are 9 % faster in windows of 512 and as fast in
    windows of 1024; without it (AVX-512), 16 % faster on chorales of about 1000 tokens.
    """
    return q.device.type == "cpu" and q.requires_grad and q.element_size() == 2


def attend_cached(
    q: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    table: Tensor | None,
    beyond: BeyondRule,
    bias: Tensor | None,
    window: int | None,
) -> Tensor:
    """Attention of the last T positions over all keys so far.

    Parameters
    ----------
    q : Tensor [shape=(B, H, T, d)]
    keys, values : Tensor [shape=(B · H, n, d)]
        Of all positions so far, those of the queries last.
    table, beyond, bias, window
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
        relative = products.gather(-1, table_index(distance, size).expand(batch, heads, rows, -1))
        logits += relative.masked_fill_(distance >= size, 0.0) if beyond == "zero" else relative
    if bias is not None:
        logits += bias[:, distance.clamp_min(0)].view(heads, rows, -1)
    if rows > 1:  # the one query of a decoding step sees all of these keys
        logits.masked_fill_(_hidden(distance, window), float("-inf"))
    p = logits.softmax(-1)
    return torch.bmm(p.view(len(keys), rows, -1), values).view(batch, heads, rows, d)
