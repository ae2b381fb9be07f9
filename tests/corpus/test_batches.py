"""Batches depend on seed, step and place alone, and augmented music is still music."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music_helpers import corpus_of, random_performance, random_walk

from musictx.corpus import Corpus
from musictx.corpus.batches import NO_AUGMENTATION, Augmentation, BatchSource, augment
from musictx.errors import MusictxError
from musictx.events import (
    END,
    START,
    EventTable,
    decode,
    encode,
    note_pairs,
    table_to_tokens,
    tokens_to_table,
)
from musictx.events.grammar import is_grammatical
from musictx.performance import Performance, make_notes

EVERYTHING = Augmentation(bare=0.5)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return corpus_of(*(encode(random_performance(seed, 60, 20.0)) for seed in range(5)))


# Places


def test_a_batch_is_a_function_of_seed_and_step(corpus: Corpus) -> None:
    def batch(seed: int, step: int) -> np.ndarray:
        source = BatchSource(corpus, length=64, batch=4, seed=seed, augmentation=EVERYTHING)
        return source.batch(step)[0]

    later = BatchSource(corpus, length=64, batch=4, seed=1, augmentation=EVERYTHING)
    for step in (7, 3, 9):  # whatever was drawn before
        later.batch(step)
    np.testing.assert_array_equal(later.batch(5)[0], batch(1, 5))
    assert (batch(1, 5) != batch(1, 6)).any()
    assert (batch(1, 5) != batch(2, 5)).any()
    assert len({row.tobytes() for row in batch(1, 5)}) == 4


@pytest.mark.parametrize("shares", [(6,), (3, 3), (1, 2, 3), (1,) * 6])
def test_shares_put_together_are_the_batch(corpus: Corpus, shares: tuple[int, ...]) -> None:
    source = BatchSource(corpus, length=32, batch=6, seed=3, augmentation=EVERYTHING)
    first, inputs, targets = 0, [], []
    for count in shares:
        x, y = source.batch(11, first, count)
        inputs.append(x)
        targets.append(y)
        first += count
    whole = source.batch(11)
    np.testing.assert_array_equal(np.concatenate(inputs), whole[0])
    np.testing.assert_array_equal(np.concatenate(targets), whole[1])


def test_targets_are_the_next_tokens(corpus: Corpus) -> None:
    inputs, targets = BatchSource(corpus, length=32, batch=6).batch(0)
    assert inputs.shape == targets.shape == (6, 32)
    assert inputs.dtype == targets.dtype == np.int64
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])


def test_without_augmentation_a_window_is_a_passage_of_a_piece(corpus: Corpus) -> None:
    source = BatchSource(corpus, length=64, batch=40, augmentation=NO_AUGMENTATION)
    streams = [
        np.concatenate([[START], corpus.piece(i), [END]]).astype(np.uint16).tobytes()
        for i in range(len(corpus))
    ]
    begun = 0
    for row in np.concatenate([source.batch(step)[0] for step in range(5)]).astype(np.uint16):
        ends = np.flatnonzero(row == END)
        passage = row if not len(ends) else row[: ends[0] + 1]
        assert any(passage.tobytes() in stream for stream in streams)
        begun += START in row
    assert 0 < begun < 100  # some with a beginning


@pytest.mark.parametrize("options", [NO_AUGMENTATION, EVERYTHING])
@pytest.mark.parametrize("length", [1, 2, 5, 200])
def test_windows_longer_than_the_pieces_go_on_in_another(options: Augmentation, length: int) -> None:
    tiny = corpus_of(*(encode(random_performance(seed, 2, 2.0)) for seed in range(3)))
    source = BatchSource(tiny, length=length, batch=50, augmentation=options)
    inputs, targets = source.batch(0)
    rows = np.concatenate([inputs, targets[:, -1:]], 1)
    assert rows.shape == (50, length + 1)
    for row in rows:
        starts = np.flatnonzero(row == START)
        assert (row[starts[starts > 0] - 1] == END).all()
        ends = np.flatnonzero(row == END)
        assert (row[ends[ends < length] + 1] == START).all()
    if length == 200:
        assert (rows == START).sum() > 100


def test_folders_are_drawn_by_their_tokens_or_as_often_as_asked() -> None:
    small = [encode(random_performance(seed, 30, 10.0)) for seed in range(2)]
    large = [encode(random_performance(seed, 300, 100.0)) for seed in range(2, 8)]
    corpus = corpus_of(*small, *large, source=[0, 0, *[1] * 6])
    share = sum(map(len, small)) / corpus.token_count
    for mix, expected in (((1, 1), 0.5), (None, share), ((3, 1), 0.75)):
        source = BatchSource(corpus, length=8, batch=1, mix=mix)
        drawn = [source._draw(np.random.default_rng(seed)) < 2 for seed in range(2000)]
        assert np.mean(drawn) == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize("length", [100, 400])
def test_folders_and_pieces_have_their_share_in_windows_longer_than_pieces(length: int) -> None:
    """Six pieces of 40 notes beside one of 2,000; by pitch one knows which a note is of."""

    def piece(pitch: int, count: int) -> np.ndarray:
        onset = np.arange(count) * 0.25
        return encode(Performance(make_notes(onset, onset + 0.2, np.full(count, pitch))))

    corpus = corpus_of(*(piece(30 + k, 40) for k in range(6)), piece(90, 2000), source=[0] * 6 + [1])
    source = BatchSource(corpus, length=length, batch=600, mix=(1, 1), augmentation=NO_AUGMENTATION)
    inputs, _ = source.batch(0)
    struck = np.bincount(inputs[inputs < 128], minlength=128)
    assert struck[90] / struck.sum() == pytest.approx(0.5, abs=0.06)
    assert struck[30:36] / struck[30:36].sum() == pytest.approx(1 / 6, abs=0.05)


@pytest.mark.parametrize("mix", [(1,), (1, 2, 3), (1, 0), (1, -1), (1, np.nan), (1, np.inf)])
def test_a_mix_has_a_number_for_each_folder(mix: tuple[float, ...]) -> None:
    corpus = corpus_of(*[encode(random_performance(seed, 30, 10.0)) for seed in range(2)], source=[0, 1])
    with pytest.raises(MusictxError, match="for each folder; there are 2"):
        BatchSource(corpus, length=8, batch=1, mix=mix)


def test_a_folder_that_is_held_out_as_a_whole_still_has_its_number_in_a_mix() -> None:
    corpus = corpus_of(*[encode(random_performance(seed, 30, 10.0)) for seed in range(3)], source=[0, 1, 2])
    train = corpus.subset([0, 2])
    source = BatchSource(train, length=8, batch=1, mix=(3, 5, 1))
    assert np.diff(source.cumulative, prepend=0) == pytest.approx([0.75, 0.25])


# Augmentation


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32), st.integers(1, 300), st.floats(0.1, 2.0), st.booleans())
def test_augmented_pieces_are_grammatical(seed: int, length: int, spread: float, walk: bool) -> None:
    tokens = random_walk(seed, length, spread) if walk else encode(random_performance(seed, length, 20.0))
    for i in range(3):
        assert is_grammatical(augment(tokens, np.random.default_rng([seed, i]), EVERYTHING))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_augmented_windows_are_grammatical_but_for_their_edges(seed: int, low: float, high: float) -> None:
    """Offs of notes that were struck before the window stay; nothing else is odd."""
    tokens = encode(random_performance(seed, 100, 20.0))
    first, last = sorted((int(low * len(tokens)), int(high * len(tokens))))
    made = augment(tokens[first:last], np.random.default_rng(seed), Augmentation(bare=0.0))
    table = tokens_to_table(made)
    pairs = note_pairs(table)
    orphans = np.flatnonzero(~table.is_on & (pairs < 0))
    assert len(set(table.pitch[orphans])) == len(orphans)
    events = np.flatnonzero(made < 256)
    assert is_grammatical(np.delete(made, events[orphans]), closed=False) or _rests_split(made, orphans)


def _rests_split(made: np.ndarray, orphans: np.ndarray) -> bool:
    """Taking an off out between two shifts leaves them side by side, which alone is no fault."""
    table = tokens_to_table(made)
    keep = np.ones(len(table.step), bool)
    keep[orphans] = False
    rest = EventTable(table.step[keep], table.is_on[keep], table.pitch[keep], table.level[keep], table.end)
    return is_grammatical(table_to_tokens(rest), closed=False)


def only(**changes: object) -> Augmentation:
    return Augmentation(**{**vars(NO_AUGMENTATION), **changes})


def test_no_augmentation_changes_nothing(corpus: Corpus) -> None:
    for i in range(len(corpus)):
        made = augment(corpus.piece(i), np.random.default_rng(i), NO_AUGMENTATION)
        np.testing.assert_array_equal(made, corpus.piece(i))


def test_transposition_moves_every_pitch_alike() -> None:
    notes = decode(encode(random_performance(1, 50, 20.0))).notes
    notes = notes[(notes["pitch"] > 30) & (notes["pitch"] < 100)]
    tokens, seen = encode(Performance(notes)), set()
    for seed in range(100):
        moved = decode(augment(tokens, np.random.default_rng(seed), only(transpose=(-5, 6)))).notes
        by = np.unique(np.sort(moved["pitch"].astype(int)) - np.sort(notes["pitch"].astype(int)))
        assert len(by) == 1
        seen.add(int(by[0]))
    assert seen == set(range(-5, 7))


def test_transposition_stops_at_the_ends_of_the_keyboard() -> None:
    tokens = np.array([300, 370, 0, 127, 300, 128, 255])
    for seed in range(20):
        made = augment(tokens, np.random.default_rng(seed), only(transpose=(-5, 6)))
        np.testing.assert_array_equal(made, tokens)
    high = np.array([370, 125, 300, 253])
    highest = {augment(high, np.random.default_rng(s), only(transpose=(6, 6)))[1] for s in range(5)}
    assert highest == {127}


@pytest.mark.parametrize("factor", [0.95, 0.975, 1.025, 1.05])
def test_a_stretch_scales_every_time(corpus: Corpus, factor: float) -> None:
    for i in range(len(corpus)):
        before = decode(corpus.piece(i)).notes
        after = decode(augment(corpus.piece(i), np.random.default_rng(0), only(stretch=(factor,)))).notes
        order_before = before[np.lexsort((before["onset"], before["pitch"]))]
        order_after = after[np.lexsort((after["onset"], after["pitch"]))]
        kept = np.rint(before["offset"] * 100 * factor) > np.rint(before["onset"] * 100 * factor)
        assert len(after) >= kept.sum() - 2
        if len(after) == len(before):
            np.testing.assert_allclose(order_after["onset"], order_before["onset"] * factor, atol=0.0051)
            np.testing.assert_allclose(order_after["offset"], order_before["offset"] * factor, atol=0.0051)


def test_louder_moves_every_level_alike_within_the_range() -> None:
    tokens = encode(random_performance(2, 80, 20.0))
    before = tokens_to_table(tokens)
    moved = set()
    for seed in range(60):
        after = tokens_to_table(augment(tokens, np.random.default_rng(seed), only(louder=2)))
        change = after.level[after.is_on] - before.level[before.is_on]
        inner = (before.level[before.is_on] > 2) & (before.level[before.is_on] < 29)
        assert len(set(change[inner])) == 1
        assert (after.level >= 0).all() and (after.level <= 31).all()
        moved.add(int(change[inner][0]))
    assert moved == {-2, -1, 0, 1, 2}


def test_a_bare_beginning_is_a_melody_of_equal_velocity() -> None:
    music = random_performance(3, 600, 60.0)
    notes = music.notes
    notes["offset"] = np.minimum(notes["offset"], notes["onset"] + 0.2)
    tokens = encode(Performance(notes))
    bare = only(bare=1.0)
    for seed in range(10):
        table = tokens_to_table(augment(tokens, np.random.default_rng(seed), bare))
        on = np.flatnonzero(table.is_on)
        levels = table.level[on]
        until = int(np.argmax(levels != levels[0]))  # where the full music begins
        early, late = on[:until], on[until:]
        assert 5 < len(early) < 100
        # One note at a time: no two within 50 ms, and none under a higher one that still sounds.
        assert (np.diff(table.step[early]) > 5).all()
        partner = note_pairs(table)
        for row in early[1:]:
            before = early[early < row]
            off = np.where(partner[before] >= 0, table.step[partner[before]], table.end)
            assert not ((off > table.step[row]) & (table.pitch[before] > table.pitch[row])).any()
        density = len(late) / (table.end - table.step[late[0]])
        assert density > 2 * len(early) / table.step[early[-1]]


def test_notes_that_ring_for_minutes_are_released() -> None:
    onset, length = np.arange(8.0), np.array([0.5, 70.0, 3.0, 9.9, 10.1, 1.0, 30.0, 2.0])
    music = Performance(make_notes(onset, onset + length, np.arange(60, 68)))
    before = decode(encode(music)).notes
    after = decode(augment(encode(music), np.random.default_rng(0), only(longest=10.0))).notes
    np.testing.assert_array_equal(after["onset"], before["onset"])
    np.testing.assert_allclose(
        after["offset"] - after["onset"], np.minimum(before["offset"] - before["onset"], 10.0)
    )


def test_a_window_from_mid_piece_keeps_the_velocity_that_holds_there() -> None:
    onset = np.arange(400) * 0.1
    pitch = np.random.default_rng(0).integers(50, 70, 400)
    piece = encode(Performance(make_notes(onset, onset + 0.09, pitch, 33)))  # said once, at the start
    source = BatchSource(corpus_of(piece), length=64, batch=16, augmentation=only(stretch=(1.0, 1.05)))
    inputs, _ = source.batch(0)
    said = inputs[(inputs >= 356) & (inputs < 388)] - 356
    assert len(said) > 8 and set(said) == {8}


def test_every_switch_of_the_augmentation_changes_something() -> None:
    tokens = encode(random_performance(4, 100, 20.0))
    for change in ({"transpose": (3, 3)}, {"stretch": (1.05,)}, {"bare": 1.0}):
        assert augment(tokens, np.random.default_rng(0), only(**change)).tolist() != tokens.tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"transpose": (3, -3)}, {"transpose": (0, 40)}),
        *({"stretch": ()}, {"stretch": (3.0,)}, {"longest": 0.0}, {"longest": np.nan}),
    ],
)
def test_impossible_augmentations_are_refused(wrong: dict) -> None:
    with pytest.raises(MusictxError):
        Augmentation(**wrong)
