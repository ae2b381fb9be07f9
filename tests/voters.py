"""Simulated visitors of the blind test, whose preferences are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from musictx.lab.votes import Vote


def simulate(
    tastes: Mapping[str, float],
    *,
    visitors: int,
    votes_each: Sequence[int] = (1,),
    own_taste: float = 0.0,
    lanes: int | None = None,
    letter_bias: float = 0.0,
    alike: float = 0.0,
    seed: int = 0,
) -> list[Vote]:
    """Votes drawn by Luce's rule.

    Parameters
    ----------
    tastes : mapping of str to float
        Log-odds of each model in the mean of all visitors.
    visitors : int
    votes_each : sequence of int
        Numbers of votes that visitors cast in turn.
    own_taste : float
        How far each visitor's log-odds stray from the mean (standard deviation).
    lanes : int, optional
        So many of the models, drawn for each vote; all without it.
    letter_bias : float
        Log-odds for lane A.
    alike : float
        Probability of "all alike".
    seed : int
    """
    rng = np.random.default_rng(seed)
    names, votes = list(tastes), []
    for visitor in range(visitors):
        taste = np.array([tastes[name] for name in names]) + rng.normal(0, own_taste, len(names))
        for number in range(votes_each[visitor % len(votes_each)]):
            order = rng.permutation(len(names))[:lanes]
            odds = np.exp(taste[order] + letter_bias * (np.arange(len(order)) == 0))
            shown = tuple(names[k] for k in order)
            chosen = shown[rng.choice(len(order), p=odds / odds.sum())]
            tie = rng.random() < alike
            votes.append(
                Vote(
                    lanes=shown,
                    verdict="alike" if tie else "chosen",
                    choice=None if tie else chosen,
                    visitor=f"v{visitor}",
                    primer=f"primer {number % 3}",
                    primer_sha256=str(number % 3),
                    seed=number,
                    heard=dict.fromkeys(shown, 20.0),
                )
            )
    return votes
