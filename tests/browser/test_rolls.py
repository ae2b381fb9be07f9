"""What can be done with the rolls and the lanes: zoom, loop, keep a beginning, save all."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import pytest

from .conftest import FIRST, MODELS, Place

Open = Callable[..., Any]


@pytest.fixture
def studio(open_studio: Open, place: Place) -> Any:
    """A page with a finished take, silent."""
    studio = open_studio(place)
    studio.run(seconds=20, seed=4)
    studio.wait_done()
    if studio.page.evaluate("window.musictx.transport.state") != "stopped":
        studio.get("play").click()
    return studio


def seek_by_click(studio: Any, share: float, model: str = "vanilla") -> float:
    roll = studio.lane(model).locator(".roll").bounding_box()
    studio.page.mouse.click(roll["x"] + share * roll["width"], roll["y"] + roll["height"] / 2)
    return float(studio.position())


def test_zoom_shows_less_of_the_time_and_keeps_the_playhead_where_it_is(studio: Any) -> None:
    middle = seek_by_click(studio, 0.5)
    studio.get("zoom-in").click()
    left = seek_by_click(studio, 0.25)
    right = seek_by_click(studio, 0.75, "rope")  # all lanes share one axis
    whole = studio.page.evaluate("window.musictx.transport.end")
    assert right - left == pytest.approx(whole / 4, abs=0.5)
    assert left < middle < right
    studio.page.keyboard.press("-")
    assert seek_by_click(studio, 0.02) < 1
    roll = studio.lane("vanilla").locator(".roll").bounding_box()
    studio.page.mouse.move(roll["x"] + roll["width"] / 2, roll["y"] + 20)
    studio.page.keyboard.down("Control")
    studio.page.mouse.wheel(0, -900)
    studio.page.keyboard.up("Control")
    assert seek_by_click(studio, 0.02) > 3


def test_a_selection_is_played_again_and_again(studio: Any) -> None:
    roll = studio.lane("relative").locator(".roll").bounding_box()
    y = roll["y"] + roll["height"] / 2
    end = studio.page.evaluate("window.musictx.transport.end")
    start = roll["x"] + roll["width"] * 10 / end
    studio.page.keyboard.down("Shift")
    studio.page.mouse.move(start, y)
    studio.page.mouse.down()
    studio.page.mouse.move(start + roll["width"] * 1.2 / end, y, steps=4)
    studio.page.mouse.up()
    studio.page.keyboard.up("Shift")
    loop = studio.page.evaluate("window.musictx.transport.loop")
    assert loop["from"] == pytest.approx(10, abs=0.3) and loop["to"] == pytest.approx(11.2, abs=0.3)
    assert studio.get("loop").get_attribute("aria-pressed") == "true"
    studio.page.evaluate(
        """() => {
            window.turns = 0;
            const { transport } = window.musictx;
            let before = 0;
            setInterval(() => {
              if (transport.position < before - 0.5) window.turns += 1;
              before = transport.position;
              window.farthest = Math.max(window.farthest ?? 0, before);
            }, 10);
        }"""
    )
    studio.get("play").click()
    studio.page.wait_for_function("() => window.turns >= 3")
    assert studio.page.evaluate("window.farthest") <= loop["to"] + 0.1
    assert studio.page.evaluate("window.musictx.transport.statistics.late") == 0
    studio.get("loop").click()
    studio.page.wait_for_function("(to) => window.musictx.transport.position > to + 0.2", arg=loop["to"])


def test_a_loop_is_not_left_when_the_page_is_busy_at_its_end(studio: Any) -> None:
    seek_by_click(studio, 0.5)
    studio.get("loop").click()
    studio.get("play").click()
    to = studio.page.evaluate("window.musictx.transport.loop.to")
    studio.page.wait_for_function("(to) => window.musictx.transport.position > to - 0.4", arg=to)
    studio.page.evaluate("() => { const end = performance.now() + 900; while (performance.now() < end); }")
    studio.page.wait_for_timeout(300)
    assert studio.page.evaluate("window.musictx.transport.position") < to


def test_takes_are_kept_when_the_page_is_put_aside(studio: Any) -> None:
    """A phone may discard it there, and says nothing more."""
    studio.page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { value: true, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
            window.keptKeys = Object.keys(sessionStorage).filter((key) => key.includes("takes"));
        }"""
    )
    assert any("compare" in key for key in studio.page.evaluate("window.keptKeys"))


def test_the_loops_ends_are_set_by_keyboard(studio: Any) -> None:
    for share, key in ((0.5, "["), (0.75, "]")):
        at = seek_by_click(studio, share)
        studio.page.keyboard.press(key)
        edge = "from" if key == "[" else "to"
        assert studio.page.evaluate(f"window.musictx.transport.loop.{edge}") == pytest.approx(at, abs=0.01)


def test_the_loops_ends_are_the_lanes_though_the_primer_is_heard(studio: Any) -> None:
    end = studio.page.evaluate("window.musictx.transport.end")
    studio.get("primer-play").click()
    studio.page.wait_for_function("() => window.musictx.transport.state === 'playing'")
    studio.page.keyboard.press("[")
    assert studio.page.evaluate("window.musictx.transport.loop.to") == pytest.approx(end)


