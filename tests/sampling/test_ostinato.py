"""Ostinato: how much of the music now is a pattern that was played before, told against the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import musictx.sampling.ostinato as module
from musictx.sampling.ostinato import Ostinato


def played(notes: list[tuple[int, int]]) -> Ostinato:
    ostinato = Ostinato()
    for step, key in notes:
        ostinato.strike(key, step)
    return ostinato


def came_again(notes: list[tuple[int, int]], length: int) -> float:
    """How many of the notes, the last ones most, whose key was struck so many steps before."""
    now = notes[-1][0]
    return sum(
        math.exp((step - now) / module.PATTERN_MEMORY)
        for k, (step, key) in enumerate(notes)
        if any(
            key == other and abs(step - before - length) <= module.PATTERN_SLACK
            for before, other in notes[:k]
        )
    )


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(60, 63)), min_size=1, max_size=60))
def test_the_share_is_what_came_again_after_once_and_twice_the_length(gaps: list[tuple[int, int]]) -> None:
    steps = np.cumsum([gap for gap, _ in gaps]).tolist()
    notes = [(step, key) for step, (_, key) in zip(steps, gaps, strict=True)]
    ostinato = played(notes)
    every = sum(math.exp((step - steps[-1]) / module.PATTERN_MEMORY) for step in steps)
    of_length = {
        length: min(came_again(notes, length), came_again(notes, 2 * length))
        for length in (ostinato.length, *range(module.PATTERN_LOW, module.PATTERN_HIGH + 1, 25))
    }
    assert ostinato.share * max(every, module.PATTERN_NOTES) == pytest.approx(
        max(of_length.values()), abs=1e-9
    )


@pytest.mark.parametrize("length", [module.PATTERN_LOW, 270, module.PATTERN_HIGH])
def test_a_pattern_is_found_with_its_length_and_its_keys(length: int) -> None:
    """Also where it is not in strict time, and on no others where it is left."""
    rng = np.random.default_rng(0)
    pattern = np.sort(rng.integers(0, length, 12)), rng.integers(40, 80, 12)
    notes = [
        (length * time + int(step) + int(rng.integers(-1, 2)), int(key))
        for time in range(6)
        for step, key in zip(*pattern, strict=True)
    ]
    ostinato = played(sorted(notes))
    assert ostinato.share > 0.6 and abs(ostinato.length - length) <= 2 * module.PATTERN_SLACK
    for step, key in zip(*pattern, strict=True):
        assert int(key) in ostinato.due(6 * length + int(step))


@pytest.mark.parametrize("times", [1, 2])
def test_what_was_played_once_or_twice_is_no_pattern(times: int) -> None:
    assert played([(30 * k, 40 + k % 10) for k in range(10 * times)]).share == 0


def test_it_is_forgotten_in_a_rest() -> None:
    notes = [(50 * k, 60 + k % 4) for k in range(60)]
    assert played(notes).share > 0.6
    after = played([*notes, (60 * 50 + 3000, 60)])
    assert after.share < 0.01 and after.due(60 * 50 + 3200) == []
