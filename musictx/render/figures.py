"""What pictures of figures have in common: the models' colours, and how they become a PNG."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Told apart by colour-blind readers too (Okabe and Ito); the web page uses the same.
COLOURS = {"relative": "#0072b2", "vanilla": "#d55e00", "rope": "#009e73", "grand": "#b8336f"}
OTHERS = ("#0072b2", "#d55e00", "#009e73", "#8a5a9e", "#a6761d")


def png(figure: Figure, *, dpi: int = 120) -> bytes:
    """The picture as a PNG file's bytes."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()
