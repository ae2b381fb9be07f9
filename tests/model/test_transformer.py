"""The model: causal, the same with and without a cache, and blind to where it starts where it should be."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from scheme_contract import CONTEXT, TINY, assert_cached_is_uncached, assert_causal, model, music

from musictx.errors import MusictxError
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.layers import ACTIVATIONS, Dropout
from musictx.model.positions import SCHEMES
from musictx.model.sizes import sized_config
from musictx.sampling.cache import Cache

VARIANTS: list[dict[str, Any]] = [
    *({"position": position, "window": 9} for position in SCHEMES),
    {"position": "relative", "beyond": "zero"},
    {"position": "relative", "beyond": "zero", "window": 7, "max_distance": 3},
    {"position": "relative", "max_distance": 1},
    {"position": "relative", "max_distance": 200},
    {"position": "rope", "rope_scaling": "ntk", "rope_factor": 3.0},
    {"position": "rope", "rope_scaling": "yarn", "rope_factor": 3.0, "rope_base": 500.0},
    {"position": "relative", "norm": "rms", "activation": "relu"},
    {"position": "rope", "norm": "rms", "activation": "gelu"},
    {"position": "relative", "activation": "swiglu"},
]
NAMES = ["-".join(map(str, v.values())) for v in VARIANTS]


def test_relu_squared_and_its_gradient() -> None:
    x = torch.randn(3, 50, dtype=torch.float64, requires_grad=True)
    mine, weight = ACTIVATIONS["relu_squared"](x), torch.randn(3, 50, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((mine * weight).sum(), x)
    assert torch.equal(mine, torch.relu(x).square())
    torch.testing.assert_close(gradient, 2 * torch.relu(x) * weight)


def test_a_gated_feed_forward_has_as_many_weights() -> None:
    counts = {name: model("relative", activation=name).parameter_count() for name in ACTIVATIONS}
    assert counts["swiglu"] == pytest.approx(counts["relu_squared"], rel=0.01)
    x = torch.tensor([[2.0, -1.0, 3.0, 5.0]])
    expected = torch.tensor([[2 / (1 + math.exp(-2)) * 3, -1 / (1 + math.exp(1)) * 5]])
    torch.testing.assert_close(ACTIVATIONS["swiglu"](x), expected)


@pytest.mark.parametrize("variant", VARIANTS, ids=NAMES)
def test_cached_is_uncached_past_the_training_length(variant: dict[str, Any]) -> None:
    assert_cached_is_uncached(model(**variant))


@pytest.mark.parametrize("variant", VARIANTS, ids=NAMES)
def test_the_future_moves_nothing(variant: dict[str, Any]) -> None:
    assert_causal(model(**variant))


@pytest.mark.parametrize("position", SCHEMES)
def test_only_no_positions_are_blind_to_the_order(position: str) -> None:
    made = model(position, layers=1).double()
    tokens = music(CONTEXT)
    swapped = tokens.clone()
    swapped[:, [15, 20]] = tokens[:, [20, 15]]  # at distances that the relative table has
    with torch.no_grad():
        same = torch.allclose(made(tokens)[:, -1], made(swapped)[:, -1], rtol=0, atol=1e-9)
    assert same == (position == "none")


def test_relative_positions_beyond_the_table_clamp_or_are_zero() -> None:
    clamp, zero = model("relative", max_distance=4), model("relative", max_distance=4, beyond="zero")
    zero.load_state_dict(clamp.state_dict())
    tokens = music(CONTEXT)
    with torch.no_grad():
        one, other = clamp(tokens), zero(tokens)
    torch.testing.assert_close(one[:, :4], other[:, :4])
    assert ((one[:, 4:] - other[:, 4:]).abs().amax(-1) > 1e-3).all()


@pytest.mark.parametrize("scaling", ["ntk", "yarn"])
def test_rope_scaling_by_one_changes_nothing_and_by_more_stays_finite(scaling: Any) -> None:
    plain = model("rope")
    tokens = music(4 * CONTEXT)
    results = {}
    for factor in (1.0, 4.0):
        made = model("rope", rope_scaling=scaling, rope_factor=factor)
        made.load_state_dict(plain.state_dict())
        with torch.no_grad():
            results[factor] = made(tokens)
    with torch.no_grad():
        assert torch.equal(results[1.0], plain(tokens))
    assert torch.isfinite(results[4.0]).all()
    assert (results[4.0] - results[1.0]).abs().max() > 1e-3


def test_learned_positions_end_with_a_clear_error() -> None:
    made = model("learned")
    with pytest.raises(MusictxError, match="learned positions end at 24"):
        made(music(CONTEXT + 1))
    cache = Cache(made, 2, 100)
    cache.step(music(CONTEXT))
    with pytest.raises(MusictxError, match="learned positions end at 24"):
        cache.step(music(1))
    assert cache.length == CONTEXT


def test_a_repeated_cache_goes_on_as_each_sequence_would() -> None:
    made = model("relative")
    primer, rest = music(10, batch=1), music(5, batch=3, seed=1)
    with torch.inference_mode():
        cache = Cache(made, 1, 12)
        cache.step(primer)
        cache.repeat(3)
        found = cache.step(rest)
        wanted = made(torch.cat([primer.repeat(3, 1), rest], 1))[:, 10:]
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


# Weights


def test_a_fresh_model_expects_every_event_alike() -> None:
    torch.manual_seed(0)
    fresh = MusicTransformer(ModelConfig(**TINY))
    logits = fresh(music(8))
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), music(8, seed=1).flatten())
    assert loss.item() == pytest.approx(math.log(391))


# Settings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layers": 0}, "layers is 0"),
        ({"width": 30, "heads": 4}, "width 30 must be a multiple"),
        ({"width": 32.0}, "width is 32.0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"dropout": "high"}, "dropout is 'high'"),
        ({"window": 0}, "window is 0"),
        ({"max_distance": -1}, "max_distance is -1"),
        ({"beyond": "wrap"}, "beyond is 'wrap'"),
        ({"rope_scaling": "linear"}, "rope_scaling is 'linear'"),
        ({"rope_factor": 0.5}, "rope_factor"),
        ({"rope_factor": math.nan}, "rope_factor"),
        ({"rope_base": "big"}, "rope_base"),
        ({"norm": "batch"}, "norm is 'batch'"),
        ({"activation": ["gelu"]}, "activation is"),
    ],
)
def test_impossible_settings_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(MusictxError, match=message):
        ModelConfig(**wrong)


@pytest.mark.parametrize("name", ["sinus", ["rope"], None])
def test_an_unknown_scheme_is_named(name: Any) -> None:
    with pytest.raises(MusictxError, match=r"position is .*; it must be one of vanilla, learned, relative"):
        MusicTransformer(ModelConfig(position=name))


def test_an_unknown_size_is_named() -> None:
    with pytest.raises(MusictxError, match="size is 'huge'; it must be one of tiny, small, medium, large"):
        sized_config("huge", "rope", 64)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropout, x = Dropout(0.2), torch.ones(1000, 1001, requires_grad=True)  # a count that is no multiple of 8
    y = dropout(x)
    dropped = float((y == 0).float().mean())
    assert abs(dropped - 51 / 256) < 0.002 and abs(y.mean().item() - 1) < 0.002
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())  # what is kept is scaled, forth and back
    assert not torch.equal(dropout(x), y)
    assert dropout.eval()(x) is x or torch.equal(dropout.eval()(x), x)
    assert Dropout(0.0)(x) is x or torch.equal(Dropout(0.0)(x), x)
