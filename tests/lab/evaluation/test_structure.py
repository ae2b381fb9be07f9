"""Facts about motif recurrence, density, polyphony and pitch classes, on constructed music."""

import json

import numpy as np
import pytest

from musictx.lab.evaluation import describe_continuation
from musictx.lab.evaluation.motifs import find_recurrence
from musictx.lab.evaluation.structure import distribution_distance, mean_polyphony
from musictx.performance import Performance, make_notes, merge, shift, stretch, transpose


def random_melody(notes: int, seed: int, low: int = 55, high: int = 80) -> Performance:
    rng = np.random.default_rng(seed)
    onset = np.concatenate([[0.0], np.cumsum(rng.choice([0.15, 0.3, 0.6], notes - 1))])
    return Performance(make_notes(onset, onset + 0.14, rng.integers(low, high, notes)))


def two_hands(notes: int, seed: int) -> Performance:
    right, left = random_melody(notes, seed), random_melody(notes // 2, seed + 1, 36, 52)
    return merge([right, stretch(left, 2.0)])


def repeated(music: Performance, times: int) -> Performance:
    period = np.ceil(music.duration) + 1
    return merge([shift(music, period * k) for k in range(times)])


@pytest.mark.parametrize("make", [random_melody, two_hands])
def test_music_that_repeats_the_primer_has_recurrence_one(make):
    primer = make(60, 1)
    figures = describe_continuation(primer, repeated(primer, 4))
    assert figures["motif_recurrence"] == 1
    assert figures["motif_recurrence_by_quarter"] == [1, 1, 1, 1]
    assert figures["motif_excess"] == pytest.approx(1)


@pytest.mark.parametrize(
    "change", [lambda p: transpose(p, 7), lambda p: stretch(p, 1.3), lambda p: shift(p, 50)]
)
def test_a_motif_is_found_in_another_key_at_another_tempo_and_time(change):
    primer = two_hands(60, 2)
    assert describe_continuation(primer, change(primer))["motif_recurrence"] == 1


def test_shuffled_music_has_the_baseline():
    """A scale study: few pitches, so that chance alone finds patterns."""
    rng = np.random.default_rng(3)
    onset = np.arange(400) * 0.2
    pitch = 60 + np.tile([0, 1, 2, 1], 100)
    primer = make_notes(onset[:100], onset[:100] + 0.1, pitch[:100] + rng.integers(0, 2, 100))
    shares, baselines = [], []
    for seed in range(10):
        shuffled = make_notes(onset, onset + 0.1, np.random.default_rng(seed).permutation(pitch))
        found = find_recurrence(primer, shuffled)
        shares.append(found.share)
        baselines.append(found.baseline)
    assert np.mean(baselines) > 0.1
    assert np.mean(shares) == pytest.approx(np.mean(baselines), abs=0.03)


def test_half_a_repeat_is_seen_in_its_quarters():
    primer, other = random_melody(80, 4), random_melody(80, 99)
    seconds = max(primer.duration, other.duration)
    figures = describe_continuation(primer, merge([primer, shift(other, seconds)]), start=0, end=2 * seconds)
    by_quarter = figures["motif_recurrence_by_quarter"]
    assert min(by_quarter[:2]) > 0.9 and max(by_quarter[2:]) < 0.1


def test_density_counts_notes_a_second_in_each_quarter():
    onset = np.concatenate([np.arange(0, 10, 0.5), np.arange(10, 20, 0.1)])
    music = Performance(make_notes(onset, onset + 0.05, np.tile([60, 62], 60)))
    density = describe_continuation(music, music, start=0, end=20)["density_by_quarter"]
    assert density == pytest.approx([2, 2, 10, 10], abs=0.21)


def test_pitch_class_drift_is_zero_at_home_and_one_in_a_disjoint_key():
    onset = np.arange(80) * 0.25
    white = Performance(make_notes(onset, onset + 0.2, np.tile([60, 62, 64, 65], 20)))
    black = transpose(white, 6)  # 66 68 70 71: none of the four pitch classes
    figures = describe_continuation(white, merge([white, shift(black, 20)]), start=0, end=40)
    assert figures["pitch_class_drift"] == pytest.approx([0, 0, 1, 1], abs=1e-9)


def test_distance_of_distributions():
    p, q = np.array([0.5, 0.5, 0]), np.array([0, 0, 1.0])
    assert distribution_distance(p, p) == 0 and distribution_distance(p, q) == pytest.approx(1)


def test_polyphony_is_averaged_over_sounding_time():
    chords = make_notes([0, 0, 0, 10], [1, 1, 1, 13], [60, 64, 67, 60])
    assert mean_polyphony(chords, 0, 20) == pytest.approx((3 * 1 + 1 * 3) / 4)
    assert mean_polyphony(chords, 5, 9) == 0


@pytest.mark.parametrize("primer_notes,notes", [(0, 0), (0, 30), (30, 0), (3, 3), (1, 1)])
def test_too_little_music_gives_none_and_plain_json(primer_notes, notes):
    music = [random_melody(n, 5) if n else Performance() for n in (primer_notes, notes)]
    figures = describe_continuation(*music)
    assert figures["motif_recurrence"] is None and figures["notes"] == notes
    assert len(figures["density_by_quarter"]) == len(figures["pitch_class_drift"]) == 4
    json.dumps(figures, allow_nan=False)


def test_every_figure_is_plain_json():
    json.dumps(describe_continuation(two_hands(50, 6), two_hands(90, 7)), allow_nan=False)
