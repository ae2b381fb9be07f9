"""Models of one's own in the lanes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Place, Server, StartSite, small_model, voted

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def own_models(model_folders: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two relative models, as after `musictx train --from relative`; one has sizes that no browser plays."""
    folder = tmp_path_factory.mktemp("runs")
    mine = small_model(folder / "My songs", {"tokens_seen": 1_500_000}, width=24)
    return [mine, model_folders["relative"]]


@pytest.fixture(scope="module")
def own_server(start_server: Callable[..., Server], own_models: list[str]) -> Server:
    return start_server(models=own_models)


@pytest.fixture
def own_place(way: str, request: pytest.FixtureRequest) -> Place:
    """Either way; in the folder is a model that browsers play."""
    place: Place = request.getfixturevalue("own_server" if way == "server" else "own_site")
    return place


@pytest.fixture(scope="module")
def own_site(start_site: StartSite, own_models: list[str], tmp_path_factory: pytest.TempPathFactory) -> Place:
    mine = small_model(tmp_path_factory.mktemp("runs") / "My songs", {"tokens_seen": 1_500_000})
    return start_site([mine, *own_models[1:]])


def test_a_lane_for_each_model_with_its_own_name_and_colour(open_studio: Open, own_place: Place) -> None:
    studio = open_studio(own_place)
    assert studio.order() == ["my-songs", "relative"]
    assert studio.page.locator(".lanes h3").all_inner_texts() == ["My songs", "Relative"]
    assert studio.page.locator("#headline").inner_text().startswith("Two models play on")
    assert "1.5 M events of training" in studio.lane("my-songs").inner_text()
    colours = studio.page.evaluate(
        """[...document.querySelectorAll('.lane')]
            .map((lane) => getComputedStyle(lane, '::before').backgroundColor)"""
    )
    assert len(set(colours)) == 2
    shown = studio.page.evaluate(
        """() => {
            document.querySelector('#explain').open = true;
            return [...document.querySelectorAll('.schemes figure')]
                .filter((each) => each.checkVisibility()).map((each) => each.dataset.position);
        }"""
    )
    assert shown == ["relative"]
    assert "Nothing else sets them apart" not in studio.get("explain").inner_text()
    studio.run(seconds=2)
    studio.wait_done(("my-songs", "relative"))
    assert studio.rows("my-songs") != studio.rows("relative")


def test_a_model_that_no_browser_plays_stays_on_the_server(open_studio: Open, own_server: Server) -> None:
    studio = open_studio(own_server)
    studio.get("settings").click()
    assert "My songs cannot run in a browser" in studio.page.locator("#places").inner_text()
    studio.get("place").select_option("here")
    studio.run(seconds=2)
    studio.wait_done(("my-songs", "relative"))
    assert studio.page.evaluate("[...window.musictx.player.here.workers.keys()]") == ["relative"]
    assert studio.rows("my-songs") and studio.rows("relative")


@pytest.mark.slow
def test_own_models_are_judged_blind_by_their_own_names(open_studio: Open, own_place: Place) -> None:
    studio = open_studio(own_place)
    studio.get("blind").click()
    studio.run(seconds=2, seed=5)
    studio.wait_done(("my-songs", "relative"))
    assert studio.get("vote-b").is_visible() and studio.get("vote-c").count() == 0
    studio.hear_all()
    kept = voted(studio, own_place, studio.get("vote-a").click)
    assert sorted(json.loads(kept["lane_order"])) == ["my-songs", "relative"]
    assert kept["choice"] == json.loads(kept["lane_order"])[0]


def test_one_model_alone_has_no_blind_test(
    open_studio: Open,
    way: str,
    start_server: Callable[..., Server],
    start_site: StartSite,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = small_model(tmp_path_factory.mktemp("alone") / "etudes", {})
    studio = open_studio(start_server(models=[folder]) if way == "server" else start_site([folder]))
    assert studio.page.locator("#headline").inner_text().startswith("One model plays on")
    assert not studio.get("blind").is_visible()
    studio.run(seconds=2)
    studio.wait_done(("etudes",))
