"""Looking inside the models: what is drawn is what the server says, and hidden names stay hidden."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import MODELS, Place, Server

Open = Callable[..., Any]
WORDS = ".roll-words:not([hidden])"


def finished(studio: Any, seconds: float = 12) -> Any:
    """Let the page's models play, and stop the sound."""
    studio.run(seconds=seconds, seed=4)
    studio.wait_done()
    if studio.page.evaluate("window.musictx.transport.state") != "stopped":
        studio.get("play").click()
    return studio


@pytest.fixture
def studio(open_studio: Open, endless_server: Server) -> Any:
    return finished(open_studio(endless_server))


def ask(studio: Any, what: str, model: str, **more: Any) -> dict[str, Any]:
    """What the server answers about a lane of the page."""
    length, begins = studio.page.evaluate("[window.musictx.take.length, window.musictx.take.begins]")
    sent = {"lane": model, "notes": studio.rows(model), "length": length, "begins": begins, **more}
    request = urllib.request.Request(
        f"{studio.address}musictx/look/{what}",
        json.dumps(sent).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


def point(studio: Any, model: str, index: int) -> tuple[float, float]:
    """Where on the screen a note of a lane is."""
    studio.lane(model).scroll_into_view_if_needed()
    roll = studio.lane(model).locator(".roll").bounding_box()
    note = studio.page.evaluate(
        """([model, index]) =>
            window.musictx.lanes.lane(model).roll.boxOf(window.musictx.transport.scores.get(model).notes[index])""",
        [model, index],
    )
    return roll["x"] + note["left"] + 1, roll["y"] + note["top"] + note["height"] / 2


def below(studio: Any, model: str, index: int) -> tuple[float, float]:
    """Where on the screen the time axis is below a note of a lane: no note is in reach there."""
    x, _ = point(studio, model, index)
    roll = studio.lane(model).locator(".roll").bounding_box()
    return x, roll["y"] + roll["height"] - 2


def tap(studio: Any, model: str, index: int) -> None:
    studio.page.mouse.click(*point(studio, model, index))
    studio.page.wait_for_function("(words) => document.querySelectorAll(words).length === 3", arg=WORDS)


def first_played(studio: Any, model: str) -> int:
    """The row of the first note that a model played: all lanes have one shortly before it."""
    length = studio.page.evaluate("window.musictx.take.length")
    return sum(row[0] < length for row in studio.rows(model))


def struck(rows: list[list[int]], at: int, pitch: int) -> int:
    """Which row was struck last at a moment (ms); of a chord the one of this pitch, or the highest."""
    last = max(row[0] for row in rows if row[0] <= at + 10)
    chord = [k for k, row in enumerate(rows) if last - 10 < row[0] <= last]
    return next((k for k in chord if rows[k][2] == pitch), max(chord, key=lambda k: rows[k][2]))


def arcs(studio: Any, model: str) -> list[dict[str, str]]:
    """The arcs drawn in a lane, the thinnest first."""
    found: list[dict[str, str]] = studio.lane(model).evaluate(
        """(lane) => [...lane.querySelectorAll(".roll-arcs path")].map((path) => ({
            width: Number(path.getAttribute("stroke-width")), ...path.dataset }))"""
    )
    return found


def test_arcs_lead_to_the_notes_that_the_server_names_in_all_lanes(studio: Any) -> None:
    index = first_played(studio, "relative")
    onset, _, pitch, _ = studio.rows("relative")[index]
    tap(studio, "relative", index)
    assert studio.position() == pytest.approx(onset / 1000, abs=0.5)  # a tap still is a click
    for model in MODELS:
        rows = studio.rows(model)
        note = index if model == "relative" else struck(rows, onset, pitch)
        wanted = ask(studio, "attention", model, note=note)["arcs"]
        drawn = arcs(studio, model)[::-1]
        assert [float(arc["weight"]) for arc in drawn] == [weight for _, weight in wanted]
        assert [[round(1000 * float(arc["onset"])), int(arc["pitch"])] for arc in drawn] == [
            [rows[row][0], rows[row][2]] for row, _ in wanted
        ]
        widths = [arc["width"] for arc in drawn]
        assert len(drawn) == 10 and widths == sorted(widths, reverse=True) and widths[0] > widths[-1]
        assert "s back on average" in studio.lane(model).locator(WORDS).inner_text()


def test_arcs_go_where_nothing_is_tapped_and_where_the_music_changes(studio: Any) -> None:
    index = first_played(studio, "relative")
    tap(studio, "relative", index)
    studio.page.mouse.click(*below(studio, "relative", index))
    assert studio.page.locator(".roll-arcs path").count() == 0
    tap(studio, "relative", index)
    x, y = point(studio, "relative", index)
    studio.page.mouse.move(x, y)
    studio.page.mouse.down()
    studio.page.mouse.move(x + 40, y, steps=3)
    studio.page.mouse.up()  # a drag moves the playhead and asks nothing
    assert len(arcs(studio, "relative")) == 10
    studio.get("more-rope").click()
    assert studio.page.locator(".roll-arcs path").count() == 0
    studio.wait_done()


def test_a_held_key_shows_arcs_for_what_sounds(studio: Any) -> None:
    page = studio.page
    page.evaluate(
        """() => {
            window.chosen = new Set();
            new MutationObserver(() => {
              for (const words of document.querySelectorAll(".roll-words:not([hidden])"))
                window.chosen.add(words.textContent.split(":")[1]);
            }).observe(document.querySelector("#lanes"), { subtree: true, childList: true });
        }"""
    )
    page.get_by_test_id("play").click()
    page.keyboard.down("l")
    page.wait_for_function("() => window.chosen.size >= 2")  # it follows the music
    page.keyboard.up("l")
    page.wait_for_function(
        "() => window.musictx.transport.state !== 'playing' || !document.querySelector('.roll-arcs path')"
    )
    page.keyboard.press("Escape")
    if page.evaluate("window.musictx.transport.state") != "stopped":
        page.get_by_test_id("play").click()
    page.mouse.click(*below(studio, "rope", first_played(studio, "rope")))
    page.keyboard.press("l")
    page.wait_for_function("(words) => document.querySelectorAll(words).length === 3", arg=WORDS)
    page.keyboard.press("Escape")
    assert page.locator(f"{WORDS}, .roll-arcs path").count() == 0


def test_what_goes_wrong_is_said_in_a_sentence(studio: Any) -> None:
    index = first_played(studio, "rope")
    answer = {"error": "the server is looking at other visitors' music; try again in a moment"}
    studio.page.route("**/look/**", lambda route: route.fulfill(json=answer))
    tap(studio, "rope", index)
    said = studio.page.locator(WORDS).all_inner_texts()
    assert said == ["The server is looking at other visitors' music; try again in a moment."] * 3
    studio.page.unroute("**/look/**")
    tap(studio, "rope", index)
    studio.page.wait_for_function("() => document.querySelectorAll('.roll-arcs path').length === 30")


def test_hidden_names_are_not_told_by_arcs(studio: Any) -> None:
    index = first_played(studio, "vanilla")
    tap(studio, "vanilla", index)
    asked: list[str] = []
    studio.page.on("request", lambda request: asked.append(request.url))
    studio.get("blind").click()
    assert studio.page.locator(f"{WORDS}, .roll-arcs path").count() == 0
    studio.page.mouse.click(*point(studio, "vanilla", index))
    studio.page.keyboard.press("l")
    assert studio.page.locator(f"{WORDS}, .roll-arcs path").count() == 0
    assert not [url for url in asked if "/look/" in url]


def inside(studio: Any) -> None:
    """Open the line of what can be seen inside the models."""
    studio.get("inside").click()
    assert studio.get("inside-hint").is_visible()


def wait_drawn(studio: Any, model: str, coloured: bool) -> None:
    studio.page.wait_for_function(
        """([model, coloured]) => {
            const { lanes } = window.musictx;
            return Boolean(lanes.lane(model).roll.nats) === coloured && lanes.dirty.size === 0;
        }""",
        arg=[model, coloured],
    )


def colours(studio: Any, model: str) -> list[int | None]:
    """Which tenth of the legend each note of a lane is painted in; None for none of them."""
    found: list[int | None] = studio.lane(model).evaluate(
        """(lane) => {
            const style = getComputedStyle(lane);
            const [calm, stirred, startled] = ["--calm", "--stirred", "--startled"].map((name) =>
              style.getPropertyValue(name));
            const one = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
            const rgb = (colour) => {
              one.fillStyle = colour;
              one.fillRect(0, 0, 1, 1);
              return [...one.getImageData(0, 0, 1, 1).data].slice(0, 3);
            };
            const steps = Array.from({ length: 11 }, (_, k) => rgb(
              k < 5 ? `color-mix(in oklab, ${stirred} ${20 * k}%, ${calm})`
                    : `color-mix(in oklab, ${startled} ${20 * (k - 5)}%, ${stirred})`));
            const canvas = lane.querySelector(".roll-notes");
            const scale = canvas.width / canvas.clientWidth;
            const copy = new OffscreenCanvas(canvas.width, canvas.height);
            const context = copy.getContext("2d", { willReadFrequently: true });
            context.drawImage(canvas, 0, 0);
            const { model } = lane.dataset;
            return window.musictx.transport.scores.get(model).notes.map((note) => {
              const { left, top, width, height } = window.musictx.lanes.lane(model).roll.boxOf(note);
              const at = [scale * (left + width / 2), scale * (top + height / 2)].map(Math.floor);
              const [r, g, b] = context.getImageData(...at, 1, 1).data;
              const away = steps.map((step) => Math.hypot(step[0] - r, step[1] - g, step[2] - b));
              const least = Math.min(...away);
              return least < 24 ? away.indexOf(least) : null;
            });
        }"""
    )
    return found


def test_notes_are_coloured_by_what_the_server_says_of_their_surprise(studio: Any) -> None:
    inside(studio)
    assert not studio.get("legend").is_visible()
    before = colours(studio, "relative")
    studio.get("surprise").press("Enter")
    assert "Surprise in nats: 0" in studio.get("legend").inner_text()
    for model in MODELS:
        nats = ask(studio, "surprise", model)["nats"]
        wait_drawn(studio, model, True)
        painted = colours(studio, model)
        pairs = [
            (step, min(value, 10)) for step, value in zip(painted, nats, strict=True) if step is not None
        ]
        assert len(pairs) > len(nats) / 2  # others are covered by later notes
        assert sum(abs(step - value) <= 1 for step, value in pairs) > 0.8 * len(pairs)
    studio.get("surprise").click()
    wait_drawn(studio, "relative", False)
    assert colours(studio, "relative") == before


def test_the_primer_comes_again_with_both_numbers(studio: Any) -> None:
    inside(studio)
    end = studio.page.evaluate("window.musictx.transport.end")
    studio.get("again").click()
    studio.page.wait_for_function("() => document.querySelectorAll('.roll-again:not([hidden])').length === 3")
    for model in MODELS:
        answer = ask(studio, "again", model)
        said = studio.lane(model).locator(".roll-again").inner_text()
        assert said == f"the primer again: {answer['first']:.1f} → {answer['second']:.1f} nats per note"
    assert studio.get("surprise").get_attribute("aria-pressed") == "true"
    shown = studio.page.evaluate("window.musictx.lanes.lane('relative').roll.view.end")
    heard = studio.page.evaluate("window.musictx.take.length") - answer["from"]  # of the primer
    assert shown >= end + heard / 1000 - 1
    studio.get("surprise").click()  # without colours it cannot be shown
    assert studio.page.locator(".roll-again:not([hidden])").count() == 0
    studio.page.wait_for_function(
        "(end) => window.musictx.lanes.lane('relative').roll.view.end <= end + 0.01", arg=end
    )


def test_other_heads_lead_elsewhere(studio: Any) -> None:
    index = first_played(studio, "relative")
    inside(studio)
    tap(studio, "relative", index)
    studio.get("heads").click()
    studio.get("heads-all").click()
    answer = ask(studio, "attention", "relative", note=index)
    heads = [[layer, head] for layer, head, _ in answer["all"]]
    wanted = ask(studio, "attention", "relative", note=index, heads=heads)["arcs"]
    assert wanted
    studio.page.wait_for_function(
        """(weight) => [...document.querySelectorAll("[data-testid=lane-relative] .roll-arcs path")].at(-1)
            ?.dataset.weight === String(weight)""",
        arg=wanted[0][1],
    )


def test_nothing_inside_is_seen_before_the_vote(studio: Any) -> None:
    inside(studio)
    studio.get("again").click()
    studio.page.wait_for_selector(".roll-again:not([hidden])")
    studio.get("blind").click()
    assert studio.page.locator(".roll-again:not([hidden])").count() == 0
    assert studio.get("inside-hint").inner_text() == "What the models attended to appears after you vote."
    assert studio.get("surprise").is_disabled() and not studio.get("legend").is_visible()
    assert studio.page.evaluate("window.musictx.lanes.lane('rope').roll.nats") is None


def test_a_page_without_a_server_says_what_it_lacks(open_studio: Open, endless_site: Place) -> None:
    studio = finished(open_studio(endless_site), seconds=2)
    inside(studio)
    lacks = "and this page has none. Run musictx app on your own computer"
    assert lacks in studio.get("inside-hint").inner_text() and studio.get("surprise").is_disabled()
