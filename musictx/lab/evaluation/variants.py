"""Passages of real music, and the ways in which they come again: exactly, transposed, faster, louder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musictx.corpus import Corpus
from musictx.events import (
    NOTE_OFF,
    TIME_SHIFT,
    VELOCITY_LEVELS,
    EventTable,
    decode,
    encode,
    table_to_tokens,
    tokens_to_table,
)
from musictx.performance import stretch

FIFTH = 7  # semitones
SLOWER = 1.05  # tempo of a varied playing: every time is multiplied by it
TOUCH = 3  # velocity levels (12 of MIDI's velocities) by which a varied playing is louder
ODD_GAP = 37  # events of other music between the playings: no multiple of a bar, odd, and prime
MIN_EVENTS = 8  # events in a passage
CHANGES = ("exact", "fifth", "tempo", "touch")


def gap_size(tokens: int) -> int:
    """Events between the playings of a passage: `ODD_GAP`, or an odd quarter of a short one."""
    return min(ODD_GAP, tokens // 4 | 1)


def inside_size(context: int) -> int:
    """Events of a passage of which two playings and the gap fit into a context."""
    return (context - gap_size(context // 2) - 1) // 2


def complete(tokens: np.ndarray, max_events: int) -> np.ndarray:
    """The beginning of some music as a passage of its own, with a largest number of events.

    Offs of notes that were struck before are dropped, and notes that hang at the end are closed.
    """
    size = max_events
    passage = encode(decode(tokens[:size]))
    while len(passage) > max_events:
        size -= max(1, len(passage) - max_events)
        passage = encode(decode(tokens[:size]))
    return passage


def passages(corpus: Corpus, groups: np.ndarray, tokens: int, *, seed: int = 0) -> list[np.ndarray]:
    """One passage of each unit that is complete in itself: every note struck in it also ends in it.

    Parameters
    ----------
    corpus : Corpus
    groups : np.ndarray [shape=(pieces,)]
        The unit of each piece.
    tokens : int
        Largest length; the passages are at most a few events shorter.
    seed : int

    Returns
    -------
    list of np.ndarray
        Event tokens; units whose pieces are too short have none.
    """
    rng = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    if tokens < MIN_EVENTS:
        return found
    for unit in range(int(groups.max()) + 1):
        pieces = [i for i in np.flatnonzero(groups == unit).tolist() if len(corpus.piece(i)) >= tokens]
        if not pieces:
            continue
        piece = corpus.piece(int(rng.choice(pieces)))
        at = int(rng.integers(0, len(piece) - tokens + 1))
        passage = complete(piece[at:], tokens)
        if len(passage) >= tokens // 2:
            found.append(passage)
    return found


def transposed(tokens: np.ndarray, semitones: int) -> np.ndarray | None:
    """The same events at other pitches; None if one would leave MIDI's range."""
    is_note = tokens < TIME_SHIFT
    pitch = tokens[is_note].astype(np.int64) % NOTE_OFF
    if len(pitch) and not (pitch.min() + semitones >= 0 and pitch.max() + semitones <= 127):
        return None
    moved = tokens.astype(np.int64)
    moved[is_note] += semitones
    return moved


def retouched(tokens: np.ndarray, levels: int) -> np.ndarray:
    """The same notes, some velocity levels louder; the loudest level where that would be too loud."""
    table = tokens_to_table(tokens)
    level = np.clip(table.level + levels, 0, VELOCITY_LEVELS - 1)
    return table_to_tokens(EventTable(table.step, table.is_on, table.pitch, level, table.end))


def changed(tokens: np.ndarray, change: str) -> np.ndarray | None:
    """A passage as it comes again.

    Parameters
    ----------
    tokens : np.ndarray
        A complete passage.
    change : {"exact", "fifth", "tempo", "touch"}
        As it was; a fifth higher, or lower where that would leave MIDI's range; 5 % slower; 12 velocities
        louder.

    Returns
    -------
    np.ndarray or None
        None if neither fifth lies in MIDI's range.
    """
    if change == "fifth":
        up = transposed(tokens, FIFTH)
        return up if up is not None else transposed(tokens, -FIFTH)
    if change == "tempo":
        return encode(stretch(decode(tokens), SLOWER))
    return retouched(tokens, TOUCH) if change == "touch" else tokens


def other_music(music: Sequence[np.ndarray], index: int, tokens: int) -> np.ndarray:
    """Passages of other pieces, one after the other: nearly as many events as wanted, and never more.

    Parameters
    ----------
    music : sequence of np.ndarray
        At least two passages, as `passages` gives them.
    index : int
        The passage that is left out.
    tokens : int

    Returns
    -------
    np.ndarray
        Complete music: every note that is struck ends.
    """
    parts: list[np.ndarray] = [np.empty(0, np.uint16)]
    left, k = tokens, index
    while left >= MIN_EVENTS:
        k = (k + 1) % len(music)
        if k != index:
            parts.append(complete(music[k], left))
            left -= max(len(parts[-1]), 1)
    return np.concatenate(parts)
