"""A slower computer, for some processes of this one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from musictx.errors import MusictxError

PERIOD = 0.02  # seconds


def check_slowdown(times: float) -> None:
    """Say that nothing can be slowed down so much, or here."""
    if not 1 <= times <= 20:
        raise MusictxError(f"slowdown is {times:g}; a computer can be 1 to 20 times slower")
    if times > 1 and not hasattr(signal, "SIGSTOP"):
        raise MusictxError("this system can't hold a process for a moment, so nothing can be slowed down")


@contextmanager
def held(processes: Sequence[int], times: float) -> Iterator[None]:
    """Let processes run for one part in `times` of each `PERIOD` only."""
    over = threading.Event()

    def send(what: signal.Signals) -> None:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, what)

    def hold() -> None:
        while not over.wait(PERIOD / times):
            send(signal.SIGSTOP)
            time.sleep(PERIOD * (1 - 1 / times))
            send(signal.SIGCONT)

    holding = threading.Thread(target=hold)
    holding.start()
    try:
        yield
    finally:
        over.set()
        holding.join()
