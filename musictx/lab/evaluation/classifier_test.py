"""Can generated music be told from real music? A classifier tries; how often it is right says how far.

Half of its answers are right by chance: a two-sample test (Lopez-Paz and Oquab, "Revisiting classifier
two-sample tests", 2017). It is a logistic regression on the figures of short excerpts
(`musictx.lab.evaluation.excerpts`), tried only on pieces that it was not fitted on; the mean over several
random ways to part the pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictx.lab.evaluation.intervals import bootstrap_interval, draw_weights, ratio_draws

FOLDS = 10
PENALTY = 1.0  # of squared weights, in excerpts; the figures are standardised
REPEATS = 8  # how often the folds are drawn, and for the baseline the halvings of real music, too


@dataclass(frozen=True)
class Telling:
    """How often the classifier is right.

    Attributes
    ----------
    accuracy : float
        Share of right answers, 0 to 1; real and generated music count equally.
    low, high : float
        Its 95 % bootstrap interval over pieces.
    excerpts : int
        Excerpts judged.
    """

    accuracy: float
    low: float
    high: float
    excerpts: int


def fit_logistic(x: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float = PENALTY) -> np.ndarray:
    """Logistic regression with a squared penalty, by Newton's method.

    Parameters
    ----------
    x : np.ndarray [shape=(n, figures)]
        With a first column of ones, whose weight is not penalised.
    y : np.ndarray [shape=(n,)]
        0 or 1.
    weight : np.ndarray [shape=(n,)]
        How much each row counts.
    penalty : float

    Returns
    -------
    np.ndarray [shape=(figures,)]
    """
    ridge = np.full(x.shape[1], penalty)
    ridge[0] = 1e-6
    found = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ found, -30, 30)))
        slope = x.T @ (weight * (p - y)) + ridge * found
        curve = (x * (weight * np.maximum(p * (1 - p), 1e-9))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        found -= np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    return found


def right_answers(figures: np.ndarray, made: np.ndarray, piece: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Whether each excerpt is judged rightly by a classifier that has not met its piece.

    Parameters
    ----------
    figures : np.ndarray [shape=(n, figures)]
    made : np.ndarray [shape=(n,), bool]
        Whether it is one kind or the other.
    piece : np.ndarray [shape=(n,)]
        The piece of each excerpt, numbered from 0.
    seed : int
        Of the folds.

    Returns
    -------
    np.ndarray [shape=(n,), bool]
    """
    pieces = np.unique(piece)
    fold_of = np.random.default_rng(seed).permutation(len(pieces)) % FOLDS
    fold = fold_of[np.searchsorted(pieces, piece)]
    right = np.zeros(len(made), bool)
    for k in np.unique(fold):
        known, asked = fold != k, fold == k
        mean, spread = figures[known].mean(0), figures[known].std(0)
        scaled = (figures - mean) / np.where(spread > 0, spread, 1.0)
        x = np.concatenate([np.ones((len(made), 1)), np.clip(scaled, -5, 5)], 1)
        share = np.clip(made[known].mean(), 1e-9, 1 - 1e-9)
        weight = np.where(made[known], 0.5 / share, 0.5 / (1 - share))
        w = fit_logistic(x[known], made[known].astype(np.float64), weight)
        right[asked] = (x[asked] @ w > 0) == made[asked]
    return right


def tell_apart(figures: np.ndarray, made: np.ndarray, piece: np.ndarray, *, seed: int = 0) -> Telling:
    """How well two kinds of excerpts are told apart.

    Parameters
    ----------
    figures, made, piece, seed
        As for `right_answers`; every piece should have both kinds.

    Returns
    -------
    Telling
    """
    number = np.unique(piece, return_inverse=True)[1]
    right = [right_answers(figures, made, piece, seed=seed + k) for k in range(REPEATS)]
    return _telling(np.mean(right, 0), made, number)


def _telling(right: np.ndarray, made: np.ndarray, piece: np.ndarray) -> Telling:
    """Accuracy, the mean of the two kinds', with its interval over pieces (numbered from 0).

    Of each excerpt, how often it was judged rightly, 0 to 1.
    """
    weights = draw_weights(int(piece.max()) + 1)
    accuracy, draws = [], []
    for kind in (made, ~made):
        hits = np.bincount(piece[kind], right[kind], weights.shape[1])
        count = np.bincount(piece[kind], minlength=weights.shape[1]).astype(np.float64)
        accuracy.append(hits.sum() / count.sum())
        draws.append(ratio_draws(hits, count, weights))
    low, high = bootstrap_interval(np.mean(draws, 0))
    return Telling(float(np.mean(accuracy)), float(low), float(high), len(right))


def baseline(figures: np.ndarray, piece: np.ndarray, *, seed: int = 0) -> Telling:
    """The same for real music against itself: the excerpts of each piece parted at random, several times.

    Parameters
    ----------
    figures, piece
        Of real music, as for `right_answers`; pieces with a single excerpt say nothing and are left out.

    Returns
    -------
    Telling
        An accuracy of about a half, or the classifier cheats.
    """
    enough = np.isin(piece, np.flatnonzero(np.bincount(piece) > 1))
    figures, number = figures[enough], np.unique(piece[enough], return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    made, right = [], []
    for k in range(REPEATS):
        chosen = np.zeros(len(number), bool)
        for p in range(int(number.max()) + 1):
            places = rng.permutation(np.flatnonzero(number == p))
            chosen[places[: len(places) // 2]] = True
        made.append(chosen)
        right.append(right_answers(figures, chosen, number, seed=seed + k))
    whole = _telling(np.concatenate(right), np.concatenate(made), np.tile(number, REPEATS))
    return Telling(whole.accuracy, whole.low, whole.high, len(number))
