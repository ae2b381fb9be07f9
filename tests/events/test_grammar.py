"""The grammar is that of `encode`: it allows what encode writes, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music_helpers import level, random_walk, shift

from musictx.events import END, EVENTS, NOTE_OFF, NOTE_ON, PAD, START, TIME_SHIFT, VELOCITY, decode, encode
from musictx.events.grammar import MAX_REST_STEPS, Grammar, is_grammatical


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
    grammars = [Grammar() for _ in range(64)]
    for _ in range(600):
        for grammar in grammars:
            allowed = grammar.allowed()
            allowed[END] = False
            assert allowed.any() and (grammar.rest <= MAX_REST_STEPS or not grammar.clock)
            grammar.advance(int(rng.choice(np.flatnonzero(allowed))))


def test_what_is_played_begins_with_a_note() -> None:
    grammar = Grammar()
    assert set(np.flatnonzero(grammar.allowed())) == {*range(VELOCITY, PAD), END}
    assert is_grammatical([]) and is_grammatical([shift(1), level(64), NOTE_ON + 60, shift(1), NOTE_OFF + 60])


def test_nothing_comes_before_a_primer_s_end() -> None:
    grammar = Grammar()
    for token in (level(64), NOTE_ON + 60):
        grammar.advance(token)
    grammar.wait = 250
    for token in (shift(1), shift(1)):
        assert np.flatnonzero(grammar.allowed()).tolist() == [shift(1)]
        grammar.advance(token)
    assert np.flatnonzero(grammar.allowed()).tolist() == list(range(shift(0.5), VELOCITY))
    grammar.advance(shift(0.6))
    assert grammar.allowed()[[NOTE_OFF + 60, NOTE_ON + 61, shift(0.1)]].tolist() == [True, True, False]


def test_a_primer_s_own_rest_is_no_part_of_the_longest() -> None:
    grammar = Grammar(max_rest=150)
    for token in (level(64), NOTE_ON + 60):
        grammar.advance(token)
    grammar.wait = 300
    for token in (shift(1), shift(1), shift(1)):
        grammar.advance(token)
    assert grammar.allowed()[shift(1)] and grammar.allowed()[NOTE_OFF + 60]
    grammar.advance(shift(1))
    assert np.flatnonzero(grammar.allowed()[TIME_SHIFT:VELOCITY]).tolist() == list(range(50))


def test_something_must_happen_after_the_longest_rest() -> None:
    grammar = Grammar()
    for token in [level(64), NOTE_ON + 60, *[shift(1)] * (MAX_REST_STEPS // 100)]:
        assert grammar.allowed()[token]
        grammar.advance(token)
    allowed = np.flatnonzero(grammar.allowed())
    assert shift(0.01) not in allowed
    assert {NOTE_OFF + 60, NOTE_ON + 61, level(80), END} <= set(allowed.tolist())


def test_a_piece_may_not_end_between_a_velocity_and_its_note() -> None:
    grammar = Grammar()
    assert grammar.allowed()[END]
    grammar.advance(level(64))
    assert np.flatnonzero(grammar.allowed()).tolist() == [*range(NOTE_ON, NOTE_OFF)]


def test_a_forgotten_note_is_released_before_anything_else() -> None:
    state = Grammar(max_note=150)
    for token in (VELOCITY + 10, NOTE_ON + 60, NOTE_ON + 64, TIME_SHIFT + 99, NOTE_ON + 62):
        state.advance(token)
    assert state.allowed()[TIME_SHIFT]
    state.advance(TIME_SHIFT + 49)  # 60 and 64 are due, 62 is not
    assert np.flatnonzero(state.allowed()).tolist() == [NOTE_OFF + 60]
    state.advance(NOTE_OFF + 60)
    assert np.flatnonzero(state.allowed()).tolist() == [NOTE_OFF + 62, NOTE_OFF + 64]
    state.advance(NOTE_OFF + 64)
    assert state.allowed()[TIME_SHIFT]
