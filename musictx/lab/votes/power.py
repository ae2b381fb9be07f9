"""How many votes it takes to see a preference."""

from __future__ import annotations

from typing import Any

import numpy as np

LEVEL, POWER = 0.05, 0.8
MAX_VOTES = 100_000  # more votes than anybody collects
_STEADY = 10  # power goes up and down a little with the number of votes: this many in a row must have it


def votes_needed(
    share: float, chance: float = 0.5, *, level: float = LEVEL, power: float = POWER
) -> int | None:
    """Votes from which on an exact two-sided binomial test finds that a share is not chance.

    Parameters
    ----------
    share : float
        True share of the votes, between 0 and 1.
    chance : float
        What it would be without a preference.
    level : float
        Largest probability of finding a preference where there is none.
    power : float
        Probability of finding the one that is there.

    Returns
    -------
    int or None
        None if even `MAX_VOTES` votes are not enough.

    Examples
    --------
    >>> votes_needed(0.5, 1 / 3)  # one of three lanes gets half of the votes
    77
    """
    from scipy.stats import norm

    if share == chance:
        return None
    spread = norm.isf(level / 2) * (chance * (1 - chance)) ** 0.5
    spread += norm.isf(1 - power) * (share * (1 - share)) ** 0.5
    about = (spread / (share - chance)) ** 2
    if about > MAX_VOTES:
        return None
    start = max(2, int(0.6 * about) - 5)
    votes = np.arange(start, int(1.5 * about) + 60)
    enough = _power(votes, share, chance, level) >= power
    steady = np.lib.stride_tricks.sliding_window_view(enough, _STEADY).all(1)
    return int(votes[steady.argmax()]) if steady.any() else None


def _power(votes: np.ndarray, share: float, chance: float, level: float) -> np.ndarray:
    from scipy.stats import binom

    low = binom.ppf(level / 2, votes, chance)
    low -= binom.cdf(low, votes, chance) > level / 2  # the largest count in the lower tail
    high = binom.isf(level / 2, votes, chance) + 1
    return binom.cdf(low, votes, share) + binom.sf(high - 1, votes, share)


def still_needed(pair: dict[str, Any], pairs: int) -> dict[str, Any]:
    """How many votes a pair still needs, if the preference is as it looks so far.

    Parameters
    ----------
    pair : dict
        As `musictx.lab.votes.shares.pair_tests` gives it.
    pairs : int
        Number of tests made: each must stand at its part of the level.

    Returns
    -------
    dict
        ``share`` of the first among the votes for one of the two; ``needed`` votes of all kinds in which
        both stand, and ``more``, how many of these are missing; None if there is nothing to go by.
    """
    decided = pair["first_chosen"] + pair["second_chosen"]
    share = pair["first_chosen"] / decided if decided else 0.5
    # Half a vote for each: four votes to none are no reason to expect that all will be so.
    likely = (pair["first_chosen"] + 0.5) / (decided + 1)
    votes = votes_needed(likely, level=LEVEL / pairs) if decided else None
    needed = None if votes is None else int(np.ceil(votes * pair["crowding"] * pair["votes"] / decided))
    return {
        "share": share,
        "needed": needed,
        "more": None if needed is None else max(0, needed - pair["votes"]),
    }
