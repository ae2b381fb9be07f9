"""What the figures have in common: an ink that follows the reader's theme, and tables of cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

FOLDER = Path(__file__).parent
INK = "#010203"  # becomes the reader's colour of text
HUES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a5a9e")
STYLE = "<style>svg{color:#1d1f26}@media(prefers-color-scheme:dark){svg{color:#e8e6df}}</style>"
Cell = tuple[str, str | None, float]  # words, colour of the ground, how strong it is

matplotlib.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "musictx",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
        "font.size": 11,
        "text.color": INK,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
)


def canvas(width: float, height: float, **grid: int) -> tuple[Figure, Axes]:
    """A figure of so many inches without a ground, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots(**grid)
    for each in getattr(axes, "flat", [axes]):
        each.patch.set_alpha(0)
    return figure, axes


def save(figure: Figure, name: str) -> Path:
    """Write a figure as SVG, the same file every time."""
    buffer = StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().replace(INK, "currentColor")
    text = re.sub(r"(<svg [^>]*>)", rf"\1{STYLE}", text, count=1)
    path = FOLDER / f"{name}.svg"
    path.write_text(re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE), encoding="utf-8")
    return path


def cells(
    axes: Axes,
    rows: Sequence[Sequence[Cell]],
    *,
    left: Sequence[str] = (),
    above: Sequence[str] = (),
    title: str = "",
    size: float = 12,
) -> None:
    """A table of cells, each with words on a coloured ground; names of rows and columns beside it."""
    for i, row in enumerate(rows):
        for j, (words, colour, strength) in enumerate(row):
            if colour is not None:
                axes.add_patch(
                    Rectangle((j + 0.03, i + 0.03), 0.94, 0.94, color=colour, alpha=strength, lw=0)
                )
            elif words:
                axes.add_patch(Rectangle((j + 0.03, i + 0.03), 0.94, 0.94, fill=False, ec=INK, alpha=0.25))
            axes.text(j + 0.5, i + 0.52, words, ha="center", va="center", size=size)
    for i, words in enumerate(left):
        axes.text(-0.15, i + 0.52, words, ha="right", va="center", size=size)
    for j, words in enumerate(above):
        axes.text(j + 0.5, -0.15, words, ha="center", va="bottom", size=size)
    axes.set(xlim=(-1.6 if left else 0, max(map(len, rows))), ylim=(len(rows), -0.9 if above else 0))
    axes.set_aspect("equal")
    axes.set_axis_off()
    if title:
        axes.set_title(title, size=size, loc="left")


Figures = dict[str, Callable[[], Figure]]
