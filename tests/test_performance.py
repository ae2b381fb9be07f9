from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musictx.errors import MusictxError
from musictx.performance import (
    NOTE_DTYPE,
    SPAN_DTYPE,
    TEMPO_DTYPE,
    Performance,
    apply_pedal,
    make_notes,
    merge,
    resolve_overlaps,
    shift,
    slice_time,
    stretch,
    transpose,
    unite_spans,
)

# Times on a grid of 10 ms, so that things often coincide: that is where the faults are.
TIMES = st.integers(0, 1000).map(lambda n: n / 100)
LENGTHS = st.integers(0, 300).map(lambda n: n / 100)


def spans(*pairs: tuple[float, float]) -> np.ndarray:
    return np.array(list(pairs), SPAN_DTYPE)


@st.composite
def performances(draw: st.DrawFn) -> Performance:
    rows = draw(st.lists(st.tuples(TIMES, LENGTHS, st.integers(58, 62), st.integers(1, 127)), max_size=25))
    notes = np.array([(on, on + length, pitch, velocity) for on, length, pitch, velocity in rows], NOTE_DTYPE)
    pedals = draw(st.lists(st.tuples(TIMES, LENGTHS.filter(bool)), max_size=6))
    tempos = [(0.0, 120.0), *((t, 90.0 + t) for t in sorted(draw(st.sets(TIMES.filter(bool), max_size=4))))]
    united = unite_spans(np.array([(on, on + length) for on, length in pedals], SPAN_DTYPE))
    return Performance(notes, united, np.array(tempos, TEMPO_DTYPE))


def sounding(notes: np.ndarray, pitch: int, time: float) -> int:
    here = notes[notes["pitch"] == pitch]
    return int(((here["onset"] <= time) & (time < here["offset"])).sum())


def assert_one_note_a_pitch(notes: np.ndarray) -> None:
    for pitch in np.unique(notes["pitch"]):
        here = np.sort(notes[notes["pitch"] == pitch], order="onset")
        assert (here["onset"][1:] >= here["offset"][:-1]).all()
        assert (here["onset"][1:] > here["onset"][:-1]).all()


def test_notes_and_pedals_are_sorted() -> None:
    music = Performance(make_notes([2, 1, 1], [3, 2, 2], [60, 64, 62]), spans((4, 5), (1, 2)))
    assert music.notes["pitch"].tolist() == [62, 64, 60]
    assert music.pedals["onset"].tolist() == [1, 4]
    assert len(music) == 3
    assert music.duration == 3


def test_an_empty_performance_goes_through_everything() -> None:
    nothing = Performance()
    assert nothing.duration == 0
    for result in (apply_pedal(nothing), slice_time(nothing, 1, 2), transpose(nothing, 3), shift(nothing, 1)):
        assert len(result) == 0
    assert len(stretch(nothing, 2)) == len(merge([])) == len(merge([nothing, nothing])) == 0


# --- resolve_overlaps


def test_a_restruck_pitch_ends_the_note_before_it() -> None:
    notes = resolve_overlaps(make_notes([0, 1], [3, 2], [60, 60]))
    assert notes["offset"].tolist() == [1, 2]


def test_of_two_notes_struck_together_the_longer_stays() -> None:
    notes = resolve_overlaps(make_notes([0, 0], [1, 2], [60, 60], [10, 20]))
    assert notes.tolist() == [(0, 2, 60, 20)]


@given(performances())
def test_at_most_one_note_of_a_pitch_sounds(music: Performance) -> None:
    before = music.notes.copy()
    resolved = resolve_overlaps(music.notes)
    assert_one_note_a_pitch(resolved)
    assert (music.notes == before).all()
    # Every stroke is still there, and whatever sounded still sounds, up to the next stroke.
    assert set(map(tuple, resolved[["onset", "pitch"]].tolist())) == set(
        map(tuple, before[["onset", "pitch"]].tolist())
    )
    assert (resolve_overlaps(resolved) == resolved).all()


# --- apply_pedal


def test_the_pedal_holds_a_released_note_until_it_comes_up() -> None:
    music = apply_pedal(Performance(make_notes([0], [1], [60]), spans((0.5, 3))))
    assert music.notes["offset"].tolist() == [3]
    assert len(music.pedals) == 0


