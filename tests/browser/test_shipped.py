"""The page as it comes, with its real models: three that are compared and one to make music with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from musictx.checkpoint import list_models
from musictx.shipped import SHIPPED_MODELS

from .conftest import MODELS, Place
from .test_compose import TAKES, whole
from .test_fill import finished, mark, wait_takes

pytestmark = pytest.mark.skipif(
    not {*SHIPPED_MODELS} <= {*list_models()}, reason="the shipped models are not here"
)


# The lanes that have a worker, which holds a model, on this computer.
HELD = "[...(window.musictx.player.workers ?? window.musictx.player.here.workers).keys()]"


def offered(studio: Any, name: str) -> list[str]:
    """The models that a line offers to fill in with."""
    return [button.inner_text() for button in studio.page.locator(f"#{name} .fillers button").all()]


def test_who_compares_is_offered_the_models_that_have_lanes(
    open_studio: Callable[..., Any], unhurried: Place
) -> None:
    studio = open_studio(unhurried)
    start = finished(studio, seconds=4) + 1
    mark(studio, start, start + 1)
    assert offered(studio, "fill") == ["Vanilla", "Relative", "RoPE"]
    before = {model: studio.rows(model) for model in MODELS}
    studio.get("fill-relative").click()
    wait_takes(studio)
    changed = [model for model in MODELS if studio.rows(model) != before[model]]
    assert changed == ["relative"]


def test_who_composes_plays_with_grand(open_studio: Callable[..., Any], unhurried: Place) -> None:
    studio = open_studio(unhurried)
    studio.get("mode-compose").click()
    assert studio.get("compose-model").input_value() == "grand"
    studio.run(seconds=4, seed=1)
    studio.wait_done(TAKES)
    studio.get("keep-A").click()
    studio.get("piece-fill").click()
    cut = studio.page.evaluate("window.musictx.take.length") / 1000
    for edge, time in (("to", cut + 2), ("from", cut + 1), ("to", cut + 2)):
        studio.get(f"piece-fill-{edge}").fill(f"{time:.2f}")
        studio.get(f"piece-fill-{edge}").press("Enter")
    assert offered(studio, "piece-fill") == ["Vanilla", "Relative", "RoPE", "Grand"]
    before = whole(studio)
    studio.get("piece-fill-grand").click()
    wait_takes(studio, "piece-fill")
    assert studio.get("piece-fill-status").inner_text().startswith("Grand, take 1 of 4: ")
    studio.get("piece-fill-keep").click()
    for mode in ("compare", "compose"):
        studio.get(f"mode-{mode}").click()
        assert "grand" not in studio.page.evaluate(HELD)
    after = whole(studio)
    around = [[row for row in rows if not 1 <= row[0] / 1000 - cut < 2] for rows in (before, after)]
    assert after != before and [row[0] for row in around[0]] == [row[0] for row in around[1]]
    takes = [studio.lane(take).get_attribute("data-notes") for take in TAKES]
    studio.leaves_runs = True
    studio.page.reload()
    studio.page.wait_for_selector(".mtx[data-ready=true]")
    assert [studio.lane(take).get_attribute("data-notes") for take in TAKES] == takes
    assert "grand" not in studio.page.evaluate(HELD)  # who only looks at takes holds no model for it
