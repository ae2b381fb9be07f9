"""Relative attention as its papers define it, with its L × L matrices: what the models' is measured by.

`relative_logits_gather`
    The definition, by gathering an embedding for every pair: O(L² d) memory. The reference.
`relative_logits_skew`
    The skew of Huang et al.: one product with the table, then a shift of each row: O(L²) memory.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from musictx.model.attention import hidden
from musictx.model.attention_blocks import table_index

BeyondRule = Literal["clamp", "zero"]


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
    """Relative logits by the skew: multiply by the table once, then move row i left by L - 1 - i.

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
    return scores.masked_fill(hidden(distance, window), float("-inf")).softmax(-1) @ v