def test_the_pedal_holds_a_note_that_was_already_down() -> None:
    music = apply_pedal(Performance(make_notes([0, 0], [1.5, 0.9], [60, 62]), spans((1, 3))))
    assert music.notes["offset"].tolist() == [3, 0.9]


def test_a_pitch_struck_under_the_pedal_ends_the_held_note() -> None:
    music = apply_pedal(Performance(make_notes([0, 2], [0.5, 2.5], [60, 60]), spans((0, 4))))
    assert music.notes["offset"].tolist() == [2, 4]


def test_notes_after_the_last_pedal_keep_their_length() -> None:
    music = apply_pedal(Performance(make_notes([0, 5], [1, 6], [60, 62]), spans((0, 2))))
    assert music.notes["offset"].tolist() == [2, 6]


def test_a_pedal_lifted_and_pressed_again_at_once_lets_go() -> None:
    music = apply_pedal(Performance(make_notes([0, 1.5], [1, 2.5], [60, 62]), spans((0.5, 2), (2, 4))))
    assert music.notes["offset"].tolist() == [2, 4]


@given(performances())
def test_applying_the_pedal_lengthens_cuts_only_at_strokes_and_is_idempotent(music: Performance) -> None:
    applied = apply_pedal(music)
    assert_one_note_a_pitch(applied.notes)
    assert len(applied.pedals) == 0
    assert (apply_pedal(applied).notes == applied.notes).all()
    for note in music.notes:
        after = applied.notes[(applied.notes["pitch"] == note["pitch"])]
        restruck = (after["onset"] > note["onset"]) & (after["onset"] <= note["offset"])
        mine = after[after["onset"] == note["onset"]]
        assert len(mine) == 1
        assert mine["offset"][0] >= note["offset"] or restruck.any()


@given(performances(), TIMES)
def test_what_sounds_is_what_a_pianist_would_hear(music: Performance, time: float) -> None:
    """A pitch rings if its last stroke's key is down, or still was when the pedal now down went down."""
    moment = time + 0.005  # off the grid, where nothing changes
    applied = apply_pedal(music).notes
    down = music.pedals[(music.pedals["onset"] <= moment) & (moment < music.pedals["offset"])]
    for pitch in range(58, 63):
        here = music.notes[(music.notes["pitch"] == pitch) & (music.notes["onset"] <= moment)]
        last = here[here["onset"] == here["onset"].max(initial=-1)]
        rings = bool((last["offset"] > moment).any())
        if len(down):
            rings |= bool((last["offset"] >= down["onset"][0]).any())
        assert sounding(applied, pitch, moment) == int(rings)


# --- unite_spans


@given(st.lists(st.tuples(TIMES, LENGTHS), max_size=12), TIMES)
def test_united_spans_cover_what_the_spans_covered(pairs: list[tuple[float, float]], time: float) -> None:
    given_spans = np.array([(on, on + length) for on, length in pairs], SPAN_DTYPE)
    united = unite_spans(given_spans)
    assert (united["onset"][1:] > united["offset"][:-1]).all()

    def covered(these: np.ndarray) -> bool:
        return bool(((these["onset"] <= time + 0.005) & (time + 0.005 < these["offset"])).any())

    assert covered(united) == covered(given_spans)
    assert (unite_spans(united) == united).all()


# --- slices, transposition, stretch, shift, merge


@given(performances(), TIMES, LENGTHS.filter(bool))
def test_a_slice_lies_inside_its_length(music: Performance, start: float, length: float) -> None:
    end = start + length
    cut = slice_time(music, start, end)
    inside = music.notes[(music.notes["onset"] >= start) & (music.notes["onset"] < end)]
    assert len(cut) == len(inside)
    assert (cut.notes["onset"] >= 0).all()
    assert cut.duration <= length + 1e-9
    for array in (cut.notes, cut.pedals):
        assert (array["offset"] >= array["onset"]).all()
    assert (cut.pedals["offset"] <= length + 1e-9).all()
    # The tempo in force at the start of the slice is in force there.
    in_force = music.tempos["bpm"][music.tempos["time"] <= start][-1]
    assert cut.tempos["bpm"][cut.tempos["time"] <= 0][-1] == in_force


