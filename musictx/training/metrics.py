"""The measurements of a training run: one JSON object a line, and their curve."""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from musictx.files import refusals, write_bytes
from musictx.labels import plain_label
from musictx.render.figures import png

METRICS = "metrics.jsonl"  # of a run
MAX_VALUE = 1e15  # far above any step and any loss: what is larger was never measured


@dataclass(frozen=True)
class Progress:
    """What a progress display shows after a step."""

    step: int
    share: float
    loss: float
    tokens_per_second: float
    validation: float | None
    seconds_left: float


class Look(NamedTuple):
    """What was once measured on music that is held out: nats per token of each corpus.

    The best model has the least `worth`; infinity ended the run.
    """

    step: int
    losses: dict[str, float]
    worth: float


class Looks(list[Look]):
    """All looks of a run, in the order of their steps."""

    @property
    def best(self) -> Look | None:
        """That at the best model; of equal ones the first."""
        found = (look for look in self if look.worth < math.inf)
        return min(found, key=lambda look: look.worth, default=None)

    def over(self, share: float, step: int, patience: float) -> bool:
        """Whether one has ended the run, or none was better than the best for too long.

        Parameters
        ----------
        share : float
            Of the budget that is used up at a step.
        step : int
        patience : float
            The share of the budget in which one must be better.
        """
        since = self.best.step if self.best else step
        return any(look.worth == math.inf for look in self) or share * (1 - since / max(step, 1)) > patience


class Metrics:
    """Measurements in a file, in the order of their steps.

    Parameters
    ----------
    path : Path
        ``metrics.jsonl`` of a run. Lines hold ``step``, ``tokens`` and ``seconds`` so far, and ``loss`` and
        ``tokens_per_second``, or ``validation``: nats per token of each validation corpus, and ``worth``,
        which the best model has the least of.
    """

    def __init__(self, path: Path):
        self.path = path

    def append(self, line: dict[str, Any]) -> None:
        """Add a line."""
        with refusals(self.path, "written"), open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """All lines; without those that make no sense, as a killed run may leave its last one."""
        if not os.path.exists(self.path):
            return []
        with refusals(self.path, "read"):
            text = self.path.read_text(encoding="utf-8", errors="replace")
        lines = []
        for line in text.splitlines():
            with suppress(ValueError, RecursionError):
                found = json.loads(line)
                if isinstance(found, dict) and _makes_sense(found):
                    lines.append(found)
        return lines

    def looks(self) -> Looks:
        """Every look at what is held out."""
        found = Looks()
        for line in self.read():
            if losses := line.get("validation"):
                worth = line.get("worth", fmean(losses.values()))  # version 0.2 wrote none
                found.append(Look(line["step"], losses, math.inf if worth is None else worth))
        return found

    def forget_after(self, step: int) -> None:
        """Drop what was measured after a step, since it will be measured again."""
        kept = [json.dumps(line) + "\n" for line in self.read() if line["step"] <= step]
        write_bytes(self.path, "".join(kept).encode())

    def clear(self) -> None:
        """Drop everything."""
        self.path.unlink(missing_ok=True)

    def plot(self, path: Path, title: str) -> None:
        """Draw the losses as a PNG; a machine that only trains may have no matplotlib, and gets none."""
        try:
            from matplotlib.figure import Figure
        except ImportError:
            return
        lines = self.read()
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        train = [(x["step"], x["loss"]) for x in lines if "loss" in x]
        if train:
            axes.plot(*zip(*train, strict=True), color="0.6", linewidth=0.8, label="training")
        for name in dict.fromkeys(name for x in lines for name in x.get("validation", {})):
            points = [(x["step"], x["validation"][name]) for x in lines if name in x.get("validation", {})]
            named = plain_label(f"validation: {name}")
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=named)
        axes.set(xlabel="step", ylabel="nats per token", title=title)
        axes.grid(alpha=0.3)
        if lines:
            axes.legend()
        write_bytes(path, png(figure, dpi=110))


def _makes_sense(line: dict[str, Any]) -> bool:
    """Whether a line has a step, and numbers that can be drawn where they belong."""
    losses = line.get("validation", {})
    worth = line.get("worth")  # None for infinity
    numbers = [
        line.get("step"),
        line.get("loss", 0.0),
        line.get("seconds", 0.0),
        0.0 if worth is None else worth,
    ]
    numbers += losses.values() if isinstance(losses, dict) else [None]
    drawable = all(type(x) in (int, float) and abs(x) < MAX_VALUE for x in numbers if x == x)
    return type(line.get("step")) is int and drawable
