"""One model of Bach's chorales: whole pieces as context, the best of its course chosen on validation.

The loop is that of all training (`musictx.training`); here are the settings, the batches and the judge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from musictx.checkpoint import give_weights, read_weights
from musictx.corpus import NO_AUGMENTATION, Augmentation
from musictx.lab.evaluation.jsb import (
    HIGHEST,
    LOWEST,
    PHASES,
    REST,
    START,
    VOCABULARY,
    VOICES,
    model_losses,
    summarise,
)
from musictx.lab.reproduce.rows import curve_of
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.sizes import with_table_budget
from musictx.training import IGNORED, Run, TrainingConfig

MAX_TOKENS = 2560  # tokens of the longest chorale
BEATS = 4  # of the bar that a model is given
VALIDATIONS = 24  # in a run
POOL = 32  # chorales that are sorted by length together


@dataclass(frozen=True)
class ChoraleSettings:
    """What makes one run differ from another."""

    position: str = "relative"
    information: bool = True  # is the model given voice and 16th of the bar?
    transposition: bool = True
    large: bool = False  # the unmatched size of the paper's relative model
    layers: int = 3
    width: int = 384
    seed: int = 0
    tokens: int = 10_000_000
    batch: int = 4  # chorales a step
    matrix_lr: float = 0.02
    lr: float = 3e-3
    weight_decay: float = 0.1
    dropout: float = 0.1
    warmup: int = 100
    decay: float = 1.0

    def model_config(self) -> ModelConfig:
        """4.0 million parameters for every scheme; 8.6 million if `large`, which is twice as deep.

        What tables of positions take is given to the feed-forward of the schemes without one.
        """
        table = 512  # distances, of four voices: eight bars
        config = ModelConfig(
            position=self.position,
            vocabulary=VOCABULARY,
            layers=2 * self.layers if self.large else self.layers,
            width=self.width,
            heads=4,
            feed_forward=13 * self.width // 6 if self.large else 7 * self.width // 4,
            context_length=MAX_TOKENS,
            max_distance=table,
            dropout=self.dropout,
        )
        return config if self.large else with_table_budget(config, config.layers * config.width * table)

    def training_config(self, pieces: Sequence[np.ndarray], precision: str) -> TrainingConfig:
        """How it is trained on some pieces: judged after each `VALIDATIONS`-th part of the budget."""
        augmentation = NO_AUGMENTATION
        if self.transposition:
            augmentation = replace(augmentation, transpose=Augmentation.transpose)
        tokens_per_step = self.batch * sum(piece.size for piece in pieces) / len(pieces)
        return TrainingConfig(
            tokens=self.tokens,
            batch=self.batch,
            matrix_lr=self.matrix_lr,
            lr=self.lr,
            weight_decay=self.weight_decay,
            warmup=self.warmup,
            decay=self.decay,
            seed=self.seed,
            augmentation=augmentation,
            validate_every=max(1, round(self.tokens / tokens_per_step / VALIDATIONS)),
            checkpoint_minutes=2.0,
            precision=precision,
        )


class InformedEmbedding(nn.Module):
    """Embeddings of tokens that also tell which voice and which 16th of the bar comes next.

    Every chorale begins at its own beginning, so both follow from the place alone.
    """

    def __init__(self, tokens: nn.Embedding):
        super().__init__()
        self.tokens = tokens
        self.voice = nn.Parameter(0.1 * torch.randn(VOICES, tokens.embedding_dim))
        self.phase = nn.Parameter(0.1 * torch.randn(PHASES * BEATS, tokens.embedding_dim))

    def forward(self, tokens: Tensor) -> Tensor:  # noqa: D102
        place = torch.arange(tokens.shape[1], device=tokens.device)
        return (
            self.tokens(tokens) + self.voice[place % VOICES] + self.phase[place // VOICES % len(self.phase)]
        )


def build(settings: ChoraleSettings, config: ModelConfig | None = None) -> MusicTransformer:
    """A model of chorales, with random weights."""
    model = MusicTransformer(config or settings.model_config())
    if settings.information:
        model.embedding = InformedEmbedding(model.embedding)  # type: ignore[assignment]
    return model


def transpose(piece: np.ndarray, semitones: int) -> np.ndarray:
    """Move every pitch [shape=(steps, 4)]; only as far as the 46 pitches of the convention go."""
    sung = piece[piece != REST]
    if not len(sung):
        return piece
    semitones = int(np.clip(semitones, 1 - sung.min(), HIGHEST - LOWEST + 1 - sung.max()))
    return np.where(piece == REST, REST, piece + semitones)


class ChoraleSource:
    """Batches of whole chorales, each a function of the seed and the step.

    An epoch takes every chorale once, less what is left over by the last batch, and those of a batch
    are about equally long: by chance alone a quarter of each batch would be padding.

    Parameters
    ----------
    pieces : sequence of np.ndarray [shape=(steps, 4)]
    batch : int
        Chorales in a batch.
    seed : int
    transpose : tuple of int
        Lowest and highest transposition in semitones, both included.
    """

    def __init__(self, pieces: Sequence[np.ndarray], batch: int, seed: int, transpose: tuple[int, int]):
        self.pieces, self.size, self.seed, self.transpose = pieces, min(batch, len(pieces)), seed, transpose

    def _chosen(self, step: int) -> tuple[int, int, list[np.ndarray]]:
        """Epoch of a step, its place there, and its pieces."""
        epoch, place = divmod(step, len(self.pieces) // self.size)
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(len(self.pieces))[: len(self.pieces) // self.size * self.size]
        pools = (
            sorted(order[i : i + POOL], key=lambda j: self.pieces[j].size) for i in range(0, len(order), POOL)
        )
        batches = rng.permutation(np.concatenate(list(pools)).reshape(-1, self.size))
        return epoch, place, [self.pieces[i] for i in batches[place]]

    def tokens(self, step: int) -> int:
        """Targets in the batch of a step, without padding."""
        return sum(piece.size for piece in self._chosen(step)[2])

    def batch(self, step: int, first: int = 0, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of one step, or of a share of it [shape=(count, longest), dtype=int64].

        `longest` is the length of the longest chorale of the whole batch; padding is no target.
        """
        epoch, place, chosen = self._chosen(step)
        low, high = self.transpose
        shifts = np.random.default_rng([self.seed, epoch, place]).integers(low, high + 1, self.size)
        longest = max(piece.size for piece in chosen)
        inputs = np.zeros((self.size, longest), np.int64)
        targets = np.full((self.size, longest), IGNORED)
        for row, (piece, semitones) in enumerate(zip(chosen, shifts.tolist(), strict=True)):
            tokens = transpose(piece, semitones).ravel()
            inputs[row, : len(tokens)] = np.append(START, tokens[:-1])
            targets[row, : len(tokens)] = tokens
        part = slice(first, self.size if count is None else first + count)
        return inputs[part], targets[part]

    def fingerprint(self) -> str:
        """What tells these pieces from others."""
        return hashlib.sha256(b"".join(piece.tobytes() for piece in self.pieces)).hexdigest()


