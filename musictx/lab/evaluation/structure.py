"""What a continuation is like beside its primer: motif, density, polyphony, pitch classes, by quarter."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from musictx.lab.evaluation.motifs import Recurrence, find_recurrence
from musictx.performance import Performance, apply_pedal, unite_spans

QUARTERS = 4


def pitch_classes(notes: np.ndarray) -> np.ndarray:
    """Share of each pitch class among the notes struck, C first [shape=(12,)]; zeros if there are none."""
    count = np.bincount(notes["pitch"] % 12, minlength=12).astype(float)
    return count / max(count.sum(), 1.0)


def distribution_distance(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence of two distributions, in bits: 0 if they are equal, 1 if disjoint.

    References
    ----------
    Lin, "Divergence measures based on the Shannon entropy" (1991).
    """

    def entropy(x: np.ndarray) -> float:
        x = x[x > 0]
        return float(-(x * np.log2(x)).sum())

    return max(0.0, entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2)


def mean_polyphony(notes: np.ndarray, start: float, end: float) -> float:
    """Notes that sound at once, averaged over the time in [start, end) in which any does; 0 in silence.

    Parameters
    ----------
    notes : np.ndarray [shape=(n,), dtype=NOTE_DTYPE]
    start, end : float
        Seconds.
    """
    clipped = np.empty(len(notes), [("onset", "f8"), ("offset", "f8")])
    clipped["onset"] = np.clip(notes["onset"], start, end)
    clipped["offset"] = np.clip(notes["offset"], start, end)
    sounding = (clipped["offset"] - clipped["onset"]).sum()
    united = unite_spans(clipped)
    covered = (united["offset"] - united["onset"]).sum()
    return float(sounding / covered) if covered > 0 else 0.0


def _recurrence_figures(found: Recurrence | None, edges: np.ndarray) -> dict[str, Any]:
    if found is None:
        nothing = [None] * QUARTERS
        return {
            "motif_recurrence": None,
            "motif_baseline": None,
            "motif_excess": None,
            "motif_recurrence_by_quarter": nothing,
        }
    quarter = np.clip(np.searchsorted(edges, found.onset, side="right") - 1, 0, QUARTERS - 1)
    by_quarter = [found.covered[quarter == k] for k in range(QUARTERS)]
    room = 1.0 - found.baseline
    return {
        "motif_recurrence": found.share,
        "motif_baseline": found.baseline,
        "motif_excess": (found.share - found.baseline) / room if room > 0 else 0.0,
        "motif_recurrence_by_quarter": [float(c.mean()) if len(c) else None for c in by_quarter],
    }


def describe_continuation(
    primer: Performance,
    continuation: Performance,
    *,
    start: float | None = None,
    end: float | None = None,
) -> dict[str, Any]:
    """Describe a continuation beside its primer, in a few milliseconds.

    Parameters
    ----------
    primer : Performance
    continuation : Performance
        Without the primer. Its time axis may begin anywhere.
    start, end : float, optional
        Where it begins and ends, on its own axis (s); by default its first onset and last offset.
        What lies between is cut into four quarters of equal time.

    Returns
    -------
    dict
        Plain numbers, ready for JSON; None where there is nothing to measure (no notes, or too few).

        ``notes``, ``seconds``
            Number of notes, and the length described.
        ``motif_recurrence``
            Share (0 to 1) of the notes in the continuation's upper and lower line that lie in a pattern
            of the primer: five notes with the same intervals and rhythm, in any key and at any tempo
            (see `musictx.lab.evaluation.motifs`). A continuation that repeats the primer has 1.
        ``motif_baseline``, ``motif_excess``
            The same share after shuffling the continuation's pitches and gaps; and how far the true
            share lies above it, as a part of the way to 1 (0 is chance, below 0 less than chance).
        ``motif_recurrence_by_quarter``
            Four shares.
        ``density_by_quarter``, ``density_primer``
            Notes struck per second.
        ``polyphony_by_quarter``, ``polyphony_primer``
            Notes that sound at once, averaged over the time in which any does (pedal applied).
        ``pitch_class_drift``
            Four Jensen-Shannon divergences (0 to 1) of the pitch classes struck from the primer's.

    Examples
    --------
    >>> from musictx import read_midi, shipped_primer, transpose
    >>> from musictx.lab.evaluation import describe_continuation
    >>> primer = read_midi(shipped_primer("bach-prelude-c"))
    >>> describe_continuation(primer, transpose(primer, 5))["motif_recurrence"]
    1.0
    """
    before, after = apply_pedal(primer).notes, apply_pedal(continuation).notes
    if start is None:
        start = float(after["onset"][0]) if len(after) else 0.0
    if end is None:
        end = max(float(after["offset"].max()) if len(after) else start, start)
    after = after[(after["onset"] >= start) & (after["onset"] < end)]
    edges = np.linspace(start, end, QUARTERS + 1)
    found = find_recurrence(before, after)
    bounds = np.searchsorted(after["onset"], edges)
    struck = [after[a:b] for a, b in pairwise(bounds)]
    span = (end - start) / QUARTERS
    home = pitch_classes(before)
    return {
        "notes": len(after),
        "seconds": end - start,
        **_recurrence_figures(found, edges),
        "density_by_quarter": [len(s) / span if span > 0 else 0.0 for s in struck],
        "density_primer": _density(before),
        "polyphony_by_quarter": [mean_polyphony(after, a, b) for a, b in pairwise(edges.tolist())],
        "polyphony_primer": mean_polyphony(before, 0.0, np.inf) if len(before) else None,
        "pitch_class_drift": [
            distribution_distance(home, pitch_classes(s)) if len(s) and len(before) else None for s in struck
        ],
    }


def _density(notes: np.ndarray) -> float | None:
    """Notes struck per second from the first onset to the last offset."""
    if not len(notes):
        return None
    seconds = float(notes["offset"].max() - notes["onset"][0])
    return len(notes) / seconds if seconds > 0 else None
