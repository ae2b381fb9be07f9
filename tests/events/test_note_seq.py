"""Our 388 events are note_seq's, the reference's, but for four things; `note_seq_comparison` says which.

`tests/fixtures/note_seq/make_events.py` made the events with note_seq 0.0.5 itself.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from note_seq_comparison import REASONS, differences, in_their_order

from musictx.events import encode, table_to_tokens, tokens_to_table
from musictx.midi import read_midi
from musictx.performance import Performance

TESTS = Path(__file__).parents[1]
FIXTURES, PRIMERS = TESTS / "fixtures" / "note_seq", TESTS.parent / "data" / "primers"
with np.load(FIXTURES / "events.npz") as file:
    EVENTS = {name: file[name] for name in file.files}
# Files that strike a key which is down, or release one as it is struck: there the notes are others.
OTHER_NOTES = {"again", "nothing", "random"}
# Steps in another order; notes rounded from halfway, struck again, of no length.
COUNTS = {
    "order": (2, 0, 0, 0),
    "halfway": (0, 19, 0, 0),
    "again": (0, 0, 2, 0),
    "nothing": (0, 0, 0, 2),
    "pedal": (0, 0, 0, 0),
    "short": (0, 0, 0, 0),
    "random": (25, 3, 55, 0),
    "bach-chorale": (23, 0, 0, 0),
    "bach-prelude-c": (0, 0, 0, 0),
    "chopin-black-keys": (28, 0, 0, 0),
    "fur-elise": (2, 0, 0, 0),
    "greensleeves": (8, 0, 0, 0),
    "joplin-entertainer": (25, 0, 0, 0),
    "moonlight-sonata": (2, 0, 0, 0),
    "mozart-sonata-c": (7, 0, 0, 0),
    "ode-to-joy": (0, 0, 0, 0),
    "pachelbel-canon": (9, 0, 0, 0),
    "petzold-minuet": (3, 0, 0, 0),
    "satie-gymnopedie": (9, 0, 0, 0),
    "two-bar-loop": (21, 0, 0, 0),
}


def music(name: str) -> Performance:
    made = FIXTURES / f"{name}.mid"
    return read_midi(made if made.is_file() else PRIMERS / f"{name}.mid")


@pytest.mark.parametrize("name", sorted(EVENTS.keys() - OTHER_NOTES))
def test_in_note_seqs_order_and_rounding_the_events_are_note_seqs(name: str) -> None:
    """Pitches, velocity levels, the pedal, the grid, long silences: all of it is equal."""
    assert np.array_equal(in_their_order(music(name)), EVENTS[name])


@pytest.mark.parametrize("name", sorted(EVENTS.keys() - OTHER_NOTES - {"halfway"}))
def test_in_our_order_note_seqs_events_are_ours(name: str) -> None:
    assert np.array_equal(table_to_tokens(tokens_to_table(EVENTS[name], 0)), encode(music(name)))


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_difference_has_one_of_four_reasons(name: str) -> None:
    assert tuple(differences(music(name), EVENTS[name]).values()) == COUNTS[name], REASONS


def test_a_shift_by_one_step_is_no_difference_that_we_explain() -> None:
    later = EVENTS["bach-prelude-c"].copy()
    later[2] += 1
    with pytest.raises(AssertionError):
        differences(music("bach-prelude-c"), later)
