"""Functions compiled to machine code by numba, where it is installed; without it they stay plain Python.

The first run after an install compiles them, for some seconds: whoever waits is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

try:
    from numba import njit
except ImportError:  # an optional dependency
    njit = None

COMPILING = "Compiling for this machine; only the first run after an install does …"


def compiled(function: Any, **options: Any) -> Any:
    """Compile a function, which holds no Python lock while it runs; `options` as for `numba.njit`."""
    if njit is None:
        return function
    try:
        return njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # no folder to keep the machine code in: it is compiled again each time
        return njit(nogil=True, **options)(function)


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a compiled function, on a full disk too, where numba compiles it but fails to keep it."""
    for _ in range(20):  # more than it calls: each is in memory after it has failed once
        with suppress(OSError):
            return function(*arguments)
    return function(*arguments)


@contextmanager
def announce_compilation(tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with one sentence when something is compiled meanwhile, before it is.

    Examples
    --------
    >>> from musictx.compiled import announce_compilation
    >>> with announce_compilation(print):  # nothing is compiled here, so nothing is said
    ...     pass
    """
    try:
        from numba.core import event
    except ImportError:  # nothing is ever compiled
        yield
        return

    class Listener(event.Listener):  # type: ignore[misc, unused-ignore]
        told = False

        def on_start(self, what: Any) -> None:
            if not self.told:
                self.told = True
                tell(COMPILING)

        def on_end(self, what: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield
