"""Gradio's queue, as a server for many visitors needs it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from gradio.queueing import Queue
from gradio.utils import LRUCache

from .payloads import MAX_NOTES

PROGRAMS = "programs"  # Gradio's name for what waits for an endpoint
MAX_PROGRAMS = 8  # calls that are let in to wait for their turn at the models
MAX_WAITING = 40  # calls that wait to be let in: the line of the pages stays free
MAX_VALUES = 12 * MAX_NOTES  # in what a page sends: five of a note with its row, three of a pedal's
MAX_PROGRAM_VALUES = 1000  # in what a program sends: its music is in a file
MAX_HELD = 10 * MAX_VALUES  # in all that waits and plays
TEXT = 16  # letters that count as a value
UNHEARD = 200  # messages for a page that has not asked for any
MAX_SESSIONS = 10_000  # of which it is known what they wait for
LOOK = 0.02  # seconds between Gradio's looks at its queue; its own 0.001 takes 5 % of a core idle


def _values(sent: Any, most: int) -> int:
    """How many values something holds that waits until it is played; more than `most` are not counted."""
    left, count = [sent], 0
    while left and count <= most:
        value = left.pop()
        if isinstance(value, str):
            count += len(value) // TEXT
            continue
        inside = [*value, *value.values()] if isinstance(value, dict) else value
        if isinstance(inside, list):
            count += len(inside)
            left += inside
    return count


def patch_gradio_queue(queue: Queue) -> Queue:
    """Let a queue look less often, bound the calls in it and what they hold, and outlive a page that goes
    while its events wait.

    A message to such a page has no place any more until its events are taken away, and Gradio's KeyError
    would end the queue for everybody (found by the fuzzer). What plays for a page that never asks for its
    messages is taken for what a page left.
    """
    send: Any = queue.send_message
    push: Any = queue.push
    held: dict[str, int] = {}  # values, by event

    def send_message(event: Any, message: Any) -> None:
        with suppress(KeyError):
            send(event, message)
            waiting: Any = queue.pending_messages_per_session[event.session_hash]
            waiting.sent = getattr(waiting, "sent", 0) + 1
            if waiting.qsize() == waiting.sent > UNHEARD and event.concurrency_id != PROGRAMS:
                event.alive = False

    async def push_if_room(body: Any, request: Any, username: Any) -> Any:
        called = queue.blocks.fns.get(body.fn_index)
        is_program = bool(called and called.concurrency_id == PROGRAMS)
        line = queue.event_queue_per_concurrency_id.get(PROGRAMS)
        if line and len(line.queue) >= MAX_WAITING and is_program:
            return False, "other programs' calls are waiting; try again in a moment", "queue_full"
        most = MAX_PROGRAM_VALUES if is_program else MAX_VALUES
        values = _values([body.data, body.event_data], most)
        if values > most:
            return False, "what was sent holds too many values", "error"
        for gone in held.keys() - queue.event_ids_to_events.keys():
            del held[gone]
        if sum(held.values()) + values > MAX_HELD:
            return False, "other visitors' music is waiting; try again in a moment", "queue_full"
        pushed = await push(body, request, username)
        if pushed[0]:
            held[pushed[1]] = values
        return pushed

    queue.pending_event_ids_session = LRUCache(MAX_SESSIONS)  # Gradio's own dict keeps every session for ever
    queue.push = push_if_room  # type: ignore[method-assign]
    queue.sleep_when_free = LOOK
    queue.send_message = send_message  # type: ignore[assignment,method-assign]
    return queue
