"""Past the training length: the shipped models on a medley of the primers, and where vanilla looks."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from torch.nn import functional as F

from docs.figures.drawing import INK, Figures, canvas
from musictx import encode, load_model, read_midi
from musictx.events import START
from musictx.render.figures import COLOURS
from musictx.shipped import shipped_folder

LENGTH, WINDOW = 2048, 128


def medleys() -> torch.Tensor:
    """The primers, one after the other, from each of them on in turn [shape=(primers, LENGTH + 1)]."""
    pieces = [encode(read_midi(path)) for path in sorted(shipped_folder("primers").glob("*.mid"))]
    turns = (np.concatenate(pieces[i:] + pieces[:i]) for i in range(len(pieces)))
    return torch.from_numpy(np.stack([np.r_[START, turn[:LENGTH]] for turn in turns]).astype(np.int64))


def losses(name: str) -> np.ndarray:
    """Mean loss (nats) of each token of the medleys, by its place [shape=(LENGTH,)]."""
    model, tokens = load_model(name), medleys()
    with torch.inference_mode():
        each = [F.cross_entropy(model(row[None, :-1])[0], row[1:], reduction="none") for row in tokens]
    return torch.stack(each).mean(0).numpy()


def by_place() -> Figure:
    """NLL by place in the context."""
    figure, axes = canvas(7, 3.4)
    places = np.arange(WINDOW // 2, LENGTH, WINDOW)
    for name, thick in {"vanilla": 2.5, "rope": 6, "relative": 2}.items():  # rope and relative lie together
        mean = losses(name).reshape(-1, WINDOW).mean(1)
        axes.plot(places, mean, color=COLOURS[name], lw=thick, label=name)
    axes.axvline(1024, color=INK, lw=0.8)
    axes.text(1034, 0.2, "training length", size=10)
    axes.set(
        xlabel="place in the context (tokens)", ylabel="nats per token", xlim=(0, LENGTH), ylim=(0, None)
    )
    axes.legend(labelcolor=INK)
    return figure


FIGURES: Figures = {"beyond": by_place}
