"""Vectors of sinusoids: what vanilla adds to the embeddings."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from docs.figures.drawing import HUES, INK, Figures, canvas
from musictx.model import ModelConfig
from musictx.model.positions import Sinusoidal

CONFIG = ModelConfig(position="vanilla")


def vectors() -> Figure:
    """The vectors of the first 128 positions: one row each."""
    figure, axes = canvas(7, 3.4)
    colours = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1, "interpolation": "nearest"}
    image = axes.imshow(Sinusoidal(CONFIG).absolute(0, 128), aspect="auto", **colours)
    axes.set(xlabel="number in the vector: 128 sines, then 128 cosines", ylabel="position")
    bar = figure.colorbar(image, ax=axes)
    bar.outline.set_edgecolor(INK)
    return figure


def likeness() -> Figure:
    """How alike the vectors of two positions are, by their distance."""
    added = Sinusoidal(CONFIG).absolute(0, 800)
    figure, axes = canvas(7, 3)
    for colour, position in zip(HUES, (100, 400, 700), strict=False):
        distance = torch.arange(-100, 100)
        axes.plot(
            distance, added[position] @ added[position + distance].T, color=colour, lw=6 - position / 140
        )
    axes.set(xlabel="distance between two positions", ylabel="product of their vectors", xlim=(-100, 100))
    axes.legend([f"around position {p}" for p in (100, 400, 700)], labelcolor=INK)
    return figure


def slow_waves() -> Figure:
    """Three of the sines, within the training length and past it."""
    length = CONFIG.context_length
    added = Sinusoidal(CONFIG).absolute(0, 2 * length)
    figure, axes = canvas(7, 4.2, nrows=3, sharex=True)
    for each, number, colour in zip(axes, (64, 88, 104), HUES, strict=False):
        each.plot(added[:length, number], color=colour)
        each.plot(range(length, 2 * length), added[length:, number], color=colour, ls=":")
        seen = added[:length, number]
        each.axhspan(float(seen.min()), float(seen.max()), color=INK, alpha=0.08, lw=0)
        each.axvline(length, color=INK, lw=0.8)
        each.set(ylim=(-1.15, 1.15), ylabel=f"sine {number}")
    axes[-1].set(xlabel="position", xlim=(0, 2 * length))
    axes[0].text(length + 15, 1.18, "never trained", va="bottom", size=10)
    return figure


FIGURES: Figures = {"sinusoids": vectors, "sinusoids-likeness": likeness, "sinusoids-slow": slow_waves}
