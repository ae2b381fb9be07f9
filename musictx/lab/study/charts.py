"""Small charts as inline SVG, in the colours of the page."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

WIDTH, HEIGHT = 300, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 26, 28
QUARTERS = ("1st", "2nd", "3rd", "last")


def _ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers between two values."""
    rough = (high - low) / count
    size = 10 ** np.floor(np.log10(rough))
    step = next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= rough)
    return [float(x) for x in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]


def quarter_chart(
    title: str, figures: dict[str, list[dict[str, Any] | None]], colours: dict[str, str]
) -> str:
    """A line per model over the four quarters of the continuation, with intervals.

    Parameters
    ----------
    title : str
    figures : dict of str to list
        For each model four of ``mean``, ``low``, ``high``, or None.
    colours : dict of str to str
        CSS colours.

    Returns
    -------
    str
        An ``<svg>`` element; empty if there is nothing to show.
    """
    values = [f[k] for row in figures.values() for f in row if f for k in ("low", "high")]
    if not values:
        return ""
    low, high = min(0.0, *values), max(values)
    high = high if high > low else low + 1

    def x(k: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (k + 0.5) / 4

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(_spoken(title, figures))}">',
        f'<text x="{LEFT}" y="15" class="title">{escape(title)}</text>',
    ]
    for tick in _ticks(low, high):
        height = f"{y(tick):.1f}"
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height}" y2="{height}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y(tick) + 4:.1f}" class="tick end">{tick:g}</text>')
    for k, quarter in enumerate(QUARTERS):
        parts.append(f'<text x="{x(k):.1f}" y="{HEIGHT - 10}" class="tick mid">{quarter}</text>')
    lines = []
    for name, row in figures.items():
        known = [(k, f) for k, f in enumerate(row) if f]
        if not known:
            continue
        above = [f"{x(k):.1f},{y(f['high']):.1f}" for k, f in known]
        below = [f"{x(k):.1f},{y(f['low']):.1f}" for k, f in reversed(known)]
        line = " ".join(f"{x(k):.1f},{y(f['mean']):.1f}" for k, f in known)
        outline = " ".join(above + below)
        parts.append(f'<polygon points="{outline}" style="fill:{colours[name]}" class="band"/>')
        lines.append(f'<polyline points="{line}" style="stroke:{colours[name]}"/>')
    return "".join([*parts, *lines, "</svg>"])


def _spoken(title: str, figures: dict[str, list[dict[str, Any] | None]]) -> str:
    """The chart in words, for those who cannot see it."""
    rows = []
    for name, row in figures.items():
        spoken = ", ".join("nothing" if f is None else format(f["mean"], ".2f") for f in row)
        rows.append(f"{name}: {spoken}")
    return f"{title} by quarter of the continuation. " + "; ".join(rows)
