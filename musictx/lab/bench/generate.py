"""``musictx bench generate``: decoding next to peers, and next to what streaming the weights would take."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musictx.checkpoint import load_model
from musictx.errors import MusictxError
from musictx.events import EVENTS, VOCABULARY_SIZE
from musictx.lab.bench.common import (
    Progress,
    check_at_least,
    interleaved,
    machine,
    peer,
    silent,
    spread,
    threads,
)
from musictx.lab.evaluation.loading import primers_nll
from musictx.model import ModelConfig, MusicTransformer
from musictx.sampling import SamplingSettings, generate
from musictx.sampling import kernels as engine_kernels
from musictx.sampling.cache import Cache
from musictx.shipped import COMPARED_MODELS

MUSIC_TOKENS_PER_SECOND = 45  # of dense piano music
STEPS = 24  # steps timed in a turn


def _primer(length: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, EVENTS, length)


def step_work(model: MusicTransformer, prefix: int, *, int8: bool = False) -> Callable[[], None]:
    """`STEPS` steps after a prefix; every round decodes the same positions again."""
    with torch.inference_mode():
        cache = Cache(model, 1, prefix + STEPS, int8=int8)
        cache.step(torch.from_numpy(_primer(prefix))[None])
    tokens = torch.zeros(1, 1, dtype=torch.int64)

    def work() -> None:
        with torch.inference_mode():
            cache.length = prefix
            for _ in range(STEPS):
                cache.step(tokens)

    return work


def streaming(model: MusicTransformer, repetitions: int) -> dict[str, Any]:
    """What one token costs at least: reading every weight that it needs once, as a product with a vector.

    Measured on matrices of as many bytes as the model's, so that they lie where the model's would
    (in a cache if they fit one).
    """
    weights = [p for p in model.parameters() if p.ndim == 2 and p is not model.embedding.weight]
    copies = [torch.randn_like(p) for p in weights]
    vectors = {p.shape[1]: torch.randn(1, p.shape[1]) for p in copies}
    size = sum(p.numel() * p.element_size() for p in copies)

    def work() -> None:
        with torch.inference_mode():
            for p in copies:
                F.linear(vectors[p.shape[1]], p)

    seconds = interleaved({"weights": work}, 10 * repetitions)["weights"]
    best = spread(seconds)
    return {
        "megabytes_per_token": round(size / 1e6, 1),
        "gigabytes_per_second": round(size / best["median"] / 1e9, 1),
        "milliseconds_per_token": spread(seconds, 1e3),
    }


def _bounds(player: tuple[MusicTransformer, bool], prefix: int, bound: dict[str, Any]) -> dict[str, float]:
    """Milliseconds to read the weights once, and beside it keys, values and relative embeddings."""
    (model, int8), rate = player, bound["gigabytes_per_second"]
    config = model.config
    seen = prefix if config.window is None else min(prefix, config.window)
    numbers = 2 * seen * config.width
    if (table := model.positions.table(0)) is not None:
        numbers += min(seen, table.shape[1]) * config.width
    cache = 4 * config.layers * numbers
    return {
        "bound_weights": round(bound["megabytes_per_token"] / rate / (4 if int8 else 1), 3),
        "bound_cache": round(cache / rate / 1e6, 3),
    }


class _Stepped(nn.Module):
    """A model as it plays: a token at a time, with 8-bit weights where it has an engine."""

    def __init__(self, model: MusicTransformer):
        super().__init__()
        self.model, self.config = model, model.config

    def forward(self, tokens: Tensor) -> Tensor:
        cache = Cache(self.model, *tokens.shape, int8=True)
        return torch.cat([cache.step(token) for token in tokens.split(1, 1)], 1)


def _again_from_the_start(model: MusicTransformer, prefix: int) -> Callable[[], None]:
    """One token as decoders without a cache make it: the whole prefix through the model again."""
    tokens = torch.from_numpy(_primer(prefix))[None]

    def work() -> None:
        with torch.inference_mode():
            model(tokens)

    return work


def _llama(config: ModelConfig, primer: int, tokens: int) -> Callable[[], None] | None:
    """Hugging Face's Llama of the same dimensions, its cache on, sampling at temperature 1."""
    transformers = peer("transformers")
    if transformers is None:
        return None
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=VOCABULARY_SIZE,
            hidden_size=config.width,
            intermediate_size=round(2 * config.feed_forward / 3),  # three matrices instead of two
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            max_position_embeddings=4096,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=0,
        )
    ).eval()
    start = torch.from_numpy(_primer(primer))[None]
    options = {"max_new_tokens": tokens, "min_new_tokens": tokens, "do_sample": True, "top_k": 0}

    def work() -> None:
        with torch.inference_mode():
            model.generate(start, attention_mask=torch.ones_like(start), **options)

    return work


def _x_transformers(config: ModelConfig, primer: int, tokens: int) -> Callable[[], None] | None:
    """x-transformers of the same dimensions, rotary positions, its cache on."""
    x = peer("x-transformers")
    if x is None:
        return None
    decoder = x.Decoder(
        dim=config.width,
        depth=config.layers,
        heads=config.heads,
        attn_dim_head=config.head_width,
        rotary_pos_emb=True,
        ff_mult=config.feed_forward / config.width,
    )
    inner = x.TransformerWrapper(num_tokens=VOCABULARY_SIZE, max_seq_len=4096, attn_layers=decoder)
    model = x.AutoregressiveWrapper(inner).eval()
    start = torch.from_numpy(_primer(primer))[None]

    def work() -> None:
        with torch.inference_mode():
            model.generate(start, tokens, cache_kv=True)

    return work


