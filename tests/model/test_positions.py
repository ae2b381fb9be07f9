"""Position schemes as their papers define them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from musictx.errors import MusictxError
from musictx.lab.reference_attention import reference_attention
from musictx.model import ModelConfig
from musictx.model.positions import Rotary, apply_rope, find_scheme


def scheme(position: str, **settings: Any) -> Any:
    config = ModelConfig(position=position, **{"width": 32, "heads": 2, "context_length": 64, **settings})
    return find_scheme(position)(config).double()


def test_sinusoids_are_those_of_the_paper() -> None:
    absolute = scheme("vanilla").absolute(3, 6)
    for row, position in enumerate((3, 4, 5)):
        for pair in range(16):
            angle = position / 10000 ** (2 * pair / 32)
            assert absolute[row, pair] == pytest.approx(math.sin(angle), abs=1e-6)
            assert absolute[row, 16 + pair] == pytest.approx(math.cos(angle), abs=1e-6)


def test_learned_positions_end_with_a_clear_error() -> None:
    positions = scheme("learned")
    assert positions.limit == 64
    assert torch.equal(positions.absolute(60, 64), positions.weight[60:64])
    with pytest.raises(MusictxError, match="learned positions end at 64 tokens, but position 65"):
        positions.absolute(60, 65)


def test_a_relative_table_is_a_parameter_per_layer_head_and_distance() -> None:
    """Neither parameter nor buffer, it would be random at every load."""
    positions = scheme("relative", layers=3, max_distance=20)
    assert dict(positions.named_parameters())["weight"].shape == (3, 2, 20, 16)
    assert torch.equal(positions.table(1), positions.weight[1])
    assert scheme("relative").weight.shape[2] == 32  # half the context length


# Rotary


def test_each_pair_turns_by_its_own_angle() -> None:
    """Pairs of numbers as complex numbers: a rotation is a product."""
    x = torch.randn(2, 3, 5, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    turned = apply_rope(x, scheme("rope").rope_cos_sin(7, 12))
    angle = torch.arange(7, 12)[:, None] * 10000.0 ** (-torch.arange(8, dtype=torch.float64) / 8)
    expected = torch.complex(x[..., :8], x[..., 8:]) * torch.polar(torch.ones_like(angle), angle)
    torch.testing.assert_close(turned, torch.cat([expected.real, expected.imag], -1), rtol=0, atol=1e-6)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))


def test_the_gradient_of_a_rotation_is_its_derivative() -> None:
    x = torch.randn(1, 2, 4, 16, dtype=torch.float64, requires_grad=True)
    rope_cos_sin = scheme("rope", rope_scaling="yarn", rope_factor=4.0).rope_cos_sin(2, 6)
    assert torch.autograd.gradcheck(lambda t: apply_rope(t, rope_cos_sin), x)


def test_the_product_of_turned_vectors_depends_on_the_distance_alone() -> None:
    q, k = torch.randn(2, 1, 1, 1, 16, dtype=torch.float64)
    rope = scheme("rope")

    def product(i: int, j: int) -> float:
        return float(
            (apply_rope(q, rope.rope_cos_sin(i, i + 1)) * apply_rope(k, rope.rope_cos_sin(j, j + 1))).sum()
        )

    assert product(9, 4) == pytest.approx(product(1009, 1004), abs=1e-9)
    assert product(9, 4) != pytest.approx(product(9, 5), abs=1e-3)


@pytest.mark.parametrize("scaling", ["ntk", "yarn"])
def test_a_scaling_by_one_changes_nothing(scaling: Any) -> None:
    plain, scaled = scheme("rope"), scheme("rope", rope_scaling=scaling, rope_factor=1.0)
    assert torch.equal(plain.frequency, scaled.frequency)
    assert scaled.gain == 1.0


@pytest.mark.parametrize("factor", [2.0, 4.0])
def test_ntk_slows_the_slowest_pair_by_the_factor_and_leaves_the_fastest(factor: float) -> None:
    plain, scaled = scheme("rope"), scheme("rope", rope_scaling="ntk", rope_factor=factor)
    slower = plain.frequency / scaled.frequency
    assert slower[0] == pytest.approx(1.0)
    assert slower[-1] == pytest.approx(factor, rel=1e-5)
    assert (slower.diff() > 0).all()


def test_yarn_slows_what_turns_less_than_once_and_leaves_what_turns_often() -> None:
    settings = {"context_length": 1024, "width": 128, "heads": 2}
    plain = scheme("rope", **settings)
    scaled = scheme("rope", rope_scaling="yarn", rope_factor=4.0, **settings)
    turns = 1024 * plain.frequency / (2 * math.pi)
    slower = plain.frequency / scaled.frequency
    torch.testing.assert_close(slower[turns > 32], torch.ones_like(slower[turns > 32]))
    torch.testing.assert_close(slower[turns < 1], torch.full_like(slower[turns < 1], 4.0))
    assert (slower.diff() > -1e-6).all()
    assert scaled.gain == pytest.approx(0.1 * math.log(4) + 1)


@pytest.mark.parametrize("scaling", ["none", "ntk", "yarn"])
def test_the_base_changes_the_slow_pairs(scaling: Any) -> None:
    options = {"rope_scaling": scaling, "rope_factor": 2.0}
    assert (
        scheme("rope", rope_base=500000.0, **options).frequency[-1] < scheme("rope", **options).frequency[-1]
    ).all()


def test_the_smallest_head_can_be_scaled() -> None:
    config = ModelConfig(position="rope", width=4, heads=2, rope_scaling="ntk", rope_factor=4.0)
    assert torch.isfinite(Rotary(config).frequency).all()


# ALiBi


@pytest.mark.parametrize(("heads", "slopes"), [(8, [2.0**-i for i in range(1, 9)]), (2, [1 / 16, 1 / 256])])
def test_alibi_slopes_are_those_of_the_paper(heads: int, slopes: list[float]) -> None:
    assert scheme("alibi", heads=heads).slope.tolist() == pytest.approx(slopes)


def test_an_alibi_logit_falls_by_the_slope_with_each_step_away() -> None:
    alibi = scheme("alibi")
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 1, 2, 9, 4, dtype=torch.float64, generator=generator)
    position = torch.arange(9)
    distance = position[:, None] - position
    logits = q @ k.transpose(-1, -2) / 2 - alibi.slope[:, None, None] * distance
    expected = logits.masked_fill(distance < 0, -torch.inf).softmax(-1) @ v
    found = reference_attention(q, k, v, bias=alibi.distance_bias(9))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_no_positions_add_nothing() -> None:
    none = scheme("none")
    assert none.absolute(0, 5) is None
    assert none.terms(3, 8) == (3, None, None, None)
    assert none.table(0) is None
    assert none.limit is None
