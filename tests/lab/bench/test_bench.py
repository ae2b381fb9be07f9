"""`musictx bench`: what it reports is complete and consistent. How quick anything is, no test says."""

from __future__ import annotations

import json
import os
import time
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from musictx.checkpoint import load_model, save_model
from musictx.cli import app
from musictx.errors import MusictxError
from musictx.lab.bench.attention import KERNELS, bench_attention, make_work
from musictx.lab.bench.common import interleaved, machine, peak_memory, spread, threads
from musictx.lab.bench.encode import FILE_NOTES, bench_encode, made_up
from musictx.lab.bench.generate import bench_generate
from musictx.lab.bench.live import bench_live
from musictx.lab.bench.report import draw, show
from musictx.lab.bench.site import SlowFiles
from musictx.lab.bench.train import BARE, bench_train
from musictx.lab.evaluation.loading import primers_nll
from musictx.model import ModelConfig, MusicTransformer
from musictx.performance import resolve_overlaps
from musictx.sampling import kernels as engine_kernels


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny relative model on disk."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    config = ModelConfig("relative", layers=2, width=16, heads=2, feed_forward=32, context_length=64)
    save_model(MusicTransformer(config), folder)
    return str(folder)


@pytest.fixture(scope="module")
def attention() -> dict[str, Any]:
    return bench_attention((16, 48), batch=1, heads=2, width=4, repetitions=2, memory=False)


@pytest.fixture(scope="module")
def generation(checkpoint: str) -> dict[str, Any]:
    return bench_generate([checkpoint], primer=8, tokens=6, prefixes=(8, 40), repetitions=1, peers=False)


def _spreads(value: Any) -> list[dict[str, float]]:
    """Every median with its spread inside a result."""
    if isinstance(value, dict):
        own = [value] if "median" in value else []
        return own + [x for part in value.values() for x in _spreads(part)]
    return [x for part in value for x in _spreads(part)] if isinstance(value, list) else []


def test_contestants_take_turns_and_the_first_turn_does_not_count() -> None:
    calls: list[str] = []
    seconds = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "b"] * 4
    assert {name: len(x) for name, x in seconds.items()} == {"a": 3, "b": 3}


def test_a_spread_is_median_and_quartiles() -> None:
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "low": 1.0, "high": 3.0, "repetitions": 3}
    wide = spread([float(x) for x in range(101)], scale=2.0)
    assert (wide["low"], wide["median"], wide["high"]) == (49.0, 100.0, 151.0)


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="inside"), threads(1) as used:
        assert used == torch.get_num_threads() == 1
        raise ValueError("inside")
    assert torch.get_num_threads() == before


def test_the_machine_is_named_with_its_versions() -> None:
    facts = machine()
    assert facts["processor"] and facts["cores"] >= 1
    assert facts["versions"]["torch"] == torch.__version__ and "numpy" in facts["versions"]


def make_array(megabytes: int) -> Any:
    """Work that needs so many megabytes."""
    return lambda: np.ones(megabytes * 125_000).sum()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the system does not tell")
def test_memory_is_what_the_work_adds() -> None:
    """Five times the array adds five times the memory, whatever the process itself had needed before."""
    small, large = (peak_memory(make_array, megabytes) for megabytes in (100, 500))
    assert small is not None and large is not None
    assert large - small == pytest.approx(400, rel=0.1)


def test_attention_has_every_way_at_every_length_and_is_exact(attention: dict[str, Any]) -> None:
    assert [(r["length"], r["way"]) for r in attention["rows"]] == [(n, w) for n in (16, 48) for w in KERNELS]
    assert attention["largest_difference_from_the_definition_in_float64"] < 1e-9
    assert all(r["times_plain"] == 1.0 for r in attention["rows"] if r["way"] == "plain")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_all_relative_ways_of_attention_do_the_same_work(dtype: str) -> None:
    results = [make_work(kernel, 40, 2, 2, 8, dtype)() for kernel in ("blocks", "skew", "gather")]
    tolerance = {"float32": 1e-4, "bfloat16": 0.1, "float64": 1e-9}[dtype]
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


def test_ways_that_need_too_much_memory_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musictx.lab.bench.attention._MAX_BYTES", 2 * 48**2 * 4)
    result = bench_attention((48,), batch=1, heads=2, width=4, repetitions=1, memory=False)
    assert [r["way"] for r in result["rows"]] == ["plain", "blocks", "skew"]


def test_generation_has_steps_generators_and_the_bound(generation: dict[str, Any], checkpoint: str) -> None:
    players = [checkpoint] if engine_kernels.njit is None else [checkpoint, f"{checkpoint}, float32"]
    steps = [(r["model"], r["prefix"]) for r in generation["steps"]]
    assert steps == [(player, prefix) for player in players for prefix in (8, 40)]
    assert [r["generator"] for r in generation["generators"]] == [f"musictx {x}" for x in players]
    # All matrices but the embedding's rows: qkv, out, up, down of two layers, and the head.
    assert generation["streaming"]["megabytes_per_token"] == round(
        4e-6 * (2 * (4 * 16 * 16 + 2 * 16 * 32) + 391 * 16), 1
    )
    (rounding,) = generation["rounding"]
    assert rounding["nats_per_token"] == pytest.approx(primers_nll(load_model(checkpoint)), abs=1e-3)
    assert abs(rounding["change"]) < 1e-3
    near, far = (r["bound_cache"] for r in generation["steps"][:2])
    assert far > near


