"""Runs cases in a process that can be given up: a case that takes too long, or kills it, is a finding too."""

from __future__ import annotations

import faulthandler
import multiprocessing
import resource
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, Protocol

MAX_ADDRESSES = 16 << 30  # bytes that a process may map: it protects the machine


class Target(Protocol):
    """What is fuzzed. It is made with a folder of its own to work in."""

    suffix: str  # of a case's file
    seconds: float  # of processor time, that a case may take
    megabytes: int  # of memory, that all cases may take beyond what the process has at first

    def make(self, random: Random) -> bytes:
        """A case."""

    def check(self, case: Path) -> None:
        """Give a case to musictx; whatever this raises is a finding."""

    def close(self) -> None:
        """End what the target started."""


@dataclass(frozen=True)
class Finding:
    """A case that failed, as a file, with what happened in one line, and all that is known."""

    number: int
    suffix: str
    case: bytes
    what: str
    text: str


def find_target(name: str, folder: Path) -> Target:
    """The target with this name, working in `folder`."""
    from tests.fuzz import commands, files, midi, requests

    made: Target = {
        "midi": midi.MidiFiles,
        "commands": commands.CommandLines,
        "files": files.Files,
        "requests": requests.Requests,
    }[name](folder)
    return made


def run_cases(name: str, seed: int, first: int, seconds: float, case: Path | None = None) -> Iterator[Any]:
    """Yield the number of each case that is done, or a `Finding`, for so long after the target has started.

    With `case`, that one alone is run.
    """
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        number, until = first, None
        while True:
            mine, its = context.Pipe()
            process = context.Process(
                target=_work, args=(its, scratch, name, seed, number, seconds, until, case)
            )
            process.start()
            its.close()
            begun = None
            for kind, content in _listen(mine, process):
                if kind == "started":
                    until = until or time.monotonic() + seconds
                elif kind == "begun":
                    begun = number = content
                elif kind == "done":
                    yield content
                elif kind == "finding":
                    yield Finding(number, *content)
                elif kind == "over":
                    process.join(60)
                    return
            process.join()
            if begun is None:
                raise RuntimeError(f"the target {name} could not be started")
            case_file = next(Path(scratch).glob("case.*"))
            yield Finding(number, case_file.suffix, case_file.read_bytes(), *_death(process.exitcode))
            number += 1
            if case:
                return


def _listen(pipe: Connection, process: Any) -> Iterator[tuple[str, Any]]:
    """What a process says, until it says no more; one that hangs is killed."""
    while True:
        if not pipe.poll(600):  # it waits for something, and takes no processor time
            process.kill()
            return
        try:
            yield pipe.recv()
        except EOFError:
            return


def _death(status: int | None) -> tuple[str, str]:
    if status == -signal.SIGPROF:
        return "too slow", "the case takes more processor time than it may"
    if status == -signal.SIGKILL:
        return "hangs", "nothing happened for ten minutes, or the system killed the process"
    return "died", f"the process ended with status {status}"


def _work(
    pipe: Connection,
    scratch: str,
    name: str,
    seed: int,
    first: int,
    seconds: float,
    until: float | None,
    case: Path | None,
) -> None:
    """The process: cases one after the other."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESSES, MAX_ADDRESSES))
    folder = Path(scratch) / "work"
    folder.mkdir(exist_ok=True)
    target = find_target(name, folder)
    pipe.send(("started", None))
    until = until or time.monotonic() + seconds
    base = None
    try:
        number = first
        while time.monotonic() < until:
            content = case.read_bytes() if case else target.make(Random(f"{seed} {name} {number}"))
            path = Path(scratch) / f"case{target.suffix}"
            path.write_bytes(content)
            pipe.send(("begun", number))
            signal.setitimer(signal.ITIMER_PROF, target.seconds)  # at its end the system ends this process
            try:
                target.check(path)
            except BaseException as error:
                pipe.send(("finding", (target.suffix, content, *_describe(error))))
            signal.setitimer(signal.ITIMER_PROF, 0)
            pipe.send(("done", number))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            base = base or peak  # the first case loads what all need
            if peak > base + target.megabytes:
                grown = f"the process has grown by {peak - base} MB"
                pipe.send(("finding", (target.suffix, content, "too much memory", grown)))
                base = peak
            if case:
                break
            number += 1
        pipe.send(("over", None))
    finally:
        target.close()


def _describe(error: BaseException) -> tuple[str, str]:
    """One line that tells a fault from others, and all that is known."""
    root = Path(__file__).resolve().parents[2]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if Path(f.filename).is_relative_to(root) and "fuzz/worker" not in f.filename]
    place = f"{Path(ours[-1].filename).relative_to(root)}:{ours[-1].lineno}" if ours else "?"
    said = " ".join(str(error).split())[:150]
    line = f"{type(error).__name__} at {place}: {said}".encode("utf-8", "replace").decode()
    return line, "".join(traceback.format_exception(error)).encode("utf-8", "replace").decode()
