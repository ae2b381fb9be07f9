"""Relative attention is that of the original: tensor2tensor 1.15.7's numbers, and ours.

`tests/fixtures/tensor2tensor/make_attention.py` made the numbers with the original's own functions. Its
tables rise to distance 0 in the last row; ours begin with distance 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from musictx.lab import reference_attention
from musictx.model import ModelConfig, attention, attention_blocks
from musictx.model.positions import find_scheme
from musictx.model.positions.relative import zero_beyond
from musictx.model.transformer import Attention

FILE = Path(__file__).parents[1] / "fixtures" / "tensor2tensor" / "attention.npz"
TABLES = ("longer", "equal", "shorter")  # than the sequence; beyond a shorter table the logit is 0
ROUNDING: dict[str, Any] = {"rtol": 1e-5, "atol": 5e-6}  # float32, sums of up to 23 · 23 products


@pytest.fixture(scope="module")
def original() -> dict[str, Tensor]:
    with np.load(FILE) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def case(original: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    found = {key.removeprefix(f"{name}/"): x for key, x in original.items() if key.startswith(f"{name}/")}
    return found | {key: found[key].flip(1) for key in ("table", "d_table") if key in found}


def blockwise(block: int) -> Any:
    def attend(q: Tensor, k: Tensor, v: Tensor, table: Tensor) -> Tensor:
        return attention.blockwise_attention(q, k, v, table=zero_beyond(table), block=block)

    return attend


def reference(logits: Any) -> Any:
    def attend(q: Tensor, k: Tensor, v: Tensor, table: Tensor) -> Tensor:
        return reference_attention.reference_attention(q, k, v, table=table, beyond="zero", logits=logits)

    return attend


KERNELS = {
    "definition": reference("gather"),
    "skew": reference("skew"),
    **{f"blocks of {block}": blockwise(block) for block in (1, 5, 8, 23, 128)},
}


def assert_equal_to_the_original(attend: Any, numbers: dict[str, Tensor]) -> None:
    """The result, and the gradients of queries, keys, values and table."""
    given = [numbers[name].clone().requires_grad_() for name in ("q", "k", "v", "table")]
    out = attend(*given)
    torch.testing.assert_close(out, numbers["out"], **ROUNDING)
    (out * numbers["d_out"]).sum().backward()
    for tensor, name in zip(given, ("d_q", "d_k", "d_v", "d_table"), strict=True):
        torch.testing.assert_close(tensor.grad, numbers[name], **ROUNDING)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_results_and_gradients_are_those_of_the_original(
    original: dict[str, Tensor], kernel: str, table: str
) -> None:
    assert_equal_to_the_original(KERNELS[kernel], case(original, table))


def test_the_skew_moves_numbers_to_where_the_original_moves_them(original: dict[str, Tensor]) -> None:
    """With a table of unit vectors the product of queries and table is the queries themselves."""
    given, found = original["skew/given"], original["skew/found"]
    length = given.shape[-1]
    units = torch.eye(length).flip(0).expand(given.shape[1], -1, -1)
    for logits in (reference_attention.relative_logits_skew, reference_attention.relative_logits_gather):
        assert torch.equal(logits(given, units).tril(), found.tril())


@pytest.mark.parametrize("table", TABLES)
def test_decoding_with_a_cache_gives_the_rows_of_the_original(
    original: dict[str, Tensor], table: str
) -> None:
    numbers = case(original, table)
    keys, values = numbers["k"].flatten(0, 1), numbers["v"].flatten(0, 1)
    options: dict[str, Any] = {"table": zero_beyond(numbers["table"]), "bias": None, "window": None}
    for end, rows in ((23, 1), (23, 6), (12, 1), (1, 1)):
        found = attention.attend_cached(
            numbers["q"][:, :, end - rows : end], keys[:, :end], values[:, :end], **options
        )
        torch.testing.assert_close(found, numbers["out"][:, :, end - rows : end], **ROUNDING)


def test_a_layer_with_its_projections_is_that_of_the_original(original: dict[str, Tensor]) -> None:
    numbers = case(original, "layer")
    table, d_table = (
        numbers[name].flip(1) for name in ("key_relative_embeddings", "d_key_relative_embeddings")
    )
    config = ModelConfig(
        position="relative", layers=1, width=8, heads=2, max_distance=len(table[0]), beyond="zero"
    )
    positions = find_scheme("relative")(config)
    layer = Attention(config, positions, 0)
    weights = torch.cat([numbers[name].T for name in "qkv"])
    layer.load_state_dict({"qkv.weight": weights, "out.weight": numbers["output_transform"].T})
    positions.load_state_dict({"weight": table[None]})
    x = numbers["x"].clone().requires_grad_()
    out = layer(x, positions.terms(0, x.shape[1]))
    torch.testing.assert_close(out, numbers["out"], **ROUNDING)
    (out * numbers["d_out"]).sum().backward()
    for found, wanted in (
        (x.grad, numbers["d_x"]),
        (layer.qkv.weight.grad, torch.cat([numbers[f"d_{name}"].T for name in "qkv"])),
        (layer.out.weight.grad, numbers["d_output_transform"].T),
        (positions.weight.grad[0], d_table),
    ):
        torch.testing.assert_close(found, wanted, **ROUNDING)


# One index changed in the skew, and the numbers are others


@pytest.mark.parametrize(
    ("padding", "rows"),
    [((0, 1), slice(1, None)), ((1, 0), slice(None, -1))],
    ids=["zeros on the other side", "one row higher"],
)
@pytest.mark.parametrize("table", TABLES)
def test_a_skew_with_one_index_changed_is_found_out(
    original: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch, padding: Any, rows: slice, table: str
) -> None:
    def wrong(q: Tensor, table: Tensor, beyond: Any) -> Tensor:
        (batch, heads, length, _), size = q.shape, table.shape[1]
        distance = torch.arange(length - 1, -1, -1)
        embeddings = table[:, distance.clamp(max=size - 1)] * (distance < size)[:, None]
        return F.pad(q @ embeddings.mT, padding).view(batch, heads, length + 1, length)[:, :, rows]

    monkeypatch.setattr(reference_attention, "relative_logits_skew", wrong)
    with pytest.raises(AssertionError, match="not close"):
        assert_equal_to_the_original(KERNELS["skew"], case(original, table))


@pytest.mark.parametrize(("stride", "place"), [(0, -1), (0, 1), (1, 0)])
@pytest.mark.parametrize("table", TABLES)
def test_a_view_with_one_index_changed_is_found_out(
    original: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch, stride: int, place: int, table: str
) -> None:
    """The strided view of the blocks: its first place, or the length of its rows, off by one."""

    def skewed(self: Any, columns: int) -> Tensor:
        size, rows, width = self.products.shape
        wider = F.pad(self.products.flatten(1), (0, 2 * rows))
        return wider.as_strided(
            (size, rows, columns), (wider.shape[1], width - 1 + stride, 1), rows - 1 + place
        )

    monkeypatch.setattr(attention_blocks._Block, "_skewed", skewed)
    with pytest.raises(AssertionError, match="not close"):
        assert_equal_to_the_original(KERNELS["blocks of 8"], case(original, table))


def test_sinusoids_are_the_papers_where_the_originals_differ(original: dict[str, Tensor]) -> None:
    """tensor2tensor spreads its frequencies over 1 to 1/10000 with both ends; Vaswani et al. and we do
    not reach the last.
    """
    signal = original["timing"]
    length, width = signal.shape
    half = width // 2
    config = ModelConfig(position="vanilla", width=width, heads=2)
    ours = find_scheme("vanilla")(config).absolute(0, length)
    angle = torch.arange(length)[:, None] * 10000.0 ** -(torch.arange(half) / (half - 1))
    torch.testing.assert_close(torch.cat([angle.sin(), angle.cos()], 1), signal, **ROUNDING)
    torch.testing.assert_close(ours[:, 0], signal[:, 0], **ROUNDING)
    assert (ours - signal).abs().max() > 0.1
