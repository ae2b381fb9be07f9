"""A run on disk: the settings that it was begun with, its state, and who trains in its folder.

A folder holds one run. ``run.json`` says how and from what music it was begun; ``state.pt`` is everything
needed to go on exactly. A lock tells two processes apart that would train in it at once; the system
lifts it when a process ends, however that was.
"""

from __future__ import annotations

import json
import os
import socket
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from reprlib import repr as shown
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from musictx.errors import MusictxError, reason
from musictx.files import clear_drafts, hold, make_folder, read_json, refusals, write_bytes
from musictx.model import MusicTransformer
from musictx.training.devices import random_states, set_random_states
from musictx.training.metrics import METRICS, Metrics
from musictx.training.shards import gathered, like
from musictx.training_settings import FIXED

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SETTINGS, STATE, LOCK = "run.json", "state.pt", ".lock"
WRITTEN = ("model", METRICS, "loss.png")  # what else a run has in its folder
PLACE: dict[str, Any] = {"step": int, "tokens": int, "seconds": float}  # how far a run is


def refuse_taken(folder: Path, resume: bool) -> None:
    """Say that a folder holds a run that is not to go on, or what is no run's and would be written over."""
    begun = os.path.exists(folder / SETTINGS) or os.path.exists(folder / STATE)
    if begun and not resume:
        raise MusictxError(
            f"{folder} holds a run already; add --resume to go on with it, or choose another --output"
        )
    for place in (folder / name for name in WRITTEN if not begun):
        if os.path.lexists(place):
            raise MusictxError(f"{place} is there already, but no run; choose another --output")


def refuse_lost(folder: Path, metrics: Metrics, minutes: float) -> None:
    """Say that a run has lost its state after more than so many minutes: a new one would write over it."""
    lines = metrics.read()
    if lines and lines[-1].get("seconds", 0) > 60 * minutes:
        raise MusictxError(f"{folder} holds a run without its {STATE}, which cannot go on")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a folder; what a killed one left half written is removed.

    Raises
    ------
    MusictxError
        Another process trains there, or the folder cannot be written.
    """
    make_folder(folder)
    with refusals(folder / LOCK, "written"):
        lock = (folder / LOCK).open("a+", encoding="utf-8")
    with lock:
        if not hold(lock):
            lock.seek(0)
            raise MusictxError(
                f"{folder} is in use: {lock.read(200).strip() or 'another process'} trains in it; "
                "wait until it ends, or choose another folder"
            )
        with suppress(OSError):  # a full disk: who it is need not be known
            lock.truncate(0)
            lock.write(f"process {os.getpid()} on {socket.gethostname()}")
            lock.flush()
        for place in (folder, folder / "model", folder / "samples"):
            clear_drafts(place)
        yield


def refuse_other_music(music: dict[str, str], fabric: Fabric) -> None:
    """Say that this machine has other music than the first one, so that batches would not fit together."""
    if fabric.broadcast(music) != music:
        raise MusictxError(
            f"the music on {socket.gethostname()} is not that of the first machine; give all of them the same"
        )


def has_state(folder: Path, fabric: Fabric) -> bool:
    """Whether a folder holds a run to go on with, which all devices are told by the first.

    Raises
    ------
    MusictxError
        It does, and this machine does not see it.
    """
    here = os.path.isfile(folder / STATE)
    there = fabric.broadcast(here)
    if there and not here:
        raise MusictxError(
            f"{folder} holds the state of a run on the first machine, and none on {socket.gethostname()}; "
            "to go on together, machines need one folder, on a disk that they share"
        )
    return there


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Write what a run is begun with: ``model``, ``training``, ``start``, ``card`` and ``music``."""
    write_bytes(folder / SETTINGS, (json.dumps(settings, indent=2) + "\n").encode())


