"""What is measured on each continuation, and the single numbers that are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np

from musictx.events import STEPS_PER_SECOND, TIME_SHIFT, encode, tokens_to_table
from musictx.lab.evaluation.attention_figures import QUARTERS, describe_listening
from musictx.lab.evaluation.copies import CopyIndex
from musictx.lab.evaluation.degeneration import is_degenerate, stuck_share
from musictx.lab.evaluation.similarity import primer_similarity, structureness
from musictx.lab.evaluation.structure import describe_continuation
from musictx.lab.evaluation.violations import forbidden_share
from musictx.model import MusicTransformer
from musictx.performance import Performance, slice_time
from musictx.sampling.takes import take_tokens

VERSION = 4  # raise it when the same continuation would be measured otherwise


def measure(
    primer: Performance,
    whole: Performance,
    cut: float,
    *,
    seconds: float | None = None,
    model: MusicTransformer | None = None,
    index: CopyIndex | None = None,
) -> dict[str, Any]:
    """Measure a continuation.

    Parameters
    ----------
    primer : Performance
    whole : Performance
        Primer and continuation on one time axis.
    cut : float
        Where the continuation begins (s).
    seconds : float, optional
        How long it was to be: silence at its end counts. By default it ends with its last note.
    model : MusicTransformer, optional
        What made it, to ask how often it would break the grammar, and how far back it listened.
    index : CopyIndex, optional
        What it may have been copied from.

    Returns
    -------
    dict
        As `describe_continuation` and `describe_listening`, and ``structureness``, ``primer_similarity``,
        ``storm``, ``stuck``, ``forbidden``, ``copy``; plain numbers.
    """
    alone = slice_time(whole, cut) if whole.duration > cut else Performance()
    seconds = alone.duration if seconds is None else seconds
    figures: dict[str, Any] = describe_continuation(primer, alone, start=0.0, end=seconds)
    figures["structureness"] = structureness(whole)
    figures["storm"] = is_degenerate(alone, seconds)
    figures["stuck"] = stuck_share(alone, seconds)
    figures["primer_similarity"] = primer_similarity(primer, alone, seconds)
    figures["listening_seconds"] = figures["listening_primer"] = [None] * QUARTERS
    if model is not None and len(alone):
        figures |= describe_listening(model, take_tokens(model, whole, cut), cut, cut + seconds)
        tokens = encode(whole)
        clock = tokens_to_table(tokens)
        before = int((clock.step < round(cut * STEPS_PER_SECOND)).sum())
        place = int(np.flatnonzero(tokens < TIME_SHIFT)[before]) if before < len(clock.step) else len(tokens)
        figures["forbidden"] = forbidden_share(model, tokens, place)
    if index is not None:
        report = index.check(alone)
        figures["copy"] = {
            "longest": report.longest,
            "shared": report.shared,
            "piece": report.piece,
            "seconds": report.seconds,
            "rhythm": report.rhythm,
        }
    return figures


@dataclass(frozen=True)
class Metric:
    """A single number of a continuation.

    Attributes
    ----------
    key : str
    title : str
    text : str
        What it says, in plain words.
    value : callable
        Takes what `measure` gives; None where there is nothing.
    digits : int
        Shown after the point.
    """

    key: str
    title: str
    text: str
    value: Callable[[dict[str, Any]], float | None]
    digits: int = 3


def _mean(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def _change(now: float | None, then: float | None) -> float | None:
    """How far a rate has moved, in doublings or halvings."""
    return abs(log2(now / then)) if now and then else None


METRICS = (
    Metric(
        "motif",
        "Motif recurrence",
        "Share of melody and bass notes that lie in five-note patterns (intervals, rhythm) of the primer.",
        lambda m: m["motif_recurrence"],
    ),
    Metric(
        "motif_late",
        "Motif recurrence, last quarter",
        "The same in the last quarter of the continuation: is the motif still there?",
        lambda m: m["motif_recurrence_by_quarter"][-1],
    ),
    Metric(
        "motif_beyond_chance",
        "Motif recurrence beyond chance",
        "Motif recurrence less the mean share of patterns of other pieces' primers.",
        lambda m: m.get("motif_beyond_chance"),
    ),
    Metric(
        "alignment",
        "Melodic alignment beyond chance",
        "How many notes in a row go along with the primer's melody or bass in each 10 s, in any key, with "
        "ornaments or without, less the same for other pieces' primers.",
        lambda m: m.get("alignment_beyond_chance"),
    ),
    Metric(
        "likeness",
        "Likeness to the primer",
        "How much each second's harmony resembles the most similar second of the primer (cosine of chroma).",
        lambda m: _mean(m["primer_similarity"]),
    ),
    Metric(
        "short",
        "Structure, 3 to 8 s",
        "Structureness: how well, and how much of, the music is made of repeats of one passage so long.",
        lambda m: m["structureness"]["short"],
    ),
    Metric(
        "middle",
        "Structure, 8 to 15 s",
        "The same for longer passages.",
        lambda m: m["structureness"]["middle"],
    ),
    Metric(
        "long",
        "Structure, 15 s and more",
        "The same for long passages.",
        lambda m: m["structureness"]["long"],
    ),
    Metric(
        "drift",
        "Pitch-class drift, last quarter",
        "How far the pitch classes of the last quarter are from the primer's (Jensen-Shannon, 0 to 1).",
        lambda m: m["pitch_class_drift"][-1],
    ),
    Metric(
        "density",
        "Change of density, last quarter",
        "How far the notes per second have moved from the primer's: 1 is twice, or half, as many.",
        lambda m: _change(m["density_by_quarter"][-1], m["density_primer"]),
    ),
    Metric(
        "polyphony",
        "Change of polyphony, last quarter",
        "How far the number of notes that sound at once has moved from the primer's: 1 is twice, or half.",
        lambda m: _change(m["polyphony_by_quarter"][-1], m["polyphony_primer"]),
    ),
    Metric(
        "storm",
        "Degenerate",
        "Share of continuations with over 40 notes in some second, or over 12 at once on average.",
        lambda m: m["storm"],
    ),
    Metric(
        "stuck",
        "Stuck on a few keys",
        "Of the spans of 2 s with eight notes or more, the share that strikes three keys at most.",
        lambda m: m["stuck"],
    ),
    Metric(
        "forbidden",
        "Broken grammar",
        "Probability of events that may not follow (a key released that is not held …), before the mask.",
        lambda m: m.get("forbidden", {}).get("all"),
        5,
    ),
    Metric(
        "copy",
        "Longest copy (notes)",
        "Notes of the longest passage shared with the training music, in any key.",
        lambda m: m.get("copy", {}).get("longest"),
        1,
    ),
    Metric(
        "shared",
        "Copied share",
        "Share of the notes that lie in shared passages of 16 notes and more.",
        lambda m: m.get("copy", {}).get("shared"),
    ),
)

QUARTERLY = (
    ("motif_recurrence_by_quarter", "Motif recurrence"),
    ("primer_similarity", "Likeness to the primer"),
    ("pitch_class_drift", "Pitch-class drift"),
    ("density_by_quarter", "Notes per second"),
    ("polyphony_by_quarter", "Notes at once"),
    ("listening_seconds", "Attention: how far back (s)"),
    ("listening_primer", "Attention on the primer"),
)
