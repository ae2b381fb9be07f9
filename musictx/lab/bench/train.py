"""``musictx bench train``: tokens per second of a training step next to a bare loop, and of the data."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musictx.corpus import Corpus
from musictx.corpus.batches import Augmentation, BatchSource
from musictx.events import EVENTS, VOCABULARY_SIZE, encode
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
from musictx.lab.bench.encode import made_up
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.sizes import sized_config
from musictx.process import keep_freed_memory
from musictx.training.devices import choose_precision
from musictx.training.optimizers import make_optimizers
from musictx.training_settings import TrainingConfig

BARE = "bare loop"


class _BareLayer(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        self.heads = config.heads
        self.attention_norm, self.feed_forward_norm = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        self.up = nn.Linear(config.width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        parts = self.qkv(self.attention_norm(x)).split(width, 2)
        q, k, v = (p.view(batch, length, self.heads, -1).transpose(1, 2) for p in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.relu(self.up(self.feed_forward_norm(x))).square())


class _Bare(nn.Module):
    """The least that trains: learned positions, fused attention, one AdamW; written as nanoGPT is."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.tokens = nn.Embedding(config.vocabulary, config.width)
        self.places = nn.Embedding(config.context_length, config.width)
        self.layers = nn.Sequential(*(_BareLayer(config) for _ in range(config.layers)))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        return self.head(self.norm(self.layers(x)))


def _llama(config: ModelConfig) -> nn.Module | None:
    transformers = peer("transformers")
    if transformers is None:
        return None
    inner = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=config.vocabulary,
            hidden_size=config.width,
            intermediate_size=round(2 * config.feed_forward / 3),
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            max_position_embeddings=config.context_length,
            use_cache=False,
        )
    )

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, tokens: Tensor) -> Tensor:
            return self.inner(tokens).logits

    return Logits()


def _step(
    model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], tokens: Tensor, autocast: bool
) -> Callable[[], None]:
    """A whole step: forward, loss, backward, clipping, update."""
    model.train()
    inputs, targets = tokens[:, :-1], tokens[:, 1:]

    def work() -> None:
        with torch.autocast(tokens.device.type, torch.bfloat16, enabled=autocast):
            logits = model(inputs)
            loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if tokens.is_cuda:
            torch.cuda.synchronize()

    return work


def _data_work(length: int, batch: int) -> Callable[[], object]:
    """Batches from a corpus of made-up pieces, with the augmentation of training."""
    pieces = [encode(made_up(2000, seed)) for seed in range(20)]
    ends = np.cumsum([len(piece) for piece in pieces])
    starts = ends - [len(piece) for piece in pieces]
    names = tuple(f"piece {i}" for i in range(len(pieces)))
    corpus = Corpus(np.concatenate(pieces), starts, ends, names, np.zeros(len(pieces), np.int64), {})
    source = BatchSource(corpus, length=length, batch=batch, augmentation=Augmentation())
    steps = itertools.count()
    return lambda: source.batch(next(steps))


def bench_train(
    positions: Sequence[str] = ("vanilla", "relative", "rope"),
    *,
    size: str = "small",
    length: int = 1024,
    batch: int = 4,
    precision: str = "auto",
    thread_count: int | None = None,
    repetitions: int = 5,
    peers: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Tokens per second of whole training steps, in turns, and of the data pipeline alone.

    Parameters
    ----------
    positions : sequence of str
        Position schemes of `musictx.model.positions`.
    size : str
        A name in `musictx.model.sizes`.
    length, batch : int
        Tokens in a window, and windows in a step.
    precision : {"auto", "32-true", "bf16-mixed"}
    thread_count : int, optional
    repetitions : int
    peers : bool
    progress : callable

    Returns
    -------
    dict
        ``rows``: ``tokens_per_second`` and ``share_of_bare_loop`` of each.
    """
    check_at_least(1, length=length, batch=batch, repetitions=repetitions)
    chosen = choose_precision(precision)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    keep_freed_memory()
    with threads(thread_count) as used:
        facts = machine()
        torch.manual_seed(0)
        tokens = torch.randint(0, EVENTS, (batch, length + 1), device=device)
        plain = sized_config(size, "none", length, dropout=0.0)
        models: dict[str, nn.Module] = {BARE: _Bare(plain)}
        for name in positions:
            config = sized_config(size, name, length, dropout=0.0)
            models[f"musictx {name}"] = MusicTransformer(config)
        if peers and (llama := _llama(plain)) is not None:
            models["Hugging Face Llama"] = llama
        work: dict[str, Callable[[], object]] = {}
        for name, model in models.items():
            model.to(device)
            if isinstance(model, MusicTransformer):
                rates = TrainingConfig(steps=1, optimizer="adamw", lr=1e-4, weight_decay=0.0)
                optimizers = make_optimizers(model, rates)
            else:
                optimizers = [torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)]
            work[name] = _step(model, optimizers, tokens, chosen == "bf16-mixed")
        work["data"] = _data_work(length, batch)
        seconds = interleaved(work, repetitions, progress)
        data = spread([batch * length / s for s in seconds.pop("data")])
    speeds = {name: spread([batch * length / s for s in x]) for name, x in seconds.items()}
    rows = [
        {
            "model": name,
            "parameters": sum(p.numel() for p in models[name].parameters()),
            "tokens_per_second": speed,
            "share_of_bare_loop": round(speed["median"] / speeds[BARE]["median"], 3),
        }
        for name, speed in speeds.items()
    ]
    return {
        "bench": "train",
        "machine": facts,
        "threads": used,
        "sizes": {
            "size": size,
            "length": length,
            "batch": batch,
            "precision": chosen,
            "device": device.type,
            "optimizer": "AdamW",
            "vocabulary": VOCABULARY_SIZE,
        },
        "rows": rows,
        "data_tokens_per_second": data,
    }
