"""How often each lane was chosen, and whether that can be chance.

Votes of one visitor are not independent of one another: intervals draw visitors, not votes, and tests of
preference flip a visitor's votes together. A vote whose visitor is not known counts as a visitor of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from musictx.lab.evaluation.intervals import bootstrap_interval, draw_weights, holm, ratio_draws
from musictx.lab.votes.book import LETTERS, VERDICTS, Vote

_DRAWS = 20_000  # of the letters, where the χ² distribution is no good approximation


@dataclass(frozen=True)
class Tally:
    """Votes as numbers.

    Attributes
    ----------
    names : list of str
        Everything that stood in a lane.
    offered, chosen : np.ndarray [shape=(votes, names), dtype=bool]
    verdict : np.ndarray [shape=(votes,)]
        Place in `VERDICTS`.
    visitor : np.ndarray [shape=(votes,)]
        From 0, without gaps.
    """

    names: list[str]
    offered: np.ndarray
    chosen: np.ndarray
    verdict: np.ndarray
    visitor: np.ndarray

    @property
    def visitors(self) -> int:
        """Number of visitors."""
        return int(self.visitor.max()) + 1 if len(self.visitor) else 0

    def by_visitor(self, values: np.ndarray) -> np.ndarray:
        """Sums over each visitor's votes of values [shape=(votes, …)], as [shape=(visitors, …)]."""
        sums = np.zeros((self.visitors, *values.shape[1:]))
        np.add.at(sums, self.visitor, values)
        return sums


def tally(votes: Sequence[Vote]) -> Tally:
    """Count votes."""
    names = sorted({name for vote in votes for name in vote.lanes})
    known = {v.visitor for v in votes if v.visitor is not None}
    number = {visitor: i for i, visitor in enumerate(sorted(known))}
    unknown = iter(range(len(number), len(number) + len(votes)))
    return Tally(
        names,
        np.array([[name in v.lanes for name in names] for v in votes], bool).reshape(len(votes), -1),
        np.array([[name == v.choice for name in names] for v in votes], bool).reshape(len(votes), -1),
        np.array([VERDICTS.index(v.verdict) for v in votes], np.int64),
        np.array([next(unknown) if v.visitor is None else number[v.visitor] for v in votes], np.int64),
    )


