"""The page as a folder of files: nothing but the folder is asked, and once loaded not even that."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from musictx.app.head import preloads

from .conftest import MODELS, OTHER_NAME, Place, StartSite, stop
from .test_lanes import download, pitches_of

Open = Callable[..., Any]


def test_everything_works_without_a_network(open_studio: Open, endless_site: Place) -> None:
    studio = open_studio(endless_site)
    studio.page.evaluate("window.musictx.ready")
    assert set(preloads("site.js")) <= set(studio.modules())  # and what the workers import
    studio.run(seconds=2)
    studio.wait_done()
    failed = studio.page.evaluate(
        """performance.getEntriesByType('resource')
            .filter((entry) => entry.responseStatus >= 400).map((entry) => entry.name)"""
    )
    assert failed == []


@pytest.mark.slow
def test_once_loaded_the_page_goes_on_with_its_server_stopped(
    open_studio: Open, start_site: StartSite, endless_models: list[str]
) -> None:
    place = start_site(endless_models)
    studio = open_studio(place, locale="en-GB")
    studio.loses_server = True
    studio.run(seconds=2, seed=1)
    studio.wait_done()  # each lane has kept its model
    studio.page.wait_for_function("() => navigator.serviceWorker.ready.then((kept) => Boolean(kept.active))")
    rows = {model: studio.rows(model) for model in MODELS}
    stop(place)
    studio.open()
    assert {model: studio.rows(model) for model in MODELS} == rows
    studio.get("preset-greensleeves").click()
    studio.run(seconds=2, seed=2)
    studio.wait_done()
    assert all(int(studio.lane(model).get_attribute("data-notes")) > 0 for model in MODELS)
    studio.page.wait_for_function("() => window.musictx.transport.position > 0.5")
    assert pitches_of(download(studio, "midi-rope")) == sorted(row[2] for row in studio.rows("rope"))
    assert len(download(studio, "wav-rope")) > 100_000


def test_it_plays_where_the_browser_keeps_nothing(open_studio: Open, endless_site: Place) -> None:
    """Without https, except on this computer, there are no service workers, no caches and no clipboard."""
    place = Place(endless_site.address.replace("127.0.0.1", OTHER_NAME), endless_site.process)
    studio = open_studio(place, locale="en-GB")
    assert (
        studio.page.evaluate("[isSecureContext, 'caches' in window, 'serviceWorker' in navigator]")
        == [False] * 3
    )
    studio.run(seconds=2)
    studio.wait_done()
    assert all(int(studio.lane(model).get_attribute("data-notes")) > 0 for model in MODELS)
    studio.get("more-rope").click()
    studio.wait_done()
    studio.get("share").click()
    studio.page.wait_for_function("() => location.hash.startsWith('#music=')")
    studio.page.get_by_text("The link is in the address bar. It holds").wait_for()


def test_the_first_model_sounds_while_the_others_are_on_their_way(
    open_studio: Open, endless_site: Place
) -> None:
    """Models come one after another, and what is there does not wait for what is not."""
    studio = open_studio(endless_site, locale="en-GB", script="delete Navigator.prototype.serviceWorker")
    asked: list[Any] = []

    def answer(route: Any) -> None:
        asked.append(route)
        if len(asked) == 1:
            route.continue_()

    studio.page.context.route("**/models/*.bin", answer)
    studio.run(seconds=20)
    musictx = studio.page.evaluate_handle("window.musictx")
    studio.page.wait_for_function(
        "({ transport }) => transport.position > transport.scores.get(transport.heard).length", arg=musictx
    )
    heard, second = (re.search(r"models/(\w+)-", route.request.url)[1] for route in asked)  # the third waits
    notes = {name: int(studio.lane(name).get_attribute("data-notes")) for name in MODELS}
    assert musictx.evaluate("({ transport }) => transport.heard") == heard
    assert [name for name in MODELS if notes[name]] == [heard]
    studio.get(f"solo-{second}").click()  # now the sound waits, for its model
    studio.page.wait_for_function("({ transport }) => transport.state === 'waiting'", arg=musictx)
    asked[1].continue_()
    studio.page.context.unroute("**/models/*.bin")
    studio.wait_done()
    studio.page.wait_for_function("({ transport }) => transport.state === 'playing'", arg=musictx)
