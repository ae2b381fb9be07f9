"""Chance taken off: how much of its own primer a continuation has, beside how much of other pieces'."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from musictx.errors import require
from musictx.lab.evaluation.alignment import melodic_alignment
from musictx.lab.evaluation.motifs import known_patterns, pattern_shares
from musictx.performance import Performance

RARE = 0.05  # share of other primers that a continuation may have more of, and still stand out


@dataclass(frozen=True)
class Beside:
    """A continuation measured against its own primer and against other pieces' primers.

    Attributes
    ----------
    own : float
    others : np.ndarray [shape=(n,)]
    """

    own: float
    others: np.ndarray

    @property
    def beyond_chance(self) -> float:
        """Its own less the mean of the others."""
        return self.own - float(self.others.mean())

    @property
    def stands_out(self) -> bool:
        """Whether its own is more than all but one in twenty of the others."""
        return self.own > float(np.quantile(self.others, 1 - RARE, method="higher"))

    @property
    def luck(self) -> float:
        """How often it would stand out if it had no more of its own than of the others: 1/20 and more."""
        count = len(self.others)
        return (count - math.ceil((1 - RARE) * (count - 1))) / (count + 1)


def motif_recurrence(primers: Sequence[Performance], passage: Performance, seconds: float) -> np.ndarray:
    """Share of a passage that consists of each primer's patterns [shape=(primers,)]."""
    return pattern_shares([known_patterns(p.notes) for p in primers], passage.notes)


def alignment(primers: Sequence[Performance], passage: Performance, seconds: float) -> np.ndarray:
    """`melodic_alignment` of a passage with each primer [shape=(primers,)]."""
    found = [melodic_alignment(p.notes, passage.notes, seconds) for p in primers]
    return np.array([0.0 if x is None else x for x in found])


Measure = Callable[[Sequence[Performance], Performance, float], np.ndarray]
MEASURES: dict[str, Measure] = {"motif": motif_recurrence, "alignment": alignment}


def beside_others(
    primers: Sequence[Performance], own: int, passage: Performance, seconds: float, measure: Measure
) -> Beside:
    """Measure a continuation against its own primer and the others.

    Parameters
    ----------
    primers : sequence of Performance
        At least two, each of another piece, with the pedal applied.
    own : int
        Which of them the continuation goes on from.
    passage : Performance
        The continuation, from time 0.
    seconds : float
        Its length.
    measure : callable
        One of `MEASURES`.

    Raises
    ------
    MusictxError
        There is no other primer.
    """
    require(len(primers) > 1, "pieces in a folder", len(primers), "be at least 2, to compare with chance")
    scores = measure(primers, passage, seconds)
    return Beside(float(scores[own]), np.delete(scores, own))
