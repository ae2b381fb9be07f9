"""Figures of a short excerpt of music, by which generated music can be told from real music."""

from __future__ import annotations

import numpy as np

from musictx.lab.evaluation.motifs import CHORD_SECONDS, chords, outer_lines
from musictx.lab.evaluation.structure import mean_polyphony, pitch_classes
from musictx.performance import Performance, slice_time

EXCERPT_SECONDS = 15.0
FIGURES = (
    "notes per second",
    "change of density",
    "densest second",
    "notes at once",
    "length of notes",
    "spread of lengths",
    "long notes",
    "gaps",
    "spread of gaps",
    "variety of gaps",
    "notes in chords",
    "register",
    "spread of pitches",
    "variety of pitch classes",
    "seven commonest pitch classes",
    "melody repeats a note",
    "melody goes by step",
    "melody leaps",
    "variety of intervals",
    "melody comes again",
    "bass repeats a note",
    "bass leaps",
    "loudness",
    "spread of loudness",
    "change from note to note",
    "melody louder than the rest",
)


def excerpts(
    performance: Performance, seconds: float, *, length: float = EXCERPT_SECONDS
) -> list[Performance]:
    """Whole excerpts of a performance, one after the other, each from time 0; empty ones are left out.

    Parameters
    ----------
    performance : Performance
    seconds : float
        How much of it there is.
    length : float
    """
    starts = np.arange(0, seconds - length + 1e-6, length)
    found = [slice_time(performance, float(start), float(start) + length) for start in starts]
    return [excerpt for excerpt in found if len(excerpt)]


def _entropy(values: np.ndarray) -> float:
    """Of a histogram, in bits."""
    share = values[values > 0] / max(values.sum(), 1)
    return float(-(share * np.log2(share)).sum())


def _spread(values: np.ndarray) -> float:
    return float(np.std(values)) if len(values) else 0.0


def _share(hits: np.ndarray) -> float:
    return float(np.mean(hits)) if len(hits) else 0.0


def excerpt_figures(excerpt: Performance, *, length: float = EXCERPT_SECONDS) -> np.ndarray:
    """What an excerpt is like.

    Parameters
    ----------
    excerpt : Performance
        At least one note; the pedal applied; times count from its start.
    length : float
        Seconds.

    Returns
    -------
    np.ndarray [shape=(len(FIGURES),)]
    """
    notes = excerpt.notes
    onset, pitch = notes["onset"], notes["pitch"].astype(np.int64)
    lasting = np.log2(np.maximum(notes["offset"] - onset, 0.01))
    steps = np.diff(onset)
    gaps = np.log2(np.clip(steps[steps > CHORD_SECONDS], CHORD_SECONDS, 4.0))
    velocity = notes["velocity"].astype(np.float64)
    classes = pitch_classes(notes)
    upper, lower = outer_lines(notes)
    melody, bass = np.diff(upper.pitch), np.diff(lower.pitch)
    patterns = upper.patterns(4)
    early = (onset < length / 2).sum()
    top = np.zeros(len(notes), bool)
    top[chords(notes)[1]] = True
    return np.array(
        [
            np.log2(len(notes) / length),
            np.log2((len(notes) - early + 1) / (early + 1)),
            np.log2(np.histogram(onset, np.arange(0, length + 1))[0].max() + 1),
            np.log2(max(mean_polyphony(notes, 0.0, length), 0.1)),
            np.median(lasting),
            _spread(lasting),
            _share(lasting > 2.0),
            np.median(gaps) if len(gaps) else 2.0,
            _spread(gaps),
            _entropy(np.histogram(gaps, np.arange(-5.25, 2.5, 0.25))[0]),
            _share(steps <= CHORD_SECONDS),
            np.median(pitch),
            _spread(pitch),
            _entropy(classes),
            np.sort(classes)[-7:].sum(),
            _share(melody == 0),
            _share((np.abs(melody) > 0) & (np.abs(melody) <= 2)),
            _share(np.abs(melody) > 7),
            _entropy(np.bincount(np.clip(melody, -24, 24) + 24, minlength=49)),
            1.0 - len(np.unique(patterns)) / len(patterns) if len(patterns) else 0.0,
            _share(bass == 0),
            _share(np.abs(bass) > 7),
            velocity.mean(),
            _spread(velocity),
            np.abs(np.diff(velocity)).mean() if len(velocity) > 1 else 0.0,
            velocity[top].mean() - velocity[~top].mean() if not top.all() else 0.0,
        ]
    )
