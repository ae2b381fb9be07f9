"""Where the files that come with musictx lie, in a clone and in an installed wheel alike."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_IN_CLONE = {"checkpoints": _PACKAGE.parent / "checkpoints", "primers": _PACKAGE.parent / "data" / "primers"}


def shipped_folder(name: str) -> Path:
    """Folder of the shipped ``"checkpoints"`` or ``"primers"``.

    A wheel carries them inside the package; a clone has them at its top level.
    """
    in_wheel = _PACKAGE / "_shipped" / name
    return in_wheel if in_wheel.is_dir() else _IN_CLONE[name]
