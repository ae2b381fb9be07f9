"""What tells our 388 events from note_seq's, counted: ``python tests/note_seq_comparison.py EVENTS.npz``.

`tests/fixtures/note_seq/make_events.py` writes such a file. All that differs has one of four reasons:

order
    Within a step, note_seq goes by when notes began, to the millisecond, then by pitch, and a note's end
    stands where its beginning would; we write the ends first, and both by pitch.
halfway
    Times halfway between two steps: note_seq rounds them up, we to the even step.
again
    A key struck again while it is down: we end the note there, and keep one of those struck within a step;
    in note_seq both sound, and the first release ends both.
no length
    A note struck and released at once lasts 10 ms, or as long as the pedal holds it; note_seq leaves it out.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import pairwise

import numpy as np

from musictx.events import MAX_SHIFT, NOTE_OFF, NOTE_ON, TIME_SHIFT, VELOCITY, encode, tokens_to_table
from musictx.events.velocity import velocity_to_level
from musictx.midi import read_midi
from musictx.performance import Performance, apply_pedal

REASONS = ("order", "halfway", "again", "no length")
Note = tuple[int, int, int, int]  # pitch, step of onset and of offset, velocity level


def in_their_order(music: Performance) -> np.ndarray:
    """Events of what we read and hear, with note_seq's order and rounding [shape=(n,), dtype=uint16]."""
    notes = apply_pedal(music).notes  # by onset and pitch, as note_seq numbers them
    on, off = (np.floor(100 * notes[name] + 0.5).astype(int) for name in ("onset", "offset"))
    off = np.maximum(off, on + 1)
    rows = [(step, i, False) for i, step in enumerate(on)] + [(step, i, True) for i, step in enumerate(off)]
    now, said, tokens = 0, -1, []
    for step, i, is_off in sorted(rows):
        while step > now:
            tokens.append(TIME_SHIFT + min(step - now, MAX_SHIFT) - 1)
            now = min(step, now + MAX_SHIFT)
        level = int(velocity_to_level(notes["velocity"][i]))
        if not is_off and level != said:
            tokens.append(VELOCITY + level)
            said = level
        tokens.append((NOTE_OFF if is_off else NOTE_ON) + int(notes["pitch"][i]))
    return np.array(tokens, np.uint16)


def notes_of(tokens: np.ndarray) -> list[Note]:
    """Notes of a sequence; a release ends the oldest note of its key, as note_seq decodes."""
    table, sounding, notes = tokens_to_table(tokens, 0), dict[int, list[tuple[int, int]]](), []
    columns = (x.tolist() for x in (table.step, table.is_on, table.pitch, table.level))
    for step, is_on, pitch, level in zip(*columns, strict=True):
        if is_on:
            sounding.setdefault(pitch, []).append((step, level))
        else:
            onset, its_level = sounding[pitch].pop(0)
            notes.append((pitch, onset, step, its_level))
    assert not any(sounding.values())
    return notes


def differences(music: Performance, theirs: np.ndarray) -> dict[str, int]:
    """Count what differs in a file: steps in another order, and notes of ours that are others in note_seq.

    Raises
    ------
    AssertionError
        A difference has none of the reasons.
    """
    ours = encode(music)
    our_notes, their_notes = notes_of(ours), notes_of(theirs)
    found = Counter({"order": _other_order(ours, theirs)})
    only_ours, only_theirs = (
        list((Counter(a) - Counter(b)).elements())
        for a, b in ((our_notes, their_notes), (their_notes, our_notes))
    )
    halves = _halfway(music)
    raw = music.notes
    empty, again = _keys(raw[raw["onset"] == raw["offset"]]), _keys(_struck_again(raw))
    for note in only_ours:
        pitch, on, off, _ = note
        if any(_same(other, note, halves) for other in only_theirs):
            found["halfway"] += 1
        elif {(pitch, on), (pitch, off)} & empty:  # one that ends where such a note is struck, too
            found["no length"] += 1
        else:
            assert (pitch, on) in again, (note, only_theirs)
            found["again"] += 1
    for note in only_theirs:  # each stands where we have one, so that nothing is in note_seq alone
        assert any(o[0] == note[0] and abs(o[1] - note[1]) <= 1 for o in our_notes), note
    return {reason: found[reason] for reason in REASONS}


def _keys(notes: np.ndarray) -> set[tuple[int, int]]:
    """Pitch of each note, and the step in which it is struck."""
    return set(zip(notes["pitch"].tolist(), np.rint(100 * notes["onset"]).astype(int).tolist(), strict=True))


def _struck_again(notes: np.ndarray) -> np.ndarray:
    """Notes of keys that were struck while they were down, those before the second stroke as well."""
    notes = notes[np.lexsort((notes["onset"], notes["pitch"]))]
    reach = np.zeros(len(notes), bool)
    until = 0.0
    for i, (one, other) in enumerate(pairwise(notes)):
        until = max(one["offset"], until if reach[i] else 0.0)
        if one["pitch"] == other["pitch"] and (until > other["onset"] or one["onset"] == other["onset"]):
            reach[i : i + 2] = True
    return notes[reach]


def _same(theirs: Note, ours: Note, halves: set[int]) -> bool:
    """Whether two notes are one whose times were rounded from halfway."""
    return theirs[::3] == ours[::3] and all(
        a == b or (a == b + 1 and b in halves) for a, b in zip(theirs[1:3], ours[1:3], strict=True)
    )


def _halfway(music: Performance) -> set[int]:
    """Even steps to which we round times that lie halfway."""
    times = 100 * np.concatenate([apply_pedal(music).notes[name] for name in ("onset", "offset")])
    return set(np.rint(times[np.abs(times % 1 - 0.5) < 1e-6]).astype(int).tolist())


def _other_order(ours: np.ndarray, theirs: np.ndarray) -> int:
    """Steps in which the same notes begin and end, in another order."""
    mine, yours = _by_step(ours), _by_step(theirs)
    both = mine.keys() & yours.keys()
    return sum(mine[step] != yours[step] and Counter(mine[step]) == Counter(yours[step]) for step in both)


def _by_step(tokens: np.ndarray) -> dict[int, list[tuple[bool, int]]]:
    table, found = tokens_to_table(tokens, 0), dict[int, list[tuple[bool, int]]]()
    for step, is_on, pitch in zip(
        table.step.tolist(), table.is_on.tolist(), table.pitch.tolist(), strict=True
    ):
        found.setdefault(step, []).append((is_on, pitch))
    return found


if __name__ == "__main__":
    total = Counter[str]()
    with np.load(sys.argv[1]) as events:
        for name in events.files:
            music = read_midi(name)
            counts = {"tokens": len(encode(music)), "notes": len(music), **differences(music, events[name])}
            total.update(counts)
            print(name, counts)
    print("all", dict(total))
