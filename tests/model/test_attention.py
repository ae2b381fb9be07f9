"""Three algorithms, one attention: the definition, the skew, and the one that builds no L × L matrix."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attention_helpers import with_rule
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from musictx.lab.reference_attention import (
    reference_attention,
    relative_logits_gather,
    relative_logits_skew,
)
from musictx.model.attention import attend, attend_cached, blockwise_attention

LENGTHS = st.sampled_from([1, 2, 3, 16, 17, 40, 64, 75])
SIZES = st.sampled_from([1, 2, 8, 40, 75, 200])
WINDOWS = st.sampled_from([None, 1, 2, 9, 16, 33, 75, 500])
BEYOND = st.sampled_from(["clamp", "zero"])


def inputs(
    length: int,
    size: int | None,
    *,
    heads: int = 3,
    width: int = 4,
    seed: int = 0,
    dtype: Any = torch.float64,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (
        torch.randn(2, heads, length, width, generator=generator, dtype=torch.float64).to(dtype)
        for _ in range(3)
    )
    table = None
    if size is not None:
        table = torch.randn(heads, size, width, generator=generator, dtype=torch.float64).to(dtype)
    return q, k, v, table


def results(function: Any, tensors: tuple[Tensor | None, ...], **options: Any) -> list[Tensor]:
    """What `function` returns, and the gradient of a sum of its squares and sines for each tensor."""
    q, k, v, table, bias = (None if t is None else t.clone().requires_grad_() for t in (*tensors, None)[:5])
    out = function(q, k, v, table=table, bias=bias, **options)
    (out.square().sum() + out.sin().sum()).backward()
    gradients = [t.grad for t in (q, k, v, table, bias) if t is not None]
    assert all(g is not None for g in gradients)
    return [out.detach(), *(g for g in gradients if g is not None)]


# The relative logits


@settings(deadline=None, max_examples=40)
@given(LENGTHS, SIZES, BEYOND)
def test_the_skew_gives_the_logits_of_the_definition(length: int, size: int, beyond: Any) -> None:
    q, _, _, table = inputs(length, size)
    assert table is not None
    by_definition = relative_logits_gather(q, table, beyond).tril()
    torch.testing.assert_close(
        relative_logits_skew(q, table, beyond).tril(), by_definition, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("beyond", ["clamp", "zero"])
def test_the_definition_is_one_embedding_a_distance(beyond: Any) -> None:
    q, _, _, table = inputs(7, 4)
    assert table is not None
    logits = relative_logits_gather(q, table, beyond)
    for i in range(7):
        for j in range(i + 1):
            expected = (q[:, :, i] * table[:, min(i - j, 3)]).sum(-1)
            if beyond == "zero" and i - j >= 4:
                expected = torch.zeros_like(expected)
            torch.testing.assert_close(logits[:, :, i, j], expected)


# The attention


@settings(deadline=None, max_examples=80)
@given(LENGTHS, st.none() | SIZES, BEYOND, WINDOWS, st.booleans(), st.sampled_from([1, 7, 16, 256]))
def test_blockwise_is_the_formula_forward_and_backward(
    length: int, size: int | None, beyond: Any, window: int | None, biased: bool, block: int
) -> None:
    generator = torch.Generator().manual_seed(1)
    bias = torch.randn(3, length, generator=generator, dtype=torch.float64) if biased else None
    tensors = (*inputs(length, size), bias)
    options = {"window": window}
    wanted = results(reference_attention, tensors, beyond=beyond, **options)
    for found in (
        results(with_rule(blockwise_attention, beyond), tensors, block=block, **options),
        results(reference_attention, tensors, beyond=beyond, logits="skew", **options),
    ):
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [None, 100, 512])
def test_single_precision_loses_little(size: int | None) -> None:
    tensors = inputs(300, size, width=16)
    wanted = results(reference_attention, tensors)
    single = tuple(None if t is None else t.float() for t in tensors)
    for one, other in zip(results(blockwise_attention, single, block=64), wanted, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [100, 512])
def test_bfloat16_keeps_its_three_digits(size: int) -> None:
    tensors = inputs(300, size, width=16, dtype=torch.bfloat16)
    exact = tuple(None if t is None else t.double() for t in tensors)
    wanted = results(reference_attention, exact)
    found = results(blockwise_attention, tensors, block=64)
    assert found[0].dtype == torch.bfloat16
    for one, other in zip(found, wanted, strict=True):
        error = (one.double() - other).norm() / other.norm()
        assert error < 0.03


def test_a_bias_by_distance_survives_bfloat16() -> None:
    """1,000 tokens away the bias is hundreds; the small differences nearby must not drown in it."""
    length, slope = 1024, torch.tensor([[0.5], [0.25], [0.0625]])
    bias = -slope * torch.arange(length)
    q, k, v, _ = inputs(length, None, dtype=torch.bfloat16, width=8)
    found = blockwise_attention(q, k, v, bias=bias)
    wanted = reference_attention(q.double(), k.double(), v.double(), bias=bias.double())
    for part in (slice(0, 256), slice(768, 1024)):
        error = (found[:, :, part].double() - wanted[:, :, part]).norm() / wanted[:, :, part].norm()
        assert error < 0.02


class _Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation makes."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(tensor, Tensor):
                self.numbers = max(self.numbers, tensor.untyped_storage().nbytes() // tensor.element_size())
        return out


@pytest.mark.parametrize("window", [None, 200])
@pytest.mark.parametrize("biased", [False, True])
def test_no_step_builds_a_matrix_of_length_by_length(window: int | None, biased: bool) -> None:
    length, heads, block = 2048, 2, 64
    q, k, v, table = (
        t[:1] if t is not None and t.ndim == 4 else t
        for t in inputs(length, length // 2, heads=heads, dtype=torch.float32)
    )
    saved: list[int] = []
    given = [t.clone().requires_grad_() for t in (q, k, v, table) if t is not None]
    with (
        _Largest() as largest,
        torch.autograd.graph.saved_tensors_hooks(lambda t: (saved.append(t.numel()), t)[1], lambda t: t),
    ):
        bias = torch.zeros(heads, length, requires_grad=True) if biased else None
        out = blockwise_attention(*given[:3], table=given[3], bias=bias, window=window, block=block)
        out.sum().backward()
    assert largest.numbers <= heads * block * (length + 2 * block) < heads * length**2 / 20
    assert max(saved) <= heads * length * 8  # q, k, v, the result and the table: nothing of L × block


# As the models call it


@settings(deadline=None, max_examples=60)
@given(
    LENGTHS,
    st.none() | SIZES,
    BEYOND,
    WINDOWS,
    st.booleans(),
    st.integers(1, 80),
)
def test_the_last_rows_alone_are_the_last_rows_of_all(
    length: int, size: int | None, beyond: Any, window: int | None, biased: bool, rows: int
) -> None:
    q, k, v, table = inputs(length, size, heads=4)
    bias = torch.arange(4)[:, None] * torch.linspace(0, -3, length, dtype=torch.float64) if biased else None
    options: dict[str, Any] = {"table": table, "bias": bias, "window": window}
    wanted = reference_attention(q, k, v, beyond=beyond, **options)
    found = with_rule(attend, beyond)(q, k, v, **options)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)
    cached = with_rule(attend_cached, beyond)
    last = cached(q[:, :, -rows:], k.flatten(0, 1), v.flatten(0, 1), **options)
    torch.testing.assert_close(last, wanted[:, :, -rows:], rtol=0, atol=1e-9)
