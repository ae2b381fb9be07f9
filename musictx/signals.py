"""Signals that ask a program to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect Ctrl-C, or a signal to terminate, so that the work can end tidily; the second ends it at once.

    Yields
    ------
    list of int
        Empty until the first signal came. Outside the main thread, which alone gets signals, it stays so.
    """
    seen: list[int] = []
    usual: dict[int, Any] = {}

    def put_back() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def take(number: int, frame: Any) -> None:
        seen.append(number)
        put_back()

    if threading.current_thread() is threading.main_thread():
        usual = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        put_back()
