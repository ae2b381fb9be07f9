"""A passage comes again inside a training window, and what is around it is still music."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music_helpers import corpus_of, random_performance, random_walk

from musictx.corpus.batches import NO_AUGMENTATION, Augmentation, BatchSource, augment
from musictx.corpus.repeats import TRANSPOSITIONS, Repeats, with_repeats
from musictx.errors import MusictxError
from musictx.events import EventTable, decode, encode, table_to_tokens, tokens_to_table
from musictx.events.grammar import is_grammatical
from musictx.performance import Performance, make_notes

EXACT = Repeats(far=0.0, opening=0.0, again=0.0, transposed=0.0, stretched=0.0, touched=0.0, overlap=0.0)
PLAIN = replace(EXACT, share=1.0, notes=(16, 24), between=(0, 20))


def line(seed: int, count: int, lowest: int = 40) -> Performance:
    """Notes one after another, no two alike, so that a passage comes again only if it is made to."""
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.integers(8, 40, count)) / 100
    offset = np.append(onset[1:], onset[-1] + 0.2)
    return Performance(
        make_notes(onset, offset, rng.integers(lowest, lowest + 40, count), rng.integers(20, 110, count))
    )


def repeated(seed: int, options: Repeats, count: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Notes before and after, as rows of step, pitch and level in playing order."""
    before = tokens_to_table(encode(line(seed, count)))
    after = with_repeats(before, np.random.default_rng(seed), options)
    after = tokens_to_table(table_to_tokens(after))

    def rows(table: EventTable) -> np.ndarray:
        return np.stack([table.step, table.pitch, table.level], 1)[table.is_on]

    return rows(before), rows(after)


def return_of(before: np.ndarray, after: np.ndarray, apart: int = 0) -> tuple[int, int, int]:
    """Start and size of the passage in the music before, and where its return begins in that after.

    The return is the passage moved by `apart` semitones.
    """
    size = len(after) - len(before)
    for place in range(size, len(before) - size + 1):
        made = after[place : place + size]
        if not (np.delete(after, np.s_[place : place + size], 0)[:, 1] == before[:, 1]).all():
            continue
        for start in range(place - size + 1):
            if (before[start : start + size, 1] + apart == made[:, 1]).all():
                return start, size, place
    raise AssertionError("no passage comes again")


@pytest.mark.parametrize("seed", range(5))
def test_a_passage_comes_again_exactly_and_the_rhythm_goes_on(seed: int) -> None:
    before, after = repeated(seed, PLAIN)
    start, size, place = return_of(before, after)
    assert 16 <= size <= 24 and place >= start + size and place - start - size <= 20
    theme, again = before[start : start + size + 1], after[place : place + size + 1]
    np.testing.assert_array_equal(again[:-1, 1:], theme[:-1, 1:])
    # Each note comes as long after the one before as at first, and so does what follows the passage.
    np.testing.assert_array_equal(np.diff(again[:, 0]), np.diff(theme[:, 0]))
    # The return begins when the next note of the interrupted music would have.
    assert again[0, 0] == before[place, 0]
    np.testing.assert_array_equal(np.diff(after[place + size :, 0]), np.diff(before[place:, 0]))


@pytest.mark.parametrize("seed", range(5))
def test_the_opening_comes_again_where_it_is_to(seed: int) -> None:
    before, after = repeated(seed, replace(PLAIN, opening=1.0))
    start, size, _ = return_of(before, after)
    assert start == 0 and 16 <= size <= 24


def test_whole_sections_come_again_as_far_as_they_fit() -> None:
    """A passage of up to 400 notes takes at most half of the notes that there is room for."""
    sections = replace(PLAIN, notes=(60, 400))
    for count, max_notes in ((300, 150), (1000, 400)):
        sizes = []
        for seed in range(8):
            before, after = repeated(seed, sections, count)
            sizes.append(len(after) - len(before))
        assert min(sizes) >= 60 and max(sizes) <= max_notes
    assert max(sizes) > 200


