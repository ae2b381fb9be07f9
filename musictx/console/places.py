"""Whether the files that a command is to write can be written: checked before the work starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from musictx.errors import MusictxError
from musictx.files import keep_inputs


def check_places(
    primer: Path,
    places: list[tuple[Path, tuple[str, ...]]],
    variations: int,
    *,
    called: str = "the primer",
    inputs: Sequence[str | Path | None] = (),
) -> None:
    """Say that a result could not be written, or would be written over something that is read or another one.

    Parameters
    ----------
    primer : Path
    places : list of (path, endings)
        Each output, and how its name may end; no endings: any name will do.
    variations : int
    called : str
        What the primer is, if it is not one.
    inputs : sequence of path
        What is read besides.
    """
    taken = {os.path.realpath(primer): called}
    for path, endings in places:
        for number in range(1, variations + 1):
            place = numbered(path, number, variations)
            check_place(place, endings)
            real = os.path.realpath(place)
            if real in taken and _is_regular(place):
                raise MusictxError(f"{place} is {taken[real]} already; choose another name")
            taken[real] = "an output"
            keep_inputs([place], inputs)


def check_place(path: Path, endings: tuple[str, ...]) -> None:
    """Say that a file could not be written, or that its name has a wrong ending."""
    if os.path.isdir(path):
        raise MusictxError(f"{path} is a folder; the name of a file is needed")
    if not os.path.isdir(path.parent):
        raise MusictxError(f"{path} cannot be written: there is no folder {path.parent}")
    try:
        os.stat(path)
    except FileNotFoundError:
        pass
    except OSError as error:  # too long a name, links that lead in a circle
        raise MusictxError(f"{path} cannot be written: {error.strerror}") from error
    if not os.access(path if os.path.exists(path) else path.parent, os.W_OK):
        raise MusictxError(f"{path} cannot be written: permission denied")
    if endings and _is_regular(path) and path.suffix.lower() not in endings:
        raise MusictxError(f"{path} must end in {', '.join(endings)}")


def _is_regular(path: Path) -> bool:
    """Whether there is a file, or will be one: no device and no pipe."""
    return os.path.isfile(path) or not os.path.exists(path)


def numbered(path: Path, number: int, of: int) -> Path:
    """The name of one of several files."""
    return path if of == 1 or not path.name else path.with_stem(f"{path.stem}-{number}")
