from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musictx.midi.tempo_map import TempoMap
from musictx.performance import TEMPO_DTYPE


def test_seconds_follow_the_tempo() -> None:
    # 2 quarters at 60 bpm, then 120 bpm
    tempo_map = TempoMap.from_ticks(np.array([(0, 1_000_000), (200, 500_000)]), 100)
    assert tempo_map.to_seconds(np.array([0, 100, 200, 300])).tolist() == [0, 1, 2, 2.5]
    assert tempo_map.to_ticks(np.array([0, 1, 2, 2.5])).tolist() == [0, 100, 200, 300]
    assert tempo_map.tempos().tolist() == [(0, 60), (2, 120)]


def test_without_tempo_there_are_120_bpm() -> None:
    tempo_map = TempoMap.from_ticks(np.empty((0, 2)), 480)
    assert tempo_map.to_seconds(np.array([960])).tolist() == [1]
    assert tempo_map.tempos().tolist() == [(0, 120)]


def test_a_map_in_fractions_of_a_second_is_steady() -> None:
    tempo_map = TempoMap.steady(1000)
    assert tempo_map.to_seconds(np.array([1, 2500])).tolist() == [0.001, 2.5]
    assert tempo_map.tempos().tolist() == [(0, 120)]


@pytest.mark.parametrize("bpm", [0.5, 4, 20, 60, 120, 300, 1e9])
def test_ticks_are_fine_enough_at_every_tempo(bpm: float) -> None:
    tempo_map = TempoMap.for_writing(np.array([(0, bpm)], TEMPO_DTYPE))
    assert 1 <= tempo_map.division <= 32767
    assert tempo_map.micros[0] < 1 << 24
    seconds = np.linspace(0, 1000, 9999)
    assert np.abs(tempo_map.to_seconds(tempo_map.to_ticks(seconds)) - seconds).max() <= 0.275e-3


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(5, 1000)), max_size=30))
def test_tempi_are_placed_within_a_tick_of_their_time(
    tempos: list[tuple[float, float]],
) -> None:
    table = np.sort(np.array([(0.0, 120.0), *tempos], TEMPO_DTYPE), order="time")
    tempo_map = TempoMap.for_writing(table)
    assert (np.diff(tempo_map.ticks) > 0).all()
    for time in tempo_map.seconds:
        assert np.abs(table["time"] - time).min() <= 0.5e-3
    seconds = np.linspace(0, 1100, 500)
    assert np.abs(tempo_map.to_seconds(tempo_map.to_ticks(seconds)) - seconds).max() <= 0.3e-3


@pytest.mark.parametrize("tempos", [[], [(np.nan, 100)], [(0, 0)], [(0, -5)], [(0, np.nan)]])
def test_tempi_that_are_none_are_left_out(tempos: list[tuple[float, float]]) -> None:
    assert TempoMap.for_writing(np.array(tempos, TEMPO_DTYPE)).tempos().tolist() == [(0, 120)]
