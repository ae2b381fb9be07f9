"""Relative attention on a GPU, for training: PyTorch's flex attention with the relative logits captured.

The products of the queries with the table, L × M for each head (M is the table's rows, half the training
length by default), are computed once; the fused kernel picks from them by distance and sends their
gradients back. Exact.
"""

from __future__ import annotations

import importlib.util
import shutil
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

_TILE = 128  # the kernel's blocks: lengths must be multiples of it


def suits(q: Tensor) -> bool:
    """Whether flex attention is the way: training on CUDA, whole tiles, and a compiler for the kernel."""
    return (
        q.is_cuda
        and torch.is_grad_enabled()
        and q.shape[2] % _TILE == 0
        and importlib.util.find_spec("triton") is not None
        and any(map(shutil.which, ("cc", "gcc", "clang")))
    )


def flex_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    table: Tensor | None = None,
    bias: Tensor | None = None,
    window: int | None = None,
) -> Tensor:
    """Exact causal attention; parameters and result as `musictx.model.attention.blockwise_attention`."""
    scale, length = q.shape[-1] ** -0.5, q.shape[2]
    products = None if table is None else (q @ table.to(q.dtype).mT) * scale  # (B, H, L, M)

    def score(score: Tensor, b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        if products is not None:
            score = score + products[b, h, i, (i - j).clamp(0, products.shape[3] - 1)]
        if bias is not None:
            score = score + bias[h, (i - j).clamp(0)]
        return score

    mask = _mask(length, window, str(q.device))
    return _kernel(q.is_cuda)(q, k, v, score_mod=score, block_mask=mask, scale=scale)


@lru_cache(maxsize=8)
def _mask(length: int, window: int | None, device: str) -> Any:
    from torch.nn.attention.flex_attention import create_block_mask

    def seen(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return (i >= j) if window is None else (i >= j) & (i - j < window)

    return create_block_mask(seen, None, None, length, length, device=device, BLOCK_SIZE=_TILE)


@lru_cache(maxsize=2)
def _kernel(compiled: bool) -> Any:
    from torch.nn.attention.flex_attention import flex_attention as kernel

    return torch.compile(kernel, dynamic=False) if compiled else kernel
