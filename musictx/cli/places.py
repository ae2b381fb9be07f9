"""Whether the files that a command is to write can be written: checked before the work starts."""

from __future__ import annotations

import os
from pathlib import Path

from musictx.errors import MusictxError


def check_places(
    primer: Path, places: list[tuple[Path, tuple[str, ...]]], variations: int, *, called: str = "the primer"
) -> None:
    """Say that a result could not be written, or would be written over the primer or another one.

    Parameters
    ----------
    primer : Path
    places : list of (path, endings)
        Each output, and how its name may end; no endings: any name will do.
    variations : int
    called : str
        What the primer is, if it is not one.
    """
    taken = {primer.resolve(): called}
    for path, endings in places:
        check_place(path, endings)
        for number in range(1, max(1, variations) + 1):
            place = numbered(path, number, variations)
            if place.resolve() in taken and (place.is_file() or not place.exists()):
                raise MusictxError(f"{place} is {taken[place.resolve()]} already; choose another name")
            taken[place.resolve()] = "an output"


def check_place(path: Path, endings: tuple[str, ...]) -> None:
    """Say that a file could not be written, or that its name has a wrong ending."""
    if path.is_dir():
        raise MusictxError(f"{path} is a folder; the name of a file is needed")
    if not path.parent.is_dir():
        raise MusictxError(f"{path} cannot be written: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise MusictxError(f"{path} cannot be written: permission denied")
    regular = path.is_file() or not path.exists()
    if endings and regular and path.suffix.lower() not in endings:
        raise MusictxError(f"{path} must end in {', '.join(endings)}")


def numbered(path: Path, number: int, of: int) -> Path:
    """The name of one of several files."""
    return path if of == 1 else path.with_stem(f"{path.stem}-{number}")
