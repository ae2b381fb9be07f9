"""Slow work is bounded: so much at once, so much in line, and a sentence for what comes on top."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import pytest

from musictx.app import limits
from musictx.app.limits import InTurns, SlowWork
from musictx.errors import MusictxError


def test_no_more_than_so_much_is_done_at_once_and_the_rest_waits() -> None:
    work, lock, gate = SlowWork(2, 3, "busy"), threading.Lock(), threading.Event()
    now, most_at_once, done = 0, 0, []

    def slow(number: int) -> int:
        nonlocal now, most_at_once
        with lock:
            now += 1
            most_at_once = max(most_at_once, now)
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
    assert sorted(done) == [0, 1, 2, 3, 4] and most_at_once == 2 and work.taken == 0


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


def test_a_long_answer_lets_others_have_their_turn_and_ends_when_its_visitor_goes() -> None:
    work, made = SlowWork(1, 2, "busy"), []

    def pieces(name: str) -> Iterator[bytes]:
        for number in range(6 if name == "long" else 2):
            made.append(name)
            yield bytes([number])

    async def visit(name: str, stays: int) -> None:
        sent: list[bytes] = []
        left = anyio.Event()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message.get("body", b""))
            if len(sent) > stays:
                left.set()
                await anyio.sleep_forever()

        with ExitStack() as held:
            held.enter_context(work.place())
            answer = InTurns(6, pieces(name), work, "audio/wav", held.pop_all())
        await answer({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)  # type: ignore[arg-type]

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(visit, "long", 99)
            group.start_soon(visit, "short", 99)
        assert sorted(made[:4]) == ["long", "long", "short", "short"] and len(made) == 8
        made.clear()
        await visit("long", 2)
        assert len(made) < 4

    anyio.run(main)
    assert work.taken == 0


def test_a_visitor_who_takes_nothing_gives_the_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEND_SECONDS", 0.05)
    work = SlowWork(1, 0, "busy")

    async def visit(version: str) -> None:
        with ExitStack() as held:
            held.enter_context(work.place())
            answer = InTurns(6, iter([b"sound"] * 6), work, "audio/wav", held.pop_all())
        scope = {"type": "http", "asgi": {"spec_version": version}}
        await answer(scope, anyio.sleep_forever, lambda _: anyio.sleep_forever())  # type: ignore[arg-type]
        assert work.taken == 0

    for version in ("2.3", "2.4"):  # as servers are and will be
        anyio.run(visit, version)