def shares(counted: Tally, *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Share of the votes that each lane got where it could be chosen.

    Parameters
    ----------
    counted : Tally
    seed : int
        Of the bootstrap over visitors.

    Returns
    -------
    dict of str to dict
        For each name ``votes`` (in which it stood in a lane), ``chosen``, ``share`` with its 95 % interval
        ``low`` and ``high``, and ``chance``, the share if those who chose a lane had chosen blindly. For
        ``none``, ``alike`` and ``unsure``, where anybody said so, the same without ``chance``.
    """
    weights = draw_weights(counted.visitors, seed=seed)

    def figure(hits: np.ndarray, cases: np.ndarray) -> dict[str, Any]:
        low, high = bootstrap_interval(
            ratio_draws(counted.by_visitor(hits), counted.by_visitor(cases), weights)
        )
        total, number = int(cases.sum()), int(hits.sum())
        return {
            "votes": total,
            "chosen": number,
            "share": number / total,
            "low": float(low),
            "high": float(high),
        }

    result = {}
    for k, name in enumerate(counted.names):
        offered = counted.offered[:, k].astype(float)
        result[name] = figure(counted.chosen[:, k].astype(float), offered)
        blind = counted.chosen.any(1) / counted.offered.sum(1)
        result[name]["chance"] = float((offered * blind).sum() / offered.sum())
    every = np.ones(len(counted.verdict))
    for code, verdict in enumerate(VERDICTS[1:], 1):
        said = (counted.verdict == code).astype(float)
        if said.any():
            result[verdict] = figure(said, every)
    return result


def flip_test(differences: np.ndarray) -> float:
    """Exact p-value of the sum of whole numbers, each of which could as well have had the other sign.

    With one vote a visitor it is the sign test (binomial, two-sided).

    Parameters
    ----------
    differences : np.ndarray [shape=(n,), dtype=integer]
        A visitor's votes for one less those for the other.

    Returns
    -------
    float
        1 if there are none but zeros.

    References
    ----------
    Fisher, "The design of experiments" (1935), section 21.
    """
    sizes = np.abs(differences[differences != 0])
    reach = int(sizes.sum())
    p = np.zeros(2 * reach + 1)  # of the sums -reach … reach
    p[reach] = 1.0
    for size in sizes.tolist():
        p = (np.roll(p, size) + np.roll(p, -size)) / 2  # never comes round: the ends are still empty
    far = np.abs(np.arange(-reach, reach + 1)) >= abs(int(differences.sum()))
    return min(1.0, float(p[far].sum()))


def pair_tests(counted: Tally) -> list[dict[str, Any]]:
    """For each pair of lanes that stood side by side: which one was chosen more often?

    Returns
    -------
    list of dict
        ``first``, ``second``; ``votes`` in which both stood; ``first_chosen`` and ``second_chosen`` of
        these; ``visitors`` who chose one of them more often than the other; ``p`` of `flip_test`;
        ``holm``, adjusted for all pairs; ``crowding``, how many votes weigh as much as an independent one.
    """
    tests: list[dict[str, Any]] = []
    for i, j in combinations(range(len(counted.names)), 2):
        both = counted.offered[:, i] & counted.offered[:, j]
        if not both.any():
            continue
        first, second = (counted.chosen[:, k] & both for k in (i, j))
        difference = counted.by_visitor(first.astype(float) - second).astype(np.int64)
        tests.append(
            {
                "first": counted.names[i],
                "second": counted.names[j],
                "votes": int(both.sum()),
                "first_chosen": int(first.sum()),
                "second_chosen": int(second.sum()),
                "visitors": int(np.count_nonzero(difference)),
                "p": flip_test(difference),
                "crowding": _crowding(difference, counted.by_visitor((first | second).astype(float))),
            }
        )
    for test, p in zip(tests, holm([t["p"] for t in tests]), strict=True):
        test["holm"] = p
    return tests


def _crowding(difference: np.ndarray, decided: np.ndarray) -> float:
    """Variance of the sum of votes in `flip_test` against that of independent ones, at least 1.

    The test flips the votes of a whole visitor, whose difference counts with its square; one vote counts 1.
    """
    return max(1.0, float((difference**2).sum() / max(decided.sum(), 1)))


def letter_bias(votes: Sequence[Vote], *, seed: int = 0) -> dict[str, Any]:
    """Is a letter chosen more often than the others, whatever is behind it?

    The lanes are shuffled for each take, so without bias every letter of a vote is as likely.

    Returns
    -------
    dict
        ``letters``: for each its votes (``chosen``) and how many were to be ``expected``; ``statistic``
        (χ²) and its ``p``, from the χ² distribution, or drawn at random where fewer than five votes are
        expected for a letter or not all votes had as many lanes.
    """
    from scipy.stats import chi2

    decided = [(vote.letter, len(vote.lanes)) for vote in votes if vote.letter is not None]
    if not decided:
        return {"letters": {}, "statistic": 0.0, "p": 1.0}
    letter, lanes = np.array(decided).T
    count = int(lanes.max())
    expected = (np.arange(count) < lanes[:, None]).astype(float).T @ (1 / lanes)

    def statistic(chosen: np.ndarray) -> np.ndarray:
        return ((chosen - expected) ** 2 / expected).sum(-1)

    found = np.bincount(letter, minlength=count)
    if expected.min() >= 5 and (lanes == count).all():
        p = float(chi2.sf(statistic(found), count - 1))
    else:
        drawn = np.zeros((_DRAWS, count))
        rng = np.random.default_rng(seed)
        for size, votes_of in zip(*np.unique(lanes, return_counts=True), strict=True):
            drawn[:, :size] += rng.multinomial(votes_of, np.full(size, 1 / size), _DRAWS)
        p = float((1 + (statistic(drawn) >= statistic(found) - 1e-9).sum()) / (1 + _DRAWS))
    letters = {
        LETTERS[k]: {"chosen": int(found[k]), "expected": round(float(expected[k]), 2)} for k in range(count)
    }
    return {"letters": letters, "statistic": float(statistic(found)), "p": p}


def by_primer(votes: Sequence[Vote]) -> list[dict[str, Any]]:
    """Votes for each primer, those with most votes first.

    Returns
    -------
    list of dict
        ``primer``, ``votes``, and ``chosen``: how often each lane was chosen, and each other verdict.
    """
    groups: dict[tuple[str, str], list[Vote]] = {}
    for vote in votes:
        groups.setdefault((vote.primer, vote.primer_sha256), []).append(vote)
    rows = []
    for (name, _), group in groups.items():
        said = [v.choice or v.verdict for v in group]
        names = sorted({lane for v in group for lane in v.lanes} | set(said))
        rows.append(
            {"primer": name, "votes": len(group), "chosen": {n: said.count(n) for n in names}},
        )
    return sorted(rows, key=lambda row: -row["votes"])
