"""Whose turn it is in a duet: a person plays, pauses, and is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

BREATH = 0.12  # seconds: keys that are up for less are between two notes; after it an answer is prepared
PEDAL = -1  # stands for the sustain pedal among the pitches that are held


class Turn(Enum):
    """What the duet does."""

    LISTENING = "listening"  # the person plays, or is about to
    WAITING = "waiting"  # keys and pedal are up, and the pause runs
    PREPARING = "preparing"  # the same, and an answer is being made
    ANSWERING = "answering"


@dataclass
class Turns:
    """The state of a duet. It knows no clock: every call says the time (s).

    Attributes
    ----------
    pause : float
        Seconds without a key or the pedal held down, after which it is the model's turn.
    turn : Turn
    since : float
        When everything came up.

    Examples
    --------
    >>> from musictx.live.turns import Turns
    >>> turns = Turns(pause=1.0)
    >>> turns.press(60), turns.lift(60, at=0.5)
    (None, None)
    >>> [turns.tick(at).value for at in (0.55, 0.7, 1.5)]
    ['waiting', 'preparing', 'answering']
    """

    pause: float
    turn: Turn = Turn.LISTENING
    since: float = 0.0
    _held: set[int] = field(default_factory=set)
    _played: bool = False  # whether there is something to answer

    def press(self, pitch: int) -> None:
        """A key goes down; with `PEDAL` the pedal, in which music rings on, so that it is no pause."""
        self._held.add(pitch)
        if pitch != PEDAL:
            self._played = True
        if pitch != PEDAL or self.turn is not Turn.ANSWERING:
            self.turn = Turn.LISTENING

    @property
    def held(self) -> list[int]:
        """The keys that are down, without the pedal."""
        return sorted(self._held - {PEDAL})

    def lift(self, pitch: int, at: float) -> None:
        """A key or the pedal comes up."""
        self._held.discard(pitch)
        if self._played and not self._held and self.turn is Turn.LISTENING:
            self.turn, self.since = Turn.WAITING, at

    def tick(self, at: float) -> Turn:
        """Time has passed; what the duet does then. An answer is prepared before it is played."""
        if self.turn is Turn.WAITING and at - self.since >= min(BREATH, self.pause):
            self.turn = Turn.PREPARING
        elif self.turn is Turn.PREPARING and at - self.since >= self.pause:
            self.turn, self._played = Turn.ANSWERING, False
        return self.turn

    def ended(self) -> None:
        """The answer is over, or there is none."""
        if self.turn is Turn.ANSWERING:
            self.turn = Turn.LISTENING
