"""Slow work is bounded: so much at once, so much in line, and a sentence for what comes on top."""

from __future__ import annotations

import threading

import anyio
import pytest

from app.limits import SlowWork
from musictx.errors import MusictxError


def test_no_more_than_so_much_is_done_at_once_and_the_rest_waits() -> None:
    work, lock, gate = SlowWork(2, 3, "busy"), threading.Lock(), threading.Event()
    now, most, done = 0, 0, []

    def slow(number: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        gate.wait(10)
        with lock:
            now -= 1
        return number

    async def ask(number: int) -> None:
        done.append(await work.run(slow, number))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(ask, number)
            while work.taken < 5 or now < 2:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(MusictxError, match="busy"):
                await work.run(slow, 5)
            gate.set()

    anyio.run(main)
    assert sorted(done) == [0, 1, 2, 3, 4] and most == 2 and work.taken == 0


def test_what_fails_gives_its_place_back() -> None:
    work = SlowWork(1, 0, "busy")

    def fail() -> None:
        raise ValueError

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(ValueError):
                await work.run(fail)

    anyio.run(main)
    assert work.taken == 0
