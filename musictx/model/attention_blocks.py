"""Relative attention by blocks of queries: exact, forward and backward, in O(L · block) memory.

`blockwise_attention` stands on PyTorch alone and can be lifted out as it is. One block of w queries and all
keys that they may see, with a table of M = 5 embeddings and w = 3::

                    low … near-1 │ near        start     end-1    keys
                                 │
        query start    aM   aM   │  a4  a3  a2  a1  a0   ─   ─     ─   the future, masked
                       bM   bM   │  b5  b4  b3  b2  b1  b0   ─     a2  the logit of query a for the
        query end-1    cM   cM   │  c6  c5  c4  c3  c2  c1  c0         distance 2
                                 │
                far: one number  │ near: m = end - near keys
                for each query   │

Distances of M and more share the embedding M - 1; near is the first key that any
query of the block sees at a smaller distance. The m logits of each query come from one product P of the
queries with the embeddings of the distances m-1 … 0, a slice of the `_Band`. In P a distance has a column;
in the logits a key has one. Both are the same memory, read with rows of m or of m - 1 numbers::

            P, column by distance                        logits, column by key near + j
               6   5   4   3   2   1   0                  0   1   2   3   4   5   6
        i = 0  ·   ·   a4  a3  a2  a1  a0                 a4  a3  a2  a1  a0  ·   b5
        i = 1  ·   b5  b4  b3  b2  b1  b0                 b5  b4  b3  b2  b1  b0  c6
        i = 2  c6  c5  c4  c3  c2  c1  c0                 c6  c5  c4  c3  c2  c1  c0

The logit of query i and key near + j is P[i, w-1-i+j], in flat memory w-1 + i·(m-1) + j: a strided view,
so that the skew costs nothing. Where a row runs on into the next one it means the future.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def table_index(distances: Tensor, size: int) -> Tensor:
    """Row of a relative table of `size` rows for each distance; the future (negative) reads row 0."""
    return distances.clamp(0, size - 1)


class _Band:
    """What distances add to the logits, laid out by falling distance for blocks of w queries.

    Every block's band of distances is then a slice. Distances beyond the table have its last row. A bias
    has a number for every distance, so with one no distance is beyond.
    """

    rows: Any  # embeddings (H, D, d), or None without a table
    columns: Any  # the same (H, d, D)
    bias: Any  # (H, 1, D), or None

    def __init__(self, table: Tensor | None, bias: Tensor | None, block: int, like: Tensor):
        """`like` [shape=(…, L, d)]."""
        self.size = like.shape[1] if bias is not None or table is None else table.shape[1]
        self.distance = torch.arange(self.size + block - 2, -1, -1, device=like.device)  # D of them
        self.rows = self.columns = self.bias = None
        if table is not None:
            self.rows = table.to(like.dtype)[:, table_index(self.distance, table.shape[1])]
            self.columns = self.rows.transpose(1, 2).contiguous()
        if bias is not None:
            self.bias = bias.to(like.dtype)[:, None, table_index(self.distance, bias.shape[1])]

    def between(self, max_distance: int, min_distance: int) -> slice:
        """Where the distances `max_distance` down to `min_distance` stand."""
        top = len(self.distance) - 1
        return slice(top - max_distance, top - min_distance + 1)

    def products(self, q: Tensor, heads: slice, here: slice, out: Tensor) -> None:
        """What some distances add to the logits of queries [shape=(heads, rows, d)], without any skew."""
        if self.columns is None:
            out.copy_(self.bias[heads, :, here])
        elif self.bias is None:
            torch.bmm(q, self.columns[heads, :, here], out=out)
        else:
            torch.baddbmm(self.bias[heads, :, here], q, self.columns[heads, :, here], out=out)

    def add_up(self, gradient: Tensor, given: Tensor) -> Tensor:
        """Gradient of the table or the bias, from that of each distance in the band [shape=(H, D, …)]."""
        total = gradient.new_zeros(given.shape)
        return total.index_add_(1, table_index(self.distance, given.shape[1]), gradient).to(given.dtype)


class _Block:
    """The queries [start, end) of some heads and sequences, and all keys that they may see, [low, end).

    All tensors that the work needs are views made here once, of memory that the blocks share so that it
    stays in the processor's cache. They hold G heads at once: some of one sequence or of several.
    """

    def __init__(self, start: int, end: int, plan: _Plan):
        window, self.band = plan.window, plan.band
        low = 0 if window is None else max(0, start - window + 1)
        rows, columns = end - start, end - low
        self.rows, self.keys = slice(start, end), slice(low, end)
        self.heads, self.size = plan.group(rows * columns)
        shape = (self.size, rows, columns)
        self.logits, self.p, self.d_logits = (plan.memory(x, *shape) for x in ("logits", "p", "d_logits"))
        # The future lies in the last w columns; what the window has left behind can lie anywhere.
        self.mask = plan.future[:rows, :rows]
        if window is not None and columns > window:
            full = self.logits.new_full((rows, columns), float("-inf"))
            self.mask = full.triu(columns - rows + 1) + full.tril(columns - rows - window)
        self.masked = self.logits[..., columns - self.mask.shape[1] :]
        if self.band is not None:
            near = max(low, start - self.band.size + 1)
            far = near - low  # so many keys are beyond the table for every row
            self.here = self.band.between(end - 1 - near, 0)
            self.last = self.band.between(self.band.size - 1, self.band.size - 1)
            self.products = plan.memory("products", self.size, rows, columns - far)
            self.near, self.far = self.logits[..., far:], self.logits[..., :far] if far else None
            self.d_near, self.d_far = self.d_logits[..., far:], self.d_logits[..., :far]

    def probabilities(self, q: Tensor, k: Tensor, heads: slice) -> Tensor:
        """Attention probabilities (G, w, n) of the scaled queries (G, w, d) for the keys (G, d, n)."""
        if self.band is None:
            torch.bmm(q, k, out=self.logits)
        else:
            flat = self._by_head(q)
            self.band.products(flat, heads, self.here, self._by_head(self.products))
            self.near.copy_(self._skewed(self.near.shape[2]))
            if self.far is not None:
                self.far.copy_((flat @ self.band.columns[heads, :, self.last]).view(self.size, -1, 1))
            self.logits.baddbmm_(q, k)
        self.masked.add_(self.mask)
        return torch.softmax(self.logits, -1, out=self.p)

    def band_backward(
        self, q: Tensor, d_q: Tensor, d_columns: Tensor | None, d_bias: Tensor | None, heads: slice
    ) -> None:
        """Add what flows back through the band to the gradients of queries, of its columns and its bias."""
        if self.band is None:
            return
        # Logits of the future have the gradient 0. Those of the rows before fill what no key is at, in all
        # rows but the first; the last column lies over the next row, and counts in the last row only.
        self.products[:, 0, : self.products.shape[1] - 1] = 0.0
        self._skewed(self.near.shape[2] - 1).copy_(self.d_near[..., :-1])
        self.products[:, -1, -1] = self.d_near[:, -1, -1]
        d_products, flat, d_flat = self._by_head(self.products), self._by_head(q), self._by_head(d_q)
        if d_bias is not None:
            d_bias[heads, 0, self.here].add_(d_products.sum(1, dtype=d_bias.dtype))
        if d_columns is None:
            return
        d_columns[heads, :, self.here].add_(torch.bmm(flat.transpose(1, 2), d_products))
        d_flat.baddbmm_(d_products, self.band.rows[heads, self.here])
        if self.far is not None:
            d_last = self._by_head(self.d_far.sum(-1, keepdim=True))
            d_columns[heads, :, self.last].add_(torch.bmm(flat.transpose(1, 2), d_last))
            d_flat.addcmul_(d_last, self.band.rows[heads, self.last])

    def _skewed(self, columns: int) -> Tensor:
        """The first `columns` columns of the near logits, seen in the band products."""
        size, rows, width = self.products.shape
        return self.products.as_strided((size, rows, columns), (rows * width, width - 1, 1), rows - 1)

    def _by_head(self, x: Tensor) -> Tensor:
        """(G, w, …) as (heads, c · w, …): the sequences of a head one after the other."""
        return x.reshape(self.heads, -1, x.shape[2])


class _Plan:
    """How the work is cut: into blocks of queries, and each of these into groups of heads.

    The logits of a group should stay in the processor's cache, but each operation on them should be
    worth its call. So a group has one head of as many sequences, or as many heads of all sequences, as
    `BYTES` allows.
    """

    BYTES, BYTES_ON_GPU = 2**22, 2**28  # of logits at once

    def __init__(self, like: Tensor, batch: int, band: _Band | None, window: int | None, block: int):
        """`like` [shape=(H · B, L, d)]."""
        self.batch, self.heads = batch, len(like) // batch
        self.like, self.band, self.window, self.pool = like, band, window, dict[str, Tensor]()
        # From the last block, the largest: the memory gets its full size at once.
        length = like.shape[1]
        starts = range(0, length, block)
        self.future = like.new_full((block, block), float("-inf")).triu_(1)
        self.blocks = [_Block(start, min(start + block, length), self) for start in reversed(starts)]

    def group(self, logits: int) -> tuple[int, int]:
        """Heads of the table, and heads in all, of a group, if each has so many logits."""
        maximum = self.BYTES_ON_GPU if self.like.is_cuda else self.BYTES
        maximum = max(1, maximum // (logits * self.like.element_size()))
        if maximum < self.batch:
            return 1, _largest_divisor(self.batch, maximum)
        heads = _largest_divisor(self.heads, maximum // self.batch)
        return heads, heads * self.batch

    def parts(
        self, rows: list[Tensor], keys: list[Tensor], columns: list[Tensor]
    ) -> Iterator[tuple[Any, ...]]:
        """For every block and every group: the block, which heads it has, and its parts of tensors.

        `rows` [shape=(H · B, L, d)] hold one row a query; `keys` (the same) and `columns`
        [shape=(H · B, d, L)] one row and one column a key.
        """
        for block in self.blocks:
            tensors = [x[:, block.rows] for x in rows] + [x[:, block.keys] for x in keys]
            tensors += [x[:, :, block.keys] for x in columns]
            for i, part in enumerate(zip(*(x.split(block.size) for x in tensors), strict=True)):
                head = i * block.size // self.batch
                yield block, slice(head, head + block.heads), *part

    def memory(self, name: str, *shape: int) -> Tensor:
        """A view of the memory of this name."""
        size = math.prod(shape)
        if name not in self.pool or len(self.pool[name]) < size:
            self.pool[name] = self.like.new_empty(size)
        return self.pool[name][:size].view(shape)


def _largest_divisor(number: int, maximum: int) -> int:
    return max(i for i in range(1, min(number, maximum) + 1) if number % i == 0)


class _Blockwise(torch.autograd.Function):
    """Forward and backward of `blockwise_attention`.

    Inside, heads come first: (H · B, L, d), so that sequences share their head's part of the table. What
    a product reads lies in memory as it is read: apart or across, products take up to twice as long.
    The backward computes the probabilities again instead of storing them. The gradient of a row of logits
    is p · (dp - Σ p dp), and the sum is the product of the row's result with its gradient.
    """

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        table: Tensor | None,
        bias: Tensor | None,
        window: int | None,
        block: int,
    ) -> Tensor:
        batch, heads, length, d = q.shape
        block = min(block, length)
        with torch.autocast(q.device.type, enabled=False):
            q, v = (x.transpose(0, 1).reshape(-1, length, d) for x in (q * d**-0.5, v))
            k = k.permute(1, 0, 3, 2).reshape(-1, d, length)
            out = torch.empty_like(q)
            plan = _Plan(q, batch, _band(table, bias, block, q), window, block)
            for b, these, q_b, out_b, v_b, k_b in plan.parts([q, out], [v], [k]):
                out_b.copy_(torch.bmm(b.probabilities(q_b, k_b, these), v_b))
        ctx.save_for_backward(q, k, v, out, table, bias)
        ctx.rule = (batch, window, block)
        return out.view(heads, batch, length, d).transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, out, table, bias = ctx.saved_tensors
        batch, window, block = ctx.rule
        (_, length, d), like = q.shape, q
        with torch.autocast(q.device.type, enabled=False):
            d_out = gradients[0].transpose(0, 1).reshape(-1, length, d)
            k_rows, v_columns = k.transpose(1, 2).contiguous(), v.transpose(1, 2).contiguous()
            # Low-precision inputs still sum their gradients over the blocks in float32.
            wide = torch.promote_types(q.dtype, torch.float32)
            less = (d_out.to(wide) * out).sum(-1, keepdim=True).neg().to(q.dtype)
            d_q = torch.empty_like(q)
            d_k, d_v = (torch.zeros_like(k, dtype=wide) for _ in range(2))
            band: Any = _band(table, bias, block, q)
            d_columns: Any = None if table is None else torch.zeros_like(band.columns, dtype=wide)
            d_bias: Any = None if bias is None else torch.zeros_like(band.bias, dtype=wide)
            plan = _Plan(q, batch, band, window, block)
            rows, keys, columns = [q, d_q, d_out, less], [k_rows], [k, v_columns, d_k, d_v]
            for b, these, q_b, d_q_b, d_out_b, less_b, key_b, k_b, v_b, d_k_b, d_v_b in plan.parts(
                rows, keys, columns
            ):
                p, d_logits = b.probabilities(q_b, k_b, these), b.d_logits
                d_v_b.add_(torch.bmm(d_out_b.transpose(1, 2), p))
                torch.mul(p, torch.baddbmm(less_b, d_out_b, v_b, out=b.logits), out=d_logits)
                d_k_b.add_(torch.bmm(q_b.transpose(1, 2), d_logits))
                d_q_part = torch.bmm(d_logits, key_b)
                b.band_backward(q_b, d_q_part, d_columns, d_bias, these)
                d_q_b.copy_(d_q_part)
            d_q *= d**-0.5
        shape = (-1, batch, d, length)
        d_q = d_q.view(-1, batch, length, d).transpose(0, 1)
        d_k, d_v = (x.to(like.dtype).view(shape).permute(1, 0, 3, 2) for x in (d_k, d_v))
        d_table = None if table is None else band.add_up(d_columns.transpose(1, 2), table)
        d_bias = None if bias is None else band.add_up(d_bias[:, 0], bias)
        return d_q, d_k, d_v, d_table, d_bias, None, None


def _band(table: Tensor | None, bias: Tensor | None, block: int, like: Tensor) -> _Band | None:
    return None if table is None and bias is None else _Band(table, bias, block, like)


def blockwise_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    table: Tensor | None = None,
    bias: Tensor | None = None,
    window: int | None = None,
    block: int | None = None,
) -> Tensor:
    """Exact causal attention, with what distances add to the logits, in O(L · block) memory.

    ``softmax((q kᵀ + S) / √d + b) v`` with ``S[i, j] = q_i · table[min(i - j, M - 1)]`` and
    ``b[i, j] = bias[i - j]``.

    Parameters
    ----------
    q, k, v : Tensor [shape=(B, H, L, d)]
    table : Tensor [shape=(H, M, d)], optional
        Learned embedding of each distance, per head. Distances of M and more use the last row.
    bias : Tensor [shape=(H, L)], optional
        What each distance adds to the logits of a head, such as ALiBi's.
    window : int, optional
        A query sees only the last `window` positions, itself included.
    block : int, optional
        Queries handled at once. By measurement 128, or 256 in half precision, whose products are fast
        next to all else.

    Returns
    -------
    Tensor [shape=(B, H, L, d)]

    References
    ----------
    Shaw et al. (2018) for the logits; Huang et al., "Music Transformer" (2018) for the skew; Rabe and
    Staats, "Self-attention does not need O(n²) memory" (2021) for computing blocks again in the backward;
    Dao et al., "FlashAttention" (2022), equation 4, for the sum in the softmax's backward.
    """
    block = block or (256 if q.element_size() == 2 else 128)
    return _Blockwise.apply(q, k, v, table, bias, window, block)