def test_an_exact_return_is_the_same_tokens() -> None:
    """All but those at its edges: VELOCITY is said only where it changes."""
    tokens = encode(line(3, 150))
    made = augment(tokens, np.random.default_rng(5), replace(NO_AUGMENTATION, repeats=PLAIN))
    assert len(made) > len(tokens)
    extra = len(made) - len(tokens)
    longest = max(
        length
        for length in range(extra // 2, extra + 1)
        if any(
            made[a : a + length].tobytes() in made[a + length :].tobytes()
            for a in range(len(made) - 2 * length)
        )
    )
    assert longest >= extra - 4 > 40


@pytest.mark.parametrize("seed", range(5))
def test_a_transposed_return_moves_every_pitch_alike(seed: int) -> None:
    before, after = repeated(seed, replace(PLAIN, transposed=1.0))
    found = []
    for semitones in TRANSPOSITIONS:
        try:
            found.append((semitones, *return_of(before, after, semitones)))
        except AssertionError:
            continue
    assert len(found) == 1
    _, start, size, place = found[0]
    np.testing.assert_array_equal(after[place : place + size, 2], before[start : start + size, 2])


def test_a_return_in_another_tempo_or_touch_has_the_same_pitches() -> None:
    before, after = repeated(1, replace(PLAIN, stretched=1.0))
    start, size, place = return_of(before, after)
    ratio = (after[place + size, 0] - after[place, 0]) / (before[start + size, 0] - before[start, 0])
    assert 0.84 < ratio < 1.16 and abs(ratio - 1) > 0.04
    before, after = repeated(1, replace(PLAIN, touched=1.0))
    start, size, place = return_of(before, after)
    louder = np.unique(after[place : place + size, 2] - before[start : start + size, 2])
    assert len(louder) == 1 and 1 <= abs(louder[0]) <= 4


def test_a_passage_may_come_three_times_more_and_after_far_more_music() -> None:
    once, often = repeated(2, PLAIN, 400), repeated(2, replace(PLAIN, again=1.0), 400)
    assert len(often[1]) - len(often[0]) == 3 * (len(once[1]) - len(once[0]))
    gaps = []
    for seed in range(12):
        before, after = repeated(seed, replace(PLAIN, far=1.0), 250)
        start, size, place = return_of(before, after)
        gaps.append(place - start - size)
    assert max(gaps) > 60


def test_held_notes_are_released_where_a_return_begins_within_the_overlap() -> None:
    """A pedal point under the whole line ends at the joint: nothing sounds on through the return."""
    tune = line(4, 120)
    pedal = make_notes([0.0], [tune.notes["offset"].max() + 1], [21], [80])
    tokens = encode(Performance(np.concatenate([pedal, tune.notes])))
    for overlap in (0.0, 0.3):
        releases = set()
        for seed in range(8):
            table = with_repeats(
                tokens_to_table(tokens), np.random.default_rng(seed), replace(PLAIN, overlap=overlap)
            )
            notes = decode(table_to_tokens(table)).notes
            low = notes[notes["pitch"] == 21]
            end = np.rint(100 * float(low["offset"][0]))
            onsets = np.rint(100 * notes["onset"])
            releases.add(int(end - onsets[onsets <= end].max()) if overlap else int(end in onsets))
            assert is_grammatical(table_to_tokens(table))
        assert releases == {1} if overlap == 0 else len(releases) > 1


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(30, 300), st.floats(0.1, 2.0), st.booleans())
def test_music_with_returns_is_grammatical(seed: int, length: int, spread: float, walk: bool) -> None:
    tokens = random_walk(seed, length, spread) if walk else encode(random_performance(seed, length, 30.0))
    options = Augmentation(bare=0.3, repeats=Repeats(share=1.0, notes=(4, 30), again=0.5))
    for i in range(3):
        assert is_grammatical(augment(tokens, np.random.default_rng([seed, i]), options))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.floats(0.0, 0.5), st.floats(0.5, 1.0))
