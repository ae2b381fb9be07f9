"""Melodic alignment: how far a passage runs along with the melody or the bass of another.

A second measure of the same thing as `musictx.lab.evaluation.motifs`, made in another way: there patterns of
five notes agree wholly or not at all; here two lines are aligned note by note, in any key, and may differ
in an ornament, a semitone or the rhythm, at a price.

The minute after a primer of 15 s, in real music, aligns better with its own primer than with another
piece's in 60 of 74 held-out pieces (25 of 29 of ASAP's, 35 of 45 pop songs), and in 92 of 100 pieces on which
the length of the windows was chosen. The patterns of five notes tell 48 of the 74 (21 draws), and 76 of the
100.

References
----------
Smith and Waterman, "Identification of common molecular subsequences" (1981), for local alignment;
Mongeau and Sankoff, "Comparison of musical sequences" (1990), for its use on melodies.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from musictx.lab.evaluation.motifs import Line, outer_lines

WINDOW_SECONDS = 10.0
SAME, NEAR, OTHER = 1.0, 0.2, -1.0  # worth of an interval that is the same, a semitone off, another
SKIP = 0.6  # price of a note that one line has and the other has not
RHYTHM = 0.5  # price of a gap twice or half as long as the other line's
MAX_DOUBLINGS = 2.0  # doublings that count
MIN_GAP = 0.03  # seconds; shorter ones count as this


def alignment_scores(first: Line, second: Line) -> np.ndarray:
    """Worth of the best local alignment that ends at each note of the second line.

    Parameters
    ----------
    first, second : Line

    Returns
    -------
    np.ndarray [shape=(n,)]
        About how many successive notes run along with some passage of the first line; at least 0.
    """

    def worth(a: int, b: int) -> np.ndarray:
        """Of going on by `a` notes of the first line and `b` of the second."""
        (interval, gap), (other_interval, other_gap) = (
            (
                line.pitch[k:] - line.pitch[:-k],
                np.log2(np.maximum(line.onset[k:] - line.onset[:-k], MIN_GAP)),
            )
            for line, k in ((first, a), (second, b))
        )
        away = np.abs(interval[:, None] - other_interval)
        rhythm = np.minimum(np.abs(gap[:, None] - other_gap), MAX_DOUBLINGS)
        price = RHYTHM * rhythm + SKIP * (a + b - 2)
        return np.where(away == 0, SAME, np.where(away == 1, NEAR, OTHER)) - price

    rows, columns = len(first.pitch), len(second.pitch)
    score = np.zeros((rows, columns))
    if min(rows, columns) < 2:
        return np.zeros(columns)
    steps = {(a, b): worth(a, b) for a, b in ((1, 1), (1, 2), (2, 1)) if a < rows and b < columns}
    for i in range(1, rows):
        for (a, b), worths in steps.items():
            if i >= a:
                reached = score[i - a, :-b] + worths[i - a]
                np.maximum(score[i, b:], reached, out=score[i, b:])
    return score.max(0)


def melodic_alignment(primer: np.ndarray, passage: np.ndarray, seconds: float) -> float | None:
    """How well a passage runs along with a primer.

    Parameters
    ----------
    primer, passage : np.ndarray [shape=(n,), dtype=NOTE_DTYPE]
        Sorted by onset; the passage's times count from its start.
    seconds : float
        Length of the passage.

    Returns
    -------
    float or None
        The best local alignment of each `WINDOW_SECONDS`, upper line with upper line and lower with lower,
        averaged over windows and lines: about a number of notes. None without two notes in the primer.
    """
    if len(primer) < 2:
        return None
    windows = max(1, int(np.ceil(seconds / WINDOW_SECONDS - 1e-6)))  # a rounded time begins no other window
    best = np.zeros((2, windows))
    for k, (known, line) in enumerate(zip(outer_lines(primer), outer_lines(passage), strict=True)):
        bounds = np.searchsorted(line.onset, np.arange(windows + 1) * WINDOW_SECONDS)
        for w, (a, b) in enumerate(pairwise(bounds.tolist())):
            best[k, w] = alignment_scores(known, Line(line.onset[a:b], line.pitch[a:b])).max(initial=0.0)
    return float(best.mean())
