"""Steady: what is drawn is tilted where music drifts away from what its primer does, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_evaluation import tiny_model

import musictx.sampling.steady as module
from musictx.events import NOTE_OFF, START, TIME_SHIFT, VELOCITY, decode
from musictx.events.grammar import MAX_NOTE_STEPS, MAX_REST_STEPS
from musictx.sampling.sampler import Sampler
from musictx.sampling.steady import Steady
from musictx.settings import SamplingSettings

LEVEL = np.zeros(391)
SECOND = TIME_SHIFT + 99
TIMES = slice(TIME_SHIFT, VELOCITY)


def after(*tokens: int) -> Steady:
    return Steady(np.array([START, VELOCITY + 20, *tokens]))


@pytest.mark.parametrize(
    ("notes", "densest"), [(2, module.DENSE), (20, 20.0), (50, module.DENSEST), (0, module.OPEN)]
)
def test_notes_get_less_likely_where_there_are_far_more_than_ever_in_the_primer(
    notes: int, densest: float
) -> None:
    """Not until then, the more the denser it is, to a bound, and no longer once it is calm again."""
    steady = after(
        *[x for k in range(notes) for x in (60 + k % 5, TIME_SHIFT + 100 // notes - 1, NOTE_OFF + 60 + k % 5)]
    )
    tilts = []
    for k in range(round(3 * densest)):
        steady.advance(60 + k % 20)
        steered = steady.steered(LEVEL)
        tilts.append(steered[VELOCITY - 1] - steered[60])
        assert (tilts[-1] > 0) == (steady.second > densest * 2**module.DENSE_FROM)
        assert steered[VELOCITY - 1] >= steered[NOTE_OFF + 60] == 0
    assert tilts == sorted(tilts) and tilts[-1] == tilts[-2] > 10
    for key in range(60, 80):
        steady.advance(NOTE_OFF + key)
    for _ in range(3):
        steady.advance(SECOND)
    assert np.array_equal(steady.steered(LEVEL), LEVEL)


@pytest.mark.parametrize("most", [3, 16])
def test_releases_get_likelier_where_more_keys_are_held_than_ever_in_the_primer(most: int) -> None:
    """Those of the keys that have been held for longest most, the more the more are held."""
    chord = [*range(40, 40 + most)]
    steady = after(*chord, SECOND, *(NOTE_OFF + key for key in chord))
    tilts = []
    for count in range(1, 3 * max(most, module.HELD)):
        steady.advance(40 + count)
        steady.advance(TIME_SHIFT + 7)  # 0.08 s: it is not dense, and no key is held for too long
        steered = steady.steered(LEVEL)
        releases = steered[NOTE_OFF + 41 : NOTE_OFF + 41 + count]
        assert (releases[0] > 0) == (count > max(most, module.HELD))
        assert (np.diff(releases) <= 0).all() and steered.sum() == pytest.approx(releases.sum())
        assert releases[0] == 0 or releases[-1] < releases[0]
        tilts.append(releases[0])
    assert tilts == sorted(tilts) and tilts[-1] == module.RELEASE_TILT
    for key in range(41, 41 + count):
        steady.advance(NOTE_OFF + key)
    assert np.array_equal(steady.steered(LEVEL), LEVEL)


@pytest.mark.parametrize(("seconds", "longest"), [(0, 250), (1, 250), (2, 300), (9, MAX_REST_STEPS)])
def test_a_rest_may_be_half_as_long_again_as_the_longest_of_the_primer(seconds: int, longest: int) -> None:
    rest = [60, NOTE_OFF + 60, *[SECOND] * seconds]
    assert after(*rest, 62, TIME_SHIFT).max_rest == after(62, *rest).max_rest == longest


@pytest.mark.parametrize(("seconds", "longest"), [(0, 400), (1, 400), (6, 900), (9, MAX_NOTE_STEPS)])
def test_a_note_may_be_half_as_long_again_as_the_longest_of_the_primer(seconds: int, longest: int) -> None:
    held = [60, *[SECOND] * seconds, NOTE_OFF + 60] if seconds else []
    assert after(*held, 62, TIME_SHIFT, NOTE_OFF + 62, 64).max_note == longest
    assert after(62, TIME_SHIFT, NOTE_OFF + 62, *held[:-1]).max_note == longest  # it still sounds


def bars(count: int) -> list[int]:
    """Two bars of a pattern, a second each."""
    return [x for key in (60, 67, 64, 67) * count for x in (key, TIME_SHIFT + 49, NOTE_OFF + key)]


def test_a_pattern_that_is_played_again_and_again_is_left() -> None:
    """Not before it was played twice, and no longer once something else was played."""
    steady, tilts = after(72, TIME_SHIFT + 49, NOTE_OFF + 72), []
    for token in bars(9):
        if token < NOTE_OFF:
            steered = steady.steered(LEVEL)
            assert set(np.flatnonzero(steered)) <= {60, 64, 67}
            tilts.append(-steered[token])
        steady.advance(token)
    assert not any(tilts[:9]) and all(tilts[12:]) and tilts[-1] == module.PATTERN_TILT
    for key in (62, 71, 65, 69, 74, 77, 72, 76, 79):
        for token in (key, TIME_SHIFT + 49, NOTE_OFF + key):
            steady.advance(token)
    assert not steady.firmness()[2] and not steady.steered(LEVEL).any()


def test_a_primer_that_is_a_pattern_may_be_gone_on_with() -> None:
    """But not to the end: songs often begin with one, and leave it."""
    none, some, only = (after(*bars(count)) for count in (0, 3, 9))
    assert module.PATTERN_LEAST == none.most_again < some.most_again < only.most_again == module.PATTERN_MOST
    assert some.firmness()[2] == 0 < only.firmness()[2]


def test_a_song_keeps_to_its_scale() -> None:
    """If it is in strict time and in one scale; what no scale tells apart is let alone."""

    def outside(keys: list[int], gaps: list[int]) -> list[int]:
        rng = np.random.default_rng(0)
        drawn = [*keys, *rng.choice(keys, 60).tolist()]
        lasting = rng.choice(gaps, len(drawn)).tolist()
        tokens = [(key, NOTE_OFF + key, TIME_SHIFT + gap) for key, gap in zip(drawn, lasting, strict=True)]
        tilted = after(*[x for each in tokens for x in each]).steered(LEVEL)[:NOTE_OFF]
        assert set(tilted) <= {0, -module.SCALE_TILT}
        return np.flatnonzero(tilted[60:72]).tolist()

    major, loose = [60, 62, 64, 65, 67, 69, 71], [*range(20, 60)]
    assert outside(major, [24]) == [1, 3, 6, 8, 10]
    assert outside([60, 62, 64, 67, 69], [24]) == [1, 3, 8]  # F or G major as well
    assert outside([*major, 61, 66], [24]) == outside(major, loose) == []


def test_notes_that_the_model_forgets_are_released() -> None:
    primer = np.array([START, VELOCITY + 20, 60, TIME_SHIFT + 9, NOTE_OFF + 60])
    longest = {}
    for shape in ("", "steady"):
        streams = [np.random.default_rng(k) for k in range(4)]
        sampler = Sampler(tiny_model(), primer, SamplingSettings(shape=shape, allow_end=False), streams)
        sampler.keep(np.array([3, 1, 0]))
        drawn = np.array([sampler.draw() for _ in range(300)])
        notes = np.concatenate([decode(row).notes for row in drawn.T])
        longest[shape] = (notes["offset"] - notes["onset"]).max()
    assert longest["steady"] < 5 < longest[""]  # 4 s, and a time of a second may come before the release


def test_a_primer_in_strict_time_is_played_on_in_strict_time() -> None:
    """The likelier a time is beside others the likelier still; that time passes is as likely as it was."""
    scores = np.random.default_rng(0).normal(size=391)
    scores[TIME_SHIFT + 50 : VELOCITY] = -np.inf
    sharper = []
    for gaps in ([24], [24, 49], [9, 12, 20, 24, 30, 41], [*range(20, 60)]):
        tokens = [(30 + k % 70, NOTE_OFF + 30 + k % 70, TIME_SHIFT + gap) for k, gap in enumerate(gaps * 8)]
        steady = after(*[x for each in tokens for x in each])  # in no scale, and no pattern
        before, now = np.exp(scores), np.exp(steady.steered(scores))
        assert now[TIMES].sum() == pytest.approx(before[TIMES].sum())
        np.testing.assert_array_equal(np.delete(now, TIMES), np.delete(before, TIMES))
        sharper.append(now[TIMES].max() / before[TIMES].max())
    assert sharper == sorted(sharper, reverse=True)
    assert sharper[0] == sharper[1] > sharper[2] > sharper[3] == 1
    scores[TIMES] = -np.inf  # no time may pass
    chromatic = [x for key in range(61, 70) for x in (TIME_SHIFT + 24, key)]
    np.testing.assert_array_equal(after(60, *chromatic).steered(scores), scores)
