"""The page as a whole: offline, small screens, several visitors, the blind test, a lost server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from musictx.app.head import STATIC, preloads

from .conftest import FIRST, MODELS, Place, Server, stop, voted
from .music import midi_bytes, scale
from .test_primer import upload

Open = Callable[..., Any]


def test_everything_works_without_a_network(open_studio: Open, endless_server: Server) -> None:
    studio = open_studio(endless_server)
    studio.page.evaluate("window.musictx.ready")
    assert studio.modules() == list(preloads("studio.js"))  # all were fetched at once, none is missing
    studio.page.get_by_role("button", name="What am I hearing?").first.click()
    assert studio.get("explain").locator("figure svg").count() == 3
    studio.run(seconds=2)
    studio.wait_done()
    failed = studio.page.evaluate(
        """performance.getEntriesByType('resource')
            .filter((entry) => entry.responseStatus >= 400).map((entry) => entry.name)"""
    )
    assert failed == []
    assert studio.outside == []
    assert not endless_server.outside.exists() or endless_server.outside.read_text() == ""


def test_lanes_fit_one_screen_and_share_their_axes(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=2)
    studio.wait_done()
    boxes = [studio.lane(model).locator(".roll").bounding_box() for model in MODELS]
    assert max(box["y"] + box["height"] for box in boxes) <= 800
    assert len({(box["x"], box["width"]) for box in boxes}) == 1
    studio.get("view-columns").click()
    columns = [studio.lane(model).bounding_box() for model in MODELS]
    assert len({box["y"] for box in columns}) == 1
    assert columns[0]["x"] < columns[1]["x"] < columns[2]["x"]


ANSWER = "Vanilla piles up past the training length. RoPE and Relative play on past the training length."
LONG = (
    "Relative plays on past its training length (at most 10 notes at once) "
    "and brings the theme back (12.2 notes in a row follow the primer, "
    "at most 1.6 another piece’s)."
)


def test_lanes_whose_sentences_take_two_lines_fit_one_screen(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=2)
    studio.wait_done()
    studio.page.evaluate(
        """([answer, text]) => {
            document.querySelector("#headline").textContent = answer;
            for (const { model } of window.musictx.lanes.lanes.values()) {
                const lane = window.musictx.lanes.lane(model);
                lane.verdict = text;
                lane.showSaid();
            }
        }""",
        [ANSWER, LONG],
    )
    heights = [studio.get(f"said-{model}").bounding_box()["height"] for model in MODELS]
    assert min(heights) > 30  # two lines
    bottoms = [box["y"] + box["height"] for box in (studio.lane(model).bounding_box() for model in MODELS)]
    assert max(bottoms) <= 800


def test_a_phone_has_the_lanes_on_its_first_screen_and_all_else_within_reach(
    open_studio: Open, place: Place
) -> None:
    studio = open_studio(place, viewport={"width": 390, "height": 844}, has_touch=True)
    for mode, lane in (("compare", "vanilla"), ("compose", "A")):
        studio.get(f"mode-{mode}").tap()
        tops = [studio.get(each).bounding_box()["y"] for each in ("upload", "continue", f"lane-{lane}")]
        assert tops == sorted(tops) and tops[-1] <= 500, mode
    assert studio.get("seconds").is_visible() and studio.get("seed").is_visible()
    folds = {"primer-start": "primer-unfold", "beat": "settings", "shape-pitch": "settings"}
    for folded, fold in folds.items():
        assert not studio.get(folded).is_visible()
        studio.get(fold).tap()
        assert studio.get(folded).is_visible()
        studio.get(fold).tap()
    studio.page.set_viewport_size({"width": 1280, "height": 800})
    for testid in ("primer-start", "beat", "shape-pitch", "stop", "settings"):
        assert studio.get(testid).is_visible(), testid


def test_a_phone_shows_the_notes_of_a_piece_of_which_a_part_is_chosen(
    open_studio: Open, place: Place
) -> None:
    studio = open_studio(place, viewport={"width": 390, "height": 844}, has_touch=True)
    assert not studio.get("handle-end").is_visible()
    upload(studio, midi_bytes(scale(count=80, lowest=40)), "long.mid")
    studio.get("handle-end").wait_for()


def test_a_narrow_screen_has_everything_and_nothing_sticks_out(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, viewport={"width": 390, "height": 844}, has_touch=True)
    assert studio.page.evaluate("document.documentElement.scrollWidth") <= 390
    studio.get("piano").tap()
    studio.get("key-60").tap()
    studio.get("record").tap()
    studio.run(seconds=2)
    studio.wait_done()
    assert studio.page.evaluate("document.documentElement.scrollWidth") <= 390
    for testid in ("continue", "play", "solo-vanilla", "midi-rope", "upload", "seed"):
        box = studio.get(testid).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, testid
    # What a button far below answers is read on the screen, and what opens stands by its button.
    studio.get("share").tap()
    studio.page.wait_for_function("() => document.querySelector('.notice').textContent.includes('The link')")
    box = studio.notice().bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 844
    studio.get("inside").tap()
    insight, switch = studio.get("surprise").bounding_box(), studio.get("inside").bounding_box()
    assert 0 < insight["y"] - switch["y"] < 200


def test_a_phone_can_choose_among_a_files_tracks(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, viewport={"width": 390, "height": 844}, has_touch=True)
    studio.get("upload").set_input_files(
        {"name": "two.mid", "mimeType": "audio/midi", "buffer": two_tracks()}
    )
    studio.get("primer-unfold").tap()
    studio.get("tracks").locator("summary").tap()
    boxes = [each.bounding_box() for each in studio.get("tracks").locator("input").all()]
    assert len(boxes) == 2 and all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)


def two_tracks() -> bytes:
    """A file with a track for each hand."""
    hand = b"\x00\x90%c\x40\x60\x80%c\x40\x00\xff\x2f\x00"
    tracks = [hand % (pitch, pitch) for pitch in (48, 72)]
    head = b"MThd" + bytes([0, 0, 0, 6, 0, 1, 0, 2, 0, 96])
    return head + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)


def test_every_control_has_a_name_and_can_be_reached_by_keyboard(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    unnamed = studio.page.evaluate(
        """() => [...document.querySelectorAll('.mtx button, .mtx input, .mtx summary, .mtx [role=slider]')]
            .filter((each) => each.offsetParent)
            .filter((each) => !each.getAttribute('aria-label') && !each.textContent.trim())
            .filter((each) => !each.labels?.[0]?.textContent.trim())
            .map((each) => each.outerHTML)"""
    )
    assert unnamed == []
    reached = set()
    studio.page.locator("body").press("Tab")
    for _ in range(80):
        reached.add(studio.page.evaluate("document.activeElement.dataset.testid ?? ''"))
        studio.page.keyboard.press("Tab")
    wanted = {
        f"preset-{FIRST['name']}",
        "upload",
        "handle-start",
        "continue",
        "seconds",
        "seed",
        "settings",
        "play",
        "solo-rope",
    }
    assert wanted <= reached
    studio.get("continue").focus()
    assert studio.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_dark_and_light(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, color_scheme="dark")

    def paper() -> str:
        return str(
            studio.page.evaluate(
                "getComputedStyle(document.documentElement).getPropertyValue('--musictx-paper')"
            )
        )

    dark = paper()
    studio.page.get_by_role("button", name="Dark colours").click()
    assert paper() != dark


def test_a_blind_test_hides_names_until_the_vote_and_keeps_it(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("blind").click()
    studio.run(seconds=2, seed=12)
    studio.wait_done()
    shown = studio.page.locator(".lanes").inner_text() + studio.page.locator(".vote").inner_text()
    assert not [name for name in ("vanilla", "relative", "rope") if name in shown.lower()]
    assert studio.page.locator(".lanes h3").all_inner_texts() == ["A", "B", "C"]
    assert not studio.page.get_by_test_id("comparison").is_visible()
    colours = studio.page.evaluate(
        """[...document.querySelectorAll('.lane')]
            .map((lane) => getComputedStyle(lane).getPropertyValue('--lane'))"""
    )
    assert len(set(colours)) == 1
    order = studio.order()
    studio.hear_all()
    kept = voted(studio, place, studio.get("vote-b").click)
    assert order[1] in studio.get("reveal").locator("xpath=..").inner_text().lower()
    assert set(studio.page.locator(".lanes h3").all_inner_texts()) == {"Vanilla", "Relative", "RoPE"}
    assert (kept["choice"], json.loads(kept["lane_order"]), kept["seed"]) == (order[1], order, 12)
    assert json.loads(kept["settings"])["seconds"] == 2
    assert kept["primer_name"] == FIRST["name"]
    assert len(kept["primer_sha256"]) == 64
    assert kept["verdict"] == "chosen"
    assert all(json.loads(kept["heard"])[model] > 0 for model in order)
    assert set(json.loads(kept["models"])) == set(order)
    assert kept["visitor"] == json.loads(studio.page.evaluate("localStorage.getItem('musictx.visitor')"))


def test_the_blind_order_changes(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    orders = set()
    for _ in range(12):
        studio.get("blind").click()
        orders.add(tuple(studio.order()))
        studio.get("blind").click()
    assert len(orders) > 1


def test_two_visitors_do_not_see_each_other(open_studio: Open, endless_server: Server) -> None:
    one, two = (
        open_studio(endless_server, locale="en-GB"),
        open_studio(endless_server, locale="en-GB"),
    )  # each with a profile of its own
    two.get("preset-ode-to-joy").click()
    one.run(seconds=2, seed=1)
    two.run(seconds=2, seed=2)
    one.wait_done()
    two.wait_done()
    together = one.rows("relative"), two.rows("relative")
    for studio, seed, rows in ((one, 1, together[0]), (two, 2, together[1])):  # as when nobody else is there
        studio.run(seconds=2, seed=seed + 10)
        studio.wait_done()
        studio.run(seconds=2, seed=seed)
        studio.wait_done()
        assert studio.rows("relative") == rows != together[seed % 2]
    assert one.page.locator("#primer .primer-title strong").inner_text() == FIRST["title"]
    assert two.page.locator("#primer .primer-title strong").inner_text() != FIRST["title"]


def test_two_tabs_of_one_visitor_play_on_their_own(open_studio: Open, place: Place) -> None:
    one = open_studio(place)
    two = open_studio(place, context=one.page.context)
    one.run(seconds=2, seed=1)
    two.run(seconds=2, seed=1)
    one.wait_done()
    two.wait_done()
    assert one.rows("vanilla") == two.rows("vanilla")


def test_a_visitor_who_must_wait_is_told_the_place(open_studio: Open, small_server: Server) -> None:
    first, second, third = (open_studio(small_server) for _ in range(3))
    first.run(seconds=180)
    first.wait_notes("relative", 1)
    second.run(seconds=2)
    second.page.wait_for_function(
        "() => document.querySelector('.notice').textContent.includes('One visitor is ahead')"
    )
    third.get("settings").click()
    third.get("place").select_option("server")  # or it would not wait
    third.run(seconds=2)
    third.page.wait_for_function(
        "() => document.querySelector('.notice').textContent.includes('2 visitors are ahead')"
    )
    first.page.close()  # a closed page gives its place away
    second.wait_done()
    third.wait_done()
    assert "ahead" not in third.notice().inner_text()


def test_a_lost_server_is_told_and_the_music_stays(
    open_studio: Open, start_server: Callable[..., Server], endless_models: list[str]
) -> None:
    own = start_server(models=endless_models)
    studio = open_studio(own)
    studio.loses_server = True
    studio.run(seconds=180)
    studio.wait_notes("relative", 2)
    notes = studio.lane("relative").get_attribute("data-notes")
    stop(own)
    studio.page.wait_for_function(
        "() => [...document.querySelectorAll('.lane')].every((lane) => lane.dataset.state === 'error')"
    )
    assert "connection to the server was lost" in studio.lane("relative").inner_text()
    assert int(studio.lane("relative").get_attribute("data-notes")) >= int(notes)
    title = studio.page.locator("#primer .primer-title strong").inner_text()
    studio.get("midi-relative").click()
    studio.page.wait_for_function(
        "() => document.querySelector('.notice').textContent.includes('does not answer')"
    )
    assert title == FIRST["title"]
    rows = studio.rows("relative")
    with studio.page.expect_navigation():  # Gradio loads the page again once it has an answer
        start_server(at=own, models=endless_models)
    studio.page.wait_for_selector(".mtx[data-ready=true]")
    assert studio.rows("relative") == rows
    assert "still here" in studio.notice().inner_text()
    studio.run(seconds=2)
    studio.wait_done()
    assert studio.page.get_by_test_id("take-2").count() == 1


@pytest.mark.parametrize(
    "path",
    [
        "musictx/static/../layout.py",
        "musictx/static/..%2flayout.py",
        "musictx/piano/../audio.py",
        "musictx/piano/..%2faudio.py",
        "gradio_api/file=/etc/passwd",
        "gradio_api/file=app/layout.py",
        f"gradio_api/file={STATIC.parent / 'layout.py'}",
    ],
)
def test_only_the_pages_own_files_are_served(server: Server, path: str) -> None:
    import urllib.error
    import urllib.request

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(server.address + path, timeout=10)
    assert refused.value.code in (403, 404)
