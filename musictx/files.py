"""Files that are either complete or as they were before, and that one process writes at a time."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from os import PathLike, fspath
from pathlib import Path
from typing import IO, Any, BinaryIO

from musictx.errors import MusictxError, reason

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

DRAFTS = ".*.part"  # names of files that are being written


@contextmanager
def refusals(path: str | PathLike[str], done: str) -> Iterator[None]:
    """Say which file could not be read, written or made, and why."""
    try:
        yield
    except MusictxError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have, or no UTF-8
        raise MusictxError(f"{path} cannot be {done}: {reason(error)}") from error


@contextmanager
def writing(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file to be written whole: it takes its name only when all is written and on the disk.

    Parameters
    ----------
    path : path
        Links are followed; a device or a pipe is written to as it is.

    Yields
    ------
    binary stream

    Raises
    ------
    MusictxError
        The file cannot be written there. What was there before is kept.

    Examples
    --------
    >>> from musictx.files import writing
    >>> with writing("scale.txt") as stream:
    ...     stream.write(b"C D E F G A B C")
    15
    """
    target = place_of(path)
    try:
        if is_device(target):  # it must not be replaced
            with target.open("wb") as stream:
                yield stream
            return
        draft = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with draft.open("xb") as stream:
                hold(stream)
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if target.exists():
                shutil.copymode(target, draft)
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise MusictxError(f"{fspath(path)!r} cannot be written: {reason(error)}") from error


def place_of(path: str | PathLike[str]) -> Path:
    """Where a file would be written, at the end of all links.

    Raises
    ------
    MusictxError
        No file can be there.
    """
    name = fspath(path)
    with refusals(repr(name), "written"):
        # The name of a pipe (/dev/stdout may be one) leads to no path, so it is opened by its own name.
        target = Path(name) if is_device(Path(name)) else Path(os.path.realpath(name))
        if os.path.isdir(target):
            raise MusictxError(f"{name} is a folder; the name of a file is needed")
        if not os.path.isdir(target.parent):
            shown = target.parent if Path(name).is_symlink() else Path(name).parent
            raise MusictxError(f"{name} cannot be written: there is no folder {shown}")
        if target.is_symlink() and not is_device(target):  # what its links lead to was looked up already
            raise MusictxError(f"{name!r} cannot be written: its links lead in a circle")
    return target


def keep_inputs(outputs: Iterable[str | PathLike[str]], inputs: Iterable[str | PathLike[str] | None]) -> None:
    """Say that a file or folder to be written is one that is read, or a file in a folder that is read.

    Parameters
    ----------
    outputs : iterable of path
    inputs : iterable of path
        Files and folders; None for what is not given. What is not there is none.

    Raises
    ------
    MusictxError

    Examples
    --------
    >>> from musictx.files import keep_inputs, write_bytes
    >>> write_bytes("music/a.mid", b"MThd")
    >>> keep_inputs(["music/b.mid"], ["music"])
    >>> keep_inputs(["music/../music/a.mid"], ["music"])
    Traceback (most recent call last):
        ...
    musictx.errors.MusictxError: music/../music/a.mid would be written over music, which is read;
    choose another name for it
    """
    names = [fspath(path) for path in inputs if path]
    there = [(name, os.path.realpath(name)) for name in names if "\0" not in name]
    for path in outputs:
        output = fspath(path)
        real = os.path.realpath(output)
        for given, place in there:
            inside = os.path.isfile(real) and Path(real).is_relative_to(place)
            if inside or _is_same(real, place):
                raise MusictxError(
                    f"{output} would be written over {given}, which is read; choose another name for it"
                )


def _is_same(output: str, place: str) -> bool:
    """Whether both are one file or folder, by whatever names; a device is none."""
    try:
        return os.path.samefile(output, place) and not is_device(Path(place))
    except (OSError, ValueError):  # one of them is not there
        return False


def is_device(path: Path) -> bool:
    """Whether a path is a device or a pipe, which is written to as it is."""
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


def write_bytes(path: str | PathLike[str], data: bytes) -> None:
    """Write a whole file as `writing` does; its folder is made if it is missing.

    Examples
    --------
    >>> from musictx.files import write_bytes
    >>> write_bytes("takes/first.txt", b"C E G")
    >>> open("takes/first.txt").read()
    'C E G'
    """
    make_folder(Path(path).parent)
    with writing(path) as stream:
        stream.write(data)


def make_folder(path: Path) -> None:
    """Make a folder that results are going to be written to."""
    with refusals(repr(str(path)), "made"):
        path.mkdir(parents=True, exist_ok=True)


def check_folder(folder: Path, names: set[str], what: str) -> None:
    """Say that a folder holds other things than `names` and those whose names begin with a dot."""
    if folder.is_file():
        raise MusictxError(f"{folder} is a file; {what} needs a folder")
    inside = folder.iterdir() if folder.is_dir() else ()
    others = [path.name for path in inside if path.name not in names and path.name[0] != "."]
    if others:
        raise MusictxError(f"{folder} holds other things ({min(others)}); choose a new or empty folder")


def hold(stream: IO[Any]) -> bool:
    """Hold an open file for this process alone until it is closed; false if another process holds it.

    The system lets go of it when the process ends, even by ``kill -9``. Where files cannot be held (Windows,
    some network drives) the answer is always true.
    """
    try:
        if fcntl is not None:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return not isinstance(error, BlockingIOError)
    return True


def clear_drafts(folder: Path) -> None:
    """Remove what processes that were killed left half written in a folder."""
    for draft in folder.glob(DRAFTS):
        with suppress(OSError), draft.open("rb") as stream:
            if hold(stream):
                draft.unlink()


def read_json(path: str | PathLike[str]) -> Any:
    """Read a JSON file.

    Raises
    ------
    MusictxError
        It is missing, no JSON, or nested too deeply.
    """
    try:
        with refusals(path, "read"):
            return json.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError as error:
        raise MusictxError(f"{path} cannot be read: it is nested too deeply") from error


def real_path(path: str | PathLike[str]) -> Path:
    """What a path leads to through all links; links that lead in a circle are left where they are."""
    return Path(os.path.realpath(path))
