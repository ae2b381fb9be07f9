"""A duet over MIDI ports: what is played is answered by a model, and both become one recording."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from musictx.errors import MusictxError, require
from musictx.live.turns import PEDAL, Turn, Turns
from musictx.model import MusicTransformer
from musictx.performance import SPAN_DTYPE, Performance, make_notes, slice_time
from musictx.sampling import NoteOff, NoteOn, stream_notes

if TYPE_CHECKING:
    import mido

    from musictx.live.ports import Ports

TICK = 0.002  # seconds between two looks at the ports and the clock
ANSWER_SECONDS = (4.0, 20.0)  # shortest and longest answer, which is as long as what it answers
MEMORY_SECONDS = 180.0  # of the duet, before an answer: more than any shipped model reads
SUSTAIN, ALL_NOTES_OFF = 64, 123  # controllers


@dataclass
class _Recording:
    """Everything that was played by both, in seconds since the first note."""

    rows: list[tuple[float, float, int, int]] = field(default_factory=list)
    pedals: list[tuple[float, float]] = field(default_factory=list)
    began: float | None = None  # on the clock
    keys: dict[int, tuple[float, int]] = field(default_factory=dict)  # pitch → onset and velocity
    pedal: float | None = None  # since when it is down

    def press(self, pitch: int, velocity: int, at: float) -> None:
        self.lift(pitch, at)
        if self.began is None:
            self.began = at
        self.keys[pitch] = (at - self.began, velocity)

    def lift(self, pitch: int, at: float) -> None:
        if pitch in self.keys and self.began is not None:
            onset, velocity = self.keys.pop(pitch)
            self.rows.append((onset, max(at - self.began, onset + 0.001), pitch, velocity))

    def move_pedal(self, down: bool, at: float) -> None:
        place = 0.0 if self.began is None else at - self.began
        if down and self.pedal is None:
            self.pedal = place
        elif not down and self.pedal is not None:
            if place > self.pedal:
                self.pedals.append((self.pedal, place))
            self.pedal = None

    def add(self, onset: float, offset: float, pitch: int, velocity: int) -> None:
        """A note of an answer, on the clock."""
        if self.began is not None and offset > onset:
            self.rows.append((onset - self.began, offset - self.began, pitch, velocity))

    def performance(self) -> Performance:
        onset, offset, pitch, velocity = zip(*self.rows, strict=True) if self.rows else ((), (), (), ())
        notes = make_notes(onset, offset, pitch, velocity)
        return Performance(notes, np.array(sorted(self.pedals), SPAN_DTYPE))


class _Answer:
    """An answer while it is made, in a thread of its own."""

    def __init__(self, notes: Iterator[list[NoteOn | NoteOff]]):
        self.events: deque[NoteOn | NoteOff] = deque()
        self.complete, self.dropped = False, False
        self.error: MusictxError | None = None
        self.shift: float | None = None  # from the answer's seconds to the clock's
        self.sounding: dict[int, tuple[float, int, int]] = {}  # index → onset on the clock, pitch, velocity
        Thread(target=self._make, args=(notes,), daemon=True).start()

    def _make(self, notes: Iterator[list[NoteOn | NoteOff]]) -> None:
        try:
            for made in notes:
                if self.dropped:
                    return
                self.events.extend(made)
        except MusictxError as error:
            self.error = error
        finally:
            self.complete = True


class Duet:
    """Listens at a MIDI input and answers at an output.

    Parameters
    ----------
    model : MusicTransformer
    ports : Ports
    pause : float
        Seconds without a key or the pedal held down, after which the model answers (0.1 to 60).
    channel : int
        Of the answers' notes, 1 to 16.
    seed : int
        Of the first answer; each further one has the next.
    on_turn : callable, optional
        Called with the turn whenever it changes.
    clock : callable
        Seconds.
    **settings
        Fields of `SamplingSettings`.

    Attributes
    ----------
    latencies : list of float
        Seconds from the end of the pause to the first note of each answer.

    Raises
    ------
    MusictxError
        A setting is out of its range.

    Examples
    --------
    >>> from musictx import load_model
    >>> from musictx.live import Duet, open_ports
    >>> Duet(load_model(), open_ports()).run()  # doctest: +SKIP
    """

    def __init__(
        self,
        model: MusicTransformer,
        ports: Ports,
        *,
        pause: float = 0.8,
        channel: int = 1,
        seed: int = 0,
        on_turn: Callable[[Turn], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        **settings: Any,
    ):
        require(0.1 <= pause <= 60, "pause", pause, "lie between 0.1 and 60 seconds")
        require(1 <= channel <= 16, "channel", channel, "lie between 1 and 16")
        self.model, self.ports, self.clock, self.settings = model, ports, clock, settings
        self.turns, self.recording = Turns(pause), _Recording()
        self.channel, self.seed, self.on_turn = channel - 1, seed, on_turn
        self.answer: _Answer | None = None
        self.latencies: list[float] = []
        self._answered, self._turn = 0.0, Turn.LISTENING  # where in the recording the last answer ended

    def run(self, until: Callable[[], bool] = lambda: False) -> Performance:
        """Play until `until` says so; what both have played.

        Raises
        ------
        MusictxError
            A port has gone, or the model cannot answer. Nothing goes on sounding.
        KeyboardInterrupt
            Likewise.
        """
        try:
            while not until():
                self.step(self.clock())
                time.sleep(TICK)
        finally:
            self._end_answer(self.clock())
            self._silence()
        return self.performance()

    def performance(self) -> Performance:
        """What both have played so far."""
        return self.recording.performance()

    def step(self, at: float) -> None:
        """Take in what was played, and play what is due."""
        self.ports.check(at)
        for message in self.ports.messages():
            self._hear(message, at)
        turn = self.turns.tick(at)
        if turn is Turn.PREPARING and not self.answer:
            self._prepare()
        if turn is Turn.ANSWERING:
            self._play(at)
        if self.turns.turn is not self._turn:
            self._turn = self.turns.turn
            if self.on_turn:
                self.on_turn(self._turn)

    def _hear(self, message: mido.Message, at: float) -> None:
        kind = message.type
        if kind == "note_on" and message.velocity:
            self.turns.press(message.note)
            self._end_answer(at)
            self.recording.press(message.note, message.velocity, at)
        elif kind in ("note_on", "note_off"):
            self.recording.lift(message.note, at)
            self.turns.lift(message.note, at)
        elif kind == "control_change" and message.control == SUSTAIN:
            down = message.value >= 64
            self.recording.move_pedal(down, at)
            if down:
                self.turns.press(PEDAL)
                if self.turns.turn is Turn.LISTENING:
                    self._end_answer(at)
            else:
                self.turns.lift(PEDAL, at)

    def _prepare(self) -> None:
        """Let the model play on before the pause is over, so that its first notes are there by then."""
        whole = self.recording.performance()
        length = whole.duration
        shortest, longest = ANSWER_SECONDS
        start = max(0.0, length - MEMORY_SECONDS)
        heard = slice_time(whole, start) if start else whole
        seconds = min(longest, max(shortest, length - self._answered))
        options = {"seconds": seconds, "seed": self.seed, **self.settings}
        self.answer = _Answer(stream_notes(self.model, heard, **options))
        self.seed += 1

    def _play(self, at: float) -> None:
        answer = self.answer
        if answer is None:
            self.turns.ended()
            return
        if answer.error:
            raise answer.error
        if answer.shift is None and answer.events:
            first = next((event for event in list(answer.events) if isinstance(event, NoteOn)), None)
            if first:
                answer.shift = at - first.onset
                self.latencies.append(at - self.turns.since - self.turns.pause)
        while answer.shift is not None and answer.events:
            event = answer.events[0]
            due = answer.shift + (event.onset if isinstance(event, NoteOn) else event.offset)
            if due > at:
                break
            answer.events.popleft()
            if isinstance(event, NoteOn):
                answer.sounding[event.index] = (at, event.pitch, event.velocity)
                self._send("note_on", note=event.pitch, velocity=event.velocity)
            elif event.index in answer.sounding:
                self._release(answer, event.index, at)
        if answer.complete and not answer.events:
            self._end_answer(at)
            self.turns.ended()

    def _release(self, answer: _Answer, index: int, at: float) -> None:
        onset, pitch, velocity = answer.sounding.pop(index)
        self._send("note_off", note=pitch)
        self.recording.add(onset, at, pitch, velocity)

    def _end_answer(self, at: float) -> None:
        """Leave the answer; what has sounded of it stays in the recording."""
        answer, self.answer = self.answer, None
        if answer is None:
            return
        answer.dropped = True
        for index in list(answer.sounding):
            self._release(answer, index, at)
        if answer.shift is not None:
            self._answered = self.recording.performance().duration

    def _silence(self) -> None:
        self._send("control_change", control=ALL_NOTES_OFF, value=0)

    def _send(self, kind: str, **values: int) -> None:
        self.ports.send(kind, channel=self.channel, **values)
