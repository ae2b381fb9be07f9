"""From the measured continuations to means with intervals, and paired tests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from musictx.lab.evaluation.intervals import holm, mean_interval, paired_test
from musictx.lab.study.metrics import METRICS, QUARTERLY

REAL = "real music"
Row = dict[str, Any]  # primer, model, seed, measured
MIN_PRIMERS = 5  # primers in a test: with fewer, no p-value can be small


def _by_primer(rows: Sequence[Row], model: str, value: Any) -> dict[str, float]:
    """Mean over seeds for each primer; primers without a value are left out."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["model"] == model and (x := value(row["measured"])) is not None:
            found.setdefault(row["primer"], []).append(float(x))
    return {primer: float(np.mean(values)) for primer, values in found.items()}


def mean_figure(values: Collection[float]) -> dict[str, Any] | None:
    """The mean over primers with its interval, or None if there are none."""
    if not values:
        return None
    known = np.array(list(values), np.float64)
    low, high = mean_interval(known)
    return {"mean": float(known.mean()), "low": low, "high": high, "primers": len(known)}


def compare_rows(rows: Sequence[Row], models: Sequence[str]) -> dict[str, Any]:
    """Summarise a study.

    Parameters
    ----------
    rows : sequence of dict
        One a continuation.
    models : sequence of str
        In the order in which they are shown; real music comes last if there is any.

    Returns
    -------
    dict
        ``metrics``: key → model → mean over primers (of the mean over seeds) with its interval;
        ``quarters``: key → model → four of these;
        ``tests``: for every metric and pair of models, the paired test over primers, with ``holm``, the
        p-value adjusted for all tests of the study;
        ``heads``: model → its attention heads, each the mean over continuations, the farthest-listening
        first (fields of `musictx.lab.evaluation.attention_figures.HeadFigures`).
    """
    names = [*models, *([REAL] if any(r["model"] == REAL for r in rows) else [])]
    metrics: dict[str, Any] = {}
    tests: list[dict[str, Any]] = []
    for metric in METRICS:
        values = {name: _by_primer(rows, name, metric.value) for name in names}
        metrics[metric.key] = {name: mean_figure(values[name].values()) for name in names}
        for first, second in combinations(names, 2):
            both = sorted(values[first].keys() & values[second].keys())
            if len(both) >= MIN_PRIMERS:
                pair = (np.array([values[n][p] for p in both]) for n in (first, second))
                tests.append(
                    {"metric": metric.key, "first": first, "second": second, **asdict(paired_test(*pair))}
                )
    for test, p in zip(tests, holm([t["p"] for t in tests]), strict=True):
        test["holm"] = p
    quarters = {
        key: {
            name: [
                mean_figure(_by_primer(rows, name, lambda m, k=k, key=key: m[key][k]).values())
                for k in range(4)
            ]
            for name in names
        }
        for key, _ in QUARTERLY
    }
    return {
        "models": names,
        "metrics": metrics,
        "quarters": quarters,
        "tests": tests,
        "heads": {name: heads for name in models if (heads := _mean_heads(rows, name))},
    }


def _mean_heads(rows: Sequence[Row], model: str) -> list[dict[str, Any]]:
    """Each head's figures, averaged over a model's continuations."""
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for row in rows:
        for head in row["measured"].get("heads", ()) if row["model"] == model else ():
            found.setdefault((head["layer"], head["head"]), []).append(head)
    means = [
        {key: type(value)(np.mean([h[key] for h in heads])) for key, value in heads[0].items()}
        for heads in found.values()
    ]
    return sorted(means, key=lambda head: -head["seconds"])
