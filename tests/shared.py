"""What all workers of a test run share: made by the first that needs it, ended when the run is over."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

FOLDER = "MUSICTX_TEST_RUN"  # in the environment of the workers: the folder of this run


def begin() -> None:
    """In the process that starts the workers."""
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="musictx-tests-")


def end() -> None:
    """End the processes that were started, all at once, and remove the folder."""
    folder = Path(os.environ.pop(FOLDER))
    for file in folder.glob("*.json"):
        with suppress(KeyError, ProcessLookupError):
            os.kill(json.loads(file.read_text())["pid"], signal.SIGTERM)
    shutil.rmtree(folder, ignore_errors=True)


def once(name: str, make: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """What `make` answers, given a folder of its own; it is called by the first worker that asks.

    Where it has started a process, its answer has the process's number as ``pid``.
    """
    folder = Path(os.environ[FOLDER])
    kept = folder / f"{name}.json"
    with FileLock(folder / f"{name}.lock"):
        if not kept.exists():
            (folder / name).mkdir(exist_ok=True)  # another worker may have failed here
            kept.write_text(json.dumps(make(folder / name)))
        made: dict[str, Any] = json.loads(kept.read_text())
    return made
