"""Writing a file so that it is either complete or as it was before."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO

from musictx.errors import MusictxError


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
    name = fspath(path)
    try:
        # The name of a pipe (/dev/stdout may be one) leads to no path, so it is opened by its own name.
        target = Path(name) if _is_device(Path(name)) else Path(os.path.realpath(name))
    except ValueError as error:  # a name that no file can have
        raise MusictxError(f"{name!r} cannot be written: {error}") from error
    try:
        if target.is_dir():
            raise MusictxError(f"{name} is a folder; the name of a file is needed")
        if not target.parent.is_dir():
            shown = target.parent if Path(name).is_symlink() else Path(name).parent
            raise MusictxError(f"{name} cannot be written: there is no folder {shown}")
        if _is_device(target):  # it must not be replaced
            with target.open("wb") as stream:
                yield stream
            return
        draft = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with draft.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if target.exists():
                shutil.copymode(target, draft)
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise MusictxError(f"{name!r} cannot be written: {error.strerror or error}") from error


def _is_device(path: Path) -> bool:
    return path.exists() and not (path.is_file() or path.is_dir())


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
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MusictxError(f"{path} cannot be made: {error.strerror or error}") from error
