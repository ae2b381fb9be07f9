"""Compiled decoding steps: the logits of the model itself, for every scheme and setting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from musictx.checkpoint import load_model
from musictx.events import encode
from musictx.midi import read_midi
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.positions import SCHEMES
from musictx.sampling import SamplingSettings, generate
from musictx.sampling import kernels as engine_kernels
from musictx.sampling.cache import Cache
from musictx.sampling.engine import engine_for, in_8_bits
from musictx.shipped import shipped_primer

pytestmark = pytest.mark.skipif(engine_kernels.njit is None, reason="needs numba, which is not installed")

SETTINGS: list[dict[str, Any]] = [
    {"activation": "gelu"},
    {"window": 20, "activation": "relu"},
    {"activation": "relu_squared"},
    {"window": 7, "norm": "rms"},
    {"activation": "swiglu"},
]
CASES = [(position, settings) for position in SCHEMES for settings in SETTINGS] + [
    ("relative", {"beyond": "zero"}),
    ("relative", {"beyond": "zero", "window": 70, "max_distance": 60}),
    ("relative", {"max_distance": 8}),
    ("relative", {"max_distance": 500}),
    ("rope", {"rope_scaling": "ntk", "rope_factor": 4.0}),
    ("rope", {"rope_scaling": "yarn", "rope_factor": 4.0}),
]


def _model(position: str = "relative", **settings: Any) -> MusicTransformer:
    torch.manual_seed(0)
    sizes = {"layers": 2, "width": 48, "heads": 4, "feed_forward": 70, "context_length": 128}
    model = MusicTransformer(ModelConfig(position, **{**sizes, **settings})).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize(("position", "settings"), CASES, ids=str)
@torch.inference_mode()
def test_steps_give_the_logits_of_the_whole_model(position: str, settings: dict[str, Any]) -> None:
    model = _model(position, **settings)
    tokens = torch.randint(0, 388, (3, 110))
    tokens[1:, :30] = tokens[0, :30]
    cache = Cache(model, 1, 35)  # so little room that it must grow
    assert cache.engine is not None
    parts = [cache.step(tokens[:1, :30]).expand(3, -1, -1)]
    cache.repeat(3)
    parts += [cache.step(tokens[:, i : i + 1]) for i in range(30, 80)]
    parts += [cache.step(tokens[:, 80:85])]  # several at once go through PyTorch, on the same cache
    parts += [cache.step(tokens[:, i : i + 1]) for i in range(85, 110)]
    torch.testing.assert_close(torch.cat(parts, 1), model(tokens), atol=1e-4, rtol=0)


@torch.inference_mode()
def test_eight_bits_are_the_model_with_rounded_weights() -> None:
    """Whole passages and single tokens alike; and after the weights were changed, the new ones."""
    model = _model()
    tokens = torch.randint(0, 388, (1, 40))
    for _ in range(2):
        cache, own = Cache(model, 1, 64, int8=True), Cache(in_8_bits(model), 1, 64)
        for part in (tokens[:, :8], *tokens[:, 8:].split(1, 1)):
            torch.testing.assert_close(cache.step(part), own.step(part), atol=1e-4, rtol=0)
        model.head.weight.mul_(1.5)


def test_models_of_8_bits_are_rounded_once_for_each_state_of_their_weights() -> None:
    model = _model()
    first = engine_for(model, int8=True)
    assert first and engine_for(model, int8=True) is first
    with torch.no_grad():
        model.head.weight.add_(0.1)
    second = engine_for(model, int8=True)
    assert second and second is not first
    fused = torch.optim.AdamW(model.parameters(), fused=True)  # it counts no version of what it changes
    model(torch.zeros(1, 4, dtype=torch.long)).sum().backward()
    fused.step()
    third = engine_for(model, int8=True)
    assert third and third is not second
    assert (second.model.head.weight != first.model.head.weight).any()


def test_a_disk_without_room_for_machine_code_does_not_stop_the_music(tmp_path: Path) -> None:
    code = """
import resource, signal, numpy
from musictx.checkpoint import load_model
from musictx.events import encode
from musictx.midi import read_midi
from musictx.model import ModelConfig, MusicTransformer
from musictx.sampling import generate
model = MusicTransformer(ModelConfig(layers=1, width=16, heads=2, feed_forward=16)).eval()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
print(len(list(generate(model, numpy.array([389]), max_tokens=3))))
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout == "3\n", done.stderr
    assert not list(tmp_path.rglob("*.nbc"))


@torch.inference_mode()
def test_eight_bits_hardly_change_what_a_shipped_model_expects() -> None:
    model = load_model("relative")
    tokens = torch.from_numpy(encode(read_midi(shipped_primer("fur-elise"))).astype(np.int64))[None, :200]

    def expected(int8: bool) -> torch.Tensor:
        cache = Cache(model, 1, 256, int8=int8)
        return torch.cat([cache.step(part) for part in tokens.split(1, 1)], 1).log_softmax(-1)[0]

    exact, rounded = expected(False), expected(True)
    divergence = (exact.exp() * (exact - rounded)).sum(-1).mean()
    assert 0 < divergence < 0.01  # nats per token


def test_one_seed_gives_one_music_with_eight_bits_too() -> None:
    def play(seed: int) -> list[int]:
        settings = SamplingSettings(allow_end=False, int8=True)
        made = generate(_model(), np.array([356, 60, 260]), settings=settings, seed=seed, max_tokens=60)
        return np.concatenate(list(made)).tolist()

    assert play(1) == play(1) != play(2)
    assert len(set(play(1))) > 20  # of 60 tokens: music, not one key


@torch.inference_mode()
def test_an_engine_only_where_it_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Cache(_model().double(), 1, 8).engine is None
    monkeypatch.setattr(engine_kernels, "njit", None)
    assert Cache(_model(), 1, 8).engine is None


@torch.inference_mode()
def test_damaged_weights_give_no_numbers_and_no_crash() -> None:
    model = _model()
    model.embedding.weight[7] = torch.nan
    cache = Cache(model, 1, 16)
    cache.step(torch.tensor([[1, 2]]))
    assert cache.step(torch.tensor([[3]])).isfinite().all()
    assert cache.step(torch.tensor([[7]])).isnan().all()
