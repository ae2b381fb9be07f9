"""The skew, step by step, by the functions that the models run.

Query a has the number 0, b 1 …, and the embedding of distance r says r. Queries and embeddings are chosen so
that their product is 10 · query + distance: a product then tells what it is made of, such as c2.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from docs.figures.drawing import HUES, INK, Cell, Figures, canvas, cells
from musictx.lab.reference_attention import relative_logits_gather, relative_logits_skew
from musictx.model.attention_blocks import _Block, table_index

LETTERS = "abcdefg"
PALE = 0.1
MEMORY = 100.0  # what padding is drawn as


def queries(length: int) -> Tensor:
    """Queries [shape=(1, 1, length, 2)] whose products with `embeddings` tell what they are made of."""
    return torch.tensor([[10.0 * i, 1.0] for i in range(length)])[None, None]


def embeddings(size: int) -> Tensor:
    """A table [shape=(1, size, 2)] of the distances 0 … size - 1."""
    return torch.tensor([[1.0, r] for r in range(size)])[None]


def words(product: float) -> str:
    """What a product is made of: 21 is c1."""
    return "0" if product == MEMORY else f"{LETTERS[int(product) // 10]}{int(product) % 10}"


def cell(product: float, strength: float = 0.45) -> Cell:
    """A product on the colour of its distance."""
    if product == MEMORY:
        return "0", None, 0
    return words(product), HUES[int(product) % 10], strength


def wanted(length: int = 4, size: int = 4) -> Tensor:
    """Relative logits by their definition, row by query, column by key."""
    return relative_logits_gather(queries(length), embeddings(size))[0, 0]


def products(length: int = 4, size: int = 4) -> Tensor:
    """The one product: queries with the embeddings of falling distances, as in `relative_logits_skew`."""
    distance = torch.arange(length - 1, -1, -1)
    rows = embeddings(size)[:, table_index(distance, size)]
    return (queries(length) @ rows.mT)[0, 0]


def padded(length: int = 4) -> Tensor:
    """The product with a column in front."""
    return F.pad(products(length), (1, 0), value=MEMORY)


def skewed(length: int = 4) -> Tensor:
    """The padded product, read with rows that are one number shorter; the first row goes."""
    return padded(length).view(length + 1, length)


def _names(length: int, what: str) -> list[str]:
    return [f"{what} {x}" for x in (LETTERS[:length] if what == "query" else range(length))]


def _triangle(table: Tensor) -> list[list[Cell]]:
    """Cells of L × L logits, of which the future stays empty."""
    return [
        [cell(x) if j <= i else ("", INK, 0.05) for j, x in enumerate(row)]
        for i, row in enumerate(table.tolist())
    ]


def draw_wanted() -> Figure:
    """The matrix that attention needs."""
    figure, axes = canvas(4.6, 3.6)
    cells(axes, _triangle(wanted()), left=_names(4, "query"), above=_names(4, "key"))
    return figure


def draw_products() -> Figure:
    """The matrix that one product gives: distances stand in columns."""
    figure, axes = canvas(4.6, 3.6)
    rows = [
        [cell(x, 0.45 if x % 10 <= i else PALE) for x in row] for i, row in enumerate(products().tolist())
    ]
    cells(axes, rows, left=_names(4, "query"), above=["e₃", "e₂", "e₁", "e₀"])
    return figure


def draw_padded() -> Figure:
    """A column of zeros in front."""
    figure, axes = canvas(5.2, 3.2)
    rows = [[cell(x, 0.45 if x % 10 <= i else PALE) for x in row] for i, row in enumerate(padded().tolist())]
    cells(axes, rows, left=_names(4, "query"))
    return figure


def draw_memory() -> Figure:
    """The same numbers one after the other, as they lie in memory, with both ways to cut them into rows."""
    figure, axes = canvas(8.4, 1.9)
    flat = padded().flatten().tolist()
    rows = [cell(x, 0.45 if x % 10 <= i // 5 else PALE) for i, x in enumerate(flat)]
    cells(axes, [rows], size=10)
    axes.set_ylim(2.6, -1.2)
    for rowlength, y, side, name in ((5, -0.25, -0.5, "rows of 5"), (4, 1.25, 1.5, "rows of 4")):
        for start in range(0, 20, rowlength):
            axes.plot([start + 0.1, start + rowlength - 0.1], [y, y], color=INK, lw=1.2)
        va = "bottom" if y < 0 else "top"
        axes.text(0.1, side, name, size=10, va=va)
    return figure


def draw_reshaped() -> Figure:
    """The same memory in rows of four."""
    figure, axes = canvas(4.6, 4.2)
    flat = [cell(x, 0.45 if x % 10 <= i // 5 else PALE) for i, x in enumerate(skewed().flatten().tolist())]
    rows = [flat[i : i + 4] for i in range(0, 20, 4)]
    cells(axes, rows, left=["dropped", *_names(4, "query")])
    axes.plot([0, 4], [0.05, 0.95], color=INK, lw=1)
    return figure


def draw_result() -> Figure:
    """What is left, and the mask over the future."""
    figure, axes = canvas(4.6, 3.6)
    result = relative_logits_skew(queries(4), embeddings(4))[0, 0]
    assert torch.equal(result.tril(), wanted().tril())
    assert torch.equal(result, skewed()[1:].masked_fill(skewed()[1:] == MEMORY, 0))
    cells(axes, _triangle(result), left=_names(4, "query"), above=_names(4, "key"))
    return figure


def draw_clamped() -> Figure:
    """A table of three embeddings for six tokens: far distances share the last one."""
    figure, axes = canvas(5.6, 4.6)
    cells(axes, _triangle(wanted(6, 3)), left=_names(6, "query"), above=_names(6, "key"))
    return figure


def draw_block() -> Figure:
    """Three queries of a block, by `_Block._skewed`: one memory, read with rows of 7 and of 6."""
    length, width = 3, 7
    distance = torch.arange(width - 1, -1, -1)
    band = (queries(length) @ embeddings(width)[:, distance].mT)[0]
    block = SimpleNamespace(products=band)
    logits = _Block._skewed(block, width)[0]  # type: ignore[arg-type]  # it reads nothing but the products
    figure, axes = canvas(6.4, 4.6, nrows=2)
    last = [width - length + i for i in range(length)]  # the farthest key of each query, and its own
    rows = [
        [cell(x, 0.45 if x % 10 <= last[i] else PALE) for x in row] for i, row in enumerate(band[0].tolist())
    ]
    above = [f"e{chr(0x2080 + r)}" for r in distance.tolist()]
    cells(axes[0], rows, left=_names(length, "query"), above=above, size=10)
    rows = []
    for i, row in enumerate(logits.tolist()):
        rows.append([cell(x) if j <= last[i] else ("", INK, 0.05) for j, x in enumerate(row)])
    cells(axes[1], rows, left=_names(length, "query"), above=_names(width, "key"), size=10)
    return figure


FIGURES: Figures = {
    "skew-1-wanted": draw_wanted,
    "skew-2-products": draw_products,
    "skew-3-padded": draw_padded,
    "skew-4-memory": draw_memory,
    "skew-5-reshaped": draw_reshaped,
    "skew-6-result": draw_result,
    "skew-7-clamped": draw_clamped,
    "skew-8-block": draw_block,
}
