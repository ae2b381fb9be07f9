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

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

BeyondRule = Literal["clamp", "zero"]


def table_index(distances: Tensor, size: int) -> Tensor:
    """Row of a relative table of `size` rows for each distance; the future (negative) reads row 0."""
    return distances.clamp(0, size - 1)


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
    key_bias: Tensor | None = None,
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
    if key_bias is not None:
        scores = scores + key_bias[:, None, :]
    position = torch.arange(length, device=q.device)
    distance = position[:, None] - position[None, :]
    hidden = distance < 0 if window is None else (distance < 0) | (distance >= window)
    return scores.masked_fill(hidden, float("-inf")).softmax(-1) @ v


class _Band:
    """A relative table laid out by falling distance, M + w - 2 … -(w - 1), for blocks of w queries.

    Every block's band of distances is then a slice. What the rule says of distances beyond the table
    is built in here; the future reads row 0, which the causal mask hides.
    """

    def __init__(self, table: Tensor, beyond: BeyondRule, block: int, dtype: torch.dtype):
        self.size, self.block = table.shape[1], block
        distance = torch.arange(self.size + block - 2, -block, -1, device=table.device)
        self.index = table_index(distance, self.size)
        self.valid = None if beyond == "clamp" else (distance < self.size)[:, None]
        rows = table.to(dtype)[:, self.index]
        self.rows = rows if self.valid is None else rows * self.valid  # (H, M + 2w - 2, d)
        self.clamped = beyond == "clamp"

    def slice(self, largest: int, smallest: int) -> slice:
        """Rows of the distances `largest` down to `smallest`."""
        top = self.size + self.block - 2
        return slice(top - largest, top - smallest + 1)

    def to_table(self, d_rows: Tensor) -> Tensor:
        """Gradient of the table from the gradient of the rows."""
        d_table = d_rows.new_zeros(d_rows.shape[0], self.size, d_rows.shape[2])
        return d_table.index_add_(1, self.index, d_rows if self.valid is None else d_rows * self.valid)


class _Block:
    """The queries [start, end) of one sequence against every key that they may see, [low, end).

    With w queries, the logits of keys nearer than the table's end come from the product P of the
    queries with the band of the distances end-1-near … -(w-1), W of them: the logit of row i and key
    near + j stands at P[i, w-1-i+j], which in flat memory is w-1 + i·(W-1) + j. So it is a strided
    view of P, and the skew costs nothing. Keys that are at least M away from every query of the block
    share one embedding, so their relative logit is one number a row.
    """

    def __init__(self, start: int, end: int, band: _Band | None, window: int | None):
        self.start, self.end, self.band, self.window = start, end, band, window
        self.low = 0 if window is None else max(0, start - window + 1)
        self.rows, self.columns = end - start, end - self.low
        if band is not None:
            near = max(self.low, start - band.size + 1)
            self.far = near - self.low  # so many keys are beyond the table for every row
            self.distances = band.slice(end - 1 - near, -(self.rows - 1))
            self.last = band.slice(band.size - 1, band.size - 1)

    def _skewed(self, products: Tensor) -> Tensor:
        """The band products (H, w, W) seen as logits (H, w, n - far)."""
        heads, rows, width = products.shape
        return products.as_strided(
            (heads, rows, self.columns - self.far), (rows * width, width - 1, 1), rows - 1
        )

    def probabilities(self, q: Tensor, k: Tensor, key_bias: Tensor | None) -> Tensor:
        """Attention probabilities (H, w, n) of the scaled queries (H, w, d) over the keys (H, n, d)."""
        if self.band is None:
            logits = torch.bmm(q, k.transpose(1, 2))
        else:
            logits = q.new_empty(q.shape[0], self.rows, self.columns)
            products = torch.bmm(q, self.band.rows[:, self.distances].transpose(1, 2))
            logits[..., self.far :] = self._skewed(products)
            if self.far:
                last = self.band.rows[:, self.last].transpose(1, 2)
                logits[..., : self.far] = torch.bmm(q, last) if self.band.clamped else 0.0
            logits.baddbmm_(q, k.transpose(1, 2))
        if key_bias is not None:
            # Less the query's own, which the softmax removes: near keys get small, exact numbers.
            own = key_bias[:, self.start : self.end, None]
            logits += (key_bias[:, None, self.low : self.end] - own).to(logits.dtype)
        self._mask(logits)
        return logits.softmax(-1)

    def _mask(self, logits: Tensor) -> None:
        """Hide the future, which lies in the last w columns, and what the window has left behind."""
        ones = torch.ones(self.rows, self.rows, dtype=torch.bool, device=logits.device)
        logits[..., -self.rows :].masked_fill_(ones.triu(1), float("-inf"))
        if self.window is not None and self.columns > self.window:
            query = torch.arange(self.start, self.end, device=logits.device)
            key = torch.arange(self.low, self.end, device=logits.device)
            logits.masked_fill_(query[:, None] - key[None, :] >= self.window, float("-inf"))

    def relative_backward(self, d_logits: Tensor, q: Tensor, d_rows: Tensor) -> Tensor:
        """Add this block's part to the gradient of the band's rows; return the queries' part (H, w, d)."""
        assert self.band is not None
        width = self.columns - self.far + self.rows - 1
        d_products = d_logits.new_zeros(d_logits.shape[0], self.rows, width)
        self._skewed(d_products).copy_(d_logits[..., self.far :])
        d_rows[:, self.distances] += torch.bmm(d_products.transpose(1, 2), q)
        d_q = torch.bmm(d_products, self.band.rows[:, self.distances])
        if self.far and self.band.clamped:
            d_last = d_logits[..., : self.far].sum(-1, keepdim=True)
            d_rows[:, self.last] += torch.bmm(d_last.transpose(1, 2), q)
            d_q += d_last * self.band.rows[:, self.last]
        return d_q


