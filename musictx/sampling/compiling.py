"""The first run after an install compiles what decodes, for some seconds: whoever waits is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

COMPILING = "Compiling the decoder for this machine; only the first run after an install does …"


@contextmanager
def announce_compilation(tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with one sentence when decoding is compiled meanwhile, before it is.

    Examples
    --------
    >>> from musictx.sampling.compiling import announce_compilation
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
