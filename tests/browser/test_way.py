"""What used to get in the way, on the way from a primer to the music."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from musictx.app.site import page_files

from .conftest import FIRST, MODELS, Place, Server
from .music import midi_bytes, scale
from .test_primer import primer, upload

Open = Callable[..., Any]


@pytest.fixture
def studio(open_studio: Open, place: Place) -> Any:
    return open_studio(place)


def upload_long(studio: Any, seconds: int = 1080) -> None:
    """A piece of eighteen minutes."""
    upload(studio, midi_bytes([(k / 2, 0.4, 40 + k % 40) for k in range(2 * seconds)]), "long.mid")
    studio.page.wait_for_function(
        "() => document.querySelector('.primer-title strong').textContent === 'long.mid'"
    )


def drag(studio: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    studio.page.mouse.move(*start)
    studio.page.mouse.down()
    studio.page.mouse.move(*end, steps=4)
    studio.page.mouse.up()


# ---- the primer's window


@pytest.mark.slow
def test_the_window_of_a_long_piece_can_be_taken_hold_of_and_moved(studio: Any) -> None:
    upload_long(studio)
    before = primer(studio)
    assert before["end"] - before["start"] == pytest.approx(10, abs=0.1)
    studio.get("primer-zoom-out").click(click_count=5)  # down to a sliver of the whole
    window = studio.get("primer-window").bounding_box()
    handles = [studio.get(f"handle-{edge}").bounding_box() for edge in ("start", "end")]
    assert handles[0]["x"] + handles[0]["width"] <= window["x"] + 1
    assert handles[1]["x"] >= window["x"] + window["width"] - 7
    roll = studio.page.locator(".primer-roll").bounding_box()
    middle = roll["y"] + roll["height"] / 2
    studio.page.mouse.click(roll["x"] + roll["width"] / 2, middle)
    clicked = primer(studio)
    assert clicked["start"] + 5 == pytest.approx(540, abs=20)
    assert clicked["end"] - clicked["start"] == pytest.approx(10, abs=0.1)  # at its length
    window = studio.get("primer-window").bounding_box()
    grip = (window["x"] + window["width"] / 2, middle)
    drag(studio, grip, (grip[0] + roll["width"] / 4, middle))
    dragged = primer(studio)
    assert dragged["start"] - clicked["start"] == pytest.approx(270, abs=20)
    assert dragged["end"] - dragged["start"] == pytest.approx(10, abs=0.1)


def test_a_long_piece_is_zoomed_and_its_overview_leads_anywhere(studio: Any) -> None:
    upload_long(studio)
    narrow = studio.get("primer-window").bounding_box()["width"]
    studio.get("primer-zoom-in").click()
    assert studio.get("primer-window").bounding_box()["width"] == pytest.approx(2 * narrow, rel=0.05)
    overview = studio.get("overview").bounding_box()
    studio.page.mouse.click(overview["x"] + overview["width"] * 0.75, overview["y"] + overview["height"] / 2)
    assert primer(studio)["start"] + 5 == pytest.approx(810, abs=10)
    assert studio.get("primer-window").bounding_box()["width"] == pytest.approx(2 * narrow, rel=0.05)
    studio.get("handle-start").focus()
    length = primer(studio)["end"] - primer(studio)["start"]
    studio.page.keyboard.press("Shift+PageUp")
    moved = primer(studio)
    assert moved["end"] - moved["start"] == pytest.approx(length, abs=0.01)


def test_an_upload_begins_with_its_first_seconds_and_its_end_is_offered(studio: Any) -> None:
    upload_long(studio, 60)
    assert (primer(studio)["start"], primer(studio)["end"]) == pytest.approx((0, 10), abs=0.1)
    studio.get("primer-ending").click()
    assert (primer(studio)["start"], primer(studio)["end"]) == pytest.approx((49.9, 59.9), abs=0.1)
    studio.get("primer-beginning").click()
    assert primer(studio)["start"] == 0
    upload(studio, midi_bytes([(3.0 + 4 * k, 0.5, 60) for k in range(20)]), "slow.mid")
    studio.page.wait_for_function(
        "() => document.querySelector('.primer-title strong').textContent === 'slow.mid'"
    )
    assert primer(studio)["start"] == 3  # where the music begins
    assert primer(studio)["detail"].startswith("8 notes")  # as long as it takes


def test_trims_are_steps_and_undo_keeps_the_upload(studio: Any) -> None:
    upload_long(studio, 60)
    begun = primer(studio)
    roll = studio.page.locator(".primer-roll").bounding_box()
    end = studio.get("handle-end").bounding_box()
    y = roll["y"] + 20
    drag(studio, (end["x"] + 5, y), (end["x"] + 5 + roll["width"] / 4, y))
    dragged = primer(studio)
    assert dragged["end"] > begun["end"] + 5
    studio.get("handle-start").focus()
    for _ in range(3):
        studio.page.keyboard.press("ArrowRight")
    trimmed = primer(studio)
    assert trimmed["start"] == pytest.approx(0.3)
    studio.get("primer-end").fill("0:12")
    studio.get("primer-end").blur()
    assert primer(studio)["end"] == 12
    for expected in (trimmed, dragged, begun):
        studio.get("undo").click()
        assert primer(studio) == expected
    studio.get("undo").click()
    assert "long.mid" not in primer(studio)["title"]


# ---- playing, choosing, files


def test_keys_are_recorded_at_once_and_a_card_ends_the_recording(studio: Any) -> None:
    studio.get("piano").click()
    for letter in "adg":
        studio.page.keyboard.press(letter)
    assert primer(studio)["detail"].startswith("3 notes")
    assert studio.get("record").get_attribute("aria-pressed") == "true"
    studio.get("preset-fur-elise").click()
    assert studio.get("record").get_attribute("aria-pressed") == "false"
    chosen = primer(studio)
    studio.page.keyboard.press("a")  # sounds, and replaces nothing
    assert primer(studio) == chosen
    studio.get("undo").click()
    assert primer(studio)["detail"].startswith("3 notes")


def test_a_card_chosen_during_the_first_run_leaves_the_take_in_reach(studio: Any) -> None:
    studio.run(seconds=180)
    studio.wait_notes("relative", 5)
    assert not studio.get("take-1").is_visible()  # there is nothing to choose yet
    studio.get("preset-ode-to-joy").click()
    studio.page.wait_for_selector("[data-testid=lane-relative][data-notes='0']")
    studio.get("take-1").click()
    studio.wait_notes("relative", 5)


def test_a_file_is_welcome_anywhere_in_the_window(studio: Any) -> None:
    over = """(kind) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(window.fileBytes)], 'dropped.mid', { type: 'audio/midi' }));
        const event = new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
        document.documentElement.dispatchEvent(event); // outside the page's own element
        return event.defaultPrevented;
    }"""
    studio.page.evaluate("(bytes) => { window.fileBytes = bytes }", list(midi_bytes(scale())))
    assert not studio.get("welcome").is_visible()
    assert studio.page.evaluate(over, "dragover")
    assert studio.get("welcome").is_visible()
    assert studio.page.evaluate(over, "drop")
    assert not studio.get("welcome").is_visible()
    studio.page.wait_for_function(
        "() => document.querySelector('.primer-title strong').textContent === 'dropped.mid'"
    )


# ---- what is said


def test_remarks_are_sentences_and_a_copied_link_is_forgotten(studio: Any) -> None:
    studio.get("share").click()
    studio.page.wait_for_function("() => document.querySelector('.notice').textContent.includes('copied')")
    assert "only on this machine" in studio.notice().inner_text()  # as 127.0.0.1 is
    studio.get("seed").fill("99")
    studio.get("seed").blur()
    assert studio.notice().inner_text() == ""
    content = midi_bytes(scale(count=2), scale(count=3, lowest=40), drums=[1], unended=[0])
    upload(studio, content, "a.mid")
    studio.page.wait_for_function(
        "() => document.querySelector('.primer-title strong').textContent === 'a.mid'"
    )
    assert studio.notice().inner_text() == (
        "3 drum notes left out. 2 notes without an end ended at the next strike or the end of the track."
    )


def test_an_impossible_length_is_marked_and_has_the_focus(studio: Any) -> None:
    studio.get("seconds").fill("9999")
    studio.get("continue").click()
    assert studio.get("seconds").get_attribute("aria-invalid") == "true"
    assert studio.page.evaluate("document.activeElement.dataset.testid") == "seconds"
    studio.get("seconds").fill("20")
    studio.get("seconds").blur()
    assert studio.get("seconds").get_attribute("aria-invalid") is None


def test_the_running_time_is_not_read_out(studio: Any) -> None:
    live = studio.get("time").evaluate(
        "(time) => time.closest('output, [aria-live], [role=status], [role=timer], [role=log]') !== null"
    )
    assert not live


def test_colours_change_where_nothing_can_be_stored(open_studio: Any, place: Any) -> None:
    script = "Storage.prototype.setItem = () => { throw new DOMException('no', 'SecurityError'); };"
    studio = open_studio(place, script=script)
    before = studio.page.locator(".mtx").get_attribute("data-theme")
    for changed in (True, False):
        studio.page.locator("#theme").click()
        assert (studio.page.locator(".mtx").get_attribute("data-theme") != before) is changed


def test_continue_is_near_for_the_keyboard(studio: Any) -> None:
    studio.page.locator("body").press("Tab")
    assert studio.page.evaluate("document.activeElement.dataset.testid") == "skip"
    studio.page.keyboard.press("Enter")
    assert studio.page.evaluate("document.activeElement.dataset.testid") == "continue"
    studio.page.reload()
    studio.page.wait_for_selector(".mtx[data-ready=true]")
    studio.page.locator("body").press("Tab")
    stops = 1
    while studio.page.evaluate("document.activeElement.dataset.testid") != "continue":
        studio.page.keyboard.press("Tab")
        stops += 1
        assert stops < 16
    studio.get(f"preset-{FIRST['name']}").focus()
    studio.page.keyboard.press("ArrowRight")
    studio.page.keyboard.press("End")
    last = studio.page.evaluate("document.activeElement.dataset.testid")
    assert last == studio.page.locator(".card").last.get_attribute("data-testid")
    studio.page.keyboard.press("Enter")
    assert studio.get(last).get_attribute("aria-pressed") == "true"


def test_nothing_moves_smoothly_for_those_who_do_not_want_it(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, reduced_motion="reduce", viewport={"width": 1280, "height": 400})
    before, after = studio.page.evaluate(
        """() => {
            const place = () => document.querySelector('.listen').getBoundingClientRect().top;
            const before = place();
            document.querySelector('[data-testid=continue]').click();
            return [before, place()];
        }"""
    )
    assert after < before - 50  # at once


def test_a_last_message_that_is_lost_comes_again(open_studio: Open, endless_server: Server) -> None:
    studio = open_studio(endless_server)
    studio.page.evaluate(
        """() => {
            const player = window.musictx.player.server;
            const receive = player.receive.bind(player);
            const lost = new Set();
            player.receive = (text) => {
              const { state, lane } = JSON.parse(text);
              if (state === 'done' && !lost.has(lane)) lost.add(lane);
              else receive(text);
            };
        }"""
    )
    studio.run(seconds=3)
    studio.wait_done()
    assert all(int(studio.lane(model).get_attribute("data-notes")) > 0 for model in MODELS)


# ---- the page from outside, and on a phone


def described(page: str) -> dict[str, str]:
    """What the head of a page says of it."""
    head = re.sub(r"<script.*?</script>|<style.*?</style>", "", page.partition("</head>")[0], flags=re.DOTALL)
    assert "<title>musictx: " in head
    found = dict(re.findall(r'<meta (?:property|name)="([\w:]+)" content="([^"]*)"', head))
    assert "Transformers" in found["description"] and found["og:description"] == found["description"]
    assert "radio" not in " ".join(found.values())
    return found


def test_the_page_has_a_head_of_its_own(endless_server: Server) -> None:
    with urllib.request.urlopen(endless_server.address, timeout=30) as answer:
        found = described(answer.read().decode())
    assert found["og:url"] == endless_server.address
    pictures = {found["og:image"]: "image/png", f"{endless_server.address}favicon.ico": "image/svg+xml"}
    for address, kind in pictures.items():
        with urllib.request.urlopen(address, timeout=30) as picture:
            assert picture.headers["Content-Type"].startswith(kind)


def test_a_site_has_the_same_head_as_far_as_it_knows_its_address() -> None:
    files = page_files()
    index = files["index.html"].decode()
    found = described(index)
    assert found["og:image"] in files and "og:url" not in found
    assert all(icon in files for icon in re.findall(r'rel="(?:apple-touch-)?icon" href="([^"]*)"', index))


# On a phone: what is smaller than a finger, or sticks out of the screen.
UNFIT = """() => [...document.querySelectorAll('.mtx :is(button, summary, select, .button, .check, input)')]
  .filter((each) => each.checkVisibility() && !each.matches('.key, [type=checkbox], [type=file]'))
  .filter((each) => {
    const { left, right, width, height } = each.getBoundingClientRect();
    const beside = !each.closest('.presets') && (left < 0 || right > innerWidth);
    return Math.min(width, height) < 43.5 || beside || document.documentElement.scrollWidth > innerWidth;
  })
  .map((each) => each.outerHTML.slice(0, 120))"""


def test_a_phone_shows_the_lanes_after_continue(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    studio.page.emulate_media(reduced_motion="reduce")
    frame = studio.page.locator(".mtx").bounding_box()
    assert frame["width"] >= 0.92 * 390
    studio.get("continue").tap()
    studio.wait_notes("relative", 1)
    lane = studio.lane("vanilla").bounding_box()
    assert 0 <= lane["y"] < 500
    play = studio.get("play").bounding_box()
    assert 844 - 80 < play["y"] + play["height"] <= 844  # in reach, wherever one scrolls
    studio.get("stop").evaluate("(button) => button.click()")
    studio.wait_done()
    assert studio.page.evaluate(UNFIT) == []
    places = studio.lane("vanilla").evaluate(
        """(lane) => [".said", ".roll", ".lane-actions"]
            .map((part) => lane.querySelector(part).getBoundingClientRect().y)"""
    )
    assert places == sorted(places)  # what happened comes first
    for testid in ("inside", "blind", "piano", "duet"):
        studio.get(testid).tap()
    studio.get("vary").tap()
    studio.get("stop").evaluate("(button) => button.click()")
    studio.wait_done()
    studio.get("settings").tap()
    assert studio.page.evaluate(UNFIT) == []


def test_what_is_said_on_a_phone_moves_nothing_of_what_one_looks_at(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    studio.page.emulate_media(reduced_motion="reduce")
    studio.run()
    studio.wait_done()
    button = studio.get("keep-rope")
    button.scroll_into_view_if_needed()
    before = button.bounding_box()["y"]
    studio.rewind()
    button.tap()
    said = studio.notice().bounding_box()
    assert "Move the playhead" in studio.notice().inner_text() and 0 <= said["y"] < said["height"] < 100
    assert button.bounding_box()["y"] == pytest.approx(before, abs=1)
