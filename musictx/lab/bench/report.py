"""What `musictx bench` shows: tables on a terminal and a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from musictx.errors import MusictxError
from musictx.files import write_bytes
from musictx.render.figures import png


def _number(x: Any) -> str:
    """A figure, or a median with its spread."""
    if isinstance(x, dict):
        return f"{_number(x['median'])} ({_number(x['low'])} … {_number(x['high'])})"
    if isinstance(x, float):
        return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"
    return "–" if x is None else f"{x:,}" if isinstance(x, int) else str(x)


def _table(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    """Rows of the same keys as a table."""
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for key in rows[0]:
        table.add_column(key.replace("_", " "), justify="left" if isinstance(rows[0][key], str) else "right")
    for row in rows:
        table.add_row(*(_number(value) for value in row.values()))
    console.print(table)


def show(result: dict[str, Any]) -> None:
    """Print a result of any benchmark."""
    console = Console(markup=False)
    facts = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    used = f", {result['threads']} threads" if "threads" in result else ""
    console.print(f"{facts['processor']}, {facts['cores']} cores{used}; {versions}", highlight=False)
    for name, value in result.items():
        if name in ("bench", "machine", "threads"):
            continue
        if isinstance(value, list):
            _table(console, name.replace("_", " "), value)
        elif isinstance(value, dict):
            text = ", ".join(f"{k.replace('_', ' ')} {_number(v)}" for k, v in value.items())
            console.print(f"{name.replace('_', ' ')}: {text}", highlight=False)
        else:
            console.print(f"{name.replace('_', ' ')}: {_number(value)}", highlight=False)


def draw(result: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write the picture of a benchmark as PNG.

    Raises
    ------
    MusictxError
        If there is no picture of this benchmark.
    """
    from matplotlib.figure import Figure

    pictures = {"attention": _draw_attention, "generate": _draw_generate}
    if result["bench"] not in pictures:
        raise MusictxError(f"there is no picture of bench {result['bench']}; attention and generate have one")
    figure = Figure(figsize=(9, 4), layout="constrained")
    pictures[result["bench"]](figure, result)
    write_bytes(Path(path), png(figure))


def _draw_attention(figure: Any, result: dict[str, Any]) -> None:
    time, memory = figure.subplots(1, 2)
    for kernel, meaning in result["ways"].items():
        rows = [r for r in result["rows"] if r["way"] == kernel]
        x = [r["length"] for r in rows]
        time.plot(x, [r["milliseconds"]["median"] for r in rows], marker="o", label=meaning)
        sizes = [(r["length"], r["megabytes"]) for r in rows if r.get("megabytes")]
        if sizes:
            memory.plot(*zip(*sizes, strict=True), marker="o")
    time.set(xlabel="length (tokens)", ylabel="forward + backward (ms)", title="Time")
    memory.set(xlabel="length (tokens)", ylabel="peak memory (MB)", title="Memory")
    lengths = sorted({r["length"] for r in result["rows"]})
    for axes in (time, memory):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(lengths, [str(n) for n in lengths])
        axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)


def _draw_generate(figure: Any, result: dict[str, Any]) -> None:
    over, whole = figure.subplots(1, 2)
    for name in dict.fromkeys(r["model"] for r in result["steps"]):
        rows = [r for r in result["steps"] if r["model"] == name]
        rates = [1e3 / r["milliseconds"]["median"] for r in rows]
        over.plot([r["prefix"] for r in rows], rates, marker="o", label=f"musictx {name}")
    rows = result["without_a_cache"]
    over.plot(
        [r["prefix"] for r in rows],
        [1e3 / r["milliseconds"]["median"] for r in rows],
        marker="o",
        color="0.5",
        label="without a cache",
    )
    over.set(xlabel="tokens before", ylabel="tokens per second", title="One step", yscale="log")
    over.grid(alpha=0.3)
    over.legend(fontsize=7)
    rows = result["generators"]
    names = [r["generator"] for r in rows]
    whole.barh(names, [r["tokens_per_second"]["median"] for r in rows], color="C0")
    whole.invert_yaxis()
    sizes = result["sizes"]
    whole.set(xlabel="tokens per second", title=f"{sizes['tokens']} tokens after {sizes['primer']}")