def check_settings(folder: Path, settings: dict[str, Any]) -> None:
    """A run goes on as it was begun; its budget, where it is computed, and how it is watched may change.

    Raises
    ------
    MusictxError
        The model, the weights that it began with, the music, or a setting in `FIXED` is another one.
    """
    path = folder / SETTINGS
    try:
        begun = read_json(path)
        before = {k: v for k, v in begun["training"].items() if k in FIXED}
        before = {**begun["model"], **before, **begun.get("start", {})}  # version 0.2 wrote no start
    except (MusictxError, KeyError, TypeError, AttributeError) as error:
        raise MusictxError(f"{path} is missing or damaged, so that the run cannot go on") from error
    before["curriculum"] = before.get("curriculum") or []  # version 0.2 wrote 0.0 where there was none
    settings = json.loads(json.dumps(settings))
    now = {**settings["training"], **settings["model"], **settings["start"]}
    for name, value in before.items():
        if name in now and now[name] != value:
            raise MusictxError(
                f"{folder} was begun with {name} {shown(value)}, not {shown(now[name])}; "
                "give the same settings to go on with it, or choose another folder"
            )
    # With other music a piece that was trained on could become one to be judged by.
    if begun.get("music", settings["music"]) != settings["music"]:
        raise MusictxError(
            f"{folder} was begun with other music: files have come, gone or changed since. Give the "
            f"same files to go on, or teach it the new ones in another run: --from {folder}"
        )


def write_state(
    folder: Path,
    fabric: Fabric,
    model: MusicTransformer,
    optimizers: Sequence[torch.optim.Optimizer],
    place: dict[str, float],
    losses: Sequence[Tensor],
) -> None:
    """Write the state of a run, which all devices take part in; until it is whole, the one before stays.

    Parameters
    ----------
    folder : Path
    fabric : Fabric
    model : MusicTransformer
    optimizers : sequence of Optimizer
    place : dict
        How far the run is: the numbers in `PLACE`.
    losses : sequence of Tensor
        Of the steps since the last line of the log.
    """
    random, first = random_states(fabric), fabric.is_global_zero
    weights, averages = gathered([model.state_dict(), [o.state_dict() for o in optimizers]], keep=first)
    if first:
        state = {
            "model": weights,
            "optimizers": averages,
            **place,
            "losses": torch.stack(list(losses)).cpu() if losses else torch.empty(0),
            **random,
        }
        buffer = BytesIO()
        torch.save(state, buffer)
        write_bytes(folder / STATE, buffer.getvalue())


def read_state(
    folder: Path, fabric: Fabric, model: MusicTransformer, optimizers: Sequence[torch.optim.Optimizer]
) -> tuple[dict[str, Any], list[Tensor]]:
    """Put a model, its optimisers and the random numbers back to where a run was.

    Returns
    -------
    place : dict
        As `write_state` got it.
    losses : list of Tensor

    Raises
    ------
    MusictxError
        The file is missing, no state, that of another model, or damaged, if only in a single bit.
    """
    path = folder / STATE
    state = _read(path)
    place: dict[str, Any] = {name: state.get(name) for name in PLACE}
    for name, value in place.items():
        if type(value) is not PLACE[name] or not value >= 0:
            raise MusictxError(f"{path} is not the state of a training run: its {name} is {shown(value)}")
    try:
        places = model.state_dict()
        model.load_state_dict({name: like(x, places.get(name)) for name, x in state["model"].items()})
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            matrices = [matrix for group in optimizer.param_groups for matrix in group["params"]]
            for i, averages in saved["state"].items():
                saved["state"][i] = {name: like(x, matrices[i]) for name, x in averages.items()}
            optimizer.load_state_dict(saved)
        set_random_states(fabric, state)
        return place, list(state["losses"].to(fabric.device))
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise MusictxError(f"{path} cannot be resumed with these settings: {reason(error)}") from error


def _read(path: Path) -> dict[str, Any]:
    """What a file of `torch.save` holds, if it is whole: a checksum stands beside every array in it, which
    `torch.load` does not look at.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        state = None if broken else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file can make either reader fail in any way
        raise MusictxError(
            f"{path} is damaged, or not the state of a training run: {reason(error)}"
        ) from error
    if broken:
        raise MusictxError(f"{path} is damaged (the checksum of {broken} is wrong): the run cannot go on")
    if not isinstance(state, dict):
        raise MusictxError(f"{path} is not the state of a training run")
    return state