class _Blockwise(torch.autograd.Function):
    """Forward and backward of `blockwise_attention`.

    One sequence and one block of queries at a time, so that every intermediate stays in the
    processor's cache. The backward computes the probabilities again instead of storing them.
    """

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        table: Tensor | None,
        key_bias: Tensor | None,
        beyond: BeyondRule,
        window: int | None,
        block: int,
    ) -> Tensor:
        out = torch.empty_like(q)
        scale = q.shape[-1] ** -0.5
        blocks, _ = _plan(q, table, beyond, window, block)
        for out_i, q_i, k_i, v_i in zip(out, q * scale, k, v, strict=True):
            for b in blocks:
                keys = slice(b.low, b.end)
                probabilities = b.probabilities(q_i[:, b.start : b.end], k_i[:, keys], key_bias)
                out_i[:, b.start : b.end] = torch.bmm(probabilities, v_i[:, keys])
        ctx.save_for_backward(q, k, v, out, table, key_bias)
        ctx.rule = (beyond, window, block)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, out, table, key_bias = ctx.saved_tensors
        d_out, scale = gradients[0], q.shape[-1] ** -0.5
        blocks, band = _plan(q, table, *ctx.rule)
        # Low-precision inputs still sum their gradients over the blocks in float32.
        wide = torch.promote_types(q.dtype, torch.float32)
        d_q = torch.empty_like(q)
        d_k, d_v = torch.zeros_like(k, dtype=wide), torch.zeros_like(v, dtype=wide)
        d_rows = None if band is None else torch.zeros_like(band.rows, dtype=wide)
        # softmax backward: dS = P ∘ (dP - rowsum(dP ∘ P)), and rowsum(dP ∘ P) = rowsum(dO ∘ O).
        inner = (d_out * out).sum(-1, keepdim=True)
        for i in range(len(q)):
            q_i = q[i] * scale
            for b in blocks:
                rows, keys = slice(b.start, b.end), slice(b.low, b.end)
                q_b, k_b, d_b = q_i[:, rows], k[i][:, keys], d_out[i][:, rows]
                probabilities = b.probabilities(q_b, k_b, key_bias)
                d_v[i][:, keys] += torch.bmm(probabilities.transpose(1, 2), d_b)
                d_logits = torch.bmm(d_b, v[i][:, keys].transpose(1, 2))
                d_logits.sub_(inner[i][:, rows]).mul_(probabilities)
                d_q_b = torch.bmm(d_logits, k_b)
                d_k[i][:, keys] += torch.bmm(d_logits.transpose(1, 2), q_b)
                if d_rows is not None:
                    d_q_b += b.relative_backward(d_logits, q_b, d_rows)
                d_q[i][:, rows] = d_q_b * scale
        d_table = None
        if band is not None and d_rows is not None and table is not None:
            d_table = band.to_table(d_rows).to(table.dtype)
        return d_q, d_k.to(k.dtype), d_v.to(v.dtype), d_table, None, None, None, None


def _plan(
    q: Tensor, table: Tensor | None, beyond: BeyondRule, window: int | None, block: int
) -> tuple[list[_Block], _Band | None]:
    length = q.shape[2]
    band = None if table is None else _Band(table, beyond, min(block, length), q.dtype)
    starts = range(0, length, block)
    return [_Block(start, min(start + block, length), band, window) for start in starts], band


