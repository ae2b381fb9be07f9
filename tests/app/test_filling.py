"""A selection that a page asks for is filled in by the lane's model, in the lanes' queue."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from helpers_evaluation import tiny_model
from music_helpers import random_performance

from musictx.app.filling import TAKES
from musictx.app.payloads import GAP_SECONDS, note_rows, read_notes
from musictx.app.stage import Stage
from musictx.app.streaming import lane_player, part_name
from musictx.sampling.filling import CANDIDATES, fill_in

MODEL = tiny_model("relative", layers=1, context_length=256)
MUSIC = note_rows(random_performance(5, 60, 10.0).notes)
GAP = {"start": 3000, "end": 5000}


def fill(stage: Stage | None = None, visitor: str = "someone", **change: Any) -> Iterator[dict[str, Any]]:
    sent = {"run": "f.0", "gap": GAP, "notes": MUSIC, "pedals": [], "settings": {"seed": 4}, **change}
    event, request = SimpleNamespace(_data=sent), SimpleNamespace(session_hash=visitor)
    for text in lane_player("relative", MODEL, stage or Stage())(event, request):
        message = json.loads(text)
        yield message
        if message["state"] in ("done", "error"):  # it would only be said again
            return


def test_a_page_gets_the_fillings_of_the_library() -> None:
    *before, last = fill(settings={"seed": 4, "temperature": 0.9, "theme": 0.5})
    assert {message["state"] for message in before} == {"running"} and last["state"] == "done"
    made = [message["made"] for message in before]
    assert made == sorted(made) and made[0] >= 0 and made[-1] <= 1
    wanted = fill_in(
        MODEL, read_notes(MUSIC), 3.0, 5.0, takes=TAKES, candidates=CANDIDATES, seed=4, temperature=0.9
    )
    assert last["takes"] == [note_rows(filling.notes) for filling in wanted]
    assert all(3000 <= on < off <= 5000 for take in last["takes"] for on, off, _, _ in take)


def test_a_passage_from_the_middle_of_a_piece_has_no_beginning_before_it() -> None:
    def takes(**change: Any) -> Any:
        return list(fill(**change))[-1]["takes"]

    assert takes(begins=False) != takes(begins=True) == takes()


def test_who_asks_waits_in_the_lanes_queue_and_leaves_it() -> None:
    stage = Stage(visitors=1)
    ticket = stage.enter("another", "run")
    assert stage.wait(ticket, 0) == 0
    asked = fill(stage)
    assert next(asked)["place"] == 1
    stage.leave(ticket)
    assert list(asked)[-1]["state"] == "done"
    assert stage.wait(stage.enter("a third", "run"), 0) == 0


def test_no_two_selections_are_filled_in_at_once() -> None:
    stage = Stage(visitors=3)
    first, second = fill(stage), fill(stage, "another")
    assert next(first)["state"] == "running"
    assert next(second)["place"] == 1
    assert list(first)[-1]["state"] == "done"
    assert list(second)[-1]["state"] == "done"


@pytest.mark.parametrize("leave", [lambda asked, stage: asked.close(), lambda asked, stage: stage.stop(PART)])
def test_a_filling_that_is_stopped_or_left_ends(leave: Any) -> None:
    stage = Stage(visitors=1)
    asked = fill(stage, gap={"start": 0, "end": 9000}, notes=[*MUSIC, [9500, 9900, 60, 64]])
    assert next(asked)["state"] == "running"
    leave(asked, stage)
    assert all(message["state"] == "running" for message in asked)  # ends without "done"
    assert stage.wait(stage.enter("a third", "run"), 0) == 0


def test_a_page_that_goes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio tells it on its event loop: the work goes on until it is asked, and nobody waits for it."""
    goes, ended = threading.Event(), threading.Event()

    def work(*_: Any, on_progress: Any, **__: Any) -> None:
        goes.wait(10)
        try:
            on_progress(1.0)
        finally:
            ended.set()

    monkeypatch.setattr("musictx.app.filling.fill_in", work)
    asked = fill()
    assert next(asked)["state"] == "running"
    asked.close()
    assert not ended.is_set()  # the work goes on, and nobody waits for it
    goes.set()
    assert ended.wait(5)


PART = part_name("f.0", "relative")
LONG = int(1000 * GAP_SECONDS[1]) + 10


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"gap": None}, "The selection did not arrive"),
        ({"gap": "3000-5000"}, "The selection did not arrive"),
        ({"gap": {}}, "The start of the selection must be a number"),
        ({"gap": {"start": "3", "end": 5000}}, "The start of the selection must be a number"),
        ({"gap": {"start": 3000, "end": 10**400}}, "The end of the selection must be a number"),
        ({"gap": {"start": 3000, "end": float("nan")}}, "The end of the selection must be a number"),
        ({"gap": {"start": -3000, "end": 5000}}, "The selection goes from -3 s to 5 s"),
        ({"gap": {"start": 5000, "end": 3000}}, "The selection goes from 5 s to 3 s"),
        ({"gap": {"start": 3000, "end": 3000}}, "The selection goes from 3 s to 3 s"),
        ({"gap": {"start": 0, "end": LONG}}, "The selection goes from 0 s"),
        ({"gap": {"start": 10**9, "end": 10**9 + 2000}}, "The selection goes from 1e+06 s"),
        ({"gap": {"start": 50_000, "end": 52_000}}, "No note begins after 52 s"),
        ({"notes": []}, "There is no note around this selection"),
        ({"notes": "la"}, "The notes did not arrive"),
        ({"settings": {"seed": "x"}}, "Seed must be a number"),
    ],
)
def test_a_selection_that_makes_no_sense_is_a_sentence(change: dict[str, Any], sentence: str) -> None:
    (message,) = [m for m in fill(**change) if m["state"] != "running"]
    assert message["state"] == "error"
    assert message["error"].startswith(sentence) and message["error"].endswith(".")