def test_notes_that_sound_as_a_window_begins_end_once(seed: int, low: float, high: float) -> None:
    """Struck only while silent, released only while sounding or held since before the window."""
    tokens = encode(random_performance(seed, 200, 30.0))
    tokens = tokens[int(low * len(tokens)) : int(high * len(tokens))]
    made = augment(
        tokens,
        np.random.default_rng(seed),
        replace(NO_AUGMENTATION, repeats=Repeats(share=1.0, notes=(4, 30))),
    )
    sounding: dict[int, bool] = {}
    for event in made[made < 256].tolist():
        pitch, struck = event % 128, event < 128
        assert sounding.get(pitch, not struck) != struck
        sounding[pitch] = struck


# Batches


@pytest.fixture(scope="module")
def pieces() -> tuple[np.ndarray, ...]:
    return tuple(encode(line(seed, 1500)) for seed in range(3))


def source(pieces: tuple[np.ndarray, ...], repeats: Repeats, **changes: int) -> BatchSource:
    settings = {"length": 512, "batch": 50, "seed": 1, **changes}
    return BatchSource(corpus_of(*pieces), augmentation=Augmentation(bare=0.0, repeats=repeats), **settings)


def shows_a_repeat(window: np.ndarray, notes: int = 12) -> bool:
    pitch = window[window < 128]
    grams = np.lib.stride_tricks.sliding_window_view(pitch, notes)
    return len(np.unique(grams, axis=0)) < len(grams)


def test_windows_are_full_and_depend_on_seed_and_step_alone(pieces: tuple[np.ndarray, ...]) -> None:
    first, again = (source(pieces, Repeats(share=0.7)) for _ in range(2))
    again.batch(3)
    inputs, targets = first.batch(5)
    np.testing.assert_array_equal(inputs, again.batch(5)[0])
    assert inputs.shape == targets.shape == (50, 512)
    assert (inputs != first.batch(6)[0]).any()
    np.testing.assert_array_equal(first.batch(5, 20, 10)[0], inputs[20:30])


def test_the_share_is_one_of_windows(pieces: tuple[np.ndarray, ...]) -> None:
    options = Repeats(notes=(16, 40), between=(0, 20), far=0.0, transposed=0.0)
    for share, low, high in ((0.0, 0, 0), (0.3, 0.22, 0.38), (1.0, 0.95, 1.0)):
        made = source(pieces, replace(options, share=share))
        windows = np.concatenate([made.batch(step)[0] for step in range(6)])
        assert low <= np.mean([shows_a_repeat(w) for w in windows]) <= high


def test_without_a_share_the_windows_are_those_of_before(pieces: tuple[np.ndarray, ...]) -> None:
    """None of the other settings of repeats, and no draw of theirs, reaches a window."""
    off = source(pieces, Repeats(notes=(1, 2), far=1.0, overlap=5.0)).batch(2)[0]
    np.testing.assert_array_equal(off, source(pieces, Repeats()).batch(2)[0])
    # The other windows of a batch that shows repeats are the same too.
    some = source(pieces, Repeats(share=0.3, transposed=0.0)).batch(2)[0]
    assert 0.4 < (some == off).all(1).mean() < 0.9


def test_music_that_is_too_short_for_a_passage_is_left_alone() -> None:
    tokens = encode(line(0, 25))
    made = augment(tokens, np.random.default_rng(0), replace(NO_AUGMENTATION, repeats=PLAIN))
    np.testing.assert_array_equal(made, tokens)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"share": 1.5}, {"far": -0.1}, {"again": 2.0}, {"touched": np.nan}),
        *({"notes": (0, 5)}, {"notes": (9, 5)}, {"between": (-1, 5)}, {"overlap": -1.0}),
    ],
)
def test_impossible_repeats_are_refused(wrong: dict) -> None:
    with pytest.raises(MusictxError, match=next(iter(wrong))):
        Repeats(**wrong)
