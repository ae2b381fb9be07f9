"""Contrast: the short context is the model's own on the last tokens, and the mixture is as it says."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from musictx.errors import MusictxError
from musictx.events import PAD, START, decode
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.positions import SCHEMES
from musictx.sampling import NoteOn, continue_variations, generate, stream_notes
from musictx.sampling import kernels as engine_kernels
from musictx.sampling.cache import Cache
from musictx.sampling.contrast import (
    MIN_PROBABILITY,
    STRIDES,
    ShortContext,
    contrast,
    log_probabilities,
    short_start,
)
from musictx.sampling.filters import SamplingSettings, draw, filter_logits
from musictx.sampling.sampler import Sampler

PRIMER = np.array([START, 376, 60, 64, 280, 188, 192])


def player(position: str = "relative", **changes: Any) -> MusicTransformer:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "layers": 2,
        "width": 48,
        "heads": 4,
        "feed_forward": 64,
        "context_length": 256,
    }
    model = MusicTransformer(ModelConfig(position, **{**sizes, **changes})).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize("stride", STRIDES.values())
def test_a_short_context_holds_one_to_two_strides(stride: int) -> None:
    sizes = [n - short_start(n, stride) for n in range(2000)]
    assert sizes[: 2 * stride] == list(range(2 * stride))
    assert min(sizes[stride:]) == stride and max(sizes) == 2 * stride - 1
    assert all(b - a in (1, 1 - stride) for a, b in pairwise(sizes))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("position", SCHEMES)
@torch.inference_mode()
def test_its_logits_are_those_of_the_model_itself_on_the_last_tokens(
    position: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr(engine_kernels, "njit", None)
    elif engine_kernels.njit is None:
        pytest.skip("needs numba, which is not installed")
    model = player(position)
    tokens = torch.randint(0, 388, (3, 200))
    tokens[:, :50] = tokens[0, :50]
    short = ShortContext(model, Cache(model, 1, 8), tokens[0, :50].numpy(), 3, 32)
    for n in range(50, 200):
        uncached = model(tokens[:, short_start(n, 32) : n])[:, -1]
        torch.testing.assert_close(short.logits, uncached, atol=1e-4, rtol=0)
        short.push(tokens[:, n : n + 1])


@torch.inference_mode()
def test_the_weights_of_an_engine_are_there_once() -> None:
    cache = Cache(player(), 1, 8, int8=True)
    if cache.engine is None:
        pytest.skip("needs numba, which is not installed")
    sibling = cache.sibling(2, 64)
    assert sibling.engine is not None and sibling.engine.layers is cache.engine.layers
    assert sibling.layers[0].keys.data_ptr() != cache.layers[0].keys.data_ptr()


def test_the_mixture_favours_what_the_whole_context_adds() -> None:
    whole = np.array([[0.5, 0.3, 0.19, MIN_PROBABILITY / 2, 0.01 - MIN_PROBABILITY / 2]])
    short = np.array([[0.7, 0.1, 0.19, 0.005, 0.005]])
    told = (whole * np.log(whole / short)).sum()
    strength = 0.5 * (0.5 + told / (told + 0.5))
    mixed = np.exp(contrast(np.log(whole), np.log(short), 0.5))
    expected = np.where(whole > MIN_PROBABILITY, whole ** (1 + strength) / short**strength, 0)
    np.testing.assert_allclose(mixed / mixed.sum(), expected / expected.sum())
    np.testing.assert_allclose(contrast(np.log(whole), np.log(short), 0.0)[0, :3], np.log(whole[0, :3]))


def test_it_is_strongest_where_the_whole_context_tells_most() -> None:
    """A copy that is half believed is believed; where contexts nearly agree, a draw changes less."""

    def first(whole: list[float], short: list[float]) -> float:
        mixed = contrast(np.log(np.array([whole])), np.log(np.array([short])), 0.5)
        return float(np.exp(log_probabilities(mixed))[0, 0])

    assert 0.52 < first([0.5, 0.25, 0.25], [0.4, 0.3, 0.3]) < 0.54  # 0.559 with a strength of 0.5
    assert first([0.5] + [0.05] * 10, [0.02] + [0.098] * 10) > 0.91  # 0.875


def test_what_is_forbidden_or_hopeless_cannot_be_drawn_and_something_always_can() -> None:
    even = log_probabilities(np.zeros((1, 300)))  # no token reaches the least probability
    mixed = contrast(even, even, 1.0)
    assert np.isfinite(mixed).all()
    whole = log_probabilities(np.array([[0.0, -np.inf, np.log(1e-3)]]))
    mixed = contrast(whole, log_probabilities(np.zeros((1, 3))), 1.0)
    assert np.isfinite(mixed).tolist() == [[True, False, False]]


def tokens_of(model: MusicTransformer, count: int, theme: float, **options: Any) -> np.ndarray:
    settings = SamplingSettings(theme=theme, allow_end=False)
    return np.array(list(generate(model, PRIMER, settings=settings, max_tokens=count, **options)))


@pytest.mark.parametrize("compiled", [True, False])
def test_theme_changes_the_music(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled:
        monkeypatch.setattr(engine_kernels, "njit", None)
    model = player()
    plain, little, much = (tokens_of(model, 200, theme, seed=3) for theme in (0.0, 0.25, 0.5))
    assert not np.array_equal(plain, much) and not np.array_equal(little, much)


@pytest.mark.parametrize(("theme", "form"), [(0.5, 0.0), (0.0, 0.5), (0.25, 0.75)])
def test_every_token_is_drawn_from_the_mixture(
    theme: float, form: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRIDES, "form", 40)
    model = player()
    settings = SamplingSettings(theme=theme, form=form, allow_end=False, grammar=False, int8=False)
    sampler = Sampler(model, PRIMER, settings, [np.random.default_rng(0)])
    uniform, tokens, otherwise = np.random.default_rng(0), PRIMER.tolist(), 0
    for _ in range(120):
        heard = torch.tensor([tokens])
        starts = (0, short_start(len(tokens), 32), short_start(len(tokens), 40))
        with torch.inference_mode():
            logits = [model(heard[:, start:])[:, -1].numpy() for start in starts]
        for row in logits:
            row[:, PAD:] = -np.inf
        whole, few, more = map(log_probabilities, logits)
        strength = theme + form
        shorts = [each / strength * x for each, x in ((theme, few), (form, more)) if each]
        mixture = contrast(whole, sum(shorts), strength)
        place = uniform.random(1)
        mixed, plain = (draw(filter_logits(x, settings), place) for x in (mixture, whole))
        assert sampler.draw() == mixed
        otherwise += (mixed != plain).sum()
        tokens += mixed.tolist()
    assert otherwise > 10


def test_with_form_variations_are_the_same_alone_among_others_and_streamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(STRIDES, "form", 40)  # so that it says something in so few tokens
    model = player()
    options: dict[str, Any] = {"seconds": None, "tokens": 150, "theme": 0.5, "form": 0.5, "seed": 2}
    one, two, three = continue_variations(model, decode(PRIMER), variations=3, **options)
    (alone,) = continue_variations(model, decode(PRIMER), **options)
    np.testing.assert_array_equal(alone.performance.notes, one.performance.notes)
    assert len({made.performance.notes.tobytes() for made in (one, two, three)}) == 3
    streamed = [e for events in stream_notes(model, decode(PRIMER), **options) for e in events]
    onsets = sorted(e.onset for e in streamed if isinstance(e, NoteOn))
    np.testing.assert_allclose(onsets, one.alone.notes["onset"] + one.cut, atol=1e-6)


@pytest.mark.parametrize("name", STRIDES)
@pytest.mark.parametrize("value", [-0.1, 1.25, float("nan")])
def test_the_strengths_lie_between_0_and_1(name: str, value: float) -> None:
    with pytest.raises(MusictxError, match=rf"{name} is {value}; it must lie between 0 \(off\) and 1"):
        SamplingSettings(**{name: value})
