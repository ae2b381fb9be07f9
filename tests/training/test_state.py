"""A run's folder: one process at a time, nothing half written, and damage that is told from a state."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_helpers import tiny_run

from musictx.errors import MusictxError
from musictx.files import writing
from musictx.training.metrics import Metrics
from musictx.training.state import SETTINGS, STATE, _read, held

HOLD = """
import sys
from pathlib import Path
from musictx.training.state import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Metrics, "plot", lambda *_: None)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps."""
    folder = tmp_path_factory.mktemp("begun")
    tiny_run(folder, steps=3).fit()
    return folder


@pytest.fixture
def run_folder(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "run"))


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, list):
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


def test_two_processes_cannot_train_in_one_folder(run_folder: Path) -> None:
    """Nor does a process that was killed keep others out."""
    command = [sys.executable, "-c", HOLD, str(run_folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as first:
        assert first.stdout is not None and first.stdout.readline() == "held\n"
        before = (run_folder / STATE).read_bytes()
        with pytest.raises(MusictxError, match=rf"is in use: process {first.pid} on .* trains in it"):
            tiny_run(run_folder, steps=4).fit(resume=True)
        assert (run_folder / STATE).read_bytes() == before
        first.kill()
    run = tiny_run(run_folder, steps=4)
    run.fit(resume=True)
    assert run.step == 4


def test_a_folder_is_free_again_after_a_run(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(MusictxError, match="is in use"), held(tmp_path):
        pass
    with held(tmp_path):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(MusictxError, match="cannot be made"), held(tmp_path / "file" / "run"):
        pass


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("name", ["model", "metrics.jsonl", "loss.png"])
def test_what_belongs_to_no_run_is_not_written_over(tmp_path: Path, name: str, resume: bool) -> None:
    """Somebody's model in the current folder, and an --output that is empty: the current folder."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(MusictxError, match=rf"{name} is there already, but no run; choose another --output"):
        tiny_run(tmp_path).fit(resume=resume)
    assert (tmp_path / name).read_text() == "mine" and not (tmp_path / SETTINGS).exists()


@pytest.mark.parametrize("left", [SETTINGS, STATE])
def test_a_begun_folder_is_refused_and_stays_as_it_is(run_folder: Path, left: str) -> None:
    (run_folder / ({SETTINGS, STATE} - {left}).pop()).unlink()
    before = {path.name: path.read_bytes() for path in run_folder.iterdir() if path.is_file()}
    with pytest.raises(MusictxError, match="holds a run already; add --resume"):
        tiny_run(run_folder, seed=5).fit()
    after = {path.name: path.read_bytes() for path in run_folder.iterdir() if path.is_file()}
    assert after.pop(".lock") and before.pop(".lock") and after == before


def test_what_killed_processes_left_half_written_goes(run_folder: Path) -> None:
    left = [run_folder / ".ab.part", run_folder / "model" / ".cd.part"]
    for path in left:
        path.write_bytes(b"half")
    with writing(run_folder / "notes.txt") as stream:  # a process that lives writes on
        stream.write(b"mine")
        with held(run_folder):
            assert not any(path.exists() for path in left)
    assert (run_folder / "notes.txt").read_bytes() == b"mine"


class _Evil:
    """What a pickle calls that was made to."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_state_that_was_made_to_runs_no_code(run_folder: Path, tmp_path: Path) -> None:
    torch.save({"model": _Evil(tmp_path / "ran")}, run_folder / STATE)
    with pytest.raises(MusictxError):
        _read(run_folder / STATE)
    assert not (tmp_path / "ran").exists()


def test_a_flipped_bit_is_noticed_or_changes_nothing(run_folder: Path) -> None:
    """Between the arrays of a state there is padding, which nobody reads."""
    path = run_folder / STATE
    whole, state = path.read_bytes(), _read(path)
    noticed = 0
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 300).tolist():
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            found = _read(path)
        except MusictxError as error:
            assert str(path) in str(error)
            noticed += 1
        else:
            assert_same(found, state)
    assert noticed > 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", "twelve"),
        ("step", -1),
        ("step", True),
        ("step", None),
        ("tokens", 1.5),
        ("seconds", "long"),
        ("seconds", float("nan")),
    ],
)
def test_text_where_a_number_belongs_is_named(run_folder: Path, name: str, value: Any) -> None:
    state = _read(run_folder / STATE)
    torch.save({**state, name: value}, run_folder / STATE)
    with pytest.raises(MusictxError, match=rf"state\.pt is not the state of a training run: its {name} is"):
        tiny_run(run_folder, steps=4).fit(resume=True)


@pytest.mark.parametrize("part", ["model", "optimizers", "losses", "random", "cuda_random"])
def test_a_state_without_a_part_is_named(run_folder: Path, part: str) -> None:
    state = _read(run_folder / STATE)
    for wrong in ({k: v for k, v in state.items() if k != part}, {**state, part: "text"}):
        if part == "cuda_random" and part in wrong:
            continue  # nobody reads it on a processor
        torch.save(wrong, run_folder / STATE)
        with pytest.raises(MusictxError, match=r"state\.pt cannot be resumed with these settings"):
            tiny_run(run_folder, steps=4).fit(resume=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[1]",
        "{}",
        '{"model": 1, "training": 2}',
        '{"model": {}, "training": {}, "start": "x"}',
        "[" * 100_000,
        "\udcff",
    ],
)
def test_damaged_settings_are_named(run_folder: Path, text: str) -> None:
    (run_folder / SETTINGS).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(MusictxError, match=r"run\.json is missing or damaged"):
        tiny_run(run_folder, steps=4).fit(resume=True)


def test_lines_of_the_log_that_make_no_sense_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    good = [{"step": 1, "loss": 5.0}, {"step": 2, "validation": {"held": 4.0}}]
    bad = [
        b'\xff{"step": 1}',
        b'{"step": "one", "loss": 3}',
        b'{"step": true, "loss": 3}',
        b'{"step": 1, "loss": "low"}',
        b'{"step": 1, "validation": [3]}',
        b'{"step": 1, "validation": {"held": 3.0}, "worth": "high"}',
        b'{"step": 1, "loss": 3.0, "seconds": "many"}',
        b'{"step": 1, "validation": {"held": "low"}}',
        b"[" * 100_000,
        b'{"step": ' + b"9" * 5000 + b"}",
    ]
    lines = [json.dumps(good[0]).encode(), *bad, json.dumps(good[1]).encode(), b'{"step": 3, "lo']
    path.write_bytes(b"\n".join(lines))
    metrics = Metrics(path)
    assert metrics.read() == good
    metrics.forget_after(1)
    assert metrics.read() == good[:1]
    path.unlink()
    path.mkdir()
    with pytest.raises(MusictxError, match=r"metrics\.jsonl cannot be read"):
        metrics.read()
