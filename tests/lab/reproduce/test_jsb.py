"""The chorales' table: matched sizes, batches that follow from the seed, runs that go on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from musictx.checkpoint import read_weights
from musictx.cli import app
from musictx.errors import MusictxError
from musictx.lab.evaluation.jsb import HIGHEST, LOWEST, REST, START, TOKENS, model_losses
from musictx.lab.reproduce.chorales import (
    ChoraleSettings,
    ChoraleSource,
    build,
    chorale_result,
    chorale_run,
    transpose,
)
from musictx.lab.reproduce.jsb import SCHEMES, all_rows, reproduce_jsb
from musictx.training import IGNORED

TINY = ChoraleSettings(width=16, layers=1, tokens=3000, batch=2, warmup=2, dropout=0.1)


def chorales(count: int, seed: int) -> list[np.ndarray]:
    """Made-up pieces in which each voice holds a pitch for a beat."""
    rng = np.random.default_rng(seed)
    return [np.repeat(rng.integers(12, 34, (int(rng.integers(4, 9)), 4)), 4, 0) for _ in range(count)]


@pytest.fixture(scope="module")
def splits() -> dict[str, list[np.ndarray]]:
    return {"train": chorales(8, 0), "valid": chorales(3, 1), "test": chorales(3, 2)}


@pytest.fixture(scope="module")
def data(splits: dict[str, list[np.ndarray]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jsb")
    pitches = {name: [(p + LOWEST - 1).tolist() for p in part] for name, part in splits.items()}
    (folder / "Jsb16thSeparated.json").write_text(json.dumps(pitches))
    return folder


def test_schemes_have_the_same_number_of_parameters() -> None:
    counts = {p: build(ChoraleSettings(position=p)).parameter_count() for p in SCHEMES}
    assert max(counts.values()) < 1.0005 * min(counts.values())
    assert 3.8e6 < counts["relative"] < 4.1e6
    assert build(ChoraleSettings(large=True)).parameter_count() == pytest.approx(8.6e6, rel=0.01)


def test_a_chorale_is_transposed_as_far_as_the_pitches_go() -> None:
    piece = np.array([[10, 5, 0, 1], [46, 5, 3, 2]])
    assert transpose(piece, 4) is not piece and (transpose(piece, 4) == piece).all()  # from 1 to 46: no room
    piece = np.array([[10, 5, REST, 3]])
    assert transpose(piece, 4).tolist() == [[14, 9, REST, 7]]
    assert transpose(piece, -5).tolist() == [[8, 3, REST, 1]]
    assert (transpose(np.array([[HIGHEST - LOWEST - 2, 9, 9, 9]]), 9).max()) == TOKENS - 1
    assert (transpose(np.zeros((2, 4), int), 3) == 0).all()


def test_a_batch_is_whole_pieces_and_follows_from_seed_and_step(splits: dict[str, list[np.ndarray]]) -> None:
    source = ChoraleSource(splits["train"], 2, 0, (0, 0))
    inputs, targets = source.batch(5)
    assert (targets != IGNORED).sum() == source.tokens(5) == targets.size - (targets == IGNORED).sum()
    for given, asked in zip(inputs, targets, strict=True):
        whole = asked[asked != IGNORED]
        assert any(np.array_equal(whole, piece.ravel()) for piece in splits["train"])
        assert given[0] == START and np.array_equal(given[1 : len(whole)], whole[:-1])
    again, other = source.batch(5), source.batch(6)
    assert np.array_equal(again[1], targets) and not np.array_equal(other[1], targets)
    shares = [source.batch(5, first, 1)[1] for first in (0, 1)]
    assert np.array_equal(np.concatenate(shares), targets)
    moved = ChoraleSource(splits["train"], 2, 0, (1, 1)).batch(5)[1]
    assert np.array_equal(moved[targets > REST], targets[targets > REST] + 1)


def test_the_model_is_told_voice_and_beat_or_not() -> None:
    torch.manual_seed(0)
    tokens = torch.full((1, 64), 7)
    told = build(TINY).embedding(tokens)[0]
    assert not torch.equal(told[0], told[1]) and not torch.equal(told[0], told[4])
    kept = build(replace(TINY, information=False)).embedding(tokens)[0]
    assert (kept == kept[0]).all()


def test_a_stopped_run_goes_on_to_the_same_end(splits: dict[str, list[np.ndarray]], tmp_path: Path) -> None:
    whole = chorale_run(TINY, splits, tmp_path / "whole", precision="32-true")
    trained = whole.fit()
    result = chorale_result(whole, TINY, splits)
    assert result["curve"][-1][0] == result["tokens"] == whole.tokens >= TINY.tokens
    for _ in range(3):  # a step each
        chorale_run(TINY, splits, tmp_path / "parts", precision="32-true").fit(resume=True, stop_after=0.0)
    again = chorale_run(TINY, splits, tmp_path / "parts", precision="32-true")
    for name, weight in again.fit(resume=True).state_dict().items():
        assert torch.equal(weight, trained.state_dict()[name]), name
    assert again.begun_at == 3
    assert chorale_result(again, TINY, splits) == {**result, "seconds": round(again.seconds, 1)}
    best = build(TINY, whole.model_config)
    best.load_state_dict(read_weights(whole.folder / "model"))
    losses = model_losses(best.eval(), splits["test"])
    assert result["test"]["nats"] == pytest.approx(float(np.concatenate(losses).mean()), abs=1e-5)
    for change in ({"lr": 1e-3}, {"transposition": False}, {"information": False}):
        with pytest.raises(MusictxError, match=r"begun with|cannot be resumed"):
            chorale_run(replace(TINY, **change), splits, tmp_path / "parts").fit(resume=True)  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_table_holds_what_was_run_and_runs_nothing_twice(data: Path, tmp_path: Path) -> None:
    arguments = ["reproduce", "jsb", "--data", str(data), "-o", str(tmp_path), "--tokens", "300", "--json"]
    done = CliRunner().invoke(app, [*arguments, "--row", "rope", "--row", "vanilla"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout[done.stdout.index("{") :])
    assert [(row["name"], row["seeds"]) for row in found["rows"]] == [("vanilla", 3), ("rope", 1)]
    assert found["rows"][0]["low"] <= found["rows"][0]["test"] <= found["rows"][0]["high"]
    assert [run["run"] for run in found["runs"]] == [
        *(f"vanilla, seed {i}" for i in range(3)),
        "rope, seed 0",
    ]
    assert found["baselines"]["uniform"] == pytest.approx(np.log(47), abs=1e-3)
    assert (tmp_path / "jsb.png").read_bytes()[:4] == b"\x89PNG"
    before = (tmp_path / "rope-0" / "result.json").stat().st_mtime_ns
    reproduce_jsb(data, tmp_path, rows=["rope"], tokens=300)
    assert (tmp_path / "rope-0" / "result.json").stat().st_mtime_ns == before
    assert [row["name"] for row in reproduce_jsb(data, tmp_path, tokens=300, train=False)["rows"]] == [
        "vanilla",
        "rope",
    ]
    with pytest.raises(MusictxError, match="other settings"):
        reproduce_jsb(data, tmp_path, rows=["rope"], tokens=600)


def test_unknown_rows_and_missing_files_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(MusictxError, match="there is no row 'gru'"):
        reproduce_jsb(data, tmp_path, rows=["gru"])
    with pytest.raises(MusictxError, match=r"Jsb16thSeparated\.json"):
        reproduce_jsb(tmp_path / "nothing", tmp_path)
    assert len({row.name for row in all_rows()}) == 21
