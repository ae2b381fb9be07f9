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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from musictx.errors import MusictxError
from musictx.files import clear_drafts, hold, make_folder, read_json, write_bytes
from musictx.training.config import FIXED

SETTINGS, STATE, LOCK = "run.json", "state.pt", ".lock"


def refuse_begun(folder: Path) -> None:
    """Say that a folder holds a run, so that a new one would take its place."""
    if (folder / SETTINGS).exists() or (folder / STATE).exists():
        raise MusictxError(
            f"{folder} holds a run already; add --resume to go on with it, or choose another --output"
        )


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a folder; what a killed one left half written is removed.

    Raises
    ------
    MusictxError
        Another process trains there, or the folder cannot be written.
    """
    make_folder(folder)
    try:
        lock = (folder / LOCK).open("a+")
    except OSError as error:
        raise MusictxError(f"{folder / LOCK} cannot be written: {error.strerror or error}") from error
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


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Write what a run is begun with: ``model``, ``training``, ``card`` and ``music``."""
    write_bytes(folder / SETTINGS, (json.dumps(settings, indent=2) + "\n").encode())


def check_settings(folder: Path, settings: dict[str, Any]) -> None:
    """A run goes on as it was begun; only its budget, and where it is computed, may change.

    Raises
    ------
    MusictxError
        The model, the music, or one of the settings in `FIXED` is another one.
    """
    path = folder / SETTINGS
    try:
        begun = read_json(path)
        before = {**begun["model"], **{k: v for k, v in begun["training"].items() if k in FIXED}}
    except (MusictxError, KeyError, TypeError, AttributeError) as error:
        raise MusictxError(f"{path} is missing or damaged, so that the run cannot go on") from error
    settings = json.loads(json.dumps(settings))
    now = {**settings["training"], **settings["model"]}
    for name, value in before.items():
        if name in now and now[name] != value:
            raise MusictxError(
                f"{folder} was begun with {name} {value!r}, not {now[name]!r}; "
                "give the same settings to go on with it, or choose another folder"
            )
    # With other music a piece that was trained on could become one to be judged by.
    if begun.get("music", settings["music"]) != settings["music"]:
        raise MusictxError(
            f"{folder} was begun with other music: files have come, gone or changed since. Give the "
            f"same files to go on, or teach it the new ones in another run: --from {folder}"
        )


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """Write the state of a run; until it is whole on the disk, the one before stays."""
    buffer = BytesIO()
    torch.save(state, buffer)
    write_bytes(folder / STATE, buffer.getvalue())


def read_state(folder: Path) -> dict[str, Any]:
    """Read the state of a run.

    Returns
    -------
    dict
        ``step``, ``seconds``, ``best`` and, from runs of version 0.2 on, ``tokens`` are numbers that
        make sense; what else it holds is as it was written.

    Raises
    ------
    MusictxError
        The file is missing, is no state, or has been damaged, if only in a single bit: `torch.save`
        puts a checksum beside every array, which `torch.load` does not look at.
    """
    path = folder / STATE
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        state = None if broken else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file can make either reader fail in any way
        reason = " ".join(str(error).split())[:200]
        raise MusictxError(f"{path} is damaged, or not the state of a training run: {reason}") from error
    if broken:
        raise MusictxError(f"{path} is damaged (the checksum of {broken} is wrong); the run cannot go on")
    if not isinstance(state, dict):
        raise MusictxError(f"{path} is not the state of a training run")
    kinds: dict[str, Any] = {"step": int, "tokens": int, "seconds": float, "best": float}
    for name, kind in kinds.items():
        value: Any = state.get(name, 0 if name == "tokens" else None)
        if not isinstance(value, kind) or isinstance(value, bool) or not value >= 0:
            raise MusictxError(f"{path} is not the state of a training run: its {name} is {value!r}")
    return state
