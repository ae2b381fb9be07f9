"""The rule against loops: it ends them, and leaves real music alone."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from music_helpers import shift

from musictx.events import NOTE_OFF, NOTE_ON, PAD, TIME_SHIFT, VELOCITY, encode
from musictx.events.grammar import Grammar
from musictx.events.loops import LoopRule
from musictx.midi import read_midi
from musictx.shipped import shipped_folder


def _strike(state: Grammar, key: int) -> None:
    """A note of 0.2 s."""
    for token in (NOTE_ON + key, TIME_SHIFT + 19, NOTE_OFF + key):
        state.advance(token)


def test_a_continuation_does_not_stay_on_a_few_keys() -> None:
    state = Grammar(loop_rules=(LoopRule(200, 8, 3, aside=4),))
    state.advance(VELOCITY + 10)
    for key in (60, 62, 64, 60, 62, 64, 60):
        _strike(state, key)
    keys = np.flatnonzero(state.allowed()[NOTE_ON:NOTE_OFF])  # seven within 1.4 s: the next is another
    assert not {60, 62, 64} & set(keys.tolist())
    assert len(keys) == 125
    later = copy.deepcopy(state)
    later.advance(TIME_SHIFT + 79)  # the first of the seven was 2.2 s ago
    assert later.allowed()[NOTE_ON:NOTE_OFF].all()
    for key in range(70, 75):  # another key, and four more
        assert not {60, 62, 64} & set(np.flatnonzero(state.allowed()[NOTE_ON:NOTE_OFF]).tolist())
        _strike(state, key)
    assert state.allowed()[NOTE_ON:NOTE_OFF].all()


def test_a_velocity_is_said_only_where_a_key_is_left() -> None:
    """The highest key was struck all the time, and no higher one is left in its step."""
    state = Grammar(loop_rules=(LoopRule(200, 8, 3, aside=4),))
    for token in [VELOCITY + 10, *[NOTE_ON + 127, TIME_SHIFT, NOTE_OFF + 127] * 7, TIME_SHIFT + 4]:
        state.advance(token)
    assert state.allowed()[VELOCITY]
    state.advance(NOTE_ON + 126)
    assert not state.allowed()[VELOCITY:PAD].any()
    assert state.allowed()[TIME_SHIFT]


def test_a_primer_that_stays_on_a_few_keys_all_the_same_lifts_the_rule() -> None:
    state = Grammar(loop_rules=(LoopRule(200, 8, 3, aside=4),))
    state.advance(VELOCITY + 10)
    for _ in range(14):
        _strike(state, 60)
    assert not state.allowed()[NOTE_ON + 60]  # seven notes, and seven too many
    _strike(state, 60)
    assert state.allowed()[NOTE_ON + 60]


def test_a_chord_is_refused_whole_or_not_at_all() -> None:
    state = Grammar(loop_rules=(LoopRule(200, 8, 3, aside=4),))
    state.advance(VELOCITY + 10)
    for _ in range(3):  # the eighth note is the third chord's second
        for key in (60, 64, 67):
            assert state.allowed()[NOTE_ON + key]
            state.advance(NOTE_ON + key)
            state.advance(TIME_SHIFT)  # played by hand
        for key in (60, 64, 67):
            state.advance(NOTE_OFF + key)
        state.advance(TIME_SHIFT + 49)
    assert not state.allowed()[[NOTE_ON + key for key in (60, 64, 67)]].any()
    assert not state.loops.broken.any()


def _refused(tokens: np.ndarray) -> list[bool]:
    """Whether each note is one that a continuation would not strike any more."""
    state, refused = Grammar(), []
    for token in tokens.tolist():
        state.loops.broken[:] = 0
        if token < NOTE_OFF:
            refused.append(bool(state.loops.refused(state.clock)[token]))
        state.advance(token)
    return refused


def test_no_shipped_primer_however_often_it_comes_again_is_a_loop() -> None:
    for path in sorted(shipped_folder("primers").glob("*.mid")):
        tokens = encode(read_midi(path))
        assert not any(_refused(np.tile(np.append(tokens, shift(0.3)), 3))), path.name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["asap", "pop909"])
def test_hardly_any_note_of_real_music_is_refused(shared_data: Path, name: str) -> None:
    pieces = sorted((shared_data / name / "validation").rglob("*.mid"))[::4]
    refused = [r for path in pieces for r in _refused(encode(read_midi(path)))]
    assert len(refused) > 5000
    assert np.mean(refused) < 0.004
