"""One model of Bach's chorales: whole pieces as context, resumable, the best epoch chosen on validation."""

from __future__ import annotations

import copy
import math
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musictx.errors import MusictxError
from musictx.evaluation.jsb import (
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
from musictx.files import write_bytes
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.sizes import with_table_budget
from musictx.process import keep_freed_memory
from musictx.training.config import choose_precision
from musictx.training.optimizers import make_optimizers, schedule, set_rate

LONGEST = 2560  # tokens of the longest chorale
BEATS = 4  # of the bar that a model is told
IGNORED = -100
SAVE_SECONDS = 120.0
VALIDATIONS = 24  # in a run
POOL = 32  # chorales that are sorted by length together


@dataclass(frozen=True)
class ChoraleSettings:
    """What makes one run differ from another."""

    position: str = "relative"
    information: bool = True  # is the model told voice and 16th of the bar?
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
        """4.0 million parameters for every scheme alike; 8.6 million if `large`, which is twice as deep.

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
            context_length=LONGEST,
            max_distance=table,
            activation="relu_squared",
            dropout=self.dropout,
        )
        return config if self.large else with_table_budget(config, config.layers * config.width * table)


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


def build(settings: ChoraleSettings) -> MusicTransformer:
    """A model of chorales, with random weights."""
    model = MusicTransformer(settings.model_config())
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


def draw_batch(
    pieces: Sequence[np.ndarray], settings: ChoraleSettings, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of a step [shape=(batch, longest)]; a function of seed and step alone.

    An epoch takes every chorale once (but for what is left over by the last batch), and those of a batch
    are about equally long: by chance alone a quarter of each batch would be padding.
    """
    size = min(settings.batch, len(pieces))
    epoch, place = divmod(step, len(pieces) // size)
    rng = np.random.default_rng([settings.seed, epoch])
    order = rng.permutation(len(pieces))[: len(pieces) // size * size]
    pools = [sorted(order[i : i + POOL], key=lambda j: pieces[j].size) for i in range(0, len(order), POOL)]
    batches = rng.permutation(np.concatenate(pools).reshape(-1, size))
    chosen = [pieces[i] for i in batches[place]]
    shifts = np.random.default_rng([settings.seed, epoch, place]).integers(-5, 7, size)
    if settings.transposition:
        chosen = [transpose(piece, int(n)) for piece, n in zip(chosen, shifts, strict=True)]
    longest = max(piece.size for piece in chosen)
    inputs, targets = np.zeros((len(chosen), longest), np.int64), np.full((len(chosen), longest), IGNORED)
    for row, piece in enumerate(chosen):
        tokens = piece.ravel()
        inputs[row, : len(tokens)] = np.append(START, tokens[:-1])
        targets[row, : len(tokens)] = tokens
    return inputs, targets


class ChoraleRun:
    """Trains one model in a folder of its own, and goes on where it was stopped.

    Parameters
    ----------
    settings : ChoraleSettings
    splits : dict of str to list of np.ndarray
        As `musictx.evaluation.jsb.read_jsb` gives them.
    folder : Path
    precision : str
        ``auto``, ``32-true`` or ``bf16-mixed``.
    """

    def __init__(
        self,
        settings: ChoraleSettings,
        splits: dict[str, list[np.ndarray]],
        folder: Path,
        *,
        precision: str = "auto",
    ):
        self.settings, self.splits, self.path = settings, splits, folder / "state.pt"
        self.half = choose_precision(precision, "cpu") == "bf16-mixed"
        torch.manual_seed(settings.seed)
        self.model = build(settings)
        self.optimizers = make_optimizers(
            self.model,
            kind="muon",
            matrix_lr=settings.matrix_lr,
            lr=settings.lr,
            weight_decay=settings.weight_decay,
        )
        self.step = self.seen = self.validated = 0
        self.seconds, self.best, self.curve = 0.0, math.inf, list[tuple[int, float]]()
        self.best_weights = copy.deepcopy(self.model.state_dict())

    def train(self, progress: Callable[[float], None] = lambda _: None) -> None:
        """Train until the budget of tokens is used up."""
        keep_freed_memory()
        self._resume()
        settings = self.settings
        began, before, saved = time.monotonic(), self.seconds, time.monotonic()
        self.model.train()
        while self.seen < settings.tokens:
            share = self.seen / settings.tokens
            set_rate(
                self.optimizers, schedule(share, self.step, warmup=settings.warmup, decay=settings.decay)
            )
            self._step()
            self.seconds = before + time.monotonic() - began
            share = self.seen / settings.tokens
            if share * VALIDATIONS >= self.validated + 1 or share >= 1:
                self.validated = int(share * VALIDATIONS)
                self._validate()
            if time.monotonic() - saved > SAVE_SECONDS or share >= 1:
                self._save()
                saved = time.monotonic()
            progress(min(share, 1.0))

    def result(self) -> dict[str, Any]:
        """The figures of the best epoch, on validation and on test."""
        self.model.load_state_dict(self.best_weights)
        return {
            "settings": asdict(self.settings),
            "parameters": self.model.parameter_count(),
            "tokens": self.seen,
            "seconds": round(self.seconds, 1),
            "curve": self.curve,
            **{name: summarise(model_losses(self.model, self.splits[name])) for name in ("valid", "test")},
        }

    def _step(self) -> None:
        inputs, targets = draw_batch(self.splits["train"], self.settings, self.step)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            logits = self.model(torch.from_numpy(inputs))
        loss = F.cross_entropy(
            logits.float().flatten(0, 1), torch.from_numpy(targets).flatten(), ignore_index=IGNORED
        )
        if not math.isfinite(loss.item()):
            raise MusictxError(
                f"{self.path.parent}: the loss is {loss.item()} at step {self.step}; it is stopped"
            )
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self.seen += int((targets != IGNORED).sum())

    def _validate(self) -> None:
        precision = "bfloat16" if self.half else "float32"
        losses = model_losses(self.model, self.splits["valid"], precision=precision)
        found = float(np.concatenate(losses).mean())
        self.curve.append((self.seen, round(found, 4)))
        if found < self.best:
            self.best, self.best_weights = found, copy.deepcopy(self.model.state_dict())

    def _save(self) -> None:
        state = {
            "settings": asdict(self.settings),
            "model": self.model.state_dict(),
            "best_weights": self.best_weights,
            "optimizers": [o.state_dict() for o in self.optimizers],
            "random": torch.get_rng_state(),
            **{name: getattr(self, name) for name in self._PLACE},
        }
        buffer = BytesIO()
        torch.save(state, buffer)
        write_bytes(self.path, buffer.getvalue())

    _PLACE = ("step", "seen", "validated", "seconds", "best", "curve")

    def _resume(self) -> None:
        if not self.path.is_file():
            return
        try:
            state = torch.load(self.path, weights_only=True)
            if same := state["settings"] == asdict(self.settings):
                self.model.load_state_dict(state["model"])
                for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                    optimizer.load_state_dict(saved)
                torch.set_rng_state(state["random"])
        except (OSError, EOFError, RuntimeError, LookupError, ValueError, pickle.UnpicklingError) as error:
            raise MusictxError(f"{self.path} cannot be gone on with; remove it to begin again") from error
        if not same:
            raise MusictxError(f"{self.path} was begun with other settings; choose another folder")
        self.best_weights = state["best_weights"]
        for name in self._PLACE:
            setattr(self, name, state[name])
