"""What happens between Continue and the last note: one generator for each lane.

A lane's messages are JSON text, at most one every 80 ms. Each says everything since a few messages
ago, with the index at which it starts, so that one that is skipped or comes twice does no harm; the
last one says everything.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import numpy as np

from musictx.errors import MusictxError
from musictx.evaluation import describe_continuation
from musictx.performance import Performance, make_notes, merge, shift, slice_time
from musictx.sampling import NoteOff, NoteOn, NoteStream, stream_notes
from musictx.sampling.primer import prepare_primer

from .payloads import MODELS, Settings, note_rows, read_length, read_notes, read_settings
from .stage import Stage, Ticket

MESSAGE_SECONDS = 0.08  # time between two messages of a lane
HEARTBEAT_SECONDS = 1.0  # a lane that has nothing to say still says so this often
OVERLAP = 6  # messages whose content is repeated
FAULT = "Something went wrong while this model was playing. What is there stays; press Continue to try again."

_log = logging.getLogger(__name__)


@dataclass
class Lane:
    """Everything one lane has said so far, and the messages that say it.

    Parameters
    ----------
    run, name : str
        The page's name for this run and its part ("run.part"), and the model's.
    """

    run: str
    name: str
    notes: list[list[int]] = field(default_factory=list)
    offs: list[list[int]] = field(default_factory=list)
    tokens: int = 0
    begun: float = 0.0
    primer_seconds: float = 0.0
    music_seconds: float = 0.0
    beyond: int | None = None
    _said: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])

    @property
    def part(self) -> str:
        """The stage's name for what this lane plays now."""
        return part_name(self.run, self.name)

    def hear(self, events: list[NoteOn | NoteOff], context_length: int, primer_tokens: int) -> None:
        """Take in what the model made with one token."""
        self.tokens += 1
        for event in events:
            if isinstance(event, NoteOn):
                at = event.onset
                self.notes.append([_milliseconds(at), int(event.pitch), int(event.velocity)])
            else:
                at = event.offset
                self.offs.append([int(event.index), _milliseconds(at)])
            self.music_seconds = max(self.music_seconds, at - self.primer_seconds)
        if self.beyond is None and primer_tokens + self.tokens > context_length:
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

    def continuation(self) -> Performance:
        """The continuation so far, on the axis on which 0 is the primer's start."""
        ends = {index: offset for index, offset in self.offs if index >= 0}
        last = _milliseconds(self.primer_seconds + self.music_seconds)
        rows = [[on, ends.get(k, max(last, on)), *rest] for k, (on, *rest) in enumerate(self.notes)]
        table = np.array(rows, dtype=float).reshape(-1, 4)
        columns = table[:, 0] / 1000, table[:, 1] / 1000, table[:, 2].astype(int), table[:, 3].astype(int)
        return Performance(make_notes(*columns))


def part_name(run: str, lane: str) -> str:
    """What a lane plays at one time, by the page's name for it ("run.part") and the model's."""
    return f"{lane[:40]} {run[:40]}"


def lane_player(name: str, model: Any, stage: Stage) -> Callable[..., Iterator[str]]:
    """Build the generator function that Gradio calls when a page asks the lane `name` to play.

    Parameters
    ----------
    name : str
        One of `MODELS`.
    model : MusicTransformer
        Shared by all visitors; nothing in it changes while it plays.
    stage : Stage
        Decides whose turn it is.
    """

    def play(event: gr.EventData, request: gr.Request) -> Iterator[str]:
        sent = event._data if isinstance(event._data, dict) else {}
        lane = Lane(run=str(sent.get("run", ""))[:40], name=name)
        # A lane that is continued further belongs to the run that it continues.
        ticket = stage.enter(str(request.session_hash), lane.run.partition(".")[0])
        try:
            yield from _play(lane, model, stage, ticket, sent)
        except MusictxError as error:
            yield lane.message("error", everything=True, error=_sentence(str(error)))
        except Exception:
            _log.exception("lane %s", name)
            yield lane.message("error", everything=True, error=FAULT)
        finally:
            stage.lane_ended(ticket, name)
            stage.leave(ticket)

    play.__name__ = f"play_{name}"
    # Gradio looks at these to know what to pass; annotations are text in this file.
    play.__annotations__ = {"event": gr.EventData, "request": gr.Request}
    return play


