"""Relative attention by blocks of queries: exact, forward and backward, in O(L · block) memory.

`blockwise_attention` stands on PyTorch alone and can be lifted out as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BeyondRule = Literal["clamp", "zero"]


def table_index(distances: Tensor, size: int) -> Tensor:
    """Row of a relative table of `size` rows for each distance; the future (negative) reads row 0."""
    return distances.clamp(0, size - 1)


class _Band:
    """A relative table laid out by falling distance, M + w - 2 … 0, for blocks of w queries.

    Every block's band of distances is then a slice. What the rule says of distances beyond the table
    is built in here.
    """

    def __init__(self, table: Tensor, beyond: BeyondRule, block: int, dtype: torch.dtype):
        self.size, self.clamped = table.shape[1], beyond == "clamp"
        distance = torch.arange(self.size + block - 2, -1, -1, device=table.device)
        self.index = table_index(distance, self.size)
        self.valid = None if self.clamped else (distance < self.size)[:, None]
        rows = table.to(dtype)[:, self.index]
        self.rows = rows if self.valid is None else rows * self.valid  # (H, M + w - 1, d)
        self.columns = self.rows.transpose(1, 2).contiguous()

    def between(self, largest: int, smallest: int) -> slice:
        """Where the distances `largest` down to `smallest` stand."""
        top = len(self.index) - 1
        return slice(top - largest, top - smallest + 1)

    def to_table(self, d_columns: Tensor) -> Tensor:
        """Gradient of the table from the gradient of the band's columns."""
        d_rows = d_columns.transpose(1, 2)
        d_table = d_rows.new_zeros(d_rows.shape[0], self.size, d_rows.shape[2])
        return d_table.index_add_(1, self.index, d_rows if self.valid is None else d_rows * self.valid)


