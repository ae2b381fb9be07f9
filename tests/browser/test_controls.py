"""Buttons that say what they do, can be read, and do not lose the keyboard's focus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import MODELS, Place

Open = Callable[..., Any]

CONTRAST = """(element) => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const luminance = (colour) => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data]
      .map((x) => (x / 255 <= 0.04045 ? x / 255 / 12.92 : ((x / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const { color, backgroundColor } = getComputedStyle(element);
  const [dark, light] = [luminance(color), luminance(backgroundColor)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}"""


def focused(studio: Any) -> str:
    return str(
        studio.page.evaluate("document.activeElement.dataset.testid ?? document.activeElement.tagName")
    )


AS_IT_BEGINS = """() => {
  const find = (id) => document.querySelector(`[data-testid=${id}]`);
  const more = find("more-rope");
  more.addEventListener("click", () => {
    const disabled = more.matches(":disabled, [aria-disabled=true]");
    const focused = document.activeElement.dataset.testid;
    window.begun = { state: find("lane-rope").dataset.state, disabled, focused };
  }, { once: true });
}"""


def test_buttons_keep_the_focus_whatever_they_start(open_studio: Open, unhurried: Place) -> None:
    studio = open_studio(unhurried)
    studio.run(seconds=180)
    studio.wait_notes()
    studio.get("stop").press("Enter")
    assert focused(studio) == "stop"
    studio.get("seconds").fill("2")
    studio.get("vary").press("Enter")
    studio.wait_done()
    assert focused(studio) == "vary"
    studio.get("seconds").fill("180")
    studio.page.evaluate(AS_IT_BEGINS)  # a model may end its piece soon
    studio.get("more-rope").press("Enter")
    begun = studio.page.evaluate("window.begun")
    assert begun["state"] != "done"
    assert begun["focused"] == focused(studio) == "more-rope" and begun["disabled"]
    studio.get("stop").evaluate("(button) => button.click()")  # the focus stays
    studio.wait_done()
    assert focused(studio) == "more-rope" and studio.get("more-rope").is_enabled()
    studio.get("take-1").press("Enter")
    assert focused(studio) == "take-1"
    assert studio.get("take-1").get_attribute("aria-pressed") == "true"
    studio.get("take-2").press("Enter")
    studio.get("primer-vanilla").press("Enter")
    assert focused(studio) == "continue"  # the next thing to do


def test_the_lane_that_sounds_says_so_and_can_be_read(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=4)
    studio.wait_done()
    for _ in ("with names", "blind"):
        for _ in ("light", "dark"):
            for model in MODELS:
                studio.page.evaluate("window.musictx.transport.stop()")  # each sounds from the start
                button = studio.get(f"solo-{model}")
                assert button.inner_text() == "Listen"
                button.click()
                assert studio.page.evaluate("window.musictx.transport.state") != "stopped"
                assert button.inner_text() == "Listening"
                assert button.evaluate(CONTRAST) >= 4.5, model
            studio.page.get_by_role("button", name="Dark colours").click()
        studio.get("blind").click()


def test_the_transport_button_says_that_it_stops_the_primer(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("preset-chopin-black-keys").click()
    studio.get("primer-play").click()
    studio.page.wait_for_function("() => window.musictx.transport.position > 1.3")  # and heard: > 1
    assert studio.get("play").get_attribute("aria-label") == "Stop the primer"
    assert studio.get("time").inner_text() in ("0:01 / 0:08", "0:02 / 0:08")
    studio.get("position").fill("5")
    assert studio.page.evaluate("window.musictx.transport.state") != "stopped"
    assert studio.position() >= 5
    studio.get("play").click()
    assert studio.page.evaluate("window.musictx.transport.state") == "stopped"
    assert studio.get("play").get_attribute("aria-label") == "Play"


def test_the_playhead_moves_in_the_primer_before_the_models_answer(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    before, after = studio.page.evaluate(
        """() => {
            document.querySelector('[data-testid=continue]').click();
            const before = window.musictx.transport.position;
            document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }));
            return [before, window.musictx.transport.position];
        }"""
    )
    assert before > 5
    assert after == before - 1
    studio.wait_done()
