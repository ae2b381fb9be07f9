"""How strong each lane is, when votes were about different lanes: Bradley and Terry's model."""

from __future__ import annotations

from typing import Any

import numpy as np

from musictx.lab.evaluation.intervals import bootstrap_interval, draw_weights
from musictx.lab.votes.book import VERDICTS
from musictx.lab.votes.shares import Tally

RIDGE = 0.5  # as much pull towards equal strengths as a normal prior of variance 2
_STEPS = 30


def fit_strengths(offered: np.ndarray, wins: np.ndarray, ridge: float = RIDGE) -> np.ndarray:
    """Strengths under which lanes are chosen with probabilities ``exp(strength) / sum over the lanes``.

    With two lanes that is Bradley and Terry's model, with more of them Luce's; fitted by penalised
    likelihood (logistic regression with an L2 penalty), which has one maximum.

    Parameters
    ----------
    offered : np.ndarray [shape=(sets, names), dtype=bool]
        Which lanes stood side by side.
    wins : np.ndarray [shape=(…, sets, names)]
        How often each of them was chosen; a tie counts in equal parts.
    ridge : float

    Returns
    -------
    np.ndarray [shape=(…, names)]
        Log-odds; they sum to 0.

    References
    ----------
    Bradley and Terry, "Rank analysis of incomplete block designs" (1952); Luce, "Individual choice
    behavior" (1959).

    Examples
    --------
    >>> import numpy as np
    >>> from musictx.lab.votes import fit_strengths
    >>> fit_strengths(np.array([[True, True]]), np.array([[30, 10]])).round(1).tolist()
    [0.5, -0.5]
    """
    strengths = np.zeros(wins.shape[:-2] + wins.shape[-1:])
    votes = wins.sum(-1)
    eye = np.eye(wins.shape[-1])
    for _ in range(_STEPS):
        odds = np.exp(strengths)[..., None, :] * offered
        p = odds / odds.sum(-1, keepdims=True)
        slope = (wins - votes[..., None] * p).sum(-2) - ridge * strengths
        weighted = votes[..., None] * p
        spread = eye * weighted.sum(-2)[..., None, :] - np.einsum("...sk,...sl->...kl", weighted, p)
        step = np.linalg.solve(spread + ridge * eye, slope[..., None])[..., 0]
        size = np.abs(step).max(initial=0.0)
        strengths = strengths + step * min(1.0, 2.0 / max(size, 1e-300))
        if size < 1e-9:
            break
    return strengths - strengths.mean(-1, keepdims=True)


def strengths(counted: Tally, *, seed: int = 0, repeats: int = 1000) -> dict[str, Any]:
    """Strength of each lane, with intervals over visitors.

    "All alike" and "can't tell" are ties, which count in equal parts for all lanes; "none" says nothing
    about which is better and is left out.

    Parameters
    ----------
    counted : Tally
    seed : int
    repeats : int
        Of the bootstrap over visitors.

    Returns
    -------
    dict
        ``strengths``: for each name ``log_odds`` with ``low`` and ``high``; ``sets``, how many different
        sets of lanes there were; ``connected``, whether every lane can be compared with every other,
        directly or through others.
    """
    rows = counted.verdict != VERDICTS.index("none")
    offered = counted.offered[rows]
    share = offered / np.maximum(offered.sum(1, keepdims=True), 1)
    points = np.where(counted.chosen[rows].any(1)[:, None], counted.chosen[rows], share)
    sets, which = np.unique(offered, axis=0, return_inverse=True)
    wins = np.zeros((counted.visitors, *sets.shape))
    np.add.at(wins, (counted.visitor[rows], which.ravel()), points)
    drawn = np.einsum("rv,vsk->rsk", draw_weights(counted.visitors, repeats=repeats, seed=seed), wins)
    fitted = fit_strengths(sets, wins.sum(0))
    low, high = bootstrap_interval(fit_strengths(sets, drawn))
    return {
        "strengths": {
            name: {"log_odds": float(fitted[k]), "low": float(low[k]), "high": float(high[k])}
            for k, name in enumerate(counted.names)
        },
        "sets": len(sets),
        "connected": _connected(sets),
    }


def _connected(sets: np.ndarray) -> bool:
    """Whether the sets hang together."""
    reached = np.zeros(sets.shape[1], bool)
    reached[:1] = True
    for _ in range(sets.shape[1]):
        reached |= sets[(sets & reached).any(1)].any(0)
    return bool(reached.all())