def chorale_run(
    settings: ChoraleSettings,
    splits: dict[str, list[np.ndarray]],
    folder: Path,
    *,
    precision: str = "auto",
) -> Run:
    """A training run on chorales; its best model is chosen on validation.

    Parameters
    ----------
    settings : ChoraleSettings
    splits : dict of str to list of np.ndarray
        As `musictx.lab.evaluation.jsb.read_jsb` gives them.
    folder : Path
    precision : str
        ``auto``, ``32-true`` or ``bf16-mixed``.
    """
    config = settings.training_config(splits["train"], precision)
    source = ChoraleSource(splits["train"], settings.batch, settings.seed, config.augmentation.transpose)

    def judge(model: MusicTransformer) -> dict[str, float]:
        return {"valid": float(np.concatenate(model_losses(model, splits["valid"])).mean())}

    return Run(folder, settings.model_config(), config, source, judge, build=partial(build, settings))


def chorale_result(
    run: Run, settings: ChoraleSettings, splits: dict[str, list[np.ndarray]]
) -> dict[str, Any]:
    """The figures of a complete run's best model, on validation and on test."""
    model = build(settings, run.model_config)
    give_weights(model, read_weights(run.folder / "model"), run.folder / "model")
    model.eval()
    return {
        "parameters": model.parameter_count(),
        "tokens": run.tokens,
        "seconds": round(run.seconds, 1),
        "curve": curve_of(run, "valid"),
        **{name: summarise(model_losses(model, splits[name])) for name in ("valid", "test")},
    }
