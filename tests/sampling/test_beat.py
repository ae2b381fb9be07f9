"""Keeping the beat: onsets on the grid, order and pitches kept, and nothing moved without bars."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from musictx.errors import MusictxError
from musictx.metre import Metre
from musictx.midi import read_midi
from musictx.sampling.beat import Beat, check_beat
from musictx.shipped import shipped_folder

METRE = Metre.of(480, [(0, 600_000)], [(0, 3, 4)])
STEP = 0.15  # a sixteenth


def beat(pull: float = 1.0, cut: float = 1.8, onsets: tuple[float, ...] = (0.0, 0.15, 0.45)) -> Beat:
    return Beat(METRE, np.array(onsets), cut, pull)


def test_strict_times_lie_on_the_grid_and_loose_ones_half_way() -> None:
    times = np.random.default_rng(0).uniform(2.0, 30.0, 300)
    strict = np.array([beat().place(time) for time in times])
    np.testing.assert_allclose(strict / STEP, np.rint(strict / STEP), atol=1e-9)
    assert (abs(strict - times) <= STEP / 2 + 1e-9).all()
    loose = np.array([beat(0.5).place(time) for time in times])
    np.testing.assert_allclose(loose, (strict + times) / 2, atol=1e-9)


@pytest.mark.parametrize("pull", [0.5, 1.0])
@pytest.mark.parametrize("cut", [1.8, 1.83, 1.91])
def test_time_goes_on_and_nothing_is_struck_in_the_primer(pull: float, cut: float) -> None:
    keeper = beat(pull, cut)
    placed = [keeper.place(time) for time in np.arange(cut, 12.0, 0.01)]
    assert all(late >= early - 1e-9 for early, late in pairwise(placed))
    assert placed[0] >= cut - 0.005


def test_the_primer_tells_triplets_from_sixteenths() -> None:
    assert beat().parts == 4
    assert beat(onsets=(0.0, 0.2, 0.4, 0.6, 0.81)).parts == 3
    assert beat(onsets=(0.0, 0.1, 0.2, 0.31, 0.4, 0.5)).parts == 6
    assert beat(onsets=()).parts == beat(onsets=(0.0, 0.605, 1.2, 1.795)).parts == 4  # quarters fit both


def test_a_short_note_gets_half_a_step_and_one_struck_twice_in_a_place_goes_on() -> None:
    keeper = beat()
    assert keeper.strike(0, 2.11, 60) == (0, pytest.approx(2.1))
    assert keeper.release(0, 2.13) == (0, pytest.approx(2.1 + STEP / 2))
    assert keeper.strike(1, 2.16, 60) is None  # the same key again, before the next sixteenth
    assert keeper.release(1, 2.53) == (0, pytest.approx(2.55))
    assert keeper.strike(2, 2.56, 60) == (1, pytest.approx(2.55))
    assert keeper.strike(3, 2.56, 64) == (2, pytest.approx(2.55))


@pytest.mark.parametrize("end", [3.6, 3.604])  # a bar line, and the hundredth after one
def test_a_note_that_would_come_to_lie_where_the_music_ends_is_none(end: float) -> None:
    keeper = Beat(METRE, np.array([0.0, 0.15]), 1.8, 1.0, end)
    assert keeper.strike(0, 3.52, 60) == (0, pytest.approx(3.45))
    assert keeper.strike(1, 3.53, 64) is None and keeper.release(1, 3.6) is None
    assert keeper.release(0, 3.6) == (0, pytest.approx(3.6))


def test_notes_of_the_primer_are_never_cut() -> None:
    assert beat().release(-1, 1.84) == (-1, 1.84)


@pytest.mark.parametrize("pull", [0.5, 1.0])
def test_no_note_sounds_past_the_end(pull: float) -> None:
    beat = Beat(METRE, np.empty(0), 0.0, pull, end=2.07)
    assert beat.strike(0, 1.9, 60)
    for index in (0, -1):
        assert (beat.release(index, 2.07) or (0, 0.0))[1] <= 2.07


def test_a_word_that_is_no_way_to_keep_the_beat_is_refused() -> None:
    with pytest.raises(MusictxError, match="off, loose, strict"):
        check_beat("sloppy")


def test_shipped_primers_have_the_bars_of_their_scores() -> None:
    fur_elise = read_midi(shipped_folder("primers") / "fur-elise.mid").metre
    assert fur_elise is not None
    assert fur_elise.signatures[:, 1:].tolist() == [[1, 8], [3, 8]]
