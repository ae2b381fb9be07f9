"""Training on several machines: the same run as on one, whatever becomes of a machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from machines import PLAIN, train_on_machines
from training_helpers import losses, tiny_run

from musictx.errors import MusictxError
from musictx.training import TrainingConfig
from musictx.training.devices import open_devices
from musictx.training.metrics import Metrics


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than training here."""
    monkeypatch.setattr(Metrics, "plot", lambda *_: None)


def assert_alike(folder: Path, other: Path) -> None:
    """The same losses, to rounding."""
    for (step, loss), (step_too, loss_too) in zip(losses(folder), losses(other), strict=True):
        assert step == step_too
        assert loss == pytest.approx(loss_too, abs=1e-5)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "state.pt", weights_only=True)["model"]


def test_two_machines_are_one_and_lose_nothing_with_a_process(tmp_path: Path) -> None:
    """By torchrun: as one process; the same again after `kill -9`; the same with the model in shards."""
    names = ("plain", "whole", "shards in slices", "lost")
    ended = train_on_machines("torchrun", 2, 1, tmp_path, *names)
    assert all(status for status, _ in ended), "one process was lost, so both machines stop"
    assert torch.load(tmp_path / "lost" / "state.pt", weights_only=True)["step"] == 5
    ended = train_on_machines("torchrun", 2, 1, tmp_path, "lost")
    # All of them: what stops one machine is often told by the other one only.
    assert not any(status for status, _ in ended), "\n\n".join(error for _, error in ended)
    tiny_run(tmp_path / "one process", **PLAIN).fit()
    assert_alike(tmp_path / "plain", tmp_path / "one process")
    for name in ("lost", "shards in slices"):
        assert losses(tmp_path / name) == losses(tmp_path / "whole")
        for key, weight in weights(tmp_path / "whole").items():
            assert torch.equal(weight, weights(tmp_path / name)[key]), key


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    """By SLURM's environment, on two machines with two processes each; then one process is lost for good."""
    tiny_run(tmp_path / "one process", **PLAIN).fit()
    tiny_run(tmp_path / "one step", **PLAIN).fit(stop_after=0.0)
    ended = train_on_machines("slurm", 2, 2, tmp_path, "one step", "lost")
    assert [status for status, _ in ended] == [1, 1, 1, -9]
    for _, error in ended[:3]:
        assert "of 4 cannot go on: " in error
        assert "If another one was lost, start all of them again with --resume" in error
    assert torch.load(tmp_path / "lost" / "state.pt", weights_only=True)["step"] == 5
    assert [step for step, _ in losses(tmp_path / "one step")] == [1, 2]
    tiny_run(tmp_path / "one step", **PLAIN).fit(resume=True)
    assert_alike(tmp_path / "one step", tmp_path / "one process")


@pytest.mark.parametrize(
    ("started", "settings", "said"),
    [
        ({}, {"nodes": 2}, "nodes is 2, but only one process was started: let torchrun start the command"),
        # Fabric leaves an address in the environment of a process that has trained with shards.
        ({"MASTER_ADDR": "127.0.0.1"}, {"nodes": 2}, "nodes is 2, but only one process was started"),
        ({"SLURM_NTASKS": "4"}, {"nodes": 2}, "4 processes were started, but nodes 2 times devices 1 is 2"),
        ({"SLURM_NTASKS": "2"}, {}, "2 processes were started, but nodes 1 times devices 1 is 1"),
        ({"SLURM_NTASKS": "2"}, {"strategy": "fsdp"}, "2 processes were started, but nodes 1"),
    ],
)
def test_processes_that_do_not_fit_the_settings_are_told(
    monkeypatch: pytest.MonkeyPatch, started: dict[str, str], settings: dict[str, Any], said: str
) -> None:
    task = {"SLURM_NTASKS_PER_NODE": "1", "SLURM_PROCID": "0", "SLURM_NODEID": "0", "SLURM_LOCALID": "0"}
    for name, value in {**task, **started}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MusictxError, match=said):
        open_devices(TrainingConfig(steps=1, accelerator="cpu", **settings))
