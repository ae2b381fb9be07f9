"""What a long computation needs of its process: kept memory, and a signal when it should stop."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
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


class Interrupted(Exception):
    """A signal to stop came while something was computed that can be left."""


@contextmanager
def interruptible(model: Any, signals: Sequence[int]) -> Iterator[None]:
    """Raise `Interrupted` where a PyTorch module would compute after a signal that `stop_signals` got."""

    def look(*_: Any) -> None:
        if signals:
            raise Interrupted

    hook = model.register_forward_pre_hook(look)
    try:
        yield
    finally:
        hook.remove()


def memory() -> float:
    """Bytes of memory that the machine has; infinite where it does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return float("inf")


# What can be set, by its number in glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8


def keep_freed_memory() -> None:
    """Tell glibc to keep large freed blocks instead of giving them back to the system.

    Each step frees and asks for the same large tensors; handing their pages back and forth costs 10 to
    25 % of a training step on the CPU. Other C libraries are left as they are.
    """
    # Older ones take no more than 32 MB there; without it the other would keep it at 128 kB.
    if _mallopt({_MMAP_THRESHOLD: 2**30}) or _mallopt({_MMAP_THRESHOLD: 2**25}):
        _mallopt({_TRIM_THRESHOLD: 2**31 - 1})


def return_freed_memory() -> None:
    """Tell glibc to give large freed blocks back to the system: a server must not grow with its visitors.

    By itself glibc takes larger and larger blocks from its heaps, where one that is still in use keeps all
    before it; and threads have heaps of their own, each of which keeps what the largest primer took. Now
    all threads share one heap, and blocks of 128 kB and more, such as tensors of a primer, have pages of
    their own. To be called before there are threads. Other C libraries are left as they are.
    """
    _mallopt({_MMAP_THRESHOLD: 2**17, _TRIM_THRESHOLD: 2**20, _ARENA_MAX: 1})


def _mallopt(settings: dict[int, int]) -> bool:
    """Settings of glibc's ``malloc``; whether it took all of them."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    return mallopt is not None and all([mallopt(number, value) for number, value in settings.items()])
