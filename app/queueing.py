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
MAX_VALUES = 12 * MAX_NOTES  # in a call: five of a note with its row, three of a pedal's
MAX_SESSIONS = 10_000  # of which it is known what they wait for
LOOK = 0.02  # seconds between Gradio's looks at its queue; its own 0.001 takes 5 % of a core idle


def _is_small(sent: Any) -> bool:
    """Whether what waits in the queue until it is played is no more than a page's notes are."""
    left, count = [sent], 0
    while left and count <= MAX_VALUES:
        value = left.pop()
        inside = list(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
        count += len(inside)
        left += inside
    return count <= MAX_VALUES


def patch_gradio_queue(queue: Queue) -> Queue:
    """Let a queue look less often, bound the calls in it and what they hold, and outlive a page that goes
    while its events wait.

    A message to such a page has no place any more until its events are taken away, and Gradio's KeyError
    would end the queue for everybody (found by the fuzzer).
    """
    send: Any = queue.send_message
    push: Any = queue.push

    def send_message(*message: Any) -> None:
        with suppress(KeyError):
            send(*message)

    async def push_if_room(body: Any, request: Any, username: Any) -> Any:
        called = queue.blocks.fns.get(body.fn_index)
        line = queue.event_queue_per_concurrency_id.get(PROGRAMS)
        if line and len(line.queue) >= MAX_WAITING and called and called.concurrency_id == PROGRAMS:
            return False, "other programs' calls are waiting; try again in a moment", "queue_full"
        if not _is_small([body.data, body.event_data]):
            return False, "what was sent holds too many values", "error"
        return await push(body, request, username)

    queue.pending_event_ids_session = LRUCache(MAX_SESSIONS)  # Gradio's own dict keeps every session for ever
    queue.push = push_if_room  # type: ignore[method-assign]
    queue.sleep_when_free = LOOK
    queue.send_message = send_message  # type: ignore[assignment,method-assign]
    return queue