def _play(lane: Lane, model: Any, stage: Stage, ticket: Ticket, sent: dict[str, Any]) -> Iterator[str]:
    settings = read_settings(sent.get("settings"))
    performance = read_notes(sent.get("notes"), sent.get("pedals", ()))
    length = read_length(sent.get("length"))
    if not len(performance):
        raise MusictxError("there is no note in the primer; choose or play a few notes first")
    yield from _queue(lane, stage, ticket)
    if not stage.is_current(ticket, lane.part):
        return
    # A passage from the middle of a piece is not the beginning of one: its time axis must not start at 0.
    start = 0.0 if sent.get("begins", True) else 1.0
    performance, stretch = shift(performance, start), (start, start + length)
    primer = prepare_primer(model, performance, *stretch)
    lane.primer_seconds = primer.cut
    lane.begun = time.monotonic()
    held = sorted(-1 - index for index in NoteStream(primer).open.values())
    remark = " ".join(_sentence(each) for each in primer.remarks)
    yield lane.message("running", primer=note_rows(primer.performance.notes), held=held, remark=remark)
    yield from _stream(lane, model, stage, ticket, performance, stretch, settings, len(primer.tokens))
    if not stage.is_current(ticket, lane.part):
        return
    until = read_length(sent.get("primer_length", sent.get("length")))
    yield lane.message("done", everything=True, summary=_summary(primer.performance, lane, until))


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
    lane: Lane,
    model: Any,
    stage: Stage,
    ticket: Ticket,
    performance: Performance,
    stretch: tuple[float, float],
    settings: Settings,
    primer_tokens: int,
) -> Iterator[str]:
    events = stream_notes(
        model, performance, primer_start=stretch[0], primer_end=stretch[1], **settings.sampling()
    )
    told_at, told = time.monotonic(), (0, 0)
    try:
        for made in events:
            lane.hear(made, model.config.context_length, primer_tokens)
            now = time.monotonic()
            fresh = (len(lane.notes), len(lane.offs)) != told
            if now - told_at < (MESSAGE_SECONDS if fresh else HEARTBEAT_SECONDS):
                continue
            if not stage.is_current(ticket, lane.part):
                return
            told_at, told = now, (len(lane.notes), len(lane.offs))
            yield lane.message("running")
            if rest := stage.stand_back(ticket, lane.name, lane.music_seconds):
                time.sleep(rest)
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()


def _summary(primer: Performance, lane: Lane, until: float) -> dict[str, Any]:
    """The comparison shown under the lanes: everything after `until` seconds beside what comes before."""
    end = lane.primer_seconds + lane.music_seconds
    whole = merge([primer, lane.continuation()])
    described = describe_continuation(
        slice_time(primer, 0.0, until), slice_time(whole, until), start=0.0, end=max(end - until, 0.0)
    )
    return {name: _plain(value) for name, value in described.items()}


def _plain(value: Any) -> Any:
    """Numbers and lists that JSON knows; NaN becomes None."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(each) for each in value]
    if isinstance(value, (int, float, np.number)):
        return round(float(value), 4) if np.isfinite(value) else None
    return value


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _sentence(message: str) -> str:
    """An error as a sentence: a capital first, a full stop last."""
    message = message.strip()
    return f"{message[:1].upper()}{message[1:]}" + ("" if message.endswith((".", "!", "?")) else ".")


__all__ = ["MODELS", "Lane", "lane_player", "part_name"]
