"""What happens between Continue and the last note: one generator for each lane.

A lane's messages are JSON text, at most one every 80 ms. Each says everything since a few messages
ago, with the index at which it starts, so that one that is skipped or comes twice does no harm; the
last one says everything.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from musictx.errors import MusictxError
from musictx.events import END, STEP_SECONDS
from musictx.sampling import NoteOff, NoteOn, NoteStream, generate
from musictx.sampling.continuation import token_limit
from musictx.sampling.filling import CANDIDATES
from musictx.sampling.primer import Primer, prepare_primer, without_rest

from .filling import stream_filling
from .payloads import (
    Settings,
    note_rows,
    read_gap,
    read_length,
    read_metre,
    read_notes,
    read_settings,
    sentence,
)
from .stage import Stage, Ticket

MESSAGE_SECONDS = 0.08  # time between two messages of a lane, if no other page's lanes play
REST_SECONDS = 0.25  # after which a lane that rests looks whether it may go on
HEARTBEAT_SECONDS = 1.0  # a lane that has nothing to say still says so this often
OVERLAP = 6  # messages whose content is repeated
LAST_AGAIN = (0.5, 1.5)  # seconds after which the last message is said again: one can be lost on its way
FAULT = "Something went wrong while this model was playing. The music so far stays; try again."

_log = logging.getLogger(__name__)


@dataclass
class Lane:
    """Everything one lane has said so far, and the messages that say it.

    Parameters
    ----------
    run, name : str
        The page's names for this run and its part ("run.part"), and for the lane.
    training_length : int
        Of the model, in tokens.
    """

    run: str
    name: str
    training_length: int = 0
    notes: list[list[int]] = field(default_factory=list)
    offs: list[list[int]] = field(default_factory=list)
    tokens: int = 0
    begun: float = 0.0
    primer_tokens: int = 0
    primer_seconds: float = 0.0
    music_seconds: float = 0.0
    beyond: int | None = None
    _said: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])

    @property
    def part(self) -> str:
        """The stage's name for what this lane plays now."""
        return part_name(self.run, self.name)

    def add(self, events: list[NoteOn | NoteOff], until: float) -> None:
        """Take in what the model made with one token, and up to where (s) its music goes now."""
        self.tokens += 1
        for event in events:
            if isinstance(event, NoteOn):
                onset = _milliseconds(event.onset)
                self.notes.append([onset, int(event.pitch), int(event.velocity)])
            else:
                self.offs.append([int(event.index), _milliseconds(event.offset)])
        self.music_seconds = max(self.music_seconds, until - self.primer_seconds)
        if self.beyond is None and self.primer_tokens + self.tokens > self.training_length:
            self.beyond = _milliseconds(self.primer_seconds + self.music_seconds)

    def message(self, state: str, *, everything: bool = False, **more: Any) -> str:
        """One message to the page, in which `state` is waiting, running, done or error."""
        first_note, first_off = (0, 0) if everything else self._said[0]
        self._said = [*self._said[1 - OVERLAP :], (len(self.notes), len(self.offs))]
        elapsed = max(time.monotonic() - self.begun, 1e-3) if self.begun else 0.0
        said = {
            "run": self.run,
            "lane": self.name,
            "state": state,
            "at": first_note,
            "notes": self.notes[first_note:],
            "offs": self.offs[first_off:],
            "tokens": self.tokens,
            "tokens_per_second": round(self.tokens / elapsed, 1) if elapsed else 0,
            "music_per_second": round(self.music_seconds / elapsed, 2) if elapsed else 0,
            "known": _milliseconds(self.primer_seconds + self.music_seconds),
            "beyond": self.beyond,
        }
        return json.dumps(said | more, separators=(",", ":"))


def part_name(run: str, lane: str) -> str:
    """What a lane plays at one time, by the page's names for it ("run.part") and for the lane."""
    return f"{lane[:40]} {run[:40]}"


def lane_player(name: str, model: Any, stage: Stage) -> Callable[..., Iterator[str]]:
    """Build the generator function that Gradio calls when a page asks the lane `name` to play.

    Parameters
    ----------
    name : str
        The lane's, unless the page gives it another: takes of one model are lanes too.
    model : MusicTransformer
        Shared by all visitors; nothing in it changes while it plays.
    stage : Stage
        Decides whose turn it is.
    """

    def play(event: gr.EventData, request: gr.Request) -> Iterator[str]:
        sent = event._data if isinstance(event._data, dict) else {}
        lane = Lane(str(sent.get("run", ""))[:40], str(sent.get("lane") or name)[:40])
        # A lane that is continued further belongs to the run that it continues.
        try:
            ticket = stage.enter(str(request.session_hash), lane.run.partition(".")[0])
        except MusictxError as error:
            yield lane.message("error", everything=True, error=sentence(str(error)))
            return
        last = ""
        try:
            for message in (_fill if "gap" in sent else _play)(lane, model, stage, ticket, sent):
                last = message
                yield message
        except MusictxError as error:
            last = lane.message("error", everything=True, error=sentence(str(error)))
            yield last
        except Exception:
            _log.exception("lane %s", name)
            last = lane.message("error", everything=True, error=FAULT)
            yield last
        finally:
            stage.lane_ended(ticket, lane.name)
            stage.leave(ticket)
        if json.loads(last or "{}").get("state") in ("done", "error"):
            for pause in LAST_AGAIN:
                time.sleep(pause)
                yield last

    play.__name__ = f"play_{name}"
    # Gradio looks at these to know what to pass; annotations are text in this file.
    play.__annotations__ = {"event": gr.EventData, "request": gr.Request}
    return play


