"""The load test: a visitor's playhead follows the page's rules, and visitors are counted as they fare."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest

from musictx.app import launch
from musictx.checkpoint import save_model
from musictx.errors import MusictxError
from musictx.lab.bench.load import Listener, Run, bench_load, summary
from musictx.model import ModelConfig, MusicTransformer


def test_a_playhead_waits_for_the_slowest_lane_and_goes_on() -> None:
    listener = Listener(("a", "b"), at=6.0)
    listener.known = {"a": 20.0, "b": 6.0}
    listener.tick(0.0)
    assert listener.since is None  # b has nothing yet
    listener.known["b"] = 8.0
    listener.tick(1.0)
    listener.tick(2.5)
    assert (listener.waits, listener.since) == (0, 1.0)
    listener.tick(3.0)  # at 8 s b is not known further
    assert (listener.waits, listener.since) == (1, None)
    listener.known["b"] = 8.5
    listener.tick(4.0)
    assert listener.since is None  # after a wait more is needed to go on
    listener.done = {"a", "b"}
    listener.tick(5.0)
    listener.tick(100.0)
    assert (listener.waits, listener.waited) == (1, 2.0)


def test_runs_are_counted_as_they_fared() -> None:
    runs = [Run(0, 0.1, 10, 0, 0), Run(1, 9, 20, 2, 3.5), Run(2.5, 5, 15, 0, 0)]
    found = summary(runs)
    assert (found["without_gap"], found["gaps"], found["gap_seconds"]) == (2, 2, 3.5)
    assert (found["overtaken"], found["listening_at_once"], found["in_line"]["worst"]) == (1, 3, 8)


def test_visitors_of_a_real_server_hear_music(tmp_path: Path) -> None:
    for position in ("vanilla", "rope"):
        config = ModelConfig(position, layers=1, width=32, heads=2, context_length=64)
        save_model(MusicTransformer(config), tmp_path / position)
    models = [tmp_path / "vanilla", tmp_path / "rope"]
    address = launch(models=models, votes=tmp_path / "votes.sqlite", block=False)
    try:
        found = bench_load(3, seconds=2, rounds=2, busy=True, address=address)
    finally:
        gr.close_all(verbose=False)
    assert found["runs"] == 6
    assert found["files"]["upload"] > 0


def test_a_load_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(MusictxError, match="at least one visitor"):
        bench_load(0)
