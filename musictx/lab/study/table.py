"""A study's figures as a table for the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from musictx.lab.study.metrics import METRICS

if TYPE_CHECKING:
    from rich.table import Table

TOGETHER = (
    (
        "motif",
        "Continuations in which the motif comes back",
        "Share of continuations that have more of their primer's patterns than of 19 in 20 other primers'; "
        "0.05 to 0.1 by chance, more with few primers.",
    ),
    ("alignment", "Continuations in which the melody comes back", "The same by melodic alignment."),
)
TOLD = (
    "Told from real music",
    "How often a classifier, fitted on other pieces, tells 15 s of it from 15 s of how the pieces really go "
    "on; 0.5 is chance. For real music: told from itself.",
)


def together(result: dict[str, Any]) -> list[tuple[str, str, dict[str, dict[str, Any] | None]]]:
    """What is measured over all primers together: title, text, and a figure for each model.

    Parameters
    ----------
    result : dict
        As `musictx.lab.study.run_study` gives it.

    Returns
    -------
    list of (str, str, dict)
        Each figure has ``mean``, ``low`` and ``high``; None where there is none.
    """
    rows = [(title, text, result["stands_out"].get(key, {})) for key, title, text in TOGETHER]
    title, text = TOLD
    for folder, told in {"": result["told_from_real"], **result["told_by_folder"]}.items():
        of = f", {'/'.join(Path(folder).parts[-2:])}" if folder else ""
        rows.append((title + of, text, {name: {**x, "mean": x["accuracy"]} for name, x in told.items()}))
    return rows


def study_table(result: dict[str, Any]) -> Table:
    """Means with their 95 % intervals, a row a figure, a column a model."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    names = result["comparison"]["models"]
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("measured")
    for name in names:
        table.add_column(name, justify="right")
    for metric in METRICS:
        figures = result["comparison"]["metrics"][metric.key]
        if any(figures.values()):
            table.add_row(metric.title, *(_cell(figures.get(name), metric.digits) for name in names))
    table.add_section()
    for title, _, found in together(result):
        if any(found.values()):
            table.add_row(title, *(_cell(found.get(name), 2) for name in names))
    return table


def _cell(figure: dict[str, Any] | None, digits: int) -> str:
    if figure is None:
        return "–"
    return f"{figure['mean']:.{digits}f} [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"
