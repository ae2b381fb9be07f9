"""Text can be read: its contrast with what lies behind it is at least 4.5, in light and dark colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Place, Server
from .test_input import play_letters
from .test_insight import first_played, tap

FAINT = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


def faint(studio: Any) -> list[str]:
    """What cannot be read as the page stands, in light or in dark colours."""
    found = []
    for theme in ("light", "dark"):
        studio.page.evaluate(
            """(theme) => {
                document.querySelector(".mtx").dataset.theme = theme;
                document.documentElement.dataset.musictxTheme = theme;
            }""",
            theme,
        )
        found += [f"{theme}: {text}" for text in studio.page.evaluate(FAINT)]
    return found


@pytest.mark.slow
def test_text_stands_out_from_what_lies_behind_it(open_studio: Callable[..., Any], place: Place) -> None:
    studio = open_studio(place)
    studio.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    studio.page.evaluate("document.querySelector('#welcome').hidden = false")
    assert faint(studio) == []
    studio.page.evaluate("document.querySelector('#welcome').hidden = true")
    studio.get("piano").click()
    studio.get("duet").click()
    play_letters(studio, "adg")
    studio.page.wait_for_selector("[data-turn=model] .key.down")
    assert faint(studio) == []
    studio.get("duet").click()
    studio.get("piano").click()
    studio.run(seconds=40, seed=1)
    studio.wait_done()
    assert faint(studio) == []
    if isinstance(place, Server):
        studio.get("inside").click()
        tap(studio, "relative", first_played(studio, "relative"))
        studio.get("again").click()
        studio.page.wait_for_selector("[data-testid=lane-relative] .roll-again:visible")
        assert faint(studio) == []
        studio.get("inside").click()
    studio.get("blind").click()  # names were seen: no vote
    studio.get("seconds").fill("9999")
    studio.get("continue").click()
    assert faint(studio) == []
    studio.run(seconds=2, seed=2)
    studio.wait_done()
    assert faint(studio) == []
    studio.hear_all()
    studio.get("vote-a").click()
    studio.get("reveal").wait_for()
    assert faint(studio) == []


def test_faint_text_is_found(open_studio: Callable[..., Any], place: Place) -> None:
    studio = open_studio(place)
    studio.page.evaluate("document.querySelector('#musictx h1').style.color = '#aaa'")
    assert studio.page.evaluate(FAINT)[0].startswith("Three models")
