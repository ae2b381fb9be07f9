"""Bars and beats: ticks and seconds, bar lines, what is written and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from music_helpers import bar_lines

from musictx.metre import Metre

RALLENTANDO = [(0, 500_000), (1920, 1_000_000)]  # 4 quarters of half a second, then of a second
WALTZ_AFTER_PICKUP = [(0, 1, 4), (480, 3, 4)]


def test_ticks_and_seconds_are_each_others_inverse() -> None:
    metre = Metre.of(480, RALLENTANDO, [], start=0.7)
    times = np.linspace(0, 9, 50)
    np.testing.assert_allclose(metre.seconds(metre.ticks(times)), times, atol=1e-9)
    assert metre.seconds(1920) == pytest.approx(2.0 - 0.7)
    assert metre.ticks(2.3) == pytest.approx(1920 + 480)


def test_of_several_changes_at_one_tick_the_last_holds_and_nothing_means_120_in_four() -> None:
    metre = Metre.of(96, [(96, 400_000), (0, 300_000), (96, 600_000)], [])
    assert metre.tempos.tolist() == [[0, 300_000], [96, 600_000]]
    assert metre.signatures.tolist() == [[0, 4, 4]]
    assert Metre.of(96, [], []).tempos.tolist() == [[0, 500_000]]


def test_bar_lines_follow_time_signatures_and_tempo() -> None:
    waltz = Metre.of(480, [(0, 500_000)], WALTZ_AFTER_PICKUP)
    assert bar_lines(waltz, 5.0) == [0.0, 0.5, 2.0, 3.5]
    assert bar_lines(waltz.moved(0.6), 3.0) == pytest.approx([1.4, 2.9])
    slower = Metre.of(480, RALLENTANDO, [])
    assert bar_lines(slower, 11.0) == [0.0, 2.0, 6.0, 10.0]
    cut_short = Metre.of(480, [], [(0, 4, 4), (480, 2, 4)])
    assert bar_lines(cut_short, 3.0) == [0.0, 0.5, 1.5, 2.5]


@pytest.mark.parametrize(("time", "end"), [(2.0, 5.0), (2.2, 5.0), (1.9, 5.0), (2.8, 6.5)])
def test_bars_are_counted_from_the_nearest_bar_line(time: float, end: float) -> None:
    assert Metre.of(480, [(0, 500_000)], WALTZ_AFTER_PICKUP).bars_after(time, 2) == pytest.approx(end)


def test_whole_milliseconds_mean_the_place_on_the_grid_beside_them() -> None:
    metre = Metre.of(960, [(0, 631_579)], [])  # 95 bpm: a sixteenth lasts 157.89475 ms
    sixteenths = np.arange(200) * 240
    times = metre.seconds(sixteenths)
    assert (metre.to_ticks(np.rint(times * 1000) / 1000) == sixteenths).all()
    assert (metre.to_ticks(times) == sixteenths).all()
    between = times + 0.0303
    assert (metre.to_ticks(between) == np.rint(metre.ticks(between))).all()


def test_what_is_written_begins_with_the_bar_of_the_music() -> None:
    metre = Metre.of(480, RALLENTANDO, [(0, 4, 4), (1920, 3, 4)], start=3.5)  # in the first bar of three
    file = metre.for_writing()
    assert (file.division, file.start) == (480, pytest.approx(1.5))
    assert file.tempos.tolist() == [[0, 1_000_000]] and file.signatures.tolist() == [[0, 3, 4]]
    coarse = Metre.of(24, [(0, 1_000_000)], []).for_writing()
    assert coarse.division % 24 == 0 and 1 / coarse.division <= 0.003


def test_what_begins_on_a_bar_line_has_no_empty_bar_before_it() -> None:
    """Cuts lie on hundredths of a second, bar lines between them."""
    metre = Metre.of(480, [(0, round(60e6 / 110))], [])
    for bar in range(1, 40):
        cut = np.floor(100 * float(metre.seconds(1920 * bar))) / 100
        file = metre.moved(cut).for_writing()
        assert -0.0101 < file.start <= 0
        assert file.to_ticks(metre.moved(cut).seconds(np.array([1920 * bar, 1920 * (bar + 1)]))).tolist() == [
            0,
            1920,
        ]
        assert file.to_ticks(np.zeros(1)).tolist() == [0]  # what is struck before the line, with it


def test_a_bar_that_a_new_time_signature_cuts_short_is_as_short_as_it_is() -> None:
    metre = Metre.of(480, [(0, 500_000)], [(0, 4, 4), (960, 3, 4)])
    assert metre.bar_before(900) == (0, 960) and metre.bar_before(960) == (960, 1440)
    assert metre.bars_after(0.9, 1) == 2.5  # from the bar line at 1.0, which is nearer than the one at 0


def test_tempo_maps_that_nobody_can_count_by_are_told() -> None:
    assert not Metre.of(480, RALLENTANDO, []).fault()
    assert "0.1 s" in Metre.of(480, [(0, 100_000)], []).fault()
    assert "16.8 s" in Metre.of(480, [(0, 2**24 - 1)], []).fault()
    assert "tempo changes 3,000 times" in Metre.of(480, [(k, 500_000) for k in range(3000)], []).fault()
    many = Metre.of(480, [], [(k, 4, 4) for k in range(3000)])
    assert many.fault() == "the time signature changes 3,000 times"


def test_a_slower_performance_has_longer_bars() -> None:
    metre = Metre.of(480, RALLENTANDO, [], start=0.5).stretched(2.0)
    assert bar_lines(metre, 20.0) == pytest.approx([3.0, 11.0, 19.0])
