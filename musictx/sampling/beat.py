"""Keeping the beat: notes are moved to the grid of the primer's file as they come.

A model counts in hundredths of a second and knows of no bars; what it plays follows the primer's pulse, more
or less. Here each time goes to the nearest sixteenth or triplet of the file, or half way there. Times keep
their order, so that what was legato stays so. A note that comes to lie where the continuation ends belongs
to what follows, and is left out. `app/static/music/beat.js` is this file for the browser.
"""

from __future__ import annotations

import math

import numpy as np

from musictx.errors import MusictxError
from musictx.metre import Metre

BEATS = {"off": 0.0, "loose": 0.5, "strict": 1.0}  # what share of the way to the grid a note is moved
GRIDS = (4, 3, 6)  # places in a quarter note: sixteenths, or triplets of eighths or of sixteenths
LATEST = 500  # onsets of the primer that say which grid it has
AS_NEAR = 0.05  # steps by which a grid may be farther from the primer's onsets than one that comes later
_SAME = 1e-6  # seconds
_NEAR = 0.005  # seconds by which a place on the grid may be before the step at which music begins or ends


def check_beat(beat: object) -> None:
    """Say that there is no such way to keep the beat."""
    if not isinstance(beat, str) or beat not in BEATS:
        raise MusictxError(f"beat is {beat!r}; choose one of {', '.join(BEATS)}")


class Beat:
    """Moves the times of one continuation to a grid.

    Parameters
    ----------
    metre : Metre
    onsets : np.ndarray [shape=(n,)]
        Of the primer (s): they say whether the grid is one of sixteenths or of triplets.
    cut : float
        Where the continuation begins (s): no note is moved before it.
    pull : float
        What share of the way to the grid a note is moved, 0 to 1.
    end : float
        Where the continuation ends (s): no note is moved there.

    Examples
    --------
    >>> from musictx.metre import Metre
    >>> from musictx.sampling.beat import Beat
    >>> beat = Beat(Metre.of(480, [(0, 500_000)], []), [0, 0.5], cut=1.0, pull=1.0)
    >>> beat.place(1.13), beat.place(1.2)  # a sixteenth lasts 0.125 s
    (1.125, 1.25)
    """

    def __init__(self, metre: Metre, onsets: np.ndarray, cut: float, pull: float, end: float = math.inf):
        self.metre, self.pull, self.parts = metre, pull, GRIDS[0]
        off = [self._off_grid(onsets, parts) for parts in GRIDS]
        self.parts = next(grid for grid, away in zip(GRIDS, off, strict=True) if away <= min(off) + AS_NEAR)
        self.first = cut
        if self._grid(cut) >= cut - _NEAR:
            self.first = self._grid(cut)
        elif pull == 1:
            self.first = self._grid(cut + self.step(cut) / 2)
        self.end = end
        self.known: dict[int, int] = {}  # the stream's number of a note → its number here
        self.onset: list[float] = []
        self.last: dict[int, int] = {}  # by pitch, the note that was struck last

    def step(self, seconds: float) -> float:
        """How long a step of the grid is (s) at a time."""
        tick = self.metre.ticks(seconds)
        return float(self.metre.seconds(tick + self.metre.division / self.parts) - seconds)

    def place(self, seconds: float) -> float:
        """Where a time (s) goes."""
        return max(self.first, seconds + self.pull * (self._grid(seconds) - seconds))

    def strike(self, index: int, seconds: float, pitch: int) -> tuple[int, float] | None:
        """Number and onset of a note; None if it meets the end, or the one before on its key, which stays."""
        onset, before = self.place(seconds), self.last.get(pitch)
        if onset >= self.end - _NEAR:
            return None
        if before is not None and onset - self.onset[before] < _SAME:
            self.known[index] = before
            return None
        self.known[index] = self.last[pitch] = len(self.onset)
        self.onset.append(onset)
        return self.known[index], onset

    def release(self, index: int, seconds: float) -> tuple[int, float] | None:
        """Number and offset of a note; one without length gets half a step. The primer's are never cut."""
        if index < 0:
            return index, max(seconds, min(self.place(seconds), self.end))
        if index not in self.known:
            return None
        number, offset = self.known[index], self.place(seconds)
        onset = self.onset[number]
        return number, min(offset if offset > onset + _SAME else onset + self.step(onset) / 2, self.end)

    def _grid(self, seconds: float) -> float:
        """The place on the grid nearest to a time."""
        tick = float(self.metre.ticks(seconds))
        bar, length = self.metre.bar_before(tick)
        step = self.metre.division / self.parts
        return float(self.metre.seconds(bar + min(math.floor((tick - bar) / step + 0.5) * step, length)))

    def _off_grid(self, onsets: np.ndarray, parts: int) -> float:
        """How far onsets lie from a grid, in steps on average; 1/4 if they know nothing of it."""
        self.parts = parts
        latest = np.asarray(onsets)[-LATEST:].tolist()
        away = [abs(self._grid(onset) - onset) / self.step(onset) for onset in latest]
        return float(np.mean(away)) if away else 0.0
