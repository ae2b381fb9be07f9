"""What every benchmark shares: the machine, fair timing, memory of a fresh process."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from musictx import __version__
from musictx.errors import MusictxError

PEERS = {"transformers": "transformers", "x-transformers": "x_transformers", "miditok": "miditok"}
Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Report no progress."""


def prefixed(progress: Progress, text: str) -> Progress:
    """The same reports with `text` before each."""
    return lambda more: progress(f"{text}: {more}")


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, cores, load, versions, peers that are installed."""
    versions = {"musictx": __version__, "python": platform.python_version()}
    for name in ("torch", "numpy", "numba", *PEERS):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_average_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": versions,
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def peer(name: str) -> Any:
    """The module of a peer, or None if it is not installed or does not import here."""
    try:
        return importlib.import_module(PEERS[name])
    except Exception:  # a peer that breaks on import is as good as none
        return None


def check_at_least(minimum: int, **values: int) -> None:
    """Refuse numbers below `minimum`, naming the option."""
    for name, value in values.items():
        if value < minimum:
            raise MusictxError(f"{name.replace('_', '-')} is {value}; it must be at least {minimum}")


@contextmanager
def threads(count: int | None) -> Iterator[int]:
    """Let PyTorch use this many threads; without a number, its own choice."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def interleaved(
    work: Mapping[str, Callable[[], object]], repetitions: int, progress: Progress = silent
) -> dict[str, list[float]]:
    """Seconds of each piece of work, again and again in turns after a first one that does not count.

    In turns, so that a machine that slows down or is busy for a while slows all of them: ratios hold.
    """
    seconds: dict[str, list[float]] = {name: [] for name in work}
    gc.collect()
    for turn in range(repetitions + 1):
        for name, function in work.items():
            progress(f"{name}, {turn} of {repetitions}" if turn else f"{name}, warming up")
            began = time.perf_counter()
            function()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def spread(values: list[float], scale: float = 1.0, digits: int = 4) -> dict[str, float]:
    """Median, quartiles and number of some values times `scale`."""
    values = sorted(x * scale for x in values)
    low, high = values[0], values[-1]
    if len(values) >= 4:
        low, _, high = statistics.quantiles(values, n=4)
    parts = {"median": statistics.median(values), "low": low, "high": high}
    return {**{k: _rounded(v, digits) for k, v in parts.items()}, "repetitions": len(values)}


def _rounded(value: float, digits: int) -> float:
    """With a number of significant digits."""
    return float(f"{value:.{digits}g}")


def peak_memory(function: Callable[..., Callable[[], object]], *arguments: Any) -> float | None:
    """Megabytes of resident memory that a piece of work adds at its peak, in a process of its own.

    Parameters
    ----------
    function : callable
        Makes the work from `arguments`: what it allocates itself does not count, what the work does.
        Must be importable, as it is called in a new process.

    Returns
    -------
    float or None
        None where the system does not tell.
    """
    if sys.platform not in ("linux", "darwin"):
        return None
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_measure_memory, args=(sender, function, arguments, torch.get_num_threads())
    )
    process.start()
    sender.close()
    try:
        return float(receiver.recv())
    except EOFError:  # it was killed: too little memory
        return None
    finally:
        process.join()


def _measure_memory(
    sender: Any, function: Callable[..., Any], arguments: tuple[Any, ...], count: int
) -> None:
    torch.set_num_threads(count)
    work = function(*arguments)
    torch.ones(64, 64) @ torch.ones(64, 64)  # threads and libraries that any work needs
    before = _peak_bytes()
    work()
    sender.send((_peak_bytes() - before) / 1e6)


def _peak_bytes() -> int:
    """Most resident memory that this process has had."""
    if sys.platform == "linux":  # getrusage counts the parent's too
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
