"""Passages that come again inside a training window.

Real music brings its themes back, but rarely within the reach of one window, so that a small model learns
little from it. Here a passage of the window is played again later: after other music or at once; exactly,
or transposed, a little faster or slower, softer or louder; once or several times (A B A, A A' B A).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from musictx.errors import MusictxError, require
from musictx.events import NOTE_OFF, STEPS_PER_SECOND, VELOCITY_LEVELS, EventTable, note_pairs, separate_notes

CHORD = 5  # steps (50 ms): notes that are struck closer together are not torn apart
MAX_RETURNS = 3  # of a passage in a window
TRANSPOSITIONS = (*range(-7, 0), *range(1, 8), -12, 12)  # semitones
TEMPI = (0.85, 0.9, 0.95, 1.05, 1.1, 1.15)  # factors for the times of a return
TOUCHES = (-4, -3, -2, -1, 1, 2, 3, 4)  # velocity levels
STRUCK_BEFORE, NEVER = -1, 2**40  # onset of notes that sound as a window begins, offset of those left open


@dataclass(frozen=True)
class Repeats:
    """How often and in what way a passage comes again.

    Attributes
    ----------
    share : float
        Share of windows in which a passage comes again, if they hold enough music.
    notes : tuple of int
        Fewest and most notes in the passage.
    between : tuple of int
        Fewest and most notes of other music before a return.
    far : float
        Share of returns with any other amount of music before them, up to all that the window holds.
    opening : float
        Share of passages that begin the window, as a primer begins what is played.
    again : float
        Chance that the passage comes once more after a return, three times at most.
    transposed, stretched, touched : float
        Shares of returns at another pitch, in another tempo, with another loudness.
    overlap : float
        Longest time (s) for which notes ring on where a return begins or ends. It is drawn each time.
    """

    share: float = 0.0
    notes: tuple[int, int] = (16, 100)
    between: tuple[int, int] = (0, 60)
    far: float = 0.4
    opening: float = 0.5
    again: float = 0.5
    transposed: float = 0.2
    stretched: float = 0.2
    touched: float = 0.4
    overlap: float = 0.3

    def __post_init__(self) -> None:
        for name in ("share", "far", "opening", "again", "transposed", "stretched", "touched"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"repeats: {name}", value, "lie between 0 and 1")
        for name, minimum in (("notes", 1), ("between", 0)):
            low, high = getattr(self, name)
            if not minimum <= low <= high:
                raise MusictxError(f"repeats: {name} {(low, high)} must rise from at least {minimum}")
        require(0 <= self.overlap <= 10, "repeats: overlap", self.overlap, "lie between 0 and 10 seconds")


@dataclass(frozen=True)
class _Notes:
    """Notes by rising onset: onset and offset in steps, pitch, velocity level [shape=(n,) each]."""

    onset: np.ndarray
    offset: np.ndarray
    pitch: np.ndarray
    level: np.ndarray

    def __getitem__(self, which: slice | np.ndarray) -> _Notes:
        return _Notes(self.onset[which], self.offset[which], self.pitch[which], self.level[which])


def with_repeats(
    table: EventTable, rng: np.random.Generator, options: Repeats, max_notes: int | None = None
) -> EventTable:
    """Let a passage come again, whatever `options.share` is.

    Parameters
    ----------
    table : EventTable
        Notes may be open at both ends, as in a window from the middle of a piece.
    rng : np.random.Generator
    options : Repeats
    max_notes : int, optional
        The passage and its returns lie within this many first notes of the result; all by default.

    Returns
    -------
    EventTable
        Longer than `table`, or `table` itself where there is too little music. A return begins when the next
        note of the music that it interrupts would have begun, and lasts until the note after the passage
        would have come, so that the rhythm goes on. Notes that sound where it begins or ends are released
        within `options.overlap` seconds.
    """
    struck, before = _notes_of(table)
    passage, places = _choose(
        struck.onset, rng, options, len(struck.onset) if max_notes is None else max_notes
    )
    if not places:
        return table
    theme = struck[passage]
    end = int(struck.onset[passage.stop] - theme.onset[0])
    max_overlap = round(options.overlap * STEPS_PER_SECOND)
    releases = rng.integers(0, max_overlap + 1, (len(places), 2))
    at = struck.onset[places]
    returns, lengths = zip(
        *(_varied(theme, end, int(release), rng, options) for release in releases[:, 1]), strict=True
    )
    delay = np.concatenate([[0], np.cumsum(lengths)])

    def delayed(notes: _Notes) -> _Notes:
        """The music that is interrupted: cut where a return begins, later after each."""
        past = np.searchsorted(at, notes.onset, "right")
        cut = np.append(at + releases[:, 0], NEVER)[past]
        offset = np.minimum(notes.offset, cut) + delay[past]
        return replace(notes, onset=notes.onset + delay[past], offset=offset)

    placed = (
        replace(r, onset=r.onset + start, offset=r.offset + start)
        for r, start in zip(returns, at + delay[:-1], strict=True)
    )
    made = _table_of([delayed(before), delayed(struck), *placed])
    last = int(made.step.max())
    silence = table.end > table.step.max()  # after the last event; there is none after a piece's last note
    return replace(made, end=max(last, table.end + int(delay[-1])) if silence else last)


def _notes_of(table: EventTable) -> tuple[_Notes, _Notes]:
    """Notes that are struck in a table, and those that sound as it begins and end in it."""
    partner = note_pairs(table)
    on = np.flatnonzero(table.is_on)
    offset = np.where(partner[on] >= 0, table.step[partner[on]], NEVER)
    orphan = np.flatnonzero(~table.is_on & (partner < 0))
    sounding = np.full(len(orphan), STRUCK_BEFORE)
    return (
        _Notes(table.step[on], offset, table.pitch[on], table.level[on]),
        _Notes(sounding, table.step[orphan], table.pitch[orphan], table.level[orphan]),
    )


def _choose(
    onset: np.ndarray, rng: np.random.Generator, options: Repeats, max_notes: int
) -> tuple[slice, list[int]]:
    """The passage, and the notes before which it returns; none where there is too little music."""
    count = len(onset)
    begins = np.append(np.flatnonzero(np.diff(onset, prepend=-CHORD) >= CHORD), count)
    size = min(int(rng.integers(options.notes[0], options.notes[1] + 1)), max_notes // 2)

    def at_least(note: int) -> int:
        """The first beginning of a chord that is not before a note; `count` if there is none."""
        return int(begins[np.searchsorted(begins, min(note, count))])

    def wait(room: int) -> int:
        """Notes of other music before a return."""
        low, high = (0, room) if rng.random() < options.far else options.between
        return min(int(rng.integers(low, high + 1)), room)

    if size < options.notes[0]:
        return slice(0), []
    room = max_notes - 2 * size
    gap = wait(room)
    start = 0 if rng.random() < options.opening else at_least(int(rng.integers(0, room - gap + 1)))
    stop = at_least(start + size)
    places = [at_least(stop + gap)]
    if places[0] == count or stop - start > 2 * size:
        return slice(0), []
    while len(places) < MAX_RETURNS and rng.random() < options.again:
        room = max_notes - places[-1] - (len(places) + 1) * (stop - start)
        place = at_least(places[-1] + wait(room)) if room >= 0 else count
        if place == count:
            break
        places.append(place)
    return slice(start, stop), places


def _varied(
    theme: _Notes, end: int, release: int, rng: np.random.Generator, options: Repeats
) -> tuple[_Notes, int]:
    """One return of the theme, from step 0 on, and its length in steps."""
    move, tempo, touch = rng.random(3) < (options.transposed, options.stretched, options.touched)
    semitones = int(rng.choice(TRANSPOSITIONS)) if move else 0
    factor = float(rng.choice(TEMPI)) if tempo else 1.0
    louder = int(rng.choice(TOUCHES)) if touch else 0
    semitones = int(np.clip(semitones, -theme.pitch.min(), NOTE_OFF - 1 - theme.pitch.max()))
    start = theme.onset[0]
    onset = np.rint((theme.onset - start) * factor).astype(np.int64)
    length = max(1, round(end * factor))
    offset = np.minimum(np.rint((theme.offset - start) * factor).astype(np.int64), length + release)
    level = np.clip(theme.level + louder, 0, VELOCITY_LEVELS - 1)
    return _Notes(onset, np.maximum(offset, onset + 1), theme.pitch + semitones, level), length


def _table_of(parts: list[_Notes]) -> EventTable:
    """Notes as events; where one pitch meets itself, the note before ends."""
    onset, offset, pitch, level = separate_notes(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("onset", "offset", "pitch", "level"))
    )
    struck, closed = onset > STRUCK_BEFORE, offset < NEVER
    step = np.concatenate([onset[struck], offset[closed]])
    return EventTable(
        step=step,
        is_on=np.repeat([True, False], [int(struck.sum()), int(closed.sum())]),
        pitch=np.concatenate([pitch[struck], pitch[closed]]),
        level=np.concatenate([level[struck], level[closed]]),
        end=int(step.max()),
    )
