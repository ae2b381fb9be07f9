"""The grammar is that of `encode`: it allows what encode writes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music_helpers import level, random_walk, shift

from musictx.events import END, EVENTS, NOTE_OFF, NOTE_ON, PAD, START, TIME_SHIFT, VELOCITY, decode, encode
from musictx.events.grammar import LONGEST_REST, Grammar, is_grammatical
from musictx.midi import read_midi
from musictx.shipped import shipped_folder


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 250), st.floats(0.1, 3.0))
def test_encoding_a_decoded_grammatical_sequence_gives_it_back(seed: int, length: int, spread: float) -> None:
    tokens = random_walk(seed, length, spread)
    assert is_grammatical(tokens)
    np.testing.assert_array_equal(encode(decode(tokens)), tokens)


@pytest.mark.parametrize(
    "wrong",
    [
        [shift(0.5)],
        [shift(0.1), shift(0.2), level(64), NOTE_ON + 60, shift(0.1), NOTE_OFF + 60],
        [NOTE_ON + 60, shift(0.1), NOTE_OFF + 60],
        [level(64), level(80), NOTE_ON + 60, shift(0.1), NOTE_OFF + 60],
        [level(64), NOTE_ON + 64, NOTE_ON + 60, shift(0.1), NOTE_OFF + 60, NOTE_OFF + 64],
        [level(64), NOTE_ON + 60, NOTE_OFF + 60],
        [level(64), NOTE_ON + 60, shift(0.1), NOTE_ON + 60, shift(0.1), NOTE_OFF + 60],
        [level(64), NOTE_ON + 60, shift(0.1), NOTE_OFF + 60, level(80)],
        [level(64), NOTE_ON + 60, shift(0.1), NOTE_OFF + 60, shift(0.1)],
        [level(64), NOTE_ON + 60, shift(0.1), NOTE_OFF + 62, NOTE_OFF + 60],
        [START, level(64), NOTE_ON + 60, shift(0.1), NOTE_OFF + 60],
        [level(64), NOTE_ON + 60, shift(0.1), NOTE_OFF + 60, END],
    ],
)
def test_what_encode_would_not_write_is_not_grammatical(wrong: list[int]) -> None:
    assert not is_grammatical(np.array(wrong))
    playable = np.array([t for t in wrong if t < EVENTS])
    if len(playable) == len(wrong):
        assert encode(decode(playable)).tolist() != wrong


def test_the_grammar_never_leaves_nothing_to_say() -> None:
    rng = np.random.default_rng(0)
    grammar = Grammar(64)
    for _ in range(600):
        allowed = grammar.allowed()
        allowed[:, END] = False
        assert allowed.any(1).all()
        assert (grammar.rest <= LONGEST_REST).all()
        grammar.advance(np.array([rng.choice(np.flatnonzero(row)) for row in allowed]))


def test_grammars_of_several_rows_are_grammars_of_one() -> None:
    rng = np.random.default_rng(1)
    tokens = rng.integers(0, EVENTS, (3, 50))
    together, alone = Grammar(3), [Grammar(1) for _ in range(3)]
    for column in tokens.T:
        together.advance(column)
        for row, grammar in enumerate(alone):
            grammar.advance(column[row : row + 1])
            np.testing.assert_array_equal(together.allowed()[row], grammar.allowed()[0])
    np.testing.assert_array_equal(
        alone[0].take(np.zeros(4, int)).allowed(), np.repeat(alone[0].allowed(), 4, 0)
    )


def test_something_must_happen_after_the_longest_rest() -> None:
    grammar = Grammar(1)
    for token in [level(64), NOTE_ON + 60, *[shift(1)] * (LONGEST_REST // 100)]:
        assert grammar.allowed()[0, token]
        grammar.advance(np.array([token]))
    allowed = np.flatnonzero(grammar.allowed()[0])
    assert shift(0.01) not in allowed
    assert {NOTE_OFF + 60, NOTE_ON + 61, level(80), END} <= set(allowed.tolist())


def test_a_piece_may_not_end_between_a_velocity_and_its_note() -> None:
    grammar = Grammar(1)
    assert grammar.allowed()[0, END]
    grammar.advance(np.array([level(64)]))
    assert np.flatnonzero(grammar.allowed()[0]).tolist() == [*range(NOTE_ON, NOTE_OFF)]


def test_a_forgotten_note_is_released_before_anything_else():
    state = Grammar(1, longest_note=150)
    for token in (VELOCITY + 10, NOTE_ON + 60, NOTE_ON + 64, TIME_SHIFT + 99, NOTE_ON + 62):
        state.advance(np.array([token]))
    assert state.allowed()[0, TIME_SHIFT]
    state.advance(np.array([TIME_SHIFT + 49]))  # 60 and 64 are due, 62 is not
    assert np.flatnonzero(state.allowed()[0]).tolist() == [NOTE_OFF + 60]
    state.advance(np.array([NOTE_OFF + 60]))
    assert np.flatnonzero(state.allowed()[0]).tolist() == [NOTE_OFF + 62, NOTE_OFF + 64]
    state.advance(np.array([NOTE_OFF + 64]))
    assert state.allowed()[0, TIME_SHIFT]


def test_a_continuation_does_not_stay_on_a_few_keys():
    state = Grammar(1, stretches=((200, 8, 3, 4),))
    strike = lambda key: [NOTE_ON + key, TIME_SHIFT + 19, NOTE_OFF + key]  # noqa: E731
    tokens = [VELOCITY + 10, *strike(60), *strike(62), *strike(64), *strike(60), *strike(62), *strike(64)]
    for token in [*tokens, *strike(60)]:
        state.advance(np.array([token]))
    keys = np.flatnonzero(state.allowed()[0, NOTE_ON:NOTE_OFF])  # seven within 1.4 s: the next is another
    assert not {60, 62, 64} & set(keys.tolist())
    assert len(keys) == 125
    later = state.take(np.zeros(1, int))
    later.advance(np.array([TIME_SHIFT + 79]))  # the first of the seven was 2.2 s ago
    assert later.allowed()[0, NOTE_ON:NOTE_OFF].all()
    for key in range(70, 75):  # another key, and four more
        assert not {60, 62, 64} & set(np.flatnonzero(state.allowed()[0, NOTE_ON:NOTE_OFF]).tolist())
        for token in strike(key):
            state.advance(np.array([token]))
    assert state.allowed()[0, NOTE_ON:NOTE_OFF].all()


def test_a_velocity_is_said_only_where_a_key_is_left() -> None:
    """The highest key was struck all the time, and no higher one is left in its step."""
    state = Grammar(1, stretches=((200, 8, 3, 4),))
    for token in [VELOCITY + 10, *[NOTE_ON + 127, TIME_SHIFT, NOTE_OFF + 127] * 7, TIME_SHIFT + 4]:
        state.advance(np.array([token]))
    assert state.allowed()[0, VELOCITY]
    state.advance(np.array([NOTE_ON + 126]))
    assert not state.allowed()[0, VELOCITY:PAD].any()
    assert state.allowed()[0, TIME_SHIFT]


def test_a_primer_that_stays_on_a_few_keys_all_the_same_lifts_the_rule() -> None:
    state = Grammar(1, stretches=((200, 8, 3, 4),))
    strike = [NOTE_ON + 60, TIME_SHIFT + 19, NOTE_OFF + 60]
    for token in [VELOCITY + 10, *strike * 14]:
        state.advance(np.array([token]))
    assert not state.allowed()[0, NOTE_ON + 60]  # seven notes, and seven too many
    for token in strike:
        state.advance(np.array([token]))
    assert state.allowed()[0, NOTE_ON + 60]


def _refused(tokens: np.ndarray) -> list[bool]:
    """Whether each note is one that a continuation would not strike any more."""
    state, refused = Grammar(1), []
    for token in tokens:
        state.broken[:] = 0
        if token < NOTE_OFF:
            refused.append(bool(state._worn(0)[:, token].any() or state.aside[0, token]))
        state.advance(token[None])
    return refused


def test_no_shipped_primer_however_often_it_comes_again_is_a_loop() -> None:
    for path in sorted(shipped_folder("primers").glob("*.mid")):
        tokens = encode(read_midi(path))
        assert not any(_refused(np.tile(np.append(tokens, shift(0.3)), 3))), path.name


@pytest.mark.parametrize("name", ["asap", "pop909"])
def test_hardly_any_note_of_real_music_is_refused(shared_data: Path, name: str) -> None:
    pieces = sorted((shared_data / name / "validation").rglob("*.mid"))[::4]
    refused = [r for path in pieces for r in _refused(encode(read_midi(path)))]
    assert len(refused) > 5000
    assert np.mean(refused) < 0.004
