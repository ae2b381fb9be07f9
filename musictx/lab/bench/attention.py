"""``musictx bench attention``: relative attention next to plain attention and to the ways of before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from musictx.errors import MusictxError, require
from musictx.lab.bench.common import (
    Progress,
    check_at_least,
    interleaved,
    machine,
    peak_memory,
    prefixed,
    silent,
    spread,
    threads,
)
from musictx.lab.reference_attention import reference_attention
from musictx.model.attention_blocks import blockwise_attention
from musictx.process import keep_freed_memory

KERNELS = {
    "plain": "no positions, PyTorch's fused attention: the price to compare with",
    "blocks": "relative, musictx",
    "skew": "relative, the skew of Huang et al. (2018)",
    "gather": "relative, the definition of Shaw et al. (2018)",
}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}
_MAX_BYTES = 2**29  # of one intermediate: a way that needs more is left out at that length


def _inputs(length: int, batch: int, heads: int, width: int, dtype: torch.dtype) -> list[Tensor]:
    torch.manual_seed(0)
    shape = (batch, heads, length, width)
    qkv = [torch.randn(shape).to(dtype).requires_grad_() for _ in range(3)]
    table = (torch.randn(heads, max(1, length // 2), width) * width**-0.5).requires_grad_()
    return [*qkv, table, torch.randn(shape).to(dtype)]


def _run(kernel: str, q: Tensor, k: Tensor, v: Tensor, table: Tensor) -> Tensor:
    if kernel == "plain":
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    if kernel == "blocks":
        return blockwise_attention(q, k, v, table=table)
    return reference_attention(q, k, v, table=table.to(q.dtype), logits=kernel)  # type: ignore[arg-type]


def make_work(
    kernel: str, length: int, batch: int, heads: int, width: int, dtype: str
) -> Callable[[], tuple[Tensor, ...]]:
    """Forward and backward of one way to compute attention, the largest distance half the length."""
    q, k, v, table, d_out = _inputs(length, batch, heads, width, DTYPES[dtype])
    wanted = [q, k, v] if kernel == "plain" else [q, k, v, table]
    return lambda: torch.autograd.grad(_run(kernel, q, k, v, table), wanted, d_out)


def _fits(kernel: str, length: int, batch: int, heads: int, width: int, size: int) -> bool:
    largest = {
        "skew": batch * heads * length**2 * size,
        "gather": heads * length**2 * width * size,
    }
    return largest.get(kernel, 0) <= _MAX_BYTES


def _difference() -> float:
    """Largest difference from the definition in float64: of the values and of all gradients."""
    q, k, v, table, d_out = _inputs(200, 2, 4, 16, torch.float64)
    table = table.detach().double().requires_grad_()
    results = []
    for kernel in ("blocks", "gather"):
        out = _run(kernel, q, k, v, table)
        results.append([out, *torch.autograd.grad(out, [q, k, v, table], d_out)])
    return max((a - b).abs().max().item() for a, b in zip(*results, strict=True))


def bench_attention(
    lengths: Sequence[int] = (512, 1024, 2048, 4096, 8192),
    *,
    batch: int = 2,
    heads: int = 4,
    width: int = 64,
    dtype: str = "float32",
    thread_count: int | None = None,
    repetitions: int = 5,
    memory: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Time and memory of forward and backward over the length.

    Parameters
    ----------
    lengths : sequence of int
    batch, heads, width : int
        Sequences, heads, and the width of a head.
    dtype : {"float32", "bfloat16", "float64"}
    thread_count : int, optional
    repetitions : int
    memory : bool
        Measure the memory too: a process of its own for each figure.
    progress : callable

    Returns
    -------
    dict
        ``rows``: one for each length and way, with ``milliseconds`` and ``times_plain`` (its median
        over that of plain attention) and ``megabytes`` (more than before the forward, at the peak).
    """
    require(dtype in DTYPES, "dtype", dtype, f"be one of {', '.join(DTYPES)}")
    if not lengths:
        raise MusictxError("give at least one length")
    check_at_least(1, length=min(lengths), batch=batch, heads=heads, width=width, repetitions=repetitions)
    keep_freed_memory()  # as training does
    rows = []
    with threads(thread_count) as used:
        facts = machine()
        difference = _difference()
        for length in lengths:
            sizes = (length, batch, heads, width)
            kernels = [kernel for kernel in KERNELS if _fits(kernel, *sizes, DTYPES[dtype].itemsize)]
            work = {kernel: make_work(kernel, *sizes, dtype) for kernel in kernels}
            seconds = interleaved(work, repetitions, prefixed(progress, f"length {length}"))
            del work
            plain = spread(seconds["plain"], 1e3)["median"]
            for kernel in kernels:
                row: dict[str, Any] = {"length": length, "way": kernel}
                row["milliseconds"] = spread(seconds[kernel], 1e3)
                row["times_plain"] = round(row["milliseconds"]["median"] / plain, 2)
                if memory:
                    progress(f"length {length}: memory of {kernel}")
                    megabytes = peak_memory(make_work, kernel, *sizes, dtype)
                    row["megabytes"] = None if megabytes is None else round(megabytes, 1)
                rows.append(row)
    return {
        "bench": "attention",
        "machine": facts,
        "threads": used,
        "sizes": {
            "batch": batch,
            "heads": heads,
            "head_width": width,
            "dtype": dtype,
            "largest_distance": "length / 2",
        },
        "ways": KERNELS,
        "what": "forward and backward",
        "largest_difference_from_the_definition_in_float64": difference,
        "rows": rows,
    }
