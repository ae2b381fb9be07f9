"""Gradio's queue: what happens to one visitor does not end it for the others."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio.queueing import Event, EventQueue

from musictx.app.payloads import MAX_NOTES
from musictx.app.queueing import (
    LOOK,
    MAX_HELD,
    MAX_PROGRAM_VALUES,
    MAX_SESSIONS,
    MAX_VALUES,
    MAX_WAITING,
    PROGRAMS,
    UNHEARD,
    patch_gradio_queue,
)


def test_a_page_that_goes_while_its_events_wait_does_not_end_the_queue() -> None:
    """Its messages have no place any more, from the moment it has gone until its events are taken away."""
    with gr.Blocks() as page:
        gr.Button().click(lambda: None, concurrency_limit=1)
    page.queue()
    queue = patch_gradio_queue(page._queue)
    (fn,) = page.fns.values()
    waiting = EventQueue(fn.concurrency_id, 1)
    queue.event_queue_per_concurrency_id[fn.concurrency_id] = waiting
    waiting.queue += [Event("gone", fn, None, None) for _ in range(3)]  # type: ignore[arg-type]

    async def look() -> None:
        queue.active_jobs = [None]
        processing = asyncio.create_task(queue.start_processing())
        while len(waiting.queue) == 3:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert not queue.stopped, processing.exception()
        processing.cancel()

    asyncio.run(look())


def test_the_queue_looks_seldom_and_keeps_so_many_sessions_at_most() -> None:
    with gr.Blocks() as page:
        gr.Button()
    page.queue()
    queue: Any = patch_gradio_queue(page._queue)
    assert queue.sleep_when_free == LOOK >= 0.02
    for number in range(MAX_SESSIONS + 9):
        queue.pending_event_ids_session[number] = set()
    assert len(queue.pending_event_ids_session) == MAX_SESSIONS


def two_lines() -> tuple[Any, Any, Any]:
    """A queue, what a program calls, and what a page calls."""
    with gr.Blocks() as page:
        for line in (PROGRAMS, "lanes"):
            gr.Button().click(lambda: None, concurrency_id=line, concurrency_limit=1)
    page.queue()
    return (patch_gradio_queue(page._queue), *page.fns.values())  # type: ignore[return-value]


def test_the_line_of_programs_is_bounded() -> None:
    """And that of the pages is another one."""
    queue, programs, lanes = two_lines()
    waiting = EventQueue(PROGRAMS, 1)
    queue.event_queue_per_concurrency_id[PROGRAMS] = waiting

    def push(fn: Any) -> Any:
        body: Any = SimpleNamespace(fn_index=fn._id, session_hash="one", data=[], event_data=None)
        return asyncio.run(queue.push(body, None, None))  # type: ignore[arg-type]

    waiting.queue += [Event("one", programs, None, None) for _ in range(MAX_WAITING)]  # type: ignore[arg-type]
    assert push(programs)[2] == "queue_full"
    assert push(lanes)[2] == "success"
    waiting.queue.pop()
    assert push(programs)[2] == "success"


def test_what_holds_far_more_than_a_pages_notes_does_not_wait() -> None:
    with gr.Blocks() as page:
        gr.Button().click(lambda: None)
    page.queue()
    queue = patch_gradio_queue(page._queue)
    (fn,) = page.fns.values()

    def push(sent: Any) -> Any:
        body: Any = SimpleNamespace(fn_index=fn._id, session_hash="one", data=[], event_data=sent)
        return asyncio.run(queue.push(body, None, None))  # type: ignore[arg-type]

    rows = [[0, 1, 60, 64]] * MAX_NOTES
    assert push({"notes": rows, "pedals": [[0, 1]] * MAX_NOTES, "settings": {"seed": 1}})[2] == "success"
    for sent in ({"junk": [[]] * (MAX_VALUES + 1)}, {"junk": {str(k): k for k in range(MAX_VALUES + 1)}}):
        assert push(sent)[1:] == ("what was sent holds too many values", "error")


def test_what_programs_send_is_small_and_all_together_is_bounded() -> None:
    """A program's music is in a file; many pages' notes at once would fill the memory."""
    queue, programs, lanes = two_lines()

    def push(fn: Any, **sent: Any) -> Any:
        body: Any = SimpleNamespace(
            **{"fn_index": fn._id, "session_hash": "one", "data": [], "event_data": None} | sent
        )
        return asyncio.run(queue.push(body, None, None))  # type: ignore[arg-type]

    for junk in ([0] * (MAX_PROGRAM_VALUES + 1), "x" * 100_000, {"x" * 100_000: 1}):
        assert push(programs, data=[junk])[1:] == ("what was sent holds too many values", "error")
    assert push(programs, data=["primer.mid", "grand", 30, 1])[2] == "success"
    held = 0
    while (told := push(lanes, event_data={"notes": [0] * (MAX_VALUES - 10)}))[2] == "success":
        held += 1
    assert "music is waiting" in told[1] and held == MAX_HELD // MAX_VALUES
    asyncio.run(queue.clean_events(session_hash="one"))
    assert push(lanes, event_data={"notes": [0] * 100})[2] == "success"


def test_what_plays_for_nobody_is_taken_for_what_a_page_left() -> None:
    """A page asks for its messages at once."""
    with gr.Blocks() as page:
        gr.Button().click(lambda: None, concurrency_id="lanes", concurrency_limit=1)
    page.queue()
    queue: Any = patch_gradio_queue(page._queue)
    (fn,) = page.fns.values()
    for session, listens in (("heard", True), ("unheard", False)):
        messages = queue.pending_messages_per_session[session] = asyncio.Queue()
        event: Any = Event(session, fn, None, None)  # type: ignore[arg-type]
        for number in range(2 * UNHEARD):
            if listens and number == 3:
                messages.get_nowait()
            queue.send_message(event, SimpleNamespace())
        assert event.alive is listens
