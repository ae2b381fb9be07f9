"""The one exception that musictx raises for input it cannot use."""

from __future__ import annotations

from numbers import Number
from reprlib import repr as shown  # a damaged file may hold anything, of any length


class MusictxError(ValueError):
    """Something is wrong with a file, an option or a model, said in one line for a musician.

    The message names the file or the option, what was found there, and what would be accepted.
    The command line prints it on standard error and exits with status 1.
    """


def reason(error: BaseException) -> str:
    """What an error says, on one line."""
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:300]


def require(holds: bool, name: str, value: object, words: str) -> None:
    """Say what a setting is and what it must be, if that does not hold.

    Raises
    ------
    MusictxError
    """
    if not holds:
        found = value if isinstance(value, Number) else shown(value)
        raise MusictxError(f"{name} is {found}; it must {words}")
