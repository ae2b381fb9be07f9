"""A position scheme of one's own takes some twenty lines, and keeps the promises of all."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from scheme_contract import CONTRACT, assert_cached_is_uncached, model, music
from torch import Tensor, nn

from musictx.errors import MusictxError
from musictx.model import ModelConfig, sized_config
from musictx.model.positions import SCHEMES, Positions, Relative, register_scheme
from musictx.sampling import Cache
from musictx.sampling.kernels import njit


class Buckets(Positions):
    """A learned logit for each head and bucket of distances (T5: Raffel et al. 2020, section 2.1)."""

    shift_invariant = True
    buckets, farthest = 32, 128  # half of the buckets hold one distance each

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        self.weight = nn.Parameter(torch.randn(config.heads, self.buckets))

    @classmethod
    def extra_parameters(cls, config: ModelConfig) -> int:
        return config.heads * cls.buckets

    def distance_bias(self, length: int) -> Tensor:
        distance, exact = torch.arange(length, device=self.weight.device), self.buckets // 2
        farther = (distance.clamp_min(1) / exact).log() / math.log(self.farthest / exact)
        bucket = torch.where(distance < exact, distance, exact + (farther * exact).long())
        return self.weight[:, bucket.clamp_max(self.buckets - 1)]


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    register_scheme("buckets", Buckets)
    yield
    del SCHEMES["buckets"]


@pytest.mark.parametrize("promise", CONTRACT)
def test_a_new_scheme_keeps_the_promises_of_all(promise: str) -> None:
    CONTRACT[promise]("buckets")


def test_the_distance_alone_decides_and_far_ones_are_alike() -> None:
    positions = model("buckets").positions
    bias = positions.distance_bias(500)
    assert torch.equal(bias[:, :16], positions.weight[:, :16])
    assert torch.equal(bias[:, 128:], positions.weight[:, 31:].expand(-1, 372))


@pytest.mark.skipif(njit is None, reason="needs numba, which is not installed")
def test_an_engine_refuses_a_scheme_that_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    made, tokens = model("buckets"), music(9)
    cache = Cache(made, 2, 16)
    assert cache.engine is None
    with torch.inference_mode():
        found = torch.cat([cache.step(tokens[:, :5]), *(cache.step(t) for t in tokens[:, 5:].split(1, 1))], 1)
        torch.testing.assert_close(found, made(tokens), rtol=0, atol=1e-4)
    # A scheme of biases is one that the kernels could do: saying so is all it takes.
    monkeypatch.setattr(Buckets, "engine_supports", True)
    assert Cache(made, 2, 16).engine is not None
    assert_cached_is_uncached(made)


def test_names_are_given_once_and_unknown_ones_are_named() -> None:
    register_scheme("buckets", Buckets)
    with pytest.raises(MusictxError, match="buckets is the name of a position scheme already"):
        register_scheme("buckets", Relative)
    with pytest.raises(MusictxError, match=r"position is 'bucket'; it must be one of vanilla, .*, buckets"):
        sized_config("small", "bucket", 1024)
