"""What every position scheme promises, as tests that take its name: musictx's schemes, or one's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from musictx.checkpoint import load_model, save_model
from musictx.model import SIZES, ModelConfig, MusicTransformer, sized_config
from musictx.model.positions import find_scheme
from musictx.model.sizes import parameter_count
from musictx.sampling import Cache
from musictx.sampling.kernels import njit

CONTEXT = 24
TINY: dict[str, Any] = {"layers": 2, "width": 32, "heads": 4, "feed_forward": 48, "context_length": CONTEXT}


def model(position: str = "relative", *, seed: int = 0, **settings: Any) -> MusicTransformer:
    """A tiny model whose every weight takes part."""
    torch.manual_seed(seed)
    made = MusicTransformer(ModelConfig(position=position, **{**TINY, "dropout": 0.0, **settings}))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made.eval()


def music(length: int, batch: int = 2, seed: int = 0) -> Tensor:
    return torch.randint(0, 391, (batch, length), generator=torch.Generator().manual_seed(seed))


def cached(made: MusicTransformer, tokens: Tensor, steps: list[int], *, engine: bool = True) -> Tensor:
    """Logits from a cache that gets the tokens in steps of these sizes."""
    cache, out, at = Cache(made, len(tokens), 4), [], 0
    if not engine:
        cache.engine = None
    with torch.inference_mode():
        for step in steps:
            out.append(cache.step(tokens[:, at : at + step]))
            at += step
    assert cache.length == at == tokens.shape[1]
    return torch.cat(out, 1)


def assert_cached_is_uncached(made: MusicTransformer) -> None:
    """In the engine's steps and in PyTorch's, past the training length, where the room grows on the way."""
    length = made.positions.limit or 3 * CONTEXT
    tokens, prefill = music(length), length // 3
    with torch.no_grad():
        whole = made(tokens)
    for engine in (True, False):
        for steps in (
            [prefill, *[1] * (length - prefill)],
            [1, *[1] * (length - 1)],
            [prefill, 3, 1, 2, length - prefill - 6],
        ):
            found = cached(made, tokens, steps, engine=engine)
            torch.testing.assert_close(found, whole, rtol=0, atol=1e-4)


def assert_causal(made: MusicTransformer) -> None:
    """No token moves the logits before it, and each moves its own."""
    made, tokens = made.double(), music(CONTEXT)
    with torch.no_grad():
        before = made(tokens)
        for at in (1, 10, CONTEXT - 1):
            changed = tokens.clone()
            changed[:, at:] = (changed[:, at:] + 1) % 391
            after = made(changed)
            assert torch.equal(after[:, :at], before[:, :at])
            assert (after[:, at] != before[:, at]).any()


def _cached_is_uncached(position: str) -> None:
    assert_cached_is_uncached(model(position))


def _causal(position: str) -> None:
    assert_causal(model(position))


def _the_engine_decodes_what_it_has_kernels_for(position: str) -> None:
    cache = Cache(model(position), 1, 8)
    assert (cache.engine is not None) == (njit is not None and find_scheme(position).engine_supports)


def _a_window_hides_what_lies_behind_it(position: str) -> None:
    """Each layer looks back window - 1 tokens."""
    window, last, tokens = 5, CONTEXT - 1, music(CONTEXT)
    for layers in (1, 2):
        made = model(position, window=window, layers=layers).double()
        with torch.no_grad():
            before = made(tokens)[:, last]
            for at in range(CONTEXT):
                changed = tokens.clone()
                changed[:, at] = (changed[:, at] + 1) % 391
                seen = not torch.allclose(made(changed)[:, last], before, rtol=0, atol=1e-9)
                assert seen == (at >= last - layers * (window - 1))


def _the_place_matters_unless_promised_otherwise(position: str) -> None:
    """With a window, the last logits see the same tokens at other positions."""
    window = 6
    made = model(position, window=window, layers=1).double()
    tokens = music(window)
    with torch.no_grad():
        here = made(tokens)[:, -1]
        there = made(torch.cat([music(11, seed=1), tokens], 1))[:, -1]
        told = made(tokens, 11)[:, -1]
    for moved in (there, told):
        same = torch.allclose(here, moved, rtol=0, atol=1e-6)
        assert same == find_scheme(position).shift_invariant


def _models_of_one_size_have_the_same_number_of_weights(position: str) -> None:
    for size, context in [("small", 256), ("small", 2048), *((size, 1024) for size in SIZES)]:
        count, other = (parameter_count(sized_config(size, name, context)) for name in (position, "none"))
        assert abs(count - other) <= 0.01 * other, (size, context)


def _every_weight_learns(position: str) -> None:
    made = model(position, max_distance=6).train()
    logits = made(music(CONTEXT))
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), music(CONTEXT, seed=1).flatten()).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def _training_learns_a_piece_by_heart(position: str) -> None:
    torch.manual_seed(0)
    made, tokens = MusicTransformer(ModelConfig(position, **{**TINY, "dropout": 0.0})), music(CONTEXT + 1)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.01)
    losses = []
    for _ in range(40):
        logits = made(tokens[:, :-1])
        losses.append(torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.2 * losses[0]


def _a_checkpoint_gives_the_model_back(position: str) -> None:
    made, tokens = model(position, max_distance=5, dropout=0.3), music(CONTEXT)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        save_model(made, folder)
        loaded = load_model(folder)
        assert loaded.config == made.config
        assert torch.equal(loaded(tokens), made(tokens))


CONTRACT: dict[str, Callable[[str], None]] = {
    check.__name__.strip("_"): check
    for check in (
        _cached_is_uncached,
        _causal,
        _the_engine_decodes_what_it_has_kernels_for,
        _a_window_hides_what_lies_behind_it,
        _the_place_matters_unless_promised_otherwise,
        _models_of_one_size_have_the_same_number_of_weights,
        _every_weight_learns,
        _training_learns_a_piece_by_heart,
        _a_checkpoint_gives_the_model_back,
    )
}
