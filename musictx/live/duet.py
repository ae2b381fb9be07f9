"""A duet over MIDI ports: what is played is answered by a model, and both become one recording."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from musictx.errors import MusictxError, require
from musictx.live.turns import PEDAL, Turn, Turns
from musictx.midi.notes import RESET_CONTROLLERS, SUSTAIN, pair_notes, pedal_spans
from musictx.midi.smf import CONTROL, NOTE_ON, Messages, TrackEvents
from musictx.model import MusicTransformer
from musictx.performance import Performance, apply_pedal, make_notes
from musictx.sampling import NoteOff, NoteOn, stream_notes
from musictx.settings import SamplingSettings

if TYPE_CHECKING:
    import mido

    from musictx.live.ports import Ports

TICK = 0.002  # seconds between two looks at the ports and the clock
ANSWER_SECONDS = (4.0, 20.0)  # shortest and longest answer, which is as long as what it answers
MEMORY_SECONDS = 180.0  # of the duet, before an answer
ALL_NOTES_OFF = 123  # a controller
ALL_UP = (120, *range(ALL_NOTES_OFF, 128))  # controllers that end all notes
PEDAL_DOWN = 64  # its least value
ECHO = 0.05  # seconds in which an instrument may send back what it was told to play
PERSON, MODEL = 0, 1  # channels in what is recorded
TICKS_PER_SECOND = 1_000_000


class _Answer:
    """An answer while it is made, in a thread of its own."""

    def __init__(self, notes: Iterator[list[NoteOn | NoteOff]]):
        self.events: deque[NoteOn | NoteOff] = deque()
        self.complete, self.dropped = False, False
        self.error: MusictxError | None = None
        self.shift: float | None = None  # from the answer's seconds to the clock's
        self.sounding: dict[int, int] = {}  # index → pitch
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
        **settings: Any,
    ):
        require(0.1 <= pause <= 60, "pause", pause, "lie between 0.1 and 60 seconds")
        require(1 <= channel <= 16, "channel", channel, "lie between 1 and 16")
        SamplingSettings(**settings)
        self.model, self.ports, self.settings = model, ports, settings
        self.turns = Turns(pause)
        self.messages: list[tuple[float, int, int, int]] = []  # of both: on the clock; status and data
        self.channel, self.seed, self.on_turn = channel - 1, seed, on_turn
        self.answer: _Answer | None = None
        self._made: _Answer | None = None  # the last one, also if it was given up
        self._sent: dict[tuple[int, bool], float] = {}  # when each key was last let down and up
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
                self.step(time.perf_counter())
                time.sleep(TICK)
        finally:
            now = time.perf_counter()
            self._end_answer(now)
            self.messages += [(now, NOTE_ON | PERSON, pitch, 0) for pitch in self.turns.held]  # they come up
            self._send("control_change", control=ALL_NOTES_OFF, value=0)
        return self.performance()

    def performance(self) -> Performance:
        """What both have played so far, in seconds since the first note."""
        rows = np.array(self.messages).reshape(-1, 4)
        clock, status = rows[:, 0], rows[:, 1].astype(np.uint8)
        struck = clock[(status & 0xF0 == NOTE_ON) & (rows[:, 3] > 0)]
        if not len(struck):
            return Performance()
        ticks = np.rint(np.maximum(clock - struck[0], 0) * TICKS_PER_SECOND).astype(np.int64)
        messages = Messages(ticks, status, *rows[:, 2:].T.astype(np.uint8))
        notes = pair_notes(TrackEvents(messages, end=int(ticks[-1])))
        onset, offset = notes.onset / TICKS_PER_SECOND, notes.offset / TICKS_PER_SECOND
        moves = messages.where(status & 0xF0 == CONTROL)
        pedals = pedal_spans(moves.tick / TICKS_PER_SECOND, moves.data2, PEDAL_DOWN, offset.max())
        return Performance(make_notes(onset, offset, notes.pitch, notes.velocity), pedals)

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
        if message.type == "control_change" and message.control in ALL_UP:
            for pitch in self.turns.held:  # a program that stops says it once for all keys
                self.turns.lift(pitch, at)
                self.messages.append((at, NOTE_ON | PERSON, pitch, 0))
            return
        if message.type in ("note_on", "note_off"):
            key, down = message.note, message.type == "note_on" and message.velocity > 0
            status, *data = message.bytes()
            if at < self._sent.pop((key, down), -1.0) + ECHO:
                return
        elif message.type == "control_change" and message.control in (SUSTAIN, RESET_CONTROLLERS):
            value = message.value if message.control == SUSTAIN else 0  # a reset lifts the pedal
            key, down, status, data = PEDAL, value >= PEDAL_DOWN, CONTROL, [SUSTAIN, value]
        else:
            return
        if down:
            self.turns.press(key)
            if self.turns.turn is Turn.LISTENING:
                self._end_answer(at)
        else:
            self.turns.lift(key, at)
        self.messages.append((at, status & 0xF0 | PERSON, *data))

    def _prepare(self) -> None:
        """Let the model play on before the pause is over, so that its first notes are there by then."""
        if self._made and not self._made.complete:
            return  # one that was given up still reads the music: two at once would both be late
        whole = apply_pedal(self.performance())
        shortest, longest = ANSWER_SECONDS
        onset = whole.notes["onset"]  # the time that a person thinks before the first key does not count
        begun = onset[onset >= self._answered - 1 / TICKS_PER_SECOND].min(initial=whole.duration)
        seconds = min(longest, max(shortest, whole.duration - begun))
        start = max(0.0, whole.duration - MEMORY_SECONDS)
        options = {"seconds": seconds, "seed": self.seed, "primer_start": start, **self.settings}
        self.answer = self._made = _Answer(stream_notes(self.model, whole, **options))

    def _play(self, at: float) -> None:
        if self.answer is None:
            self._prepare()
        answer = self.answer
        if answer is None:
            return
        if answer.error:
            raise answer.error
        if answer.shift is None and answer.events:
            first = next((event for event in list(answer.events) if isinstance(event, NoteOn)), None)
            if first:
                answer.shift = at - first.onset
                self.seed += 1
                self.latencies.append(at - self.turns.since - self.turns.pause)
        while answer.shift is not None and answer.events:
            event = answer.events[0]
            due = answer.shift + (event.onset if isinstance(event, NoteOn) else event.offset)
            if due > at:
                break
            answer.events.popleft()
            if isinstance(event, NoteOn):
                answer.sounding[event.index] = event.pitch
                self._sound(at, event.pitch, event.velocity)
            elif event.index in answer.sounding:
                self._sound(at, answer.sounding.pop(event.index), 0)
        if answer.complete and not answer.events:
            self._end_answer(at)
            self.turns.ended()

    def _sound(self, at: float, pitch: int, velocity: int) -> None:
        """Strike a note of an answer, or end it by velocity 0."""
        self._send("note_on" if velocity else "note_off", note=pitch, velocity=velocity)
        self._sent[pitch, velocity > 0] = at
        self.messages.append((at, NOTE_ON | MODEL, pitch, velocity))

    def _end_answer(self, at: float) -> None:
        """Leave the answer; what has sounded of it stays in the recording."""
        answer, self.answer = self.answer, None
        if answer is None:
            return
        answer.dropped = True
        for pitch in answer.sounding.values():
            self._sound(at, pitch, 0)
        if answer.shift is not None:
            self._answered = self.performance().duration

    def _send(self, kind: str, **values: int) -> None:
        self.ports.send(kind, channel=self.channel, **values)