def _play(lane: Lane, model: Any, stage: Stage, ticket: Ticket, sent: dict[str, Any]) -> Iterator[str]:
    lane.training_length = model.config.context_length
    settings = read_settings(sent.get("settings"))
    performance = read_notes(sent.get("notes"), sent.get("pedals", ()))
    performance = replace(performance, metre=read_metre(sent.get("metre")))
    length = read_length(sent.get("length"))
    if not len(performance):
        raise MusictxError("there is no note in the primer; choose or play a few notes first")
    yield from _queue(lane, stage, ticket)
    if not stage.is_current(ticket, lane.part):
        return
    begins = bool(sent.get("begins", True))
    primer = prepare_primer(model, performance, end=length, from_beginning=begins)
    lane.primer_seconds, lane.primer_tokens = primer.cut, len(without_rest(primer.tokens)[0])
    lane.begun = time.monotonic()
    held = sorted(-1 - index for index in NoteStream(primer).open.values())
    remark = " ".join(sentence(each) for each in primer.remarks)
    yield lane.message("running", primer=note_rows(primer.performance.notes), held=held, remark=remark)
    ended = yield from _stream(lane, model, stage, ticket, primer, settings)
    if stage.is_current(ticket, lane.part):
        yield lane.message("done", everything=True, ended=ended)


def _fill(lane: Lane, model: Any, stage: Stage, ticket: Ticket, sent: dict[str, Any]) -> Iterator[str]:
    """Play a selection of what the page sends again: its last message has several takes of it.

    No lead is told to the stage, so that nobody is let in meanwhile: candidates take much memory.
    """
    if ticket.lanes > 1:
        raise MusictxError("one selection is filled in at a time")
    settings, gap = read_settings(sent.get("settings")), read_gap(sent["gap"])
    performance = read_notes(sent.get("notes"), sent.get("pedals", ()))
    performance = replace(performance, metre=read_metre(sent.get("metre")))
    yield from _queue(lane, stage, ticket)
    if not stage.is_current(ticket, lane.part):
        return
    begins = bool(sent.get("begins", True))
    for told in stream_filling(model, performance, gap, settings, from_beginning=begins):
        if not stage.is_current(ticket, lane.part):
            return
        if isinstance(told, float):
            yield lane.message("running", made=round(told, 2), candidates=CANDIDATES)
        else:
            yield lane.message("done", takes=[note_rows(filling.notes) for filling in told])


def _queue(lane: Lane, stage: Stage, ticket: Ticket) -> Iterator[str]:
    """Wait for the visitor's turn; tell the place whenever it changes."""
    place, told, told_at = stage.wait(ticket, 0.0), 0, 0.0
    while place > 0:
        if not stage.is_current(ticket, lane.part):
            return
        if place != told or time.monotonic() - told_at > HEARTBEAT_SECONDS:
            told, told_at = place, time.monotonic()
            yield lane.message("waiting", place=place)
        place = stage.wait(ticket, 0.25)


def _stream(
    lane: Lane, model: Any, stage: Stage, ticket: Ticket, primer: Primer, settings: Settings
) -> Generator[str, None, bool]:
    """Play on, and tell of it now and then; returns whether the model ended the piece by itself."""
    notes = NoteStream(primer, primer.cut + settings.seconds, settings.beat)
    tokens = generate(
        model,
        primer.tokens,
        settings=settings.sampling,
        seed=settings.seed,
        max_tokens=token_limit(settings.seconds),
    )
    told_at, told, pause = time.monotonic(), (0, 0), MESSAGE_SECONDS
    for chosen in tokens:
        token = int(chosen[0])
        made = notes.push(token)
        lane.add(made, notes.step * STEP_SECONDS)
        if notes.ended:
            return token == END
        now = time.monotonic()
        fresh = (len(lane.notes), len(lane.offs)) != told
        if now - told_at < (pause if fresh else HEARTBEAT_SECONDS):
            continue
        if not stage.is_current(ticket, lane.part):
            return False
        told_at, told = now, (len(lane.notes), len(lane.offs))
        yield lane.message("running")
        pause = MESSAGE_SECONDS * stage.crowd
        if rest := stage.stand_back(ticket, lane.name, lane.music_seconds):
            time.sleep(rest)
        while stage.rests(ticket, lane.name) and stage.is_current(ticket, lane.part):
            time.sleep(REST_SECONDS)
            yield lane.message("running")
    lane.add(notes.finish(), notes.step * STEP_SECONDS)
    return False


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
