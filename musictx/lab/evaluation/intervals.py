"""How sure a figure is: bootstrap intervals over pieces, paired tests, Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LEVEL = 0.95
REPEATS = 2000


def draw_weights(units: int, *, repeats: int = REPEATS, seed: int = 0) -> np.ndarray:
    """How often each unit is drawn in each of many draws with replacement.

    Figures that are computed with the same weights are paired: use one matrix for all models.

    Parameters
    ----------
    units : int
        Independent things measured: pieces, or primers.
    repeats : int
    seed : int

    Returns
    -------
    np.ndarray [shape=(repeats, units)]
        Rows sum to `units`.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(units, np.full(units, 1 / units), repeats).astype(np.float64)


def ratio_draws(total: np.ndarray, count: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``sum(total) / sum(count)`` in every bootstrap draw.

    Parameters
    ----------
    total, count : np.ndarray [shape=(units,) or (units, columns)]
    weights : np.ndarray [shape=(repeats, units)]

    Returns
    -------
    np.ndarray [shape=(repeats,) or (repeats, columns)]
        NaN where a draw counts nothing.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weights @ total) / (weights @ count)


def bootstrap_interval(draws: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval of bootstrap draws, along the first axis.

    Parameters
    ----------
    draws : np.ndarray [shape=(repeats, …)]
    level : float

    Returns
    -------
    low, high : np.ndarray [shape=(…)]

    References
    ----------
    Efron and Tibshirani, "An introduction to the bootstrap" (1993), chapter 13.
    """
    tail = (1 - level) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail], axis=0)
    return low, high


def ratio_figure(total: np.ndarray, count: np.ndarray, weights: np.ndarray | None = None) -> dict[str, Any]:
    """Nats per count over all units, with the interval of its bootstrap, as tables and JSON have it.

    Parameters
    ----------
    total, count : np.ndarray [shape=(units,)]
    weights : np.ndarray, optional
        From `draw_weights`; drawn here without.
    """
    draws = ratio_draws(total, count, draw_weights(len(total)) if weights is None else weights)
    return interval_figure(float(total.sum() / count.sum()), draws)


def interval_figure(nats: float, draws: np.ndarray) -> dict[str, Any]:
    """A figure with the interval of its draws."""
    low, high = bootstrap_interval(draws)
    return {"nats": nats, "low": float(low), "high": float(high)}


def mean_interval(values: np.ndarray, *, seed: int = 0, level: float = LEVEL) -> tuple[float, float]:
    """Bootstrap interval of the mean of some values [shape=(n,)]; both ends equal for fewer than two."""
    values = np.asarray(values, np.float64)
    weights = draw_weights(len(values), seed=seed)
    low, high = bootstrap_interval(weights @ values / len(values), level)
    return float(low), float(high)


@dataclass(frozen=True)
class PairedTest:
    """Two conditions measured on the same units.

    Attributes
    ----------
    units : int
        Pairs.
    difference : float
        Mean of first minus second.
    low, high : float
        Its 95 % bootstrap interval.
    effect : float
        Matched-pairs rank-biserial correlation, -1 to 1: how much of the ranked differences favours
        the first, less what favours the second.
    effect_low, effect_high : float
        Its 95 % bootstrap interval.
    p : float
        Of Wilcoxon's signed-rank test; 1 if nothing differs.
    """

    units: int
    difference: float
    low: float
    high: float
    effect: float
    effect_low: float
    effect_high: float
    p: float


def _rank_biserial(difference: np.ndarray) -> np.ndarray:
    """Matched-pairs rank-biserial correlation of each row of differences [shape=(rows, n)]."""
    from scipy.stats import rankdata

    zeros = (difference == 0).sum(-1, keepdims=True)  # they rank lowest, and do not count
    ranks = np.where(difference == 0, 0.0, rankdata(np.abs(difference), axis=-1) - zeros)
    total = ranks.sum(-1)
    signed = (ranks * np.sign(difference)).sum(-1)
    return np.divide(signed, total, out=np.zeros_like(total), where=total > 0)


def paired_test(first: np.ndarray, second: np.ndarray, *, seed: int = 0) -> PairedTest:
    """Compare two conditions on the same units.

    Parameters
    ----------
    first, second : np.ndarray [shape=(n,)]
        At least two; none of them NaN.

    Returns
    -------
    PairedTest

    References
    ----------
    Wilcoxon, "Individual comparisons by ranking methods" (1945); Kerby, "The simple difference formula"
    (2014) for the effect size.
    """
    from scipy.stats import wilcoxon

    difference = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    low, high = mean_interval(difference, seed=seed)
    rows = np.random.default_rng(seed).integers(0, len(difference), (REPEATS // 2, len(difference)))
    effect_low, effect_high = bootstrap_interval(_rank_biserial(difference[rows]))
    p = float(wilcoxon(difference).pvalue) if np.any(difference != 0) else 1.0
    return PairedTest(
        units=len(difference),
        difference=float(difference.mean()),
        low=low,
        high=high,
        effect=float(_rank_biserial(difference[None])[0]),
        effect_low=float(effect_low),
        effect_high=float(effect_high),
        p=p,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for the number of tests made, by Holm's step-down rule.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure" (1979).
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted.tolist()
