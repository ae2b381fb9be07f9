"""Facts about self-similarity and structureness."""

import numpy as np
import pytest

from musictx.lab.evaluation.similarity import (
    PENALTY,
    chroma,
    primer_similarity,
    segment_fitness,
    self_similarity,
    structureness,
)
from musictx.performance import Performance, make_notes, merge, shift, transpose


def phrase(seconds, seed):
    """Chords, two a second."""
    rng = np.random.default_rng(seed)
    onset = np.repeat(np.arange(0, seconds, 0.5), 3)
    return Performance(make_notes(onset, onset + 0.45, rng.integers(48, 72, len(onset))))


def in_a_row(parts, seconds):
    return merge([shift(p, k * seconds) for k, p in enumerate(parts)])


def fitness_by_the_book(matrix, start, length):
    """Score, path length and coverage of the best path family, with backtracking over all predecessors."""
    n = len(matrix)
    part = matrix[:, start : start + length]
    best = {(0, 0): (0.0, None), (0, 1): (part[0, 0], None)}
    for i in range(1, n):
        above = [(best[(i - 1, m)][0], (i - 1, m)) for m in (0, length) if (i - 1, m) in best]
        best[(i, 0)] = max(above)
        best[(i, 1)] = (best[(i, 0)][0] + part[i, 0], (i, 0))
        for m in range(2, length + 1):
            options = [(i - 1, m - 1), (i - 1, m - 2), (i - 2, m - 1)]
            options = [o for o in options if o in best and o[1] > 0]
            if options:
                value, came = max((best[o][0], o) for o in options)
                best[(i, m)] = (value + part[i, m - 1], came)
    at = max((o for o in ((n - 1, 0), (n - 1, length)) if o in best), key=lambda o: best[o][0])
    score, cells, covered, last = best[at][0], 0, 0, None
    while at is not None:
        row, column = at
        if column > 0:
            cells += 1
            last = row if last is None else last
        if column == 1 and last is not None:  # a path begins here; it covers the rows that it skips too
            covered, last = covered + last - row + 1, None
        at = best[at][1]
    gain, reach = max(0, (score - length) / max(cells, 1)), max(0, (covered - length) / n)
    return 2 * gain * reach / (gain + reach) if gain + reach else 0.0


def test_fitness_equals_the_definition():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(14, 3))
    vectors[7:] = vectors[:7] + rng.normal(size=(7, 3)) * 0.1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    matrix = self_similarity(vectors)
    for length in (1, 2, 3, 5, 7):
        ours = segment_fitness(matrix, length)
        theirs = [fitness_by_the_book(matrix, s, length) for s in range(15 - length)]
        assert ours == pytest.approx(theirs, abs=1e-9)


def test_a_piece_that_repeats_has_more_structure_than_one_that_does_not():
    a = phrase(10, 0)
    repeats = structureness(in_a_row([a, phrase(10, 1), a, phrase(10, 2), a], 10))
    through = structureness(in_a_row([phrase(10, k) for k in range(5)], 10))
    assert repeats["short"] > through["short"] + 0.1
    assert repeats["middle"] > through["middle"] + 0.1


def test_long_structure_is_told_from_short():
    a = phrase(20, 3)
    once_more = structureness(in_a_row([a, a], 20))
    assert once_more["long"] > 0.3


def test_short_music_has_no_long_structure():
    figures = structureness(phrase(20, 0))
    assert figures["short"] is not None and figures["middle"] is not None and figures["long"] is None
    assert structureness(Performance()) == {"short": None, "middle": None, "long": None}


def test_chroma_weighs_pitch_classes_by_time():
    notes = make_notes([0, 1.5], [1.0, 3.0], [60, 64 + 12])
    vectors = chroma(Performance(notes))
    assert vectors.shape == (3, 12)
    assert vectors[0, 0] == vectors[1, 4] == vectors[2, 4] == 1 and vectors.sum() == 3


def test_the_matrix_is_one_on_the_diagonal_and_a_penalty_elsewhere():
    matrix = self_similarity(chroma(phrase(20, 0)))
    assert (np.diag(matrix) == 1).all() and matrix.max() == 1 and matrix.min() == PENALTY
    assert (matrix == matrix.T).all()


def test_silence_at_the_end_is_like_nothing():
    scale = Performance(make_notes(np.arange(20), np.arange(20) + 1.0, np.arange(20) % 12 + 60))
    assert None not in primer_similarity(scale, scale)
    like = primer_similarity(scale, scale, 60)
    assert like[0] == pytest.approx(1) and like[1] is not None and like[2:] == [None, None]


def test_likeness_to_the_primer_falls_where_the_music_moves_away():
    primer = phrase(10, 0)
    black = Performance(make_notes(np.arange(10.0), np.arange(10.0) + 1, np.full(10, 66)))
    white = Performance(make_notes(np.arange(10.0), np.arange(10.0) + 1, np.full(10, 60)))
    likeness = primer_similarity(white, merge([white, shift(black, 10)]), parts=2)
    assert likeness == pytest.approx([1, 0])
    assert primer_similarity(primer, primer) == pytest.approx([1, 1, 1, 1])
    assert primer_similarity(Performance(), primer) == [None] * 4
    assert primer_similarity(primer, transpose(primer, 5))[0] < 1
