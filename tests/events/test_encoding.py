"""Events: nothing of the music is lost but 5 ms, and what others get wrong is right."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music_helpers import (
    HALF_STEP,
    assert_same_music,
    by_pitch,
    level,
    performance,
    random_performance,
    shift,
)

from musictx.errors import MusictxError
from musictx.events import (
    DEFAULT_VELOCITY_LEVEL,
    END,
    NOTE_OFF,
    NOTE_ON,
    PAD,
    START,
    VELOCITY,
    VOCABULARY_SIZE,
    decode,
    encode,
    level_to_velocity,
    velocity_to_level,
)
from musictx.events.grammar import is_grammatical
from musictx.performance import Performance, apply_pedal, make_notes

# Round trips


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 400), st.floats(0.05, 2000.0))
def test_every_note_comes_back_within_5_ms(seed: int, count: int, length: float) -> None:
    music = random_performance(seed, count, length)
    tokens = encode(music)
    assert_same_music(decode(tokens).notes, apply_pedal(music).notes)
    assert is_grammatical(tokens)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(0, 400))
def test_any_tokens_decode_to_playable_notes(seed: int, length: int) -> None:
    tokens = np.random.default_rng(seed).integers(0, VOCABULARY_SIZE, length)
    notes = by_pitch(decode(tokens).notes)
    assert (notes["offset"] - notes["onset"] > 0.0099).all()
    same = notes["pitch"][1:] == notes["pitch"][:-1]
    assert (notes["offset"][:-1][same] <= notes["onset"][1:][same] + 1e-9).all()
    assert ((notes["velocity"] >= 1) & (notes["velocity"] <= 127)).all()
    again = encode(decode(tokens))
    assert is_grammatical(again)
    np.testing.assert_array_equal(by_pitch(decode(again).notes), notes)


def test_real_files_come_back_within_5_ms(shared_data: Path) -> None:
    from musictx.midi import read_midi

    files = sorted((shared_data / "asap" / "validation").rglob("*.mid"))[::24]
    files += sorted((shared_data / "pop909" / "validation").glob("*.mid"))[::15]
    for path in files:
        notes = by_pitch(apply_pedal(read_midi(path)).notes)
        # Two strokes of one key within a step cannot be told apart on the grid, nor a note of no length.
        step = np.rint(notes["onset"] * 100)
        last = np.append((np.diff(notes["pitch"]) != 0) | (np.diff(step) != 0), True)
        long = notes["offset"] - notes["onset"] >= 0.01
        tokens = encode(Performance(notes))
        found = by_pitch(decode(tokens).notes)
        assert is_grammatical(tokens)
        assert last.mean() > 0.99
        assert len(found) == last.sum()
        first = np.append(True, last[:-1])
        np.testing.assert_allclose(found["onset"], notes["onset"][first], rtol=0, atol=HALF_STEP)
        both = (first & last & long)[first]
        error = abs(found["offset"] - notes["offset"][last])[both]
        assert error.max() <= HALF_STEP


# What others get wrong


def test_times_do_not_drift_over_three_thousand_notes() -> None:
    """Gap by gap, each of these gaps of 14.9 ms would be rounded down to 10 ms."""
    onset = np.arange(3000) * 0.0149
    notes = make_notes(onset, onset + 0.0103, 21 + np.arange(3000) % 88)
    found = decode(encode(Performance(notes))).notes
    assert abs(np.sort(found["onset"]) - onset).max() <= HALF_STEP


def test_notes_after_the_last_pedal_up_are_kept() -> None:
    music = performance((0, 0.5, 60, 64), (2, 2.5, 62, 64), pedals=((0.2, 1.0),))
    assert_same_music(decode(encode(music)).notes, make_notes([0, 2], [1.0, 2.5], [60, 62], [64, 64]))


def test_a_last_pedal_without_an_up_holds_to_its_end() -> None:
    music = performance((0, 0.5, 60, 64), (1, 1.5, 62, 64), pedals=((0.2, 3.0),))
    np.testing.assert_allclose(decode(encode(music)).notes["offset"], [3.0, 3.0])


def test_a_note_held_when_the_pedal_goes_down_is_extended() -> None:
    music = performance((0, 1.0, 60, 64), pedals=((0.5, 2.0),))
    np.testing.assert_allclose(decode(encode(music)).notes["offset"], [2.0])


def test_music_without_any_pedal_encodes() -> None:
    tokens = encode(performance((0.1, 0.5, 60, 64)))
    assert tokens.tolist() == [shift(0.1), level(64), NOTE_ON + 60, shift(0.4), NOTE_OFF + 60]


def test_a_struck_again_pitch_ends_the_note_before_it() -> None:
    music = performance((0, 2, 60, 64), (1, 3, 60, 64))
    assert_same_music(decode(encode(music)).notes, make_notes([0, 1], [1, 3], [60, 60], [64, 64]))


def test_velocity_is_said_only_when_it_changes() -> None:
    notes = [(i * 0.5, i * 0.5 + 0.25, 60 + i, v) for i, v in enumerate([64, 64, 63, 90, 90, 64])]
    tokens = encode(performance(*notes))
    said = tokens[(tokens >= VELOCITY) & (tokens < PAD)]
    assert said.tolist() == [level(64), level(90), level(64)]


def test_within_a_step_offs_come_first_and_both_rise() -> None:
    music = performance((0, 1, 64, 64), (0, 1, 60, 64), (1, 2, 67, 64), (1, 2, 55, 64))
    assert encode(music).tolist() == [
        level(64), NOTE_ON + 60, NOTE_ON + 64, shift(1), NOTE_OFF + 60, NOTE_OFF + 64,
        NOTE_ON + 55, NOTE_ON + 67, shift(1), NOTE_OFF + 55, NOTE_OFF + 67,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("gap", "shifts"), [(0.01, [0.01]), (1.0, [1]), (1.01, [1, 0.01]), (2.0, [1, 1]), (3.57, [1, 1, 1, 0.57])]
)
def test_long_gaps_are_whole_seconds_and_a_rest(gap: float, shifts: list[float]) -> None:
    tokens = encode(performance((gap, gap + 0.5, 60, 64)))
    assert tokens[:-4].tolist() == [shift(s) for s in shifts]


def test_a_silence_of_ten_hours_is_kept() -> None:
    music = performance((0, 1, 60, 64), (36_000, 36_001, 60, 64))
    tokens = encode(music)
    assert_same_music(decode(tokens).notes, music.notes)
    assert len(tokens) < 36_010


def test_the_lowest_and_the_highest_pitch_are_kept() -> None:
    music = performance((0, 1, 0, 64), (0, 1, 127, 64))
    assert_same_music(decode(encode(music)).notes, music.notes)


def test_nothing_encodes_to_nothing() -> None:
    assert encode(Performance()).tolist() == []
    assert encode(Performance(), until=0.5).tolist() == [shift(0.5)]
    assert len(decode(np.array([], np.uint16))) == 0


def test_notes_too_short_for_the_grid_sound_for_one_step() -> None:
    found = decode(encode(performance((0.5, 0.5001, 60, 64)))).notes
    np.testing.assert_allclose([found["onset"], found["offset"]], [[0.5], [0.51]])


def test_a_note_struck_twice_within_a_step_is_one_note() -> None:
    found = decode(encode(performance((0.5, 0.502, 60, 64), (0.502, 1.0, 60, 64)))).notes
    assert_same_music(found, make_notes([0.5], [1.0], [60], [64]))


def test_notes_before_the_start_of_time_delay_nothing() -> None:
    found = decode(encode(performance((-0.5, 0.5, 60, 64), (1, 2, 62, 64)))).notes
    assert_same_music(found, make_notes([0, 1], [0.5, 2], [60, 62], [64, 64]))


# Cutting a primer


def test_what_sounds_at_the_cut_is_left_open() -> None:
    music = performance((0, 3, 60, 64), (0, 0.5, 64, 64), (2, 3, 67, 64))
    tokens = encode(music, until=1.0)
    assert tokens.tolist() == [
        level(64), NOTE_ON + 60, NOTE_ON + 64, shift(0.5), NOTE_OFF + 64, shift(0.5),
    ]  # fmt: skip


def test_a_cut_just_after_a_note_and_rounding_lose_nothing() -> None:
    tokens = encode(performance((0.999, 3, 60, 64)), until=1.0)
    assert tokens.tolist() == [shift(1), level(64), NOTE_ON + 60]


def test_the_pedal_is_applied_before_a_cut() -> None:
    music = performance((0, 0.5, 60, 64), pedals=((0.2, 2.0),))
    assert NOTE_OFF + 60 not in encode(music, until=1.0)


# Decoding odd sequences


def test_hanging_notes_are_closed_at_the_end() -> None:
    tokens = [level(64), NOTE_ON + 60, shift(0.5), NOTE_ON + 64]
    assert_same_music(decode(np.array(tokens)).notes, make_notes([0, 0.5], [0.5, 0.51], [60, 64], [64, 64]))


def test_an_off_of_a_silent_pitch_is_ignored() -> None:
    tokens = [NOTE_OFF + 60, shift(0.5), level(64), NOTE_ON + 60, shift(0.5), NOTE_OFF + 60, NOTE_OFF + 60]
    assert_same_music(decode(np.array(tokens)).notes, make_notes([0.5], [1.0], [60], [64]))


def test_special_tokens_are_silent() -> None:
    tokens = [START, level(64), PAD, NOTE_ON + 60, shift(0.5), NOTE_OFF + 60, END]
    assert_same_music(decode(np.array(tokens)).notes, make_notes([0], [0.5], [60], [64]))


def test_a_note_before_any_velocity_has_the_usual_one() -> None:
    found = decode(np.array([NOTE_ON + 60, shift(0.5), NOTE_OFF + 60])).notes
    assert found["velocity"] == level_to_velocity(np.array(DEFAULT_VELOCITY_LEVEL))


@pytest.mark.parametrize("wrong", [-1, VOCABULARY_SIZE])
def test_tokens_outside_the_vocabulary_are_refused(wrong: int) -> None:
    with pytest.raises(MusictxError, match="between 0 and 390"):
        decode(np.array([60, wrong]))


def test_velocity_levels_are_stable_and_near() -> None:
    velocity = np.arange(1, 128)
    levels = velocity_to_level(velocity)
    assert (levels.min(), levels.max()) == (0, 31)
    np.testing.assert_array_equal(velocity_to_level(level_to_velocity(levels)), levels)
    assert abs(level_to_velocity(levels) - velocity).max() <= 2


def test_a_million_notes_take_memory_and_tokens_in_proportion() -> None:
    def cost(count: int) -> tuple[int, int]:
        onset = np.arange(count) * 0.011
        music = Performance(make_notes(onset, onset + 0.5, 21 + np.arange(count) % 88, 64))
        tracemalloc.start()
        tokens = encode(music)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(decode(tokens)) == count
        return peak, len(tokens)

    small, large = cost(100_000), cost(1_000_000)
    assert large[0] < 10.5 * small[0]
    assert large[0] < 600 * 1_000_000
    assert large[1] <= 4_000_001
