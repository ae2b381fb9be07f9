"""The point of the page: what happens past the training length is seen, said, heard and counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import MODELS, Place, Server

Open = Callable[..., Any]
NAMES = {"vanilla": "Vanilla", "relative": "Relative", "rope": "RoPE"}


@pytest.fixture
def studio(open_studio: Open, place: Place) -> Any:
    studio = open_studio(place)
    studio.get("preset-chopin-black-keys").click()  # so many notes that the training length is soon passed
    return studio


def said(studio: Any, model: str) -> str:
    return str(studio.get(f"said-{model}").inner_text())


def beyond(studio: Any, model: str) -> float:
    return float(studio.page.evaluate("(m) => window.musictx.transport.scores.get(m).beyond", model))


def test_the_length_offered_passes_the_training_length_of_every_primer(studio: Any) -> None:
    offered = set()
    for name in ("mozart-sonata-c", "ode-to-joy"):
        studio.get(f"preset-{name}").click()
        length = float(studio.get("seconds").input_value())
        minutes, seconds = said(studio, "relative").split("about ")[1].split(":")
        cut = studio.page.evaluate("document.querySelector('[data-testid=primer-end]').value").split(":")[1]
        passed = 60 * int(minutes) + int(seconds) - float(cut)
        assert length > 1.5 * passed
        offered.add(length)
    assert len(offered) == 2
    studio.get("seconds").fill("33")
    studio.get("preset-fur-elise").click()
    assert studio.get("seconds").input_value() == "33"  # what a visitor chose stays
    studio.get("settings").click()
    studio.page.get_by_role("button", name="Reset to defaults").click()
    assert studio.get("seconds").input_value() != "33"


def test_every_lane_says_its_training_length_before_and_what_happened_after(studio: Any) -> None:
    for model in MODELS:
        assert said(studio, model).startswith("Training length: 512 events, about 0:")
        assert not studio.get(f"beyond-{model}").is_visible()
    status = studio.page.get_by_role("status").and_(studio.get("outcome"))
    assert status.evaluate("(place) => place.checkVisibility() && !place.textContent")
    studio.run(seconds=40, seed=1)
    studio.wait_done()
    sentences = [said(studio, model) for model in MODELS]
    for model, sentence in zip(MODELS, sentences, strict=True):
        assert sentence.startswith(f"{NAMES[model]} ") and sentence.endswith(".")
        assert "Training length" not in sentence
    assert studio.get("outcome").text_content() == " ".join(sentences)  # read out, once, when all have ended
    table = studio.get("comparison").inner_text()
    passed = table.count("before → after")  # a lane of few notes may not get there
    assert passed and passed + table.count("within its training length") == 3
    for row in ("Notes at once, at most", "Notes per second", "Distance from the primer’s key"):
        assert row in table


def test_one_button_plays_a_lane_from_just_before_its_training_length(studio: Any) -> None:
    studio.run(seconds=40, seed=1)
    studio.wait_done()
    studio.get("play").click()
    assert studio.page.evaluate("window.musictx.transport.state") == "stopped"
    studio.get("beyond-rope").click()
    state, at, heard = studio.page.evaluate(
        "[window.musictx.transport.state, window.musictx.transport.at, window.musictx.transport.heard]"
    )
    assert state != "stopped" and heard == "rope"
    assert at == pytest.approx(beyond(studio, "rope") - 4, abs=0.1)


def test_a_blind_test_says_nothing_of_what_happened(studio: Any) -> None:
    studio.get("blind").click()
    assert not [model for model in MODELS if "512" in said(studio, model)]
    studio.run(seconds=2, seed=2)
    studio.wait_done()
    studio.hear_all()
    assert {said(studio, model) for model in MODELS} == {"What happened here appears after you vote."}
    told = studio.get("outcome").text_content()
    assert "vote" in told and not [name for name in NAMES.values() if name in told]
    studio.get("vote-a").click()
    studio.get("reveal").wait_for()
    assert all(said(studio, model).startswith(NAMES[model]) for model in MODELS)


def test_a_stopped_lane_without_a_note_is_not_judged(studio: Any) -> None:
    studio.page.evaluate(
        """() => {
            document.querySelector('[data-testid=continue]').click();
            document.querySelector('[data-testid=stop]').click();
        }"""
    )
    assert said(studio, "vanilla").startswith("Training length")
    assert studio.get("outcome").text_content() == ""


def test_the_words_are_the_same_everywhere(studio: Any) -> None:
    studio.page.evaluate("document.querySelector('#explain').open = true")
    words = studio.page.locator(".mtx").inner_text().lower()
    assert "opening" not in words and "prompt" not in words
    # These models' cards say nothing of their training, so nothing is claimed of it.
    assert "they differ in more than that" in words


def test_the_shipped_models_differ_in_one_thing_only_and_rope_has_its_window(
    open_studio: Open, server: Server
) -> None:
    studio = open_studio(server)
    studio.page.evaluate("document.querySelector('#explain').open = true")
    words = studio.get("explain").inner_text()
    assert "They were trained on the same music, with as many parameters" in " ".join(words.split())
    assert "last 1,024 events and no further" in words
