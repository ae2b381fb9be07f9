"""The line above the lanes: with theme or without, what came of the take, and five takes counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import MODELS, Place

Open = Callable[..., Any]


@pytest.fixture
def studio(open_studio: Open, place: Place) -> Any:
    return open_studio(place)


def pressed(studio: Any) -> list[str]:
    return [
        name for name in ("off", "on") if studio.get(f"theme-{name}").get_attribute("aria-pressed") == "true"
    ]


def test_the_switch_plays_as_trained_and_with_theme_and_the_address_remembers(studio: Any) -> None:
    assert pressed(studio) == ["on"] and studio.get("how").inner_text() == "with theme 0.5"
    studio.run(seconds=2)
    studio.wait_done()
    before = studio.rows("rope")
    studio.get("theme-off").click()
    studio.get("take-2").wait_for()
    studio.wait_done()
    assert studio.get("how").inner_text() == "without theme" and pressed(studio) == ["off"]
    assert studio.page.url.endswith("#theme=0")
    assert studio.page.evaluate("window.musictx.take.settings.theme") == 0
    studio.get("theme-on").click()  # that take is there already
    assert studio.get("take-3").count() == 0
    assert studio.rows("rope") == before and "#" not in studio.page.url
    studio.get("settings").click()
    for name, value in (("theme", "0"), ("form", "0.5")):
        studio.get(name).fill(value)
    about = studio.get("form").get_attribute("aria-describedby")
    assert "How strongly to bring back" in studio.page.locator(f"#{about}").inner_text()
    studio.page.keyboard.press("Escape")
    assert studio.page.evaluate("document.activeElement.dataset.testid") == "settings"
    assert pressed(studio) == [] and studio.page.url.endswith("#theme=0&form=0.5")
    studio.get("continue").click()
    studio.wait_done()
    assert studio.get("how").inner_text() == "with form 0.5"
    studio.get("theme-off").click()  # that take is there already, too
    assert studio.get("how").inner_text() == "without theme" and pressed(studio) == ["off"]
    assert studio.get("take-4").count() == 0 and studio.get("form").input_value() == "0"
    studio.page.evaluate("sessionStorage.clear()")
    studio.leaves_runs = True
    studio.page.goto("about:blank")
    studio.open("#theme=0")
    assert pressed(studio) == ["off"]


def test_what_was_played_takes_the_place_of_what_was_expected(studio: Any) -> None:
    studio.run(seconds=2)
    studio.wait_done()
    for model in MODELS:
        score = f"window.musictx.lanes.lane('{model}')"
        within = studio.page.evaluate(f"{score}.score.beyond === null")
        assert studio.page.evaluate(f"{score}.roll.expected") is None
        assert within == ("within its training length" in studio.get(f"said-{model}").inner_text())


def test_five_takes_are_played_in_the_background_and_counted(studio: Any) -> None:
    studio.get("seconds").fill("2")
    studio.get("series").click()
    studio.page.wait_for_function(
        "() => document.querySelector('[data-testid=series-result]').textContent.startsWith('Of 5 takes')"
    )
    assert studio.page.evaluate("window.musictx.transport.state") == "stopped"
    words = studio.get("series-result").inner_text()
    assert re.match("Of 5 takes with theme 0.5, .+[.]$", words)
    assert studio.get("take-5").is_visible()
    studio.get("take-3").click()  # to be heard like any other
    assert studio.page.evaluate("window.musictx.take.settings.seed") == 3
    assert all(studio.rows(model) for model in MODELS)
    assert studio.get("series-result").inner_text() == words
    studio.get("preset-ode-to-joy").click()  # of another primer there is nothing to say
    assert studio.get("series-result").text_content() == ""


def test_a_series_can_be_stopped_and_gives_way_to_continue(studio: Any) -> None:
    studio.get("seconds").fill("60")
    studio.get("series").click()
    assert studio.get("series").inner_text() == "Stop"
    studio.get("series").click()
    assert studio.get("series").inner_text() == "Five takes"
    studio.get("series").click()
    studio.page.evaluate("window.musictx.player.start = () => {}")  # models that play on and on
    studio.run(seconds=2)
    assert studio.get("series").inner_text() == "Five takes"
    for testid in ("series", "theme-off", "theme-on"):
        assert studio.get(testid).is_disabled()
    studio.get("stop").click()
    assert studio.get("theme-off").is_enabled()


def test_undo_ends_five_takes(studio: Any) -> None:
    studio.get("seconds").fill("3")
    studio.get("series").click()
    studio.page.wait_for_function("() => document.querySelectorAll('[data-testid^=take-]').length > 1")
    studio.get("undo").click()
    assert studio.get("series").inner_text() == "Five takes"


def test_a_blind_test_has_no_series_and_no_answer(studio: Any) -> None:
    studio.get("blind").click()
    assert studio.get("series").get_attribute("aria-disabled") == "true" or studio.get("series").is_disabled()
    studio.run(seconds=2)
    studio.wait_done()
    assert studio.get("answer").text_content() == ""
