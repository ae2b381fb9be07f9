"""Where a server's page plays: on the server, or on the visitor's computer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import MODELS, Server

Open = Callable[..., Any]
HERE = "[...window.musictx.player.here.workers.keys()]"  # the lanes that have played in the browser


def test_the_models_play_on_this_computer_if_that_is_chosen(
    open_studio: Open, endless_server: Server
) -> None:
    studio = open_studio(endless_server)
    studio.run(seconds=4)
    studio.wait_done()
    assert studio.page.evaluate(HERE) == []
    studio.get("settings").click()
    assert " MB)" in studio.page.locator("#places").inner_text()
    studio.get("place").select_option("here")
    studio.run(seconds=4)
    studio.wait_done()
    assert sorted(studio.page.evaluate(HERE)) == sorted(MODELS)
    assert all(int(studio.lane(model).get_attribute("data-notes")) > 0 for model in MODELS)
    studio.page.wait_for_function("() => window.musictx.transport.position > 0.5")
    studio.get("more-rope").click()
    studio.wait_done()
    rows = {model: studio.rows(model) for model in MODELS}
    studio.open()  # the choice stays, and the take
    assert studio.get("place").input_value() == "here"
    assert {model: studio.rows(model) for model in MODELS} == rows
    studio.get("settings").click()
    studio.get("place").select_option("server")
    studio.run(seconds=2)
    studio.wait_done()
    assert studio.page.evaluate(HERE) == []


@pytest.mark.slow
def test_a_visitor_who_would_wait_long_plays_on_the_own_computer(
    open_studio: Open, small_server: Server
) -> None:
    first, second, third = (open_studio(small_server) for _ in range(3))
    first.run(seconds=180)
    first.wait_notes("relative", 1)
    second.run(seconds=180)
    second.page.wait_for_function(
        "() => document.querySelector('.notice').textContent.includes('One visitor is ahead')"
    )
    third.run(seconds=2)
    third.page.wait_for_function(
        """() => document.querySelector('.notice').textContent.includes(
            '2 visitors are ahead of you at the server, so the models play on this computer')"""
    )
    third.wait_done()
    assert sorted(third.page.evaluate(HERE)) == sorted(MODELS)
    assert third.get("place").input_value() == "here"
    third.open()
    assert third.get("place").input_value() == "auto"  # nobody chose it: the next time the server may be free
