"""Self-similarity and structureness: how strongly music repeats itself over short, middle and long spans.

A performance becomes a row of chroma vectors, one per second; their cosine similarities, thresholded, the
self-similarity matrix. The *fitness* of a segment says how well, and how much of, the whole piece is made
of repeats of it; *structureness* is the largest fitness of any segment whose length lies in a range.

References
----------
Müller, Jiang, Grosche, "A robust fitness measure for capturing repetitions in music recordings with
applications to audio thumbnailing" (2013) for the fitness; the values are those of the library libfmp, but
that a path must begin in the segment's first column (there, its score may skip it). Wu and
Yang, "The Jazz Transformer on the front line" (2020), section 4.3, for structureness and the spans.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from musictx.performance import Performance, apply_pedal

FRAME_SECONDS = 1.0
SPANS = {"short": (3, 8), "middle": (8, 15), "long": (15, None)}  # seconds
SMOOTHING = 2  # frames on either side, along the diagonals
KEPT = 0.15  # share of the matrix that counts as similar
PENALTY = -2.0  # of what is not
MAX_SECONDS = 180.0  # seconds that are looked at: the work grows with the fourth power


def chroma(performance: Performance, *, frame: float = FRAME_SECONDS) -> np.ndarray:
    """How long each pitch class sounds in each frame, as unit vectors.

    Parameters
    ----------
    performance : Performance
        The pedal is applied.
    frame : float
        Seconds.

    Returns
    -------
    np.ndarray [shape=(frames, 12)]
        Silent frames are zero.
    """
    notes = apply_pedal(performance).notes
    frames = int(np.ceil(performance.duration / frame)) if len(notes) else 0
    if not frames:
        return np.zeros((0, 12))
    # The time that a note has sounded before t is a ramp; its differences over frames are its shares.
    edges = np.arange(frames + 1) * frame
    sounded = np.clip(edges[:, None] - notes["onset"], 0, notes["offset"] - notes["onset"])  # (frames + 1, n)
    classes = notes["pitch"][:, None] % 12 == np.arange(12)
    vectors = np.diff(sounded, axis=0) @ classes
    size = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, size, out=np.zeros_like(vectors), where=size > 0)


def self_similarity(vectors: np.ndarray) -> np.ndarray:
    """Self-similarity matrix: smoothed along its diagonals, thresholded, 1 on the main one.

    Parameters
    ----------
    vectors : np.ndarray [shape=(frames, dimensions)]
        Of unit length, or zero.

    Returns
    -------
    np.ndarray [shape=(frames, frames)]
        The most similar `KEPT` of the pairs have 0 to 1, the others `PENALTY`.
    """
    raw = vectors @ vectors.T
    total, count = np.zeros_like(raw), np.zeros_like(raw)
    n = len(raw)
    for k in range(-SMOOTHING, SMOOTHING + 1):
        to = slice(max(0, -k), min(n, n - k))
        source = slice(max(0, k), min(n, n + k))
        total[to, to] += raw[source, source]
        count[to, to] += 1
    smooth = total / np.maximum(count, 1)
    np.fill_diagonal(smooth, 1.0)
    threshold = np.quantile(smooth, 1 - KEPT) if n else 0.0
    scaled = (smooth - threshold) / (1 - threshold) if threshold < 1 else np.ones_like(smooth)
    result = np.where(smooth >= threshold, np.clip(scaled, 0, 1), PENALTY)
    np.fill_diagonal(result, 1.0)
    return result


def segment_fitness(matrix: np.ndarray, length: int) -> np.ndarray:
    """Fitness of every segment of one length in frames.

    The best family of paths through the segment's columns is found by dynamic programming, for all
    segments at once; with each score go the family's number of cells and the frames that it covers.

    Parameters
    ----------
    matrix : np.ndarray [shape=(frames, frames)]
        As `self_similarity` gives it.
    length : int

    Returns
    -------
    np.ndarray [shape=(frames - length + 1,)]
        0 to 1; 0 for a segment that never comes again.
    """
    n = len(matrix)
    segments = n - length + 1
    columns = np.lib.stride_tricks.sliding_window_view(matrix, length, axis=1)  # (n, segments, length)
    # State after a row, by column: score, cells, frames covered before this path, this path's first row.
    # Column 0 is between paths.
    nothing = np.full((segments, length + 1), -np.inf)
    empty = np.zeros((segments, length + 1), np.int64)
    before = (nothing, empty, empty, empty)
    last = (nothing.copy(), empty.copy(), empty.copy(), empty.copy())
    last[0][:, 0] = 0.0
    last[0][:, 1] = columns[0, :, 0]
    last[1][:, 1] = 1
    for row in range(1, n):
        score, cells, covered, first = (nothing.copy(), empty.copy(), empty.copy(), empty.copy())
        ended = last[0][:, length] > last[0][:, 0]
        score[:, 0] = np.where(ended, last[0][:, length], last[0][:, 0])
        cells[:, 0] = np.where(ended, last[1][:, length], last[1][:, 0])
        covered[:, 0] = np.where(ended, last[2][:, length] + row - last[3][:, length], last[2][:, 0])
        score[:, 1] = score[:, 0] + columns[row, :, 0]
        cells[:, 1], covered[:, 1], first[:, 1] = cells[:, 0] + 1, covered[:, 0], row
        if length > 1:
            # One row and one column on; one row and two columns; two rows and one column.
            steps = [tuple(x[:, 1:length] for x in last)]
            skip = tuple(np.roll(x, 1, 1)[:, 1:length] for x in last)
            skip[0][:, 0] = -np.inf  # column 0 is no part of a path
            steps += [skip, tuple(x[:, 1:length] for x in before)]
            best = np.argmax([s[0] for s in steps], axis=0)
            for target, k in ((score, 0), (cells, 1), (covered, 2), (first, 3)):
                target[:, 2:] = np.choose(best, [s[k] for s in steps])
            score[:, 2:] += columns[row, :, 1:]
            cells[:, 2:] += 1
        before, last = last, (score, cells, covered, first)
    ended = last[0][:, length] > last[0][:, 0]
    score = np.where(ended, last[0][:, length], last[0][:, 0])
    cells = np.where(ended, last[1][:, length], last[1][:, 0])
    covered = np.where(ended, last[2][:, length] + n - last[3][:, length], last[2][:, 0])
    # The segment itself, which always matches, is taken out of both.
    gain = np.maximum(0, (score - length) / np.maximum(cells, 1))
    reach = np.maximum(0, (covered - length) / n)
    return np.divide(2 * gain * reach, gain + reach, out=np.zeros(segments), where=gain + reach > 0)


def structureness(performance: Performance) -> dict[str, float | None]:
    """Structureness over short (3 to 8 s), middle (8 to 15 s) and long spans (15 s and more).

    Parameters
    ----------
    performance : Performance
        The first `MAX_SECONDS` seconds are looked at.

    Returns
    -------
    dict
        ``short``, ``middle``, ``long``: 0 (nothing comes again) to 1; None if the music is shorter than
        twice the span.
    """
    vectors = chroma(performance)[: int(MAX_SECONDS / FRAME_SECONDS)]
    matrix = self_similarity(vectors)
    result: dict[str, float | None] = {}
    for name, (low, high) in SPANS.items():
        shortest = round(low / FRAME_SECONDS)
        longest = len(matrix) // 2 if high is None else min(round(high / FRAME_SECONDS), len(matrix) // 2)
        values = [segment_fitness(matrix, size).max() for size in range(shortest, longest + 1)]
        result[name] = float(max(values)) if values else None
    return result


def primer_similarity(
    primer: Performance, continuation: Performance, seconds: float = 0.0, parts: int = 4
) -> list[float | None]:
    """How much each quarter of a continuation sounds like some moment of the primer.

    Parameters
    ----------
    primer, continuation : Performance
    seconds : float
        How long the continuation is, if silence at its end counts.
    parts : int

    Returns
    -------
    list of float or None [length=parts]
        Cosine similarity of each second's chroma with the most similar second of the primer, averaged;
        None for a part in which nothing sounds.
    """
    home, away = chroma(primer), chroma(continuation)
    if not len(home):
        return [None] * parts
    away = np.pad(away, ((0, max(0, math.ceil(seconds) - len(away))), (0, 0)))
    best = (away @ home.T).max(1) if len(away) else np.empty(0)
    heard = np.any(away, axis=1)
    bounds = np.linspace(0, len(away), parts + 1).round().astype(int).tolist()
    result: list[float | None] = []
    for a, b in pairwise(bounds):
        values = best[a:b][heard[a:b]]
        result.append(float(values.mean()) if len(values) else None)
    return result
