"""Gradio's queue: what happens to one visitor does not end it for the others."""

from __future__ import annotations

import asyncio

import gradio as gr
from gradio.queueing import Event, EventQueue

from app.queueing import steady


def test_a_page_that_goes_while_its_events_wait_does_not_end_the_queue() -> None:
    """Its messages have no place any more, from the moment it has gone until its events are taken away."""
    with gr.Blocks() as page:
        gr.Button().click(lambda: None, concurrency_limit=1)
    page.queue()
    queue = steady(page._queue)
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