def test_training_compares_every_scheme_with_a_bare_loop() -> None:
    result = bench_train(("vanilla", "relative"), size="tiny", length=24, batch=2, repetitions=1, peers=False)
    assert [r["model"] for r in result["rows"]] == [BARE, "musictx vanilla", "musictx relative"]
    assert result["rows"][0]["share_of_bare_loop"] == 1.0
    vanilla, relative = (r["parameters"] for r in result["rows"][1:])
    assert abs(vanilla - relative) < 0.02 * vanilla
    assert result["data_tokens_per_second"]["median"] > 0


@pytest.mark.slow
def test_encoding_counts_notes_and_tokens() -> None:
    result = bench_encode(notes=(60,), files=(2, 5), repetitions=1, peers=False)
    assert [row["files"] for row in result["folders"]] == [2, 5]
    assert result["folders"][1]["tokens"] > 2 * result["folders"][0]["tokens"] > 4 * FILE_NOTES
    assert result["files_found"] >= 1 and result["tokens"] > result["notes"] > 0
    (row,) = result["lengths"]
    assert row["notes"] == 60 and row["tokens"] > 120
    with pytest.raises(MusictxError, match="not a folder"):
        bench_encode("no-such-folder")


@pytest.mark.slow
def test_a_duet_is_answered_after_each_pause() -> None:
    result = bench_live(["vanilla"], repetitions=1)
    (row,) = result["rows"]
    assert row["model"] == "vanilla" and 0 <= row["seconds"]["median"] < 30 and row["worst"] < 30


def test_made_up_music_is_as_long_as_asked_and_the_same_again() -> None:
    music = made_up(500, 3)
    assert len(music) == 500 and len(resolve_overlaps(music.notes)) > 400
    np.testing.assert_array_equal(music.notes, made_up(500, 3).notes)


def test_every_spread_is_in_order(attention: dict[str, Any], generation: dict[str, Any]) -> None:
    found = _spreads(attention) + _spreads(generation)
    assert len(found) > 8
    assert all(0 < x["low"] <= x["median"] <= x["high"] for x in found)


def test_pictures_and_tables(
    attention: dict[str, Any],
    generation: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for result in (attention, generation):
        draw(result, tmp_path / "picture.png")
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
        show(result)
        shown = capsys.readouterr().out
        assert "torch" in shown and "milliseconds" in shown
    with pytest.raises(MusictxError, match="no picture of bench encode"):
        draw({"bench": "encode"}, tmp_path / "none.png")


@pytest.mark.parametrize(
    "arguments",
    [
        ["attention", "--length", "16", "--heads", "1", "--width", "2", "--repetitions", "1", "--no-memory"],
        ["generate", "MODEL", "--primer", "4", "--tokens", "2", "--prefix", "4", "--repetitions", "1"],
        ["train", "--size", "tiny", "--context", "8", "--batch", "1", "--repetitions", "1"],
    ],
    ids=lambda x: x[0],
)
def test_json_is_one_object_and_nothing_else(arguments: list[str], checkpoint: str) -> None:
    peers = [] if arguments[0] == "attention" else ["--no-peers"]
    command = ["bench", *(checkpoint if x == "MODEL" else x for x in arguments), *peers, "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["bench"] == arguments[0] and result["machine"]["cores"] >= 1


@pytest.mark.parametrize(("name", "more"), [("app", {"address": None}), ("site", {})])
def test_measurements_of_the_page_get_their_options(
    monkeypatch: pytest.MonkeyPatch, name: str, more: dict[str, Any]
) -> None:
    monkeypatch.setattr(f"musictx.lab.bench.{name}.bench_{name}", lambda **options: {"options": options})
    options = ["--seconds", "7", "--repetitions", "2", "--slowdown", "3"]
    done = CliRunner().invoke(app, ["bench", name, *options, "--json"])
    assert json.loads(done.stdout)["options"] == {"seconds": 7.0, "repetitions": 2, "slowdown": 3.0, **more}


def test_a_step_in_the_browser_needs_onnxruntime_web(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "browser", str(tmp_path)])
    assert isinstance(done.exception, MusictxError) and "npm pack onnxruntime-web" in str(done.exception)


def test_a_slow_line_is_shared_by_all_that_is_fetched(tmp_path: Path) -> None:
    """What comes at the same time comes one packet after another, each when the line has done the last."""
    given: list[int] = []
    files: Any = type("Files", (SlowFiles,), {"__init__": lambda self: None, "rate": 2.0**24, "_free": 0.0})
    begun = time.monotonic()
    for _ in range(2):
        files().copyfile(
            BytesIO(bytes(2**19)), SimpleNamespace(write=lambda packet: given.append(len(packet)))
        )
    assert sum(given) == 2**20
    assert time.monotonic() - begun >= 2.0**20 / files.rate


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bench_attention((0,)), "length is 0; it must be at least 1"),
        (lambda: bench_attention((8,), dtype="int8"), "dtype is 'int8'; it must be one of float32"),
        (lambda: bench_attention(()), "at least one length"),
        (lambda: bench_generate([]), "at least one model"),
        (lambda: bench_train(precision="fp8-x", length=8), "precision is 'fp8-x'"),
    ],
)
def test_wrong_settings_are_named(call: Any, message: str) -> None:
    with pytest.raises(MusictxError, match=message):
        call()