def blockwise_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    table: Tensor | None = None,
    beyond: BeyondRule = "clamp",
    key_bias: Tensor | None = None,
    window: int | None = None,
    block: int = 256,
) -> Tensor:
    """Exact causal attention, with relative logits if asked for, in O(L · block) memory.

    ``softmax((q kᵀ + S) / √d + bias) v`` with ``S[i, j] = q_i · table[min(i - j, M - 1)]``.

    Parameters
    ----------
    q, k, v : Tensor [shape=(B, H, L, d)]
    table : Tensor [shape=(H, M, d)], optional
        Learned embedding of each distance, per head.
    beyond : {"clamp", "zero"}
        What distances of M and more do: use the last row, or add nothing.
    key_bias : Tensor [shape=(H, L)], optional
        Added to the logits of every query; ALiBi is ``slope · key position`` (what depends on the
        query alone falls out of the softmax). Not differentiated.
    window : int, optional
        A query sees only the last `window` positions, itself included.
    block : int
        Queries handled at once.

    Returns
    -------
    Tensor [shape=(B, H, L, d)]

    References
    ----------
    Shaw et al. (2018) for the logits; Huang et al., "Music Transformer" (2018) for the skew; Rabe and
    Staats, "Self-attention does not need O(n²) memory" (2021) for computing blocks again in the backward.
    """
    return _Blockwise.apply(q, k, v, table, key_bias, beyond, window, block)


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    table: Tensor | None,
    beyond: BeyondRule,
    key_bias: Tensor | None,
    window: int | None,
) -> Tensor:
    """Causal attention from every position, by the fastest exact way.

    The rule: without relative logits, bias or window it is PyTorch's own fused attention, otherwise
    `blockwise_attention`. Queries may have more heads than keys and values (grouped heads).

    Parameters
    ----------
    q : Tensor [shape=(B, H, L, d)]
    k, v : Tensor [shape=(B, G, L, d)]
    table, beyond, key_bias, window
        As for `blockwise_attention`.

    Returns
    -------
    Tensor [shape=(B, H, L, d)]
    """
    k, v = _repeat_heads(k, q), _repeat_heads(v, q)
    if table is None and key_bias is None and (window is None or window >= q.shape[2]):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return blockwise_attention(q, k, v, table=table, beyond=beyond, key_bias=key_bias, window=window)


def _repeat_heads(x: Tensor, q: Tensor) -> Tensor:
    """Give every query head its key-value head."""
    return x if x.shape[1] == q.shape[1] else x.repeat_interleave(q.shape[1] // x.shape[1], 1)


def attend_cached(
    q: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    falling: Tensor | None,
    beyond: BeyondRule,
    key_bias: Tensor | None,
    window: int | None,
) -> Tensor:
    """Attention of the last T positions over all keys so far.

    The one row of a decoding step needs no mask and no skew: its distances fall from n - 1 to 0 along
    the keys, so its relative logits are one product with the table laid out by falling distance.

    Parameters
    ----------
    q : Tensor [shape=(B, H, T, d)]
    keys : Tensor [shape=(B · G, d, n)]
        Of all positions so far, those of the queries last.
    values : Tensor [shape=(B · G, n, d)]
    falling : Tensor [shape=(H, d, M)], optional
        Relative embeddings by falling distance M - 1 … 0.
    beyond, key_bias, window
        As for `blockwise_attention`.

    Returns
    -------
    Tensor [shape=(B, H, T, d)]
    """
    batch, heads, rows, d = q.shape
    total = keys.shape[2]
    if window is not None and total > window + rows - 1:
        low = total - (window + rows - 1)
        keys, values = keys[:, :, low:], values[:, low:]
        key_bias = None if key_bias is None else key_bias[:, low:]
        total -= low
    q = q * d**-0.5
    # Query heads that share a key-value head are rows of one product.
    logits = torch.bmm(q.reshape(len(keys), -1, d), keys).view(batch, heads, rows, total)
    if falling is not None:
        size = falling.shape[2]
        near = min(size, total)  # keys that are within the table for the last query
        part = falling if rows > 1 else falling[:, :, size - near :]
        products = torch.bmm(q.transpose(0, 1).reshape(heads, -1, d), part)
        products = products.view(heads, batch, rows, -1).transpose(0, 1)
        if rows > 1:
            query = torch.arange(total - rows, total, device=q.device)
            distance = query[:, None] - torch.arange(total, device=q.device)
            column = (size - 1) - table_index(distance, size)
            relative = products.gather(-1, column.expand_as(logits))
            logits += relative * (distance < size) if beyond == "zero" else relative
        elif near == total:
            logits += products
        else:
            logits[..., total - near :].add_(products)
            if beyond == "clamp":
                logits[..., : total - near].add_(products[..., :1])
    if key_bias is not None:
        logits += key_bias[:, None, :]
    if rows > 1:
        ones = torch.ones(rows, total, dtype=torch.bool, device=q.device)
        hidden = ones.triu(total - rows + 1)
        if window is not None:
            hidden |= ones.tril(total - rows - window)
        logits.masked_fill_(hidden, float("-inf"))
    probabilities = logits.softmax(-1).view(len(keys), -1, total)
    return torch.bmm(probabilities, values).view(batch, heads, rows, d)
