"""Where the files that come with musictx lie, in a clone and in an installed wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from musictx.errors import MusictxError

COMPARED_MODELS = ("vanilla", "relative", "rope")  # the experiment: alike but for their position schemes
DEFAULT_MODEL = "grand"  # to make music with
SHIPPED_MODELS = (*COMPARED_MODELS, DEFAULT_MODEL)

_PACKAGE = Path(__file__).resolve().parent
_IN_CLONE = {"checkpoints": "checkpoints", "primers": "data/primers"}


def shipped_folder(name: Literal["checkpoints", "primers"]) -> Path:
    """Folder of the shipped checkpoints or the shipped primers.

    A wheel carries them inside the package; a clone has them at its top level.

    Examples
    --------
    >>> from musictx.shipped import shipped_folder
    >>> sorted(folder.name for folder in shipped_folder("checkpoints").glob("r*") if folder.is_dir())
    ['relative', 'results', 'rope']
    """
    in_wheel = _PACKAGE / "_shipped" / name
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / _IN_CLONE[name]


def shipped_primer(name: str) -> Path:
    """MIDI file of a shipped primer.

    Parameters
    ----------
    name : str
        As in ``data/primers``, without ``.mid``.

    Raises
    ------
    MusictxError
        There is no such primer; the message names those that there are.

    Examples
    --------
    >>> from musictx import read_midi, shipped_primer
    >>> len(read_midi(shipped_primer("bach-prelude-c")))
    64
    """
    files = {path.stem: path for path in sorted(shipped_folder("primers").glob("*.mid"))}
    if name not in files:
        raise MusictxError(f"no primer {name!r} comes with musictx; choose one of {', '.join(files)}")
    return files[name]