@given(performances())
def test_a_slice_of_everything_is_everything(music: Performance) -> None:
    cut = slice_time(music)
    assert (cut.notes == music.notes).all()
    assert (cut.pedals == music.pedals).all()
    assert (cut.tempos == music.tempos).all()


def test_a_slice_keeps_a_tempo_even_if_none_starts_in_it() -> None:
    tempos = np.array([(5.0, 70.0)], TEMPO_DTYPE)
    assert slice_time(Performance(tempos=tempos), 0, 2).tempos["bpm"].tolist() == [70]


def test_a_slice_must_not_end_before_it_starts() -> None:
    with pytest.raises(MusictxError, match="must come after its start"):
        slice_time(Performance(), 2, 2)


@given(performances(), st.integers(-50, 50))
def test_transposing_there_and_back_changes_nothing(music: Performance, semitones: int) -> None:
    there = transpose(music, semitones)
    assert (there.notes["pitch"].astype(int) == music.notes["pitch"].astype(int) + semitones).all()
    assert (transpose(there, -semitones).notes == music.notes).all()


def test_notes_transposed_off_the_keyboard_are_dropped() -> None:
    music = Performance(make_notes([0, 1, 2], [1, 2, 3], [0, 60, 127]))
    assert transpose(music, 1).notes["pitch"].tolist() == [1, 61]
    assert transpose(music, -1).notes["pitch"].tolist() == [59, 126]
    assert len(transpose(music, 300)) == 0


@given(performances(), st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_stretching_there_and_back_changes_nothing(music: Performance, factor: float) -> None:
    there = stretch(music, factor)
    assert there.duration == music.duration * factor
    back = stretch(there, 1 / factor)
    for name in ("notes", "pedals", "tempos"):
        assert (getattr(back, name) == getattr(music, name)).all()
    # A bar keeps its place in the music: beats are counted in the stretched tempo.
    assert np.allclose(there.tempos["time"] * there.tempos["bpm"], music.tempos["time"] * music.tempos["bpm"])


@pytest.mark.parametrize("factor", [0.0, -1.0, np.nan, np.inf])
def test_an_impossible_stretch_is_refused(factor: float) -> None:
    with pytest.raises(MusictxError, match="stretch factor"):
        stretch(Performance(), factor)


@given(performances())
def test_shifting_there_and_back_changes_nothing(music: Performance) -> None:
    back = shift(shift(music, 16.0), -16.0)
    for name in ("notes", "pedals", "tempos"):
        for column in getattr(music, name).dtype.names:
            assert np.allclose(getattr(back, name)[column], getattr(music, name)[column])


def test_shifting_earlier_keeps_the_tempo_in_force() -> None:
    tempos = np.array([(0, 120), (5, 60), (20, 90)], TEMPO_DTYPE)
    shifted = shift(Performance(tempos=tempos), -10).tempos
    assert shifted["bpm"][shifted["time"] <= 0][-1] == 60
    assert shifted["time"].tolist() == [0, 0, 10]


@given(performances(), performances())
def test_merging_keeps_all_notes_and_unites_the_pedals(one: Performance, two: Performance) -> None:
    both = merge([one, two])
    assert len(both) == len(one) + len(two)
    assert (both.pedals == unite_spans(np.concatenate([one.pedals, two.pedals]))).all()
    assert (both.tempos == one.tempos).all()


def test_merging_keeps_each_remark_once() -> None:
    parts = [Performance(remarks=("a", "b")), Performance(remarks=("b", "c"))]
    assert merge(parts).remarks == ("a", "b", "c")


@given(performances())
def test_nothing_is_changed_in_place(music: Performance) -> None:
    arrays = [music.notes.copy(), music.pedals.copy(), music.tempos.copy()]
    apply_pedal(music), slice_time(music, 1, 2), transpose(music, 1), stretch(music, 2), shift(music, 1)
    merge([music, music])
    for array, kept in zip((music.notes, music.pedals, music.tempos), arrays, strict=True):
        assert (array == kept).all()
