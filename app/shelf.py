"""Files that programs send and get: bounded in all, and gone within minutes."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from musictx.errors import MusictxError
from musictx.files import hold

KEPT_SECONDS = 600.0
PREFIX, HELD = "musictx-", "held"  # of a process's folder, and of the file that it holds while it runs
MIN_BYTES = 2**16  # that a file counts for: a folder of its own takes room too

NO_ROOM = "the server cannot keep files"

_held: list[IO[Any]] = []


def own_folder(parent: Path) -> Path:
    """A new folder for this process's files; those of processes that have ended, however they did, go.

    Where none can be made the server goes on, and `Shelf.place` says so to whoever sends a file.
    """
    with suppress(OSError):
        return _made_and_held(parent)
    return parent / f"{PREFIX}{secrets.token_hex(4)}"


def _made_and_held(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / HELD).open("rb") as stream:
            if hold(stream):
                shutil.rmtree(folder)
    own = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    _held.append((own / HELD).open("wb"))
    hold(_held[-1])
    return own


class Shelf:
    """Folders for files, each counted with what it may hold until it is removed.

    Parameters
    ----------
    folder : Path
        Made with the first file.
    max_bytes : int
        Bytes of all files together.
    clock : callable
        Seconds that only ever rise: a system clock that is put back does not keep files longer.
    """

    def __init__(self, folder: Path, max_bytes: int, clock: Callable[[], float] = time.monotonic):
        self.folder, self.max_bytes, self._clock = folder, max_bytes, clock
        self._held: deque[tuple[float, int, Path]] = deque()
        self._lock = threading.Lock()

    def place(self, size: int) -> Path:
        """A new folder for a file of at most `size` bytes, removed after `KEPT_SECONDS`.

        Raises
        ------
        MusictxError
            There is no room until other files are gone.
        """
        self.clear()
        size = max(size, MIN_BYTES)
        with self._lock:
            if sum(held for _, held, _ in self._held) + size > self.max_bytes:
                raise MusictxError("the server holds too many files of programs; try again in some minutes")
            place = self.folder / secrets.token_hex(16)
            self._held.append((self._clock() + KEPT_SECONDS, size, place))
        try:
            place.mkdir(parents=True)
        except OSError as error:
            self.remove(place)
            raise MusictxError(f"{NO_ROOM}: {error.strerror}") from None
        return place

    def remove(self, place: Path) -> None:
        """Remove one folder before its time."""
        with self._lock:
            self._held = deque(held for held in self._held if held[2] != place)
        shutil.rmtree(place, ignore_errors=True)

    def clear(self, *, everything: bool = False) -> None:
        """Remove the folders whose time is over, or all of them."""
        with self._lock:
            over = []
            while self._held and (everything or self._held[0][0] <= self._clock()):
                over.append(self._held.popleft()[2])
        for place in over:
            shutil.rmtree(place, ignore_errors=True)
