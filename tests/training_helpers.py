"""Tiny training runs, also ones that are killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from musictx.corpus import Corpus
from musictx.corpus.batches import Augmentation
from musictx.events import encode
from musictx.model import ModelConfig
from musictx.performance import Performance, make_notes
from musictx.training import Progress, Run, Source, TrainingConfig, ValidationLoss
from musictx.training.metrics import Metrics

EVERY_STEP = 1e-9  # minutes between checkpoints
TINY: dict[str, Any] = {
    "position": "relative",
    "layers": 1,
    "width": 32,
    "heads": 2,
    "feed_forward": 32,
    "context_length": 16,
    "dropout": 0.2,
}


def tiny_corpus(pieces: int = 4, notes: int = 60, seed: int = 0) -> Corpus:
    """Pieces that all repeat one short pattern, each at its own pitch."""
    rng = np.random.default_rng(seed)
    tokens = []
    for _ in range(pieces):
        onset = np.arange(notes) * 0.2
        pitch = int(rng.integers(40, 80)) + np.tile([0, 4, 7, 4], notes)[:notes]
        tokens.append(encode(Performance(make_notes(onset, onset + 0.1, pitch, 64))))
    ends = np.cumsum([len(t) for t in tokens])
    starts = ends - [len(t) for t in tokens]
    names = tuple(f"{i}.mid" for i in range(pieces))
    return Corpus(np.concatenate(tokens), starts, ends, names, np.zeros(pieces, np.int64), {})


def tiny_run(
    folder: Path,
    *,
    model: dict[str, Any] | None = None,
    train: Corpus | Source | None = None,
    validation: dict[str, Corpus] | ValidationLoss | None = None,
    start_from: Path | None = None,
    **changes: Any,
) -> Run:
    """A run of 30 steps."""
    torch.set_num_threads(1)
    settings: dict[str, Any] = {
        "steps": 30,
        "batch": 4,
        "warmup": 5,
        "log_every": 5,
        "validate_every": 8,
        "checkpoint_minutes": 1000.0,
        "augmentation": Augmentation(bare=0.0),
        "precision": "32-true",
        "accelerator": "cpu",
        **changes,
    }
    size = ModelConfig(**{**TINY, **(model or {})})
    held = {"held": tiny_corpus(2, seed=4)} if validation is None else validation
    config = TrainingConfig(**settings)
    return Run(folder, size, config, train or tiny_corpus(), held, start_from=start_from)


def losses(folder: Path) -> list[tuple[int, Any]]:
    """Every measurement but the times."""
    lines = Metrics(folder / "metrics.jsonl").read()
    return [(line["step"], line.get("loss", line.get("validation"))) for line in lines]


def die() -> None:
    """As after ``kill -9``."""
    os.kill(os.getpid(), signal.SIGKILL)


def train_and_die(folder: str, where: str) -> None:
    """Go on with a run, and be killed: at a step's log, or while its state takes its name."""
    if where.startswith("saving"):
        step, replace = int(where.split()[1]), os.replace

        def dying(source: Any, target: Any) -> None:
            if Path(target).name == "state.pt" and run.step == step:
                die()
            replace(source, target)

        os.replace = dying  # type: ignore[assignment]
        on_progress: Callable[[Progress], None] | None = None
    else:

        def on_progress(progress: Progress) -> None:
            if progress.step == int(where.split()[1]):
                die()

    Metrics.plot = lambda *_: None  # type: ignore[assignment]  # it would take most of the time
    run = tiny_run(Path(folder), checkpoint_minutes=EVERY_STEP)
    run.fit(resume=True, on_progress=on_progress)


if __name__ == "__main__":
    train_and_die(sys.argv[1], sys.argv[2])
