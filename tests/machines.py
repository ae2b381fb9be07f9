"""Several "machines" on this one, each with a launcher of its own: what they train, and how they are started.

    python tests/machines.py FOLDER NODES DEVICES NAME …

trains tiny runs, each below the folder by its name in `RUNS`.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from training_helpers import EVERY_STEP, die, tiny_run

from musictx.training import Run, Source
from musictx.training.metrics import Metrics

TIMEOUT = 300  # seconds, on a busy machine
BRIEF: dict[str, Any] = {"steps": 8, "log_every": 1, "validate_every": 4}
# Without Muon, which computes in bfloat16 and would enlarge the differences of rounding.
PLAIN: dict[str, Any] = {**BRIEF, "optimizer": "adamw", "model": {"dropout": 0.0}}
RUNS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "one step": PLAIN,
    "whole": BRIEF,
    "lost": {**BRIEF, "checkpoint_minutes": EVERY_STEP},  # the last process is killed in the sixth step
    "shards in slices": {**BRIEF, "strategy": "fsdp"},
}


def train(folder: Path, nodes: int, devices: int, names: Sequence[str]) -> None:
    """Train runs one after the other, as one process of several."""
    Metrics.plot = lambda *_: None  # type: ignore[method-assign]  # it would take most of the time
    for name in names:
        where: dict[str, Any] = {"nodes": nodes, "devices": devices, **RUNS[name]}
        if name == "shards in slices":
            tiny_run(folder / name, **where).fit(resume=True, stop_after=0.0)
        run = tiny_run(folder / name, **where)
        if name == "lost" and run.fabric.global_rank == nodes * devices - 1:
            kill_in_sixth_step(run)
        run.fit(resume=True, stop_after=0.0 if name == "one step" else None)


def kill_in_sixth_step(run: Run) -> None:
    """Kill this process where its first part of a run has come to the sixth step."""
    step = run._step

    def dying(source: Source) -> torch.Tensor:
        if run.step == 5 and run.begun_at == 0:
            die()
        return step(source)

    run._step = dying  # type: ignore[method-assign]


def require_one_thread() -> None:
    """Where Linux tells: a thread of gloo's that outlives Python aborts the process now and then."""
    threads = Path("/proc/self/task")
    if threads.is_dir() and (left := len(list(threads.iterdir()))) > 1:
        print(f"{left} threads are left at the end", file=sys.stderr, flush=True)
        os._exit(3)


def _free_port() -> int:
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        return int(there.getsockname()[1])


def _commands(launcher: str, nodes: int, devices: int) -> Iterator[tuple[list[str], dict[str, str]]]:
    """What starts each machine, and its environment."""
    port = str(_free_port())
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    if launcher == "torchrun":
        agent = [sys.executable, "-m", "torch.distributed.run", "--max-restarts=0", "--rdzv-backend=c10d"]
        agent += [f"--rdzv-endpoint=127.0.0.1:{port}", f"--nnodes={nodes}", f"--nproc-per-node={devices}"]
        yield from ((agent, {}) for _ in range(nodes))
        return
    job = {"SLURM_JOB_ID": "7", "SLURM_NNODES": str(nodes), "SLURM_NTASKS": str(nodes * devices)}
    job["SLURM_NTASKS_PER_NODE"] = str(devices)
    for task in range(nodes * devices):
        node, local = divmod(task, devices)
        own = {"SLURM_PROCID": str(task), "SLURM_NODEID": str(node), "SLURM_LOCALID": str(local)}
        yield [sys.executable], {**place, **job, **own}


def start(launcher: str, nodes: int, devices: int, *arguments: object) -> list[tuple[int, str]]:
    """Start a script, or ``-m`` and a module, on all machines; status and standard error of each launcher.

    Parameters
    ----------
    launcher : {"torchrun", "slurm"}
        The second one is what `srun` does: a process for each task, told by its environment which it is.

    Raises
    ------
    subprocess.TimeoutExpired
        They hang.
    """
    usual = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [*command, *map(str, arguments)], env={**usual, **own}, stderr=subprocess.PIPE, text=True
        )
        for command, own in _commands(launcher, nodes, devices)
    ]
    try:
        errors = [process.communicate(timeout=TIMEOUT)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, error) for process, error in zip(processes, errors, strict=True)]


def train_on_machines(
    launcher: str, nodes: int, devices: int, folder: Path, *names: str
) -> list[tuple[int, str]]:
    """What `start` gives of this script."""
    return start(launcher, nodes, devices, __file__, folder, nodes, devices, *names)


if __name__ == "__main__":
    atexit.register(require_one_thread)  # first, so that it is called last
    train(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