def test_a_finger_that_scrolls_moves_no_playhead_and_a_tap_does(studio: Any) -> None:
    at = seek_by_click(studio, 0.2)
    roll = studio.lane("relative").locator(".roll").bounding_box()
    x, y = roll["x"] + 0.7 * roll["width"], roll["y"] + roll["height"] / 2
    touch = studio.page.context.new_cdp_session(studio.page)

    def finger(kind: str, *place: float) -> None:
        points = [{"x": place[0], "y": place[1]}] if place else []
        touch.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    finger("Start", x, y)
    for k in range(1, 6):
        finger("Move", x, y - 12 * k)
    finger("End")
    assert studio.position() == at
    studio.page.evaluate("window.scrollTo(0, 0)")
    roll = studio.lane("relative").locator(".roll").bounding_box()
    y = roll["y"] + roll["height"] / 2
    finger("Start", x, y)
    finger("End")
    studio.page.wait_for_function("(at) => window.musictx.transport.position > at + 5", arg=at)


def test_a_pen_scrolls_as_a_finger_does_and_seeks_when_it_is_lifted(studio: Any) -> None:
    at = seek_by_click(studio, 0.2)
    roll = studio.lane("relative").locator(".roll").bounding_box()
    pen = studio.page.context.new_cdp_session(studio.page)

    def say(kind: str) -> None:
        place = {"x": roll["x"] + 0.7 * roll["width"], "y": roll["y"] + roll["height"] / 2}
        held = {
            "button": "left",
            "buttons": int(kind == "mousePressed"),
            "clickCount": 1,
            "pointerType": "pen",
        }
        pen.send("Input.dispatchMouseEvent", {"type": kind, **place, **held})

    say("mousePressed")
    assert studio.position() == at
    say("mouseReleased")
    studio.page.wait_for_function("(at) => window.musictx.transport.position > at + 5", arg=at)


def test_more_of_a_lane_that_ended_before_the_playhead_catches_up(studio: Any) -> None:
    lengths = {name: studio.page.evaluate(f"window.musictx.take.scores.get('{name}').end") for name in MODELS}
    heard, short = max(lengths, key=lengths.__getitem__), min(lengths, key=lengths.__getitem__)
    studio.get(f"solo-{heard}").click()
    while studio.page.evaluate("window.musictx.transport.end") < lengths[short] + 10:
        studio.get(f"more-{heard}").click()
        studio.wait_done()
    at = seek_by_click(studio, 0.95, heard)
    assert at > lengths[short] + 5
    studio.get(f"more-{short}").click()
    assert studio.position() >= at
    studio.wait_done()


def assert_kept(after: list[list[int]], kept: list[list[int]], until: float) -> None:
    """Notes stay as they are: onset, offset, pitch, velocity. Those that sound at `until` may go on."""
    for row, before in zip(after, kept, strict=False):
        assert row == before if before[1] < until else (row[0], *row[2:]) == (before[0], *before[2:])
    assert len(after) >= len(kept)


def test_a_lane_is_kept_until_the_playhead_and_goes_on_from_there(studio: Any) -> None:
    # An untrained model may end its piece early: take the one that goes on longest.
    model = max(MODELS, key=lambda name: studio.rows(name)[-1][1])
    other = next(name for name in MODELS if name != model)
    before, others = studio.rows(model), studio.rows(other)
    at = seek_by_click(studio, 0.6, model)
    studio.get(f"keep-{model}").click()
    studio.wait_done()
    after = studio.rows(model)
    kept = [row for row in before if row[0] < 1000 * at - 10]
    assert_kept(after, kept, 1000 * at - 10)
    assert after != before and studio.rows(other) == others
    studio.get("share").click()
    studio.page.wait_for_function("() => document.querySelector('.notice').textContent.includes('link')")
    link = studio.page.evaluate("navigator.clipboard.readText()")
    studio.get("undo").click()
    assert studio.rows(model) == before
    studio.leaves_runs = True
    studio.page.goto("about:blank")
    studio.page.goto(link)
    studio.page.wait_for_selector(".mtx[data-ready=true]")
    studio.page.wait_for_function(
        """([model, count]) => {
            const score = window.musictx.transport.scores.get(model);
            return score?.complete && score.notes.length === count;
        }""",
        arg=[model, len(after)],
    )
    assert studio.rows(model) == after


def test_from_here_needs_a_playhead_in_the_continuation(studio: Any) -> None:
    seek_by_click(studio, 0.05)
    studio.get("keep-rope").click()
    assert "Move the playhead" in studio.notice().inner_text()


@pytest.mark.slow
def test_all_lanes_are_saved_in_one_file(studio: Any) -> None:
    with studio.page.expect_download() as waiting:
        studio.get("save-all").click()
    assert waiting.value.suggested_filename == f"{FIRST['name']}-4.zip"
    with zipfile.ZipFile(Path(waiting.value.path())) as archive:
        names = archive.namelist()
        assert {Path(name).suffix for name in names} == {".mid", ".wav", ".json"}
        assert len(names) == 2 * len(MODELS) + 1
        settings = json.loads(archive.read("settings.json"))
        assert settings["seed"] == 4 and settings["primer"] == FIRST["title"]
        file = mido.MidiFile(file=io.BytesIO(archive.read(f"{FIRST['name']}-rope.mid")))
    pitches = [m.note for track in file.tracks for m in track if m.type == "note_on" and m.velocity]
    assert sorted(pitches) == sorted(row[2] for row in studio.rows("rope"))