def _musictx(model: MusicTransformer, primer: int, tokens: int, int8: bool = True) -> Callable[[], None]:
    """The product's own sampler, with its filters and its grammar."""
    start, settings = _primer(primer), SamplingSettings(theme=0, allow_end=False, int8=int8)

    def work() -> None:
        for _ in generate(model, start, settings=settings, max_tokens=tokens):
            pass

    return work


def _together(models: Sequence[MusicTransformer], primer: int, tokens: int) -> float:
    """Tokens per second of each of several models that play at once, as in the demo: the slowest one's."""
    with ThreadPoolExecutor(len(models)) as pool:
        began = time.perf_counter()
        list(pool.map(lambda m: _musictx(m, primer, tokens)(), models))
        return tokens / (time.perf_counter() - began)


def bench_generate(
    models: Sequence[str] = COMPARED_MODELS,
    *,
    primer: int = 128,
    tokens: int = 512,
    prefixes: Sequence[int] = (128, 512, 1024, 2048),
    thread_count: int | None = 1,
    repetitions: int = 3,
    peers: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Milliseconds of a step over the prefix, tokens per second of whole generators, and the bound.

    Parameters
    ----------
    models : sequence of str
        Shipped names or folders; peers get the dimensions of the first.
    primer, tokens : int
        Tokens given, and tokens made by each whole generator.
    prefixes : sequence of int
        At which steps are timed.
    thread_count : int, optional
        The same for every contestant.
    repetitions : int
    peers : bool
    progress : callable

    Returns
    -------
    dict
        ``streaming``: the bound; ``steps``: rows of model, prefix, ``milliseconds``;
        ``without_a_cache``: the first model's whole forward at each prefix; ``generators``: rows with
        ``tokens_per_second``; ``rounding``: ``nats_per_token`` of the shipped primers, and the ``change``
        that 8-bit weights make; ``together``: several models at once.
    """
    if not models or not prefixes:
        raise MusictxError("give at least one model and one prefix")
    check_at_least(1, primer=primer, tokens=tokens, prefix=min(prefixes), repetitions=repetitions)
    with threads(thread_count) as used:
        facts = machine()
        loaded = {name: load_model(name) for name in models}
        first = loaded[models[0]]
        progress("streaming the weights")
        bound = streaming(first, repetitions)
        # As they play by default, and with the numbers that peers use; PyTorch's steps have only these.
        kinds = {"": False} if engine_kernels.njit is None else {"": True, ", float32": False}
        players = {
            f"{name}{kind}": (model, int8) for name, model in loaded.items() for kind, int8 in kinds.items()
        }
        keys: list[tuple[str, str, int]] = []
        work: dict[str, Callable[[], object]] = {}
        for name, prefix in itertools.product(players, prefixes):
            model, int8 = players[name]
            limit = model.positions.limit
            if limit is None or prefix + STEPS <= limit:
                work[f"step of {name} after {prefix}"] = step_work(model, prefix, int8=int8)
                keys.append(("step", name, prefix))
        for prefix in prefixes:
            if first.positions.limit is None or prefix <= first.positions.limit:
                work[f"{models[0]} without a cache at {prefix}"] = _again_from_the_start(first, prefix)
                keys.append(("again", models[0], prefix))
        seconds = dict(zip(keys, interleaved(work, 3 * repetitions, progress).values(), strict=True))
        steps = [
            {
                "model": name,
                "prefix": prefix,
                "milliseconds": spread(x, 1e3 / STEPS),
                **_bounds(players[name], prefix, bound),
            }
            for (kind, name, prefix), x in seconds.items()
            if kind == "step"
        ]
        again = [
            {"model": name, "prefix": prefix, "milliseconds": spread(x, 1e3)}
            for (kind, name, prefix), x in seconds.items()
            if kind == "again"
        ]
        generators = {
            f"musictx {name}": _musictx(model, primer, tokens, int8)
            for name, (model, int8) in players.items()
        }
        if peers:
            for name, make in {"Hugging Face Llama": _llama, "x-transformers": _x_transformers}.items():
                if (contestant := make(first.config, primer, tokens)) is not None:
                    generators[name] = contestant
        rates = {
            name: spread([tokens / s for s in x])
            for name, x in interleaved(generators, repetitions, progress).items()
        }
        progress("the primers, step by step")
        rounding = []
        for name, model in loaded.items():
            stepped: Any = _Stepped(model)
            exact, rounded = primers_nll(model), primers_nll(stepped)
            rounding.append(
                {"model": name, "nats_per_token": round(exact, 4), "change": round(rounded - exact, 5)}
            )
        together = None
        if len(models) > 1:
            progress(f"{len(models)} models at once")
            rounds = [_together(list(loaded.values()), primer, tokens) for _ in range(repetitions)]
            together = {
                "models": list(models),
                "tokens_per_second_of_each": spread(rounds),
                "times_real_time": round(spread(rounds)["median"] / MUSIC_TOKENS_PER_SECOND, 1),
            }
    return {
        "bench": "generate",
        "machine": facts,
        "threads": used,
        "steps_by": "PyTorch" if engine_kernels.njit is None else "machine code (numba)",
        "sizes": {"primer": primer, "tokens": tokens, "batch": 1, "parameters": first.parameter_count()},
        "streaming": bound,
        "steps": steps,
        "without_a_cache": again,
        "generators": [{"generator": name, "tokens_per_second": rate} for name, rate in rates.items()],
        "rounding": rounding,
        "together": together,
    }
