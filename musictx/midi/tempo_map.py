"""Tempo maps: ticks of a file to seconds and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictx.metre import DEFAULT_MICROS
from musictx.performance import TEMPO_DTYPE

# Faster or slower than a file can say (3 bytes of microseconds), or than makes sense to write.
_MIN_MICROS, _MAX_MICROS = 6_000, (1 << 24) - 1
# Thousands, so that at 120 bpm a tick is a whole fraction of a millisecond and times that are
# multiples of 10 ms are kept exactly.
_DIVISIONS = (1000, 2000, 4000, 8000, 16000, 32000)
_TICK_SECONDS = 0.0005 * (1 + 1e-9)


@dataclass(frozen=True)
class TempoMap:
    """Where each tempo starts, in ticks and in seconds.

    Parameters
    ----------
    ticks : np.ndarray [shape=(t,), dtype=int64]
        Strictly increasing, the first is 0.
    seconds : np.ndarray [shape=(t,)]
        The same places in seconds.
    micros : np.ndarray [shape=(t,)]
        Microseconds a quarter note from there on.
    division : float
        Ticks per quarter note.
    """

    ticks: np.ndarray
    seconds: np.ndarray
    micros: np.ndarray
    division: float

    @classmethod
    def from_ticks(cls, changes: np.ndarray, division: float) -> TempoMap:
        """Build from tempo changes in any order; of several at one tick the last one holds.

        Parameters
        ----------
        changes : np.ndarray [shape=(n, 2)]
            Tick and microseconds a quarter note of each.
        division : float
            Ticks per quarter note.
        """
        ticks = np.concatenate([[0], changes[:, 0]]).astype(np.int64)
        micros = np.concatenate([[DEFAULT_MICROS], changes[:, 1]]).astype(float)
        order = np.argsort(ticks, kind="stable")
        ticks, micros = ticks[order], micros[order]
        last = np.append(ticks[1:] != ticks[:-1], True)
        ticks, micros = ticks[last], micros[last]
        seconds = np.cumsum(np.append(0.0, np.diff(ticks) * micros[:-1])) / (1e6 * division)
        return cls(ticks, seconds, micros, division)

    @classmethod
    def steady(cls, ticks_per_second: float) -> TempoMap:
        """Build the map of a file that counts in fractions of a second and knows no tempo."""
        micros = np.array([float(DEFAULT_MICROS)])
        return cls(np.zeros(1, np.int64), np.zeros(1), micros, ticks_per_second * DEFAULT_MICROS * 1e-6)

    @classmethod
    def for_writing(cls, tempos: np.ndarray) -> TempoMap:
        """Build a map with ticks fine enough to keep seconds within a quarter of a millisecond.

        A file can say a tempo only in whole microseconds a quarter note, and change it only at a
        whole tick. Each change is therefore placed on the tick nearest to its true time, as
        counted in the file's own time: nothing accumulates.

        Parameters
        ----------
        tempos : np.ndarray [shape=(t,), dtype=TEMPO_DTYPE]
        """
        tempos = tempos[np.isfinite(tempos["time"]) & (tempos["bpm"] > 0)]
        tempos = tempos[np.argsort(tempos["time"], kind="stable")]
        micros = np.clip(np.rint(60e6 / tempos["bpm"]), _MIN_MICROS, _MAX_MICROS)
        if not len(tempos):
            micros = np.array([float(DEFAULT_MICROS)])
        tick = micros.max() * 1e-6 / np.array(_DIVISIONS)
        division = _DIVISIONS[min(int(np.searchsorted(-tick, -_TICK_SECONDS)), len(_DIVISIONS) - 1)]
        ticks, seconds, kept = [0], [0.0], [float(micros[0])]
        for time, now in zip(tempos["time"][1:].tolist(), micros[1:].tolist(), strict=True):
            length = kept[-1] * 1e-6 / division
            steps = round(max(time - seconds[-1], 0.0) / length)
            if steps:
                ticks.append(ticks[-1] + steps)
                seconds.append(seconds[-1] + steps * length)
                kept.append(now)
            else:
                kept[-1] = now
        return cls(np.array(ticks), np.array(seconds), np.array(kept), division)

    def to_seconds(self, ticks: np.ndarray) -> np.ndarray:
        """Seconds at which `ticks` fall."""
        if len(self.ticks) == 1:
            return ticks * (self.micros[0] / (1e6 * self.division))
        place = np.searchsorted(self.ticks, ticks, side="right") - 1
        return self.seconds[place] + (ticks - self.ticks[place]) * self.micros[place] / (1e6 * self.division)

    def to_ticks(self, seconds: np.ndarray) -> np.ndarray:
        """Ticks nearest to `seconds`."""
        place = np.maximum(np.searchsorted(self.seconds, seconds, side="right") - 1, 0)
        beats = (seconds - self.seconds[place]) * (1e6 * self.division) / self.micros[place]
        return self.ticks[place] + np.rint(beats).astype(np.int64)

    def tempos(self) -> np.ndarray:
        """Return the map as `Performance` keeps it [shape=(t,), dtype=TEMPO_DTYPE]."""
        tempos = np.empty(len(self.ticks), TEMPO_DTYPE)
        tempos["time"], tempos["bpm"] = self.seconds, 60e6 / self.micros
        return tempos
