"""How training windows are varied: transposed, stretched, louder or softer, thinned to a melody."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from musictx.corpus.repeats import Repeats, with_repeats
from musictx.errors import MusictxError, require
from musictx.events import (
    DEFAULT_VELOCITY_LEVEL,
    NOTE_OFF,
    STEPS_PER_SECOND,
    VELOCITY_LEVELS,
    EventTable,
    note_pairs,
    table_to_tokens,
    tokens_to_table,
)


@dataclass(frozen=True)
class Augmentation:
    """How training windows are varied.

    Attributes
    ----------
    transpose : tuple of int
        Lowest and highest transposition in semitones, both included.
    stretch : tuple of float
        Factors for all times, one drawn for each window (tensor2tensor's by default).
    louder : int
        Largest change of loudness, in velocity levels (of 32).
    bare : float
        Share of windows that begin as a bare melody of equal velocity: what people type or play on
        a screen piano. The music comes in full after a random time.
    longest : float
        Notes that ring on longer (s) are released then. A pedal that a file forgot to lift holds notes
        for minutes; a model that learns from them forgets the notes that it holds.
    repeats : Repeats
        Passages that come again within a window.
    """

    transpose: tuple[int, int] = (-5, 6)
    stretch: tuple[float, ...] = (0.95, 0.975, 1.0, 1.025, 1.05)
    louder: int = 2
    bare: float = 0.06
    longest: float = 10.0
    repeats: Repeats = field(default_factory=Repeats)

    def __post_init__(self) -> None:
        if self.transpose[0] > self.transpose[1] or max(map(abs, self.transpose)) > 24:
            raise MusictxError(f"transpose {self.transpose} must rise and stay within 24 semitones")
        if not self.stretch or not all(0.5 <= f <= 2 for f in self.stretch):
            raise MusictxError(f"stretch factors {self.stretch} must lie between 0.5 and 2")
        require(self.longest > 0, "longest", self.longest, "be greater than 0")


NO_AUGMENTATION = Augmentation(transpose=(0, 0), stretch=(1.0,), louder=0, bare=0.0, longest=np.inf)


def _released(table: EventTable, longest: float) -> EventTable:
    """Release notes that ring for longer than some seconds."""
    partner = note_pairs(table)
    off = np.flatnonzero(~table.is_on & (partner >= 0))
    step = table.step.copy()
    step[off] = np.minimum(step[off], step[partner[off]] + max(1, round(longest * STEPS_PER_SECOND)))
    return replace(table, step=step)


def _time_scaled(table: EventTable, factor: float) -> EventTable:
    """Scale all times; notes that would vanish within one step are dropped."""
    step = np.rint(table.step * factor).astype(np.int64)
    partner = note_pairs(table)
    paired = np.flatnonzero(partner >= 0)
    keep = np.ones(len(step), bool)
    keep[paired] = step[paired] != step[partner[paired]]
    return replace(table.where(keep), step=step[keep], end=round(table.end * factor))


def _bare_melody(table: EventTable, until: int, level: int) -> EventTable:
    """Thin the ons before step `until` out to their top line, all at one velocity level."""
    step, pitch = table.step, table.pitch
    early = np.flatnonzero(table.is_on & (step < until))
    if not len(early):
        return table
    partner = note_pairs(table)
    off = np.where(partner[early] >= 0, step[partner[early]], table.end)
    on, high = step[early], pitch[early]
    # A note belongs to the melody unless a higher one sounds at its onset, or is struck within 50 ms.
    covered = (
        (high[None, :] > high[:, None])
        & (on[None, :] <= on[:, None] + 5)
        & (np.maximum(off, on + 30)[None, :] > on[:, None])
    ).any(1)
    drop = early[covered]
    drop = np.concatenate([drop, partner[drop][partner[drop] >= 0]])
    orphan = ~table.is_on & (partner < 0) & (step < until)  # struck before the window: not of the melody
    keep = ~orphan
    keep[drop] = False
    flat = np.where(table.is_on & (step < until), level, table.level)
    return replace(table, level=flat).where(keep)


def augment(
    tokens: np.ndarray,
    rng: np.random.Generator,
    options: Augmentation,
    level: int = DEFAULT_VELOCITY_LEVEL,
    room: int | None = None,
) -> np.ndarray:
    """Transpose, stretch, make louder or thin out a window of events, or let a passage come again.

    Parameters
    ----------
    tokens : np.ndarray [shape=(n,), dtype=uint16]
        Without specials.
    rng : np.random.Generator
    options : Augmentation
    level : int
        Velocity level that holds where the window begins.
    room : int, optional
        Only this many tokens of the result are used: what comes again does so within about that many.
        0: nothing comes again.

    Returns
    -------
    np.ndarray [shape=(m,), dtype=uint16]
        `m` differs a little from `n` where times are stretched, and is greater where a passage comes again.

    Examples
    --------
    >>> import numpy as np
    >>> from musictx.corpus import NO_AUGMENTATION, augment
    >>> from dataclasses import replace
    >>> fifth = replace(NO_AUGMENTATION, transpose=(7, 7))
    >>> augment(np.array([375, 60, 305, 188]), np.random.default_rng(0), fifth).tolist()
    [375, 67, 305, 195]
    """
    semitones = int(rng.integers(options.transpose[0], options.transpose[1] + 1))
    factor = float(rng.choice(np.asarray(options.stretch)))
    louder = int(rng.integers(-options.louder, options.louder + 1))
    bare = bool(rng.random() < options.bare)
    bare_seconds, bare_level = rng.uniform(2.0, 12.0), int(rng.integers(12, 28))
    room = len(tokens) if room is None else room
    again = options.repeats.share > 0 and room > 0 and rng.random() < options.repeats.share
    if options == NO_AUGMENTATION or not len(tokens):
        return tokens
    table = tokens_to_table(tokens, level)
    closed = table.end == table.step.max(initial=0)
    notes_in_room = int(table.is_on.sum() * min(1.0, room / len(tokens)))
    if options.longest < np.inf:
        table = _released(table, options.longest)
    if factor != 1.0:
        table = _time_scaled(table, factor)
    if bare:
        table = _bare_melody(table, int(bare_seconds * STEPS_PER_SECOND), bare_level)
    if again:
        table = with_repeats(table, rng, options.repeats, notes_in_room)
    pitch = table.pitch
    if len(pitch):  # a piece that would leave the keyboard is moved only as far as it can go
        semitones = int(np.clip(semitones, -pitch.min(), NOTE_OFF - 1 - pitch.max()))
    levels = np.clip(table.level + louder, 0, VELOCITY_LEVELS - 1)
    end = int(table.step.max(initial=0)) if closed else table.end  # what ended with a note still does
    return table_to_tokens(EventTable(table.step, table.is_on, pitch + semitones, levels, end))
