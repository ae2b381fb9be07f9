"""``musictx reproduce jsb``: the chorales' table of the Music Transformer paper, with what it leaves open.

Huang et al. (2018), table 2: negative log-likelihood on the validation chorales on a 16th grid, Transformer
0.417, with relative attention 0.357. Here every scheme has the same number of parameters, the best epoch
is chosen on validation and measured on test too, and what voice and place in the bar tell, and
transposition, is seen by leaving it out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musictx.files import write_bytes
from musictx.lab.evaluation.jsb import PHASES, baseline_losses, read_jsb, summarise
from musictx.lab.reproduce.chorales import ChoraleSettings, chorale_result, chorale_run
from musictx.lab.reproduce.rows import Row, complete_runs
from musictx.render.figures import png

FILE = "Jsb16thSeparated.json"
# On validation, which the paper reports.
PUBLISHED = {"Transformer (Huang et al. 2018)": 0.417, "with relative attention": 0.357}
SCHEMES = ("vanilla", "learned", "relative", "rope")
SHORT = 2_500_000  # tokens of the runs that leave something out


def all_rows() -> tuple[Row, ...]:
    """The rows, what matters most first, so that a part of the table is useful already.

    What is left out is compared at a quarter of the budget, beside the same with everything.
    """
    full = [Row(p, ChoraleSettings(position=p), 3 if p in ("vanilla", "relative") else 1) for p in SCHEMES]
    large = Row("relative, 8.6 M parameters", ChoraleSettings(large=True))
    less = []
    for information, transposition in ((True, True), (False, True), (True, False), (False, False)):
        without = ["voice and beat"] * (not information) + ["transposition"] * (not transposition)
        name = f"{SHORT / 1e6:g} M tokens" + ", without " * bool(without) + " and ".join(without)
        for p in SCHEMES:
            settings = ChoraleSettings(
                position=p, information=information, transposition=transposition, tokens=SHORT
            )
            less.append(Row(f"{p}, {name}", settings))
    return (*full, large, *less)


def reproduce_jsb(
    data: Path,
    output: Path,
    *,
    rows: Sequence[str] = (),
    tokens: int | None = None,
    train: bool = True,
    precision: str = "auto",
    progress: Callable[[str, float], None] = lambda *_: None,
) -> dict[str, Any]:
    """Train what is not trained yet, and make the table of all that is.

    Parameters
    ----------
    data : path
        Folder that holds ``Jsb16thSeparated.json``.
    output : path
        Folder for the runs, ``jsb.json`` and ``jsb.png``. A run that is complete is not run again, one
        that was stopped goes on.
    rows : sequence of str
        Names of the rows to train; all by default.
    tokens : int, optional
        Budget of each run, instead of its row's own.
    train : bool
        If false, the table is made of what is complete.
    precision : str
    progress : callable
        Called with a run's name and the share of it that is done.

    Returns
    -------
    dict
        ``rows``: name, parameters, ``seeds`` (their number), ``valid`` and ``test`` (nats per token, mean
        over seeds), ``spread`` (largest less smallest test figure), ``by_phase``, ``minutes`` (of the
        fastest); ``baselines``, ``published``, and ``runs``, with every figure of each.

    Raises
    ------
    MusictxError
        If the file is missing or another one, a row has no such name, or a folder holds a run with other
        settings.
    KeyboardInterrupt
        After Ctrl-C, or a signal to terminate; the run that it stopped can go on.
    """
    splits = read_jsb(data / FILE if os.path.isdir(data) else data)
    complete = complete_runs(
        all_rows(),
        output,
        wanted=rows,
        tokens=tokens,
        train=train,
        begin=lambda settings, folder: chorale_run(settings, splits, folder, precision=precision),
        measure=lambda run, settings: chorale_result(run, settings, splits),
        progress=progress,
    )
    found = {
        "convention": "jsb16",
        "published": PUBLISHED,
        "baselines": _baselines(splits),
        "rows": [_line(name, runs) for name, runs in complete.items() if runs],
        "runs": [run for runs in complete.values() for run in runs],
    }
    write_bytes(output / "jsb.json", (json.dumps(found, indent=1) + "\n").encode())
    write_bytes(output / "jsb.png", draw(found))
    return found


def _baselines(splits: dict[str, list[np.ndarray]]) -> dict[str, float]:
    losses = baseline_losses(splits["train"], splits["test"])
    return {name: round(summarise(x)["nats"], 4) for name, x in losses.items()}


def _line(name: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    """A row of the table from its runs."""
    test = [r["test"]["nats"] for r in results]
    return {
        "name": name,
        "parameters": results[0]["parameters"],
        "tokens": results[0]["tokens"],
        "seeds": len(results),
        "valid": round(float(np.mean([r["valid"]["nats"] for r in results])), 4),
        "test": round(float(np.mean(test)), 4),
        "spread": round(max(test) - min(test), 4),
        "low": round(min(r["test"]["low"] for r in results), 4),
        "high": round(max(r["test"]["high"] for r in results), 4),
        "by_phase": np.mean([r["test"]["by_phase"] for r in results], axis=0).round(4).tolist(),
        "minutes": round(min(r["seconds"] for r in results) / 60, 1),
    }


def draw(found: dict[str, Any]) -> bytes:
    """The picture: each row's NLL beside the published ones, and by 16th of the beat (PNG)."""
    from matplotlib.figure import Figure

    rows = found["rows"]
    figure = Figure(figsize=(10, 1.8 + 0.3 * max(len(rows), 5)), layout="constrained")
    whole, phases = figure.subplots(1, 2, width_ratios=(3, 2))
    names = [row["name"].replace(" tokens, ", " tokens,\n") for row in rows]
    errors = [[r["test"] - r["low"] for r in rows], [r["high"] - r["test"] for r in rows]]
    whole.barh(names, [row["test"] for row in rows], xerr=errors if rows else None, color="C0", alpha=0.8)
    whole.plot([row["valid"] for row in rows], names, "k|", markersize=12, label="validation")
    for (name, nats), style in zip(found["published"].items(), ("--", ":"), strict=True):
        whole.axvline(nats, color="0.2", linestyle=style, label=f"{name}, validation: {nats}")
    whole.invert_yaxis()
    whole.tick_params("y", labelsize=8)
    whole.set(xlabel="nats per token (test), 95 % interval over chorales")
    figure.legend(*whole.get_legend_handles_labels(), loc="outside upper left", ncols=3, fontsize=8)
    for row in (row for row in rows if row["name"] in SCHEMES):
        phases.plot(range(1, PHASES + 1), row["by_phase"], marker="o", label=row["name"])
    phases.set(xlabel="16th of the beat", ylabel="nats per token", xticks=range(1, PHASES + 1))
    phases.grid(alpha=0.3)
    if phases.lines:
        phases.legend(fontsize=7)
    return png(figure)
