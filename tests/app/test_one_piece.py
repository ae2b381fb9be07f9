"""One primer, seed and settings are one piece: from the library, for programs and in the page's lanes."""

from __future__ import annotations

import json
import runpy
import shutil
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from musictx.app.api import Ask
from musictx.app.api import _play as play_for_program
from musictx.app.models import LaneModel, load_models
from musictx.app.payloads import Settings, note_rows
from musictx.app.presets import presets
from musictx.app.shelf import Shelf
from musictx.app.stage import Stage
from musictx.app.streaming import lane_player
from musictx.checkpoint import list_models
from musictx.midi import read_midi, write_midi
from musictx.performance import Performance, make_notes, shift
from musictx.sampling import continue_variations
from musictx.shipped import COMPARED_MODELS, shipped_folder

SCRIPT = Path(__file__).resolve().parents[2] / "checkpoints" / "agreement.py"
Rows = list[list[int]]
SETTINGS = Settings(seconds=2, seed=1)
TEN = [entry["name"] for entry in presets()][:10]
SLOW = (pytest.mark.slow,)
# Every primer by one of the models, and every model on three primers or four; all of them take a while.
PAIRS = [
    pytest.param(name, primer, marks=() if (k - j) % 3 == 0 else SLOW)
    for j, primer in enumerate(TEN)
    for k, name in enumerate(COMPARED_MODELS)
]


@cache
def lane_model(name: str) -> LaneModel:
    if name not in list_models():
        pytest.skip(f"the model {name} is not here")
    return load_models([name])[0]


def notes_after(music: Performance, cut: float) -> Rows:
    return [row for row in note_rows(music.notes) if row[0] >= round(1000 * cut)]


def library(name: str, music: Performance, start: float, end: float) -> Rows:
    options = {"primer_start": start, "primer_end": end, "seconds": SETTINGS.seconds, "seed": SETTINGS.seed}
    (made,) = continue_variations(lane_model(name).model, music, **options)
    return notes_after(made.performance, made.cut)


def endpoint(name: str, path: Path, start: float, end: float, folder: Path) -> Rows:
    """Of the file that a program gets; its own ticks keep milliseconds."""
    shelf = Shelf(folder, 1 << 30)
    made, _ = play_for_program(lane_model(name), path, (start, end), SETTINGS, Stage(), shelf, Ask(False))
    return notes_after(read_midi(made), end - start)


def lane(name: str, notes: Rows, pedals: Rows, start: int, end: int) -> Rows:
    """Of a lane by the server, asked as a page asks: what begins in the selection, from its start on."""
    sent = {
        "run": "r.0",
        "notes": [[on - start, off - start, *rest] for on, off, *rest in notes if start <= on < end],
        "pedals": [[max(d, start) - start, u - start] for d, u in pedals if u > start and d < end],
        "length": end - start,
        "begins": not any(on < start for on, *_ in notes),
        "settings": {"seconds": SETTINGS.seconds, "seed": SETTINGS.seed},
    }
    player: Any = lane_player(name, lane_model(name).model, Stage())
    for text in player(SimpleNamespace(_data=sent), SimpleNamespace(session_hash="someone")):
        message = json.loads(text)
        if message["state"] in ("done", "error"):
            break
    offs = dict(message["offs"])
    return sorted([on, offs[k], pitch, velocity] for k, (on, pitch, velocity) in enumerate(message["notes"]))


@pytest.mark.parametrize(("name", "primer"), PAIRS)
def test_library_endpoint_and_lane_play_the_same_notes(name: str, primer: str, tmp_path: Path) -> None:
    card = next(entry for entry in presets() if entry["name"] == primer)
    path = shipped_folder("primers") / f"{primer}.mid"
    end = card["end"] / 1000
    expected = library(name, read_midi(path), 0.0, end)
    assert len(expected) > 3
    assert sorted(lane(name, card["notes"], card["pedals"], 0, card["end"])) == sorted(expected)
    # A program's file has the ticks of the primer's file, about a millisecond each.
    made = np.array(sorted(endpoint(name, path, 0.0, end, tmp_path / "made")))
    assert made.shape == np.array(expected).shape
    np.testing.assert_array_equal(made[:, 2:], np.array(sorted(expected))[:, 2:])
    np.testing.assert_allclose(made[:, :2], np.array(sorted(expected))[:, :2], atol=1)


def test_so_they_do_between_the_milliseconds_and_from_the_middle(tmp_path: Path) -> None:
    """Notes at a third of a millisecond, pedals over the end, and a selection that begins later."""
    rng = np.random.default_rng(3)
    onset = np.sort(rng.random(60) * 8) + 1 / 3000
    music = Performance(
        make_notes(onset, onset + rng.random(60), rng.integers(40, 90, 60), rng.integers(20, 110, 60)),
        np.array([(1.0, 2.5), (3.9, 5.2)], dtype=[("onset", "f8"), ("offset", "f8")]),
    )
    write_midi(music, tmp_path / "own.mid")
    music = read_midi(tmp_path / "own.mid")
    rows = note_rows(music.notes), np.rint(1000 * np.array(music.pedals.tolist())).astype(int).tolist()
    first = round(1000 * music.notes["onset"][0]) / 1000
    for start, end in ((0.0, 4.0), (2.03, 4.97), (first, 4.0)):
        expected = library("relative", music, start, end)
        there = round(1000 * start), round(1000 * end)
        assert sorted(lane("relative", *rows, *there)) == sorted(expected)
        folder = tmp_path / str(start)
        assert sorted(endpoint("relative", tmp_path / "own.mid", start, end, folder)) == sorted(expected)


def test_a_selection_in_which_a_piece_begins_late_is_its_beginning() -> None:
    """Silence before the first note makes it no passage from the middle."""
    music = Performance(read_midi(shipped_folder("primers") / "fur-elise.mid").notes)
    assert library("rope", shift(music, 1.0), 1.0, 7.0) == library("rope", music, 0.0, 6.0)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        pytest.param("vanilla", {}, marks=SLOW),
        ("relative", {}),
        pytest.param("rope", {}, marks=SLOW),
        pytest.param("relative", {"shape": "denser,lower,softer"}, marks=SLOW),
        pytest.param("relative", {"theme": 0.25, "form": 1, "seconds": 12}, marks=SLOW),
    ],
)
def test_the_browsers_engine_plays_the_same_notes(name: str, changes: dict[str, Any]) -> None:
    """In nine pieces of ten: its rounding can turn a draw that hangs by a hair."""
    if shutil.which("node") is None:
        pytest.skip("needs Node (18 or newer), which is not here")
    script = runpy.run_path(str(SCRIPT))
    model = lane_model(name).model
    options = {"seconds": SETTINGS.seconds, "seed": SETTINGS.seed, "shape": "", **changes}
    primers = script["cards"](len(TEN))
    asked = [script["request"](music, end, options) for _, music, end in primers]
    played = script["in_browser"](name, model, asked)
    same = [
        script["parted"](script["in_library"](model, music, end, options), heard) is None
        for (_, music, end), heard in zip(primers, played, strict=True)
    ]
    assert len(same) == 10 and sum(same) >= 9
