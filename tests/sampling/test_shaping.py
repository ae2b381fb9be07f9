"""Shaping: each wish moves its figure, lets go once it has, and leaves what kind of event comes as it was."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from musictx.checkpoint import list_models, load_model
from musictx.errors import MusictxError
from musictx.events import NOTE_OFF, PAD, START, TIME_SHIFT, VELOCITY
from musictx.midi import read_midi
from musictx.sampling import continue_variations, shaping
from musictx.sampling.shaping import KINDS, Shaping
from musictx.settings import WISHES, SamplingSettings, read_shape
from musictx.shipped import shipped_primer

PRIMER = np.array([START, VELOCITY + 20, 60, TIME_SHIFT + 49, 64, TIME_SHIFT + 49, NOTE_OFF + 60])
FIGURES = ("notes", "pitch", "velocity")


def chances(scores: np.ndarray) -> np.ndarray:
    p = np.exp(scores.astype(np.float64))
    return p / p.sum()


@cache
def made(shape: str) -> dict[str, float]:
    """What three continuations of 5 s are like on average."""
    if "relative" not in list_models():
        pytest.skip("the shipped models are not here")
    primer = read_midi(shipped_primer("mozart-sonata-c"))
    how: dict[str, Any] = {"primer_end": 6.0, "seconds": 5.0, "variations": 3, "allow_end": False}
    played = continue_variations(load_model("relative"), primer, seed=1, shape=shape, **how)
    notes = np.concatenate([each.alone.notes for each in played])
    figures = (len(notes), notes["pitch"].mean(), notes["velocity"].mean())
    return dict(zip(FIGURES, map(float, figures), strict=True))


@pytest.mark.parametrize(("figure", "pair"), zip(FIGURES, WISHES, strict=True))
def test_a_wish_moves_its_figure_and_its_opposite_the_other_way(figure: str, pair: tuple[str, str]) -> None:
    more, plain, less = (made(shape)[figure] for shape in (pair[0], "", pair[1]))
    assert more > plain > less


@pytest.mark.parametrize("shape", [wish for pair in WISHES for wish in pair])
def test_a_kind_of_event_is_tilted_and_keys_and_velocities_stay_as_likely_as_a_whole(shape: str) -> None:
    scores = np.random.default_rng(0).normal(size=391).astype(np.float32)
    scores[10:40] = scores[300:310] = -np.inf
    shaped = Shaping(shape, PRIMER).shaped(scores)
    assert shaped.dtype == np.float32 and np.array_equal(np.isfinite(shaped), np.isfinite(scores))
    before, after = chances(scores), chances(shaped)
    (figure,) = np.flatnonzero(read_shape(shape))
    ratio = after / np.where(before > 0, before, 1)
    if figure:
        first, end = KINDS[figure - 1]
        assert after[first:end].sum() == pytest.approx(before[first:end].sum(), abs=1e-6)
        others = np.ones(391, bool)
        others[first:end] = False
        np.testing.assert_array_equal(shaped[others], scores[others])
        rising = ratio[first:end]  # the higher the likelier
    else:
        np.testing.assert_array_equal(shaped[NOTE_OFF:TIME_SHIFT], scores[NOTE_OFF:TIME_SHIFT])
        notes, times = ratio[[60, VELOCITY + 9]], ratio[TIME_SHIFT:VELOCITY]
        np.testing.assert_allclose(notes, notes[0], rtol=1e-5)
        assert (notes[0] > times[-1]) == (shape == "denser")
        rising = times[::-1]
    steps = np.diff(np.round(rising[rising > 0], 5)) * sum(read_shape(shape))
    assert (steps >= 0).all() and (steps > 0).sum() > 20


def test_a_tilt_lets_go_once_the_music_is_as_wished() -> None:
    scores = np.zeros(391, np.float32)
    shaper = Shaping("higher", PRIMER)
    assert np.ptp(shaper.shaped(scores)) > 1
    tilts = [np.ptp(shaper.shaped(scores))]
    for _ in range(5 * shaping.RECENT_NOTES):
        shaper.advance(62 + round(shaping.BY[1]) + 1)
        tilts.append(np.ptp(shaper.shaped(scores)))
    assert tilts == sorted(tilts, reverse=True) and tilts[-1] == 0
    for _ in range(2 * shaping.RECENT_NOTES):
        shaper.advance(62)
    assert np.ptp(shaper.shaped(scores)) > 0.5  # and comes back


def test_nothing_wished_is_the_music_as_it_was() -> None:
    assert made("") == made(" ")


def test_to_be_steady_goes_with_wishes() -> None:
    scores = np.zeros(391, np.float32)
    both, free = Shaping("steady, higher", PRIMER), Shaping("", PRIMER)
    for each in range(40):
        for shaper in (both, free):
            shaper.advance(60 + each % 5)
        assert np.array_equal(free.shaped(scores), scores)  # who wishes for nothing is not steered
    assert both.shaped(scores)[TIME_SHIFT] > both.shaped(scores)[60]
    assert both.shaped(scores)[90] > both.shaped(scores)[30]


BACK = [  # a primer's token and velocity level, and what comes after it
    ("pitch up", 1, "higher", (40, 8), (100, 8)),
    ("pitch up, from a high primer", 1, "higher", (80, 22), (120, 22)),
    ("pitch down", 1, "lower", (80, 22), (24, 22)),
    ("pitch down, from a low primer", 1, "lower", (45, 8), (10, 8)),
    ("louder", 2, "louder", (40, 8), (40, 31)),
    ("louder, from a loud primer", 2, "louder", (70, 22), (70, 31)),
    ("softer", 2, "softer", (70, 22), (70, 1)),
    ("softer, from a soft primer", 2, "softer", (40, 8), (40, 1)),
]


@pytest.mark.parametrize(
    ("figure", "wish", "of_primer", "then"), [case[1:] for case in BACK], ids=[case[0] for case in BACK]
)
def test_steady_music_that_leaves_its_primers_register_or_loudness_is_tilted_back(
    figure: int, wish: str, of_primer: tuple[int, int], then: tuple[int, int]
) -> None:
    """The more the further it is, to a bound, and not if it was asked for; what is usual is never too far."""
    key, level = of_primer
    primer = np.array([START, VELOCITY + level, *[key, NOTE_OFF + key, TIME_SHIFT + 99] * 40])
    scores = np.zeros(391, np.float32)
    steady, free, asked = (Shaping(shape, primer) for shape in ("steady", "", f"steady,{wish}"))
    up = wish in ("higher", "louder")
    least, most = sorted([of_primer[figure - 1], shaping.USUAL[figure]])
    begins = most + shaping.ABOVE[figure][0] if up else least - shaping.BELOW[figure][0]
    kind, tilts = slice(*KINDS[figure - 1]), []
    for _ in range(80):
        for shaper in (steady, free, asked):
            for token in (VELOCITY + then[1], then[0], TIME_SHIFT + 89):
                shaper.advance(token)
        shaped = steady.shaped(scores)
        tilts.append(float(np.diff(shaped[kind]).mean()) * (-1 if up else 1))
        now = steady.figures[figure]
        assert (tilts[-1] > 0) == (now > begins if up else now < begins)
        assert np.exp(shaped[kind]).sum() == pytest.approx(kind.stop - kind.start, rel=1e-5)
        assert not np.delete(shaped, np.r_[kind, :NOTE_OFF]).any()  # patterns may tilt keys
        assert not free.shaped(scores).any()
        assert np.diff(asked.shaped(scores)[kind]).mean() * (1 if up else -1) >= 0
    assert tilts == sorted(tilts) and tilts[0] == 0
    assert tilts[-1] == pytest.approx(shaping.BACK_TILT[figure], rel=1e-5)


@pytest.mark.parametrize(("gap", "sign"), [(100, 1), (48, 0), (12, 0), (2, -1)])
def test_steady_music_that_gets_far_sparser_or_denser_than_its_primer_is_tilted_back(
    gap: int, sign: int
) -> None:
    """The primer has a note every 50 steps, then one every 12; after it comes one every `gap` steps."""
    slow, fast = (
        [key, TIME_SHIFT, NOTE_OFF + key, TIME_SHIFT + far - 2] for key, far in ((60, 50), (62, 12))
    )
    primer = np.array([START, *slow * 40, *fast * 40])
    steady, free, asked = (Shaping(shape, primer) for shape in ("steady", "", "steady,calmer"))
    scores = np.zeros(391, np.float32)
    for each in range(3000 // gap):
        key = 40 + each * 7 % 40
        for shaper in (steady, free, asked):
            for token in (key, TIME_SHIFT, NOTE_OFF + key, TIME_SHIFT + gap - 2):
                shaper.advance(token)
    assert steady.steady is not None and steady.beyond(0) == -sign
    tilt = steady.shaped(scores) - steady.steady.steered(scores)
    assert np.sign(np.round(tilt[[key, VELOCITY - 1]], 5)).tolist() == [sign, -sign]
    assert not free.shaped(scores).any() and asked.shaped(scores)[60] <= 0


def test_wishes_go_together_and_without_a_primer() -> None:
    scores = np.zeros(391, np.float32)
    shaped = Shaping("denser, softer", np.array([START])).shaped(scores)
    assert shaped[TIME_SHIFT] > shaped[VELOCITY - 1] and shaped[VELOCITY] > shaped[PAD - 1]
    assert np.ptp(shaped[:NOTE_OFF]) == 0 and shaped[60] > shaped[NOTE_OFF + 60]


@pytest.mark.parametrize(
    "shape",
    [
        "dense",
        "denser calmer",
        "denser,calmer",
        "denser,denser",
        "steady,steady",
        "denser,",
        5,
        None,
        ["denser"],
    ],
)
def test_what_no_shape_is_is_told(shape: Any) -> None:
    with pytest.raises(
        MusictxError, match="denser or calmer, higher or lower, louder or softer, steady, with commas"
    ):
        SamplingSettings(shape=shape)
