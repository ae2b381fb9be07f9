"""The parts of Gradio's inside that the demo stands on: when one moves, its test says which."""

from __future__ import annotations

import inspect

import gradio as gr
import pytest


@pytest.fixture(scope="module")
def queue() -> object:
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.HTML("")
    return blocks.queue()._queue


def test_the_queue_says_how_long_it_sleeps_while_it_is_free(queue: object) -> None:
    assert 0 < queue.sleep_when_free < 1  # type: ignore[attr-defined]


def test_the_queue_sends_a_message_by_a_method_of_that_name(queue: object) -> None:
    assert list(inspect.signature(queue.send_message).parameters) == ["event", "event_message"]  # type: ignore[attr-defined]


def test_uploads_lie_in_a_folder_that_gradio_names() -> None:
    from gradio.utils import get_upload_folder

    assert get_upload_folder()
