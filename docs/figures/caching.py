"""What a cache saves: the products of queries and keys, with and without one."""

from __future__ import annotations

from matplotlib.figure import Figure

from docs.figures.drawing import HUES, INK, Cell, Figures, canvas, cells


def steps() -> Figure:
    """The fifth token: all rows again without a cache, one row with it."""
    figure, axes = canvas(7, 3.6, ncols=2)
    for each, title, first in zip(axes, ("without a cache", "with a cache"), (0, 4), strict=True):
        rows: list[list[Cell]] = []
        for i in range(5):
            fresh: Cell = ("", HUES[1], 0.6)
            rows.append(
                [("", INK, 0.04) if j > i else fresh if i >= first else ("", INK, 0.14) for j in range(5)]
            )
        cells(each, rows, left=[f"query {x}" for x in "abcde"], above=list("01234"), title=title, size=10)
    return figure


FIGURES: Figures = {"cache": steps}
