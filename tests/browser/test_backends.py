"""Lanes that play in the browser: Python's takes, stopping, and models that do not arrive."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from musictx.app.filling import stream_filling
from musictx.app.payloads import note_rows, read_gap, read_metre, read_notes, read_settings
from musictx.app.streaming import Lane
from musictx.app.web_model import model_facts, web_model
from musictx.events import END, STEP_SECONDS
from musictx.model import ModelConfig, MusicTransformer
from musictx.sampling import NoteStream, SamplingSettings, generate
from musictx.sampling.primer import Primer, prepare_primer

from .conftest import PATIENCE
from .engine_files import serving

LONG = [[120 * k, 120 * k + 90, 50 + 7 * k % 30, 40 + k % 60] for k in range(500)]
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "two notes, and one where the primer ends": (
        "vanilla",
        {"notes": [[0, 400, 60, 80], [1150, 1995, 64, 90], [2300, 2400, 67, 90]], "length": 2300},
    ),
    "a held note, with pedal": (
        "relative",
        {
            "notes": [[35, 300, 60, 80], [300, 2000, 64, 30], [305, 400, 60, 127], [995, 1004, 72, 1]],
            "pedals": [[500, 1500], [100, 450]],
            "length": 1000,
        },
    ),
    "from the middle of a piece": (
        "rope",
        {
            "notes": [[5, 300, 60, 80], [15, 2000, 64, 30], [1995, 1999, 66, 9]],
            "length": 2015,
            "begins": False,
        },
    ),
    "longer than the model reads": ("learned", {"notes": LONG, "length": 60_000}),
    "ending in silence": ("alibi", {"notes": [[0, 400, 21, 80]], "length": 7000}),
    "filters": (
        "relative",
        {"notes": LONG[:9], "length": 1100, "settings": {"temperature": 0.7, "top_k": 30, "min_p": 0.01}},
    ),
}


@pytest.fixture(scope="module")
def models() -> dict[str, MusicTransformer]:
    found = {}
    for position in ("vanilla", "relative", "rope", "learned", "alibi"):
        torch.manual_seed(3)
        model = MusicTransformer(
            ModelConfig(position, layers=2, width=64, heads=4, feed_forward=96, context_length=256)
        ).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        found[position] = model
    found["endless"] = copy.deepcopy(found["relative"])
    with torch.no_grad():  # whatever was played, END is the unlikeliest
        found["endless"].head.weight[END] = -50 * found["endless"].norm.bias
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, models: dict[str, MusicTransformer]) -> Path:
    folder = tmp_path_factory.mktemp("here")
    (folder / "index.html").write_text("<!doctype html><title>here</title>")
    facts = []
    for name, model in models.items():
        content = web_model(model, bits=32)
        (folder / name).write_bytes(content)
        facts.append({**model_facts(name, model, content), "address": f"/{name}"})
    (folder / "models.json").write_text(json.dumps(facts))
    return folder


PLAYER = """
async () => {
  const { BrowserBackend } = await import("/static/io/backend-browser.js");
  const models = await (await fetch("/models.json")).json();
  window.player = new BrowserBackend(new Map(models.map((model) => [model.name, model])));
  window.heard = {};
  window.go = (lane, request) => {
    heard[lane] = [];
    player.start(lane, request, (message) => heard[lane].push(message));
  };
  window.over = (lane) => /done|error/.test(heard[lane].at(-1)?.state);
}
"""


@pytest.fixture
def page(chromium: Any, folder: Path) -> Iterator[Any]:
    with serving(folder) as address:
        page = chromium.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.evaluate(PLAYER)
        yield page
        page.close()


def _play(page: Any, lane: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    page.evaluate("([lane, request]) => go(lane, request)", [lane, request])
    page.wait_for_function("(lane) => over(lane)", arg=lane)
    heard: list[dict[str, Any]] = page.evaluate("(lane) => heard[lane]", lane)
    return [message for message in heard if message["state"] != "loading"]


def _expected(model: MusicTransformer, request: dict[str, Any]) -> tuple[Primer, Lane, list[int]]:
    """What the server's lane says of the same request, with weights of 32 bits."""
    music = read_notes(request["notes"], request.get("pedals", ()))
    begins = request.get("begins", True)
    primer = prepare_primer(model, music, end=request["length"] / 1000, from_beginning=begins)
    lane = Lane("run", "lane", model.config.context_length)
    lane.primer_seconds, lane.primer_tokens = primer.cut, len(primer.tokens)
    options = {"seed": 5, "seconds": 6, **request.get("settings", {})}
    stream = NoteStream(primer, primer.cut + options.pop("seconds"))
    seed, settings = options.pop("seed"), SamplingSettings(int8=False, **options)
    for chosen in generate(model, primer.tokens, settings=settings, seed=seed, max_tokens=2464):
        lane.add(stream.push(int(chosen[0])), stream.step * STEP_SECONDS)
        if stream.ended:
            break
    else:
        lane.add(stream.finish(), stream.step * STEP_SECONDS)
    return primer, lane, sorted(-1 - index for index in NoteStream(primer).open.values())


