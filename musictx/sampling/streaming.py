"""Tokens → notes, as they come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictx.events import (
    DEFAULT_VELOCITY_LEVEL,
    END,
    NOTE_OFF,
    PAD,
    START,
    STEP_SECONDS,
    STEPS_PER_SECOND,
    TIME_SHIFT,
    VELOCITY,
    level_to_velocity,
    tokens_to_table,
)
from musictx.sampling.beat import BEATS, Beat, check_beat
from musictx.sampling.primer import Primer, without_rest


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A note of the continuation is struck."""

    index: int  # counts the notes of the continuation
    onset: float  # seconds
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A note ends: one of the continuation, or -(k + 1) for the primer's note k that was still held."""

    index: int
    offset: float  # seconds


class NoteStream:
    """Turns the tokens of one continuation into notes as they come.

    Parameters
    ----------
    primer : Primer
    end : float
        Seconds at which the continuation must end.
    beat : str
        How the beat is kept, if the primer has bars: see `musictx.sampling.beat`.
    """

    def __init__(self, primer: Primer, end: float = np.inf, beat: str = "off"):
        check_beat(beat)
        metre, pull = primer.performance.metre, BEATS[beat]
        notes = primer.performance.notes
        self.beat = Beat(metre, notes["onset"], primer.cut, pull, end) if metre and pull else None
        table = tokens_to_table(primer.tokens)
        self.step = round(primer.cut * STEPS_PER_SECOND)
        self.wait = without_rest(primer.tokens)[1]  # steps of the primer with which the first tokens begin
        self.end = round(end * STEPS_PER_SECOND) if np.isfinite(end) else 2**62
        self.level = int(table.level[table.is_on][-1]) if table.is_on.any() else DEFAULT_VELOCITY_LEVEL
        self.open: dict[int, int] = {}  # pitch → index
        self.struck: set[int] = set()  # indices of notes of the present step
        self.count, self.ended = 0, False
        sounding = dict(zip(table.pitch.tolist(), table.is_on.tolist(), strict=True))  # as they are at last
        for k in np.flatnonzero(notes["offset"] >= primer.cut - STEP_SECONDS / 2).tolist():
            pitch = int(notes["pitch"][k])
            if sounding.get(pitch):
                self.open[pitch] = -(k + 1)
                if notes["onset"][k] >= primer.cut - STEP_SECONDS / 2:
                    self.struck.add(-(k + 1))

    def push(self, token: int) -> list[NoteOn | NoteOff]:
        """Take a token; the notes that it strikes and ends."""
        return self._in_time(self._push(token))

    def finish(self) -> list[NoteOn | NoteOff]:
        """End the continuation here: close every note that still sounds."""
        return self._in_time(self._finish())

    def _in_time(self, events: list[NoteOn | NoteOff]) -> list[NoteOn | NoteOff]:
        """Move what is struck and ended to the beat."""
        if not self.beat:
            return events
        moved: list[NoteOn | NoteOff] = []
        for event in events:
            if isinstance(event, NoteOff):
                if released := self.beat.release(event.index, event.offset):
                    moved.append(NoteOff(*released))
            elif struck := self.beat.strike(event.index, event.onset, event.pitch):
                moved.append(NoteOn(*struck, event.pitch, event.velocity))
        return moved

    def _push(self, token: int) -> list[NoteOn | NoteOff]:
        if self.ended:
            return []
        if token in (END, PAD) or self.step >= self.end:
            return self._finish()
        if TIME_SHIFT <= token < VELOCITY:
            steps = token - TIME_SHIFT + 1
            self.step += max(0, steps - self.wait)
            self.wait = max(0, self.wait - steps)
            self.struck.clear()
            return self._finish() if self.step >= self.end else []
        if VELOCITY <= token < PAD:
            self.level = token - VELOCITY
            return []
        if token == START:
            return []
        pitch = token % NOTE_OFF
        ends: list[NoteOn | NoteOff] = []
        if pitch in self.open:
            ends.append(self._off(self.open.pop(pitch)))
        if token < NOTE_OFF:
            velocity = int(level_to_velocity(np.array(self.level)))
            ends.append(NoteOn(self.count, self.step * STEP_SECONDS, pitch, velocity))
            self.open[pitch] = self.count
            self.struck.add(self.count)
            self.count += 1
        return ends

    def _finish(self) -> list[NoteOn | NoteOff]:
        self.ended = True
        self.step = min(self.step, self.end)
        ends: list[NoteOn | NoteOff] = [self._off(index) for index in self.open.values()]
        self.open.clear()
        return ends

    def _off(self, index: int) -> NoteOff:
        """The end of a note, now; a note that was only just struck sounds for a step."""
        return NoteOff(index, (self.step + (index in self.struck)) * STEP_SECONDS)
