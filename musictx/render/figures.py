"""What pictures of figures have in common: the models' colours, and how they become a PNG."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Told apart by colour-blind readers too (Okabe and Ito); the web page uses the same.
COLOURS = {"relative": "#0072b2", "vanilla": "#d55e00", "rope": "#009e73"}
OTHERS = ("#0072b2", "#d55e00", "#009e73", "#8a5a9e", "#a6761d")
_MORE = "#777777"  # for whoever comes after that


def model_colours(positions: Mapping[str, str]) -> dict[str, str]:
    """A colour for each model, by its position scheme; a second model of a scheme gets another one."""
    chosen: dict[str, str] = {}
    spare = [*(c for c in OTHERS if c not in COLOURS.values()), *OTHERS]
    for name, position in positions.items():
        colour = COLOURS.get(position)
        if colour is None or colour in chosen.values():
            colour = spare.pop(0) if spare else _MORE
        chosen[name] = colour
    return chosen


def png(figure: Figure, *, dpi: int = 120) -> bytes:
    """The picture as a PNG file's bytes."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()