class _Block:
    """The queries [start, end) of some heads and sequences, and all keys that they may see, [low, end).

    With w queries, the logits of the m keys nearer than the table's end come from the product P of the
    queries with the band of the distances end-1-near … 0, m of them: the logit of row i and key near + j
    stands at P[i, w-1-i+j], which in flat memory is w-1 + i·(m-1) + j. So it is a strided view of P, and
    the skew costs nothing. Where that runs over the end of a row it means a key in the future, which the
    mask hides. Keys that are at least M away from every query of the block share one embedding, so their
    relative logit is one number per row.

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

    def probabilities(self, q: Tensor, k: Tensor, heads: slice, key_bias: Tensor | None) -> Tensor:
        """Attention probabilities (G, w, n) of the scaled queries (G, w, d) for the keys (G, d, n)."""
        if self.band is None:
            torch.bmm(q, k, out=self.logits)
        else:
            flat = self._by_head(q)
            torch.bmm(flat, self.band.columns[heads, :, self.here], out=self._by_head(self.products))
            self.near.copy_(self._skewed(self.near.shape[2]))
            if self.far is not None and self.band.clamped:
                self.far.copy_((flat @ self.band.columns[heads, :, self.last]).view(self.size, -1, 1))
            elif self.far is not None:
                self.far.zero_()
            self.logits.baddbmm_(q, k)
        if key_bias is not None:
            # Less the query's own, which the softmax removes: near keys get small, exact numbers.
            bias = key_bias[heads, None, self.keys] - key_bias[heads, self.rows, None]
            self.logits.view(self.heads, -1, *self.logits.shape[1:]).add_(bias[:, None].to(q.dtype))
        self.masked.add_(self.mask)
        return torch.softmax(self.logits, -1, out=self.p)

    def relative_backward(self, q: Tensor, d_q: Tensor, d_band: Tensor, heads: slice) -> None:
        """Add what flows back through the relative logits to the gradients of queries and band."""
        if self.band is None:
            return
        # Logits of the future (gradient 0) lie over what no key is at, but for the first row's; the last
        # column of each row lies over the first one of the next row, and counts in the last row only.
        self.products[:, 0, : self.products.shape[1] - 1] = 0.0
        self._skewed(self.near.shape[2] - 1).copy_(self.d_near[..., :-1])
        self.products[:, -1, -1] = self.d_near[:, -1, -1]
        d_products, flat, d_flat = self._by_head(self.products), self._by_head(q), self._by_head(d_q)
        d_band[heads, :, self.here].add_(torch.bmm(flat.transpose(1, 2), d_products))
        d_flat.baddbmm_(d_products, self.band.rows[heads, self.here])
        if self.far is not None and self.band.clamped:
            d_last = self._by_head(self.d_far.sum(-1, keepdim=True))
            d_band[heads, :, self.last].add_(torch.bmm(flat.transpose(1, 2), d_last))
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
        most = self.BYTES_ON_GPU if self.like.is_cuda else self.BYTES
        most = max(1, most // (logits * self.like.element_size()))
        if most < self.batch:
            return 1, _largest_divisor(self.batch, most)
        heads = _largest_divisor(self.heads, most // self.batch)
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


def _largest_divisor(number: int, most: int) -> int:
    return max(i for i in range(1, min(number, most) + 1) if number % i == 0)


class _Blockwise(torch.autograd.Function):
    """Forward and backward of `blockwise_attention`.

    Inside, heads come first: (H · B, L, d), so that sequences share their head's part of the table. What
    a product reads lies in memory as it is read: apart or across, products take up to twice as long.
    The backward computes the probabilities again instead of storing them.
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
        batch, heads, length, d = q.shape
        block = min(block, length)
        with torch.autocast(q.device.type, enabled=False):
            q, v = (x.transpose(0, 1).reshape(-1, length, d) for x in (q * d**-0.5, v))
            k = k.permute(1, 0, 3, 2).reshape(-1, d, length)
            band = None if table is None else _Band(table, beyond, block, q.dtype)
            out = torch.empty_like(q)
            plan = _Plan(q, batch, band, window, block)
            for b, these, q_b, out_b, v_b, k_b in plan.parts([q, out], [v], [k]):
                out_b.copy_(torch.bmm(b.probabilities(q_b, k_b, these, key_bias), v_b))
        ctx.save_for_backward(q, k, v, table, key_bias)
        ctx.rule = (batch, beyond, window, block)
        return out.view(heads, batch, length, d).transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, table, key_bias = ctx.saved_tensors
        batch, beyond, window, block = ctx.rule
        (_, length, d), like = q.shape, q
        with torch.autocast(q.device.type, enabled=False):
            d_out = gradients[0].transpose(0, 1).reshape(-1, length, d)
            k_rows, v_columns = k.transpose(1, 2).contiguous(), v.transpose(1, 2).contiguous()
            band = None if table is None else _Band(table, beyond, block, q.dtype)
            # Low-precision inputs still sum their gradients over the blocks in float32.
            wide = torch.promote_types(q.dtype, torch.float32)
            d_q = torch.empty_like(q)
            d_k, d_v = (torch.zeros_like(k, dtype=wide) for _ in range(2))
            d_band = torch.zeros(0) if band is None else torch.zeros_like(band.columns, dtype=wide)
            plan = _Plan(q, batch, band, window, block)
            rows, keys, columns = [q, d_q, d_out], [k_rows], [k, v_columns, d_k, d_v]
            for b, these, q_b, d_q_b, d_out_b, key_b, k_b, v_b, d_k_b, d_v_b in plan.parts(
                rows, keys, columns
            ):
                p, d_logits = b.probabilities(q_b, k_b, these, key_bias), b.d_logits
                d_v_b.add_(torch.bmm(d_out_b.transpose(1, 2), p))
                d_p = torch.bmm(d_out_b, v_b, out=b.logits)
                torch._softmax_backward_data(d_p, p, -1, p.dtype, grad_input=d_logits)
                d_k_b.add_(torch.bmm(q_b.transpose(1, 2), d_logits))
                d_q_part = torch.bmm(d_logits, key_b)
                b.relative_backward(q_b, d_q_part, d_band, these)
                d_q_b.copy_(d_q_part)
            d_q *= d**-0.5
            d_table = None if band is None else band.to_table(d_band).to(table.dtype)
        shape = (-1, batch, d, length)
        d_q = d_q.view(-1, batch, length, d).transpose(0, 1)
        d_k, d_v = (x.to(like.dtype).view(shape).permute(1, 0, 3, 2) for x in (d_k, d_v))
        return d_q, d_k, d_v, d_table, None, None, None, None


def blockwise_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    table: Tensor | None = None,
    beyond: BeyondRule = "clamp",
    key_bias: Tensor | None = None,
    window: int | None = None,
    block: int | None = None,
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
    block : int, optional
        Queries handled at once. By measurement 128, or 256 in half precision, whose products are fast
        next to all else.

    Returns
    -------
    Tensor [shape=(B, H, L, d)]

    References
    ----------
    Shaw et al. (2018) for the logits; Huang et al., "Music Transformer" (2018) for the skew; Rabe and
    Staats, "Self-attention does not need O(n²) memory" (2021) for computing blocks again in the backward.
    """
    block = block or (256 if q.element_size() == 2 else 128)
    return _Blockwise.apply(q, k, v, table, key_bias, beyond, window, block)
