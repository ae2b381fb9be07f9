"""Bars and beats: the tempo map and the time signatures of a file, and the grid that they make."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

DEFAULT_MICROS = 500_000  # a quarter note at 120 bpm: what a file means that states no tempo
MAX_CHANGES = 2000  # of tempo or time signature: a map with more follows a performance, and makes no bars
QUARTER_SECONDS = (0.15, 6.0)  # the shortest and the longest quarter note that anybody counts
_COARSEST = 0.003  # seconds of a tick in what is written, at most
_BEFORE_BAR = 0.0101  # seconds before its first bar line at which a file may begin
_NEAR = 0.00055  # seconds by which whole milliseconds miss a place on the grid, at most
_FINEST = 48  # places in a quarter note that a time so near is meant to lie on


@dataclass(frozen=True, eq=False)
class Metre:
    """Where bars and beats lie, as a file counts them.

    Parameters
    ----------
    division : int
        Ticks per quarter note.
    tempos : np.ndarray [shape=(t, 2), dtype=int64]
        Tick, and microseconds a quarter note from there on; ticks strictly rise, the first is 0.
    signatures : np.ndarray [shape=(s, 3), dtype=int64]
        Tick of a bar line, and the time signature from there on: number of beats, and which note is one
        (4 for quarters). The first is at tick 0.
    start : float
        Where on the file's own time axis (s) the performance's 0 lies.

    Examples
    --------
    >>> from musictx.metre import Metre
    >>> waltz = Metre.of(480, [(0, 500_000)], [(0, 3, 4)])
    >>> waltz.bars_after(0.1, 2)
    3.0
    """

    division: int
    tempos: np.ndarray
    signatures: np.ndarray
    start: float = 0.0
    _seconds: np.ndarray = field(init=False, repr=False)  # at which each tempo begins

    def __post_init__(self) -> None:
        ticks, micros = self.tempos.T
        lengths = np.diff(ticks) * micros[:-1] / (1e6 * self.division)
        object.__setattr__(self, "_seconds", np.cumsum(np.append(0.0, lengths)))

    @classmethod
    def of(cls, division: int, tempos: Any, signatures: Any, start: float = 0.0) -> Metre:
        """Build from changes in any order; of several at one tick the last one holds.

        Parameters
        ----------
        division : int
        tempos : array_like [shape=(t, 2)]
        signatures : array_like [shape=(s, 3)]
            Both may be empty: 120 bpm and 4/4.
        start : float
        """
        changes = [(0, DEFAULT_MICROS), *map(tuple, tempos)], [(0, 4, 4), *map(tuple, signatures)]
        kept = ({row[0]: row for row in sorted(rows, key=lambda row: row[0])}.values() for rows in changes)
        tables = [np.array(list(rows), np.int64) for rows in kept]
        return cls(division, tables[0], tables[1], start)

    def fault(self) -> str:
        """Why its bars cannot be used, or nothing."""
        for name, changes in (("tempo", self.tempos), ("time signature", self.signatures)):
            if len(changes) > MAX_CHANGES:
                return f"the {name} changes {len(changes):,} times"
        quarter = self.tempos[:, 1] / 1e6
        shortest, longest = QUARTER_SECONDS
        if quarter.min() < shortest:
            return f"a quarter note lasts {quarter.min():.2g} s"
        return f"a quarter note lasts {quarter.max():.3g} s" if quarter.max() > longest else ""

    def ticks(self, seconds: np.ndarray | float) -> np.ndarray:
        """Ticks of the file at times of the performance (s), not rounded [float64]."""
        time = np.asarray(seconds, float) + self.start
        place = np.maximum(np.searchsorted(self._seconds, time, side="right") - 1, 0)
        tick, micros = self.tempos[place].T
        return np.asarray(tick + (time - self._seconds[place]) * (1e6 * self.division) / micros)

    def seconds(self, ticks: np.ndarray | float) -> np.ndarray:
        """Times of the performance (s) at ticks of the file."""
        tick = np.asarray(ticks, float)
        place = np.maximum(np.searchsorted(self.tempos[:, 0], tick, side="right") - 1, 0)
        since, micros = self.tempos[place].T
        return np.asarray(self._seconds[place] + (tick - since) * micros / (1e6 * self.division) - self.start)

    def to_ticks(self, seconds: np.ndarray) -> np.ndarray:
        """The ticks nearest to times (s), none before the file's first [dtype=int64].

        A time in whole milliseconds that is less than half a millisecond from a place on a grid of 48 to the
        quarter lies on it: a note on a bar line must not fall into the bar before.
        """
        exact = self.ticks(seconds)
        grid = np.rint(np.rint(exact * _FINEST / self.division) * self.division / _FINEST)
        thousandths = np.asarray(seconds) * 1000
        meant = np.abs(self.seconds(grid) - seconds) < _NEAR
        meant &= np.abs(thousandths - np.rint(thousandths)) < 1e-6
        return np.maximum(np.where(meant, grid, np.rint(exact)), 0).astype(np.int64)

    def bar_before(self, tick: float) -> tuple[int, int]:
        """The last bar line at or before a tick, and the length of its bar in ticks."""
        place = max(0, int(np.searchsorted(self.signatures[:, 0], tick + 0.5, side="right")) - 1)
        first, beats, unit = self.signatures[place].tolist()
        length = max(1, 4 * self.division * beats // unit)
        line = first + int((tick + 0.5 - first) // length) * length
        later = self.signatures[place + 1 : place + 2, 0] - line  # a new time signature may cut it short
        return line, min([length, *later.tolist()])

    def bars_after(self, time: float, count: int) -> float:
        """The time (s) that so many bars after `time` end; they begin with the bar line nearest to it."""
        tick = float(self.ticks(time))
        line, length = self.bar_before(tick)
        count += tick - line > length / 2
        for _ in range(count):
            line += self.bar_before(line)[1]
        return float(self.seconds(line))

    def for_writing(self) -> Metre:
        """The metre as a file has it that begins with the bar in which 0 lies; `start` is where in that bar.

        Its ticks are the file's, or the smallest multiple of them that is fine enough for music in seconds.
        """
        times = -(-int(self.tempos[:, 1].max()) // round(1e6 * _COARSEST * self.division))
        # Music is cut in hundredths of a second, which may lie just before the bar line that is meant.
        first = self.bar_before(float(self.ticks(_BEFORE_BAR)))[0]

        def rows(table: np.ndarray) -> np.ndarray:
            place = max(0, int(np.searchsorted(table[:, 0], first, side="right")) - 1)
            moved = table[place:].copy()
            moved[:, 0] = (moved[:, 0] - first) * times
            moved[0, 0] = 0  # it holds from the beginning, whether or not it was written before
            return moved

        start = float(-self.seconds(first))
        return Metre(self.division * times, rows(self.tempos), rows(self.signatures), start)

    def moved(self, seconds: float) -> Metre:
        """The same metre for a performance whose 0 lies so much later in the file."""
        return replace(self, start=self.start + seconds)

    def stretched(self, factor: float) -> Metre:
        """The metre of the performance played slower by a factor."""
        tempos = self.tempos.copy()
        tempos[:, 1] = np.rint(tempos[:, 1] * factor)
        return replace(self, tempos=tempos, start=self.start * factor)