@pytest.mark.parametrize("case", CASES)
def test_a_take_is_pythons(page: Any, models: dict[str, MusicTransformer], case: str) -> None:
    position, asked = CASES[case]
    settings = {"seed": 5, "seconds": 6, **asked.get("settings", {})}
    messages = _play(page, position, {**asked, "run": "run.0", "settings": settings})
    primer, lane, held = _expected(models[position], asked)
    first, last = messages[0], messages[-1]
    assert last["state"] == "done", last
    assert (first["primer"], first["held"]) == (note_rows(primer.performance.notes), held)
    said = " ".join(f"{remark[0].upper()}{remark[1:]}." for remark in primer.remarks)
    assert first["remark"] == said
    assert [note for message in messages for note in message["notes"]] == lane.notes
    assert [off for message in messages for off in message["offs"]] == lane.offs
    assert (last["tokens"], last["beyond"]) == (lane.tokens, lane.beyond)


BARS = {"division": 480, "tempos": [[0, 472_441]], "signatures": []}  # of 127 quarters a minute
QUARTERS = [[round(k * 472.441), round((k + 0.9) * 472.441), 48 + k, 70] for k in range(24)]
GAPS: dict[str, tuple[str, dict[str, Any]]] = {
    "between notes, with pedal": (
        "relative",
        {"notes": LONG[:60], "pedals": [[500, 1500], [2900, 3600]], "gap": {"start": 2003, "end": 4000}},
    ),
    "at the beginning, in time": (
        "rope",
        {
            "notes": LONG[10:40],
            "metre": BARS,
            "gap": {"start": 300, "end": 1200},
            "settings": {"beat": "strict"},
        },
    ),
    "after silence": ("vanilla", {"notes": [[3000, 3400, 60, 64]], "gap": {"start": 1500, "end": 3000}}),
    "a bar, in time": (
        "rope",
        {
            "notes": QUARTERS,
            "metre": BARS,
            "begins": False,
            "gap": {"start": 3780, "end": 5670},
            "settings": {"beat": "strict", "temperature": 0.9},
        },
    ),
    "longer than the model reads": ("learned", {"notes": LONG, "gap": {"start": 20_000, "end": 20_500}}),
    "with a wish": (
        "relative",
        {"notes": LONG[:30], "gap": {"start": 1000, "end": 2000}, "settings": {"shape": "calmer,higher"}},
    ),
}


@pytest.mark.parametrize("case", GAPS)
def test_fillings_are_pythons(page: Any, models: dict[str, MusicTransformer], case: str) -> None:
    position, asked = GAPS[case]
    settings = {"seed": 5, **asked.get("settings", {})}
    messages = _play(page, position, {**asked, "run": "run.0", "settings": settings})
    music = read_notes(asked["notes"], asked.get("pedals", ()))
    music = replace(music, metre=read_metre(asked.get("metre")))
    values = read_settings(settings)
    values = replace(values, sampling=replace(values.sampling, int8=False))
    gap = read_gap(asked["gap"])
    begins = asked.get("begins", True)
    *_, takes = stream_filling(models[position], music, gap, values, from_beginning=begins)
    assert messages[-1]["takes"] == [note_rows(filling.notes) for filling in takes], messages[-1]
    assert len(takes) == 4 and any(filling.notes.size for filling in takes)
    made = [message["made"] for message in messages[:-1]]
    assert made == sorted(made) and all(0 <= each < 1 for each in made)


