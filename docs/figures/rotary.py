"""Rotary positions: pairs that turn, and products that know distances only."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from docs.figures.drawing import HUES, INK, Figures, canvas
from musictx.model import ModelConfig
from musictx.model.positions import Rotary, apply_rope

SCHEME = Rotary(ModelConfig(position="rope"))


def _turned(x: torch.Tensor, position: int) -> torch.Tensor:
    """A vector [shape=(d,)] as it is at a position."""
    return apply_rope(x[None, None, None], SCHEME.rope_cos_sin(torch.tensor([[position]])))[0, 0, 0]


def pairs() -> Figure:
    """Three pairs of a head at eight positions, one after the other."""
    half = len(SCHEME.frequency)
    figure, axes = canvas(7, 2.9, ncols=3)
    for each, pair in zip(axes, (0, 4, 8), strict=True):
        x = torch.zeros(2 * half)
        x[pair] = 1.0
        for position in range(8):
            turned = _turned(x, position)
            at = float(turned[pair]), float(turned[pair + half])
            each.annotate("", at, (0, 0), arrowprops={"arrowstyle": "->", "color": HUES[0], "alpha": 0.85})
            each.text(1.2 * at[0], 1.2 * at[1], str(position), ha="center", va="center", size=10)
        each.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal")
        each.set_axis_off()
        degrees = float(SCHEME.frequency[pair]) * 180 / torch.pi
        each.set_title(f"pair {pair}: {degrees:.0f}° a token", size=11)
    return figure


def products() -> Figure:
    """The product of one query and one key, by the distance between them, at three places."""
    torch.manual_seed(3)
    q = torch.randn(2 * len(SCHEME.frequency))
    k = q + 0.5 * torch.randn_like(q)
    figure, axes = canvas(7, 3)
    for colour, place, thick in zip(HUES, (100, 500, 1000), (6, 3.5, 1), strict=False):
        values = [float(_turned(q, place) @ _turned(k, place - d)) for d in range(100)]
        axes.plot(values, color=colour, lw=thick, label=f"query at position {place}")
    axes.set(xlabel="distance from query back to key", ylabel="product", xlim=(0, 99))
    axes.legend(labelcolor=INK)
    return figure


FIGURES: Figures = {"rope-pairs": pairs, "rope-products": products}