def test_what_cannot_be_filled_in_is_told(page: Any) -> None:
    request = {"notes": LONG[:9], "run": "1.0", "gap": {"start": 2000, "end": 3000}}
    assert "nothing to lead into" in _play(page, "rope", request)[-1]["error"]
    assert "no note around" in _play(page, "rope", {**request, "notes": []})[-1]["error"]


def test_what_a_model_has_seen_of_a_primer_does_not_change_the_next_take(page: Any) -> None:
    """Another seed, another primer, and the first again."""
    request = {"notes": LONG[:9], "length": 1100, "run": "1.0", "settings": {"seed": 1, "seconds": 4}}
    first = _play(page, "rope", request)[-1]
    _play(page, "rope", {**request, "settings": {"seed": 2, "seconds": 4}})
    other = {**request, "notes": LONG[5:12], "length": 1600}
    _play(page, "rope", other)
    again = _play(page, "rope", request)[-1]
    assert (again["tokens"], again["known"]) == (first["tokens"], first["known"])


def test_a_stopped_lane_says_nothing_more_and_others_play_on(page: Any) -> None:
    request = {"notes": LONG[:9], "length": 1100, "run": "1.0", "settings": {"seconds": 100_000}}
    page.evaluate("(request) => go('endless', request)", request)
    page.wait_for_function("() => heard.endless.some((message) => message.notes?.length)")
    page.evaluate("(request) => go('relative', request)", {**request, "settings": {"seconds": 4}})
    stopped = page.evaluate("() => { player.stop('endless'); return heard.endless.length; }")
    page.wait_for_function("() => over('relative')")
    assert page.evaluate("heard.endless.length") == stopped
    assert page.evaluate("heard.relative.at(-1).state") == "done"
    assert page.evaluate("player.playing") == []
    assert _play(page, "endless", {**request, "settings": {"seconds": 1}})[-1]["state"] == "done"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("player.models.get('rope').sha256 = '00'", "arrived incomplete or changed"),
        ("player.models.get('rope').address = '/nowhere'", "could not be downloaded (404)"),
        ("player.models.get('rope').address = 'http://127.0.0.1:9/'", "there is no connection"),
    ],
)
def test_a_model_that_does_not_arrive_whole_is_told_and_the_rest_goes_on(
    page: Any, spoil: str, sentence: str
) -> None:
    request = {"notes": LONG[:9], "length": 1100, "run": "1.0", "settings": {"seconds": 1}}
    page.evaluate(spoil)
    assert sentence in _play(page, "rope", request)[-1]["error"]
    assert _play(page, "vanilla", request)[-1]["state"] == "done"


def test_loading_is_shown_in_bytes(page: Any, folder: Path) -> None:
    _play(page, "alibi", {"notes": LONG[:3], "length": 1000, "run": "1.0", "settings": {"seconds": 1}})
    loading = page.evaluate("heard.alibi.filter((message) => message.state === 'loading')")
    size = (folder / "alibi").stat().st_size
    assert loading[-1]["received"] == loading[-1]["total"] == size


def test_a_worker_that_dies_is_told_and_replaced(page: Any) -> None:
    request = {"notes": LONG[:9], "length": 1100, "run": "1.0", "settings": {"seconds": 100_000}}
    page.evaluate("(request) => go('endless', request)", request)
    page.wait_for_function("() => heard.endless.some((message) => message.notes?.length)")
    page.evaluate("player.workers.get('endless').terminate()")
    page.evaluate("() => { for (let second = 0; second < 25; second += 1) player.watchOver(); }")
    said = page.evaluate("heard.endless.findLast((message) => message.error)?.error ?? ''")
    assert "stopped this model" in said
    assert _play(page, "endless", {**request, "settings": {"seconds": 1}})[-1]["state"] == "done"
