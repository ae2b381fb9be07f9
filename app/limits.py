"""How much slow work the server takes on at once, so that one visitor cannot keep the others waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, TypeVar

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from musictx.errors import MusictxError

SEND_SECONDS = 60.0  # in which a visitor takes ten seconds of sound: a line of 240 kbit a second does
Result = TypeVar("Result")


class SlowWork:
    """Work of one kind, in threads of its own: a little at once, a little more in line.

    Files of the page, presets and lanes never wait for it, and its memory is bounded by `at_once`.

    Parameters
    ----------
    at_once : int
        What is done side by side.
    waiting : int
        What may wait for it.
    busy : str
        The sentence for what comes on top.
    """

    def __init__(self, at_once: int, waiting: int, busy: str):
        self.max_taken, self.busy, self.taken = at_once + waiting, busy, 0
        self._limiter = anyio.CapacityLimiter(at_once)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place among what is done and what waits.

        Raises
        ------
        MusictxError
            Too much is waiting already.
        """
        if self.taken >= self.max_taken:
            raise MusictxError(self.busy)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def turn(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function in a thread, when its turn has come. Whoever calls it holds a place."""
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._limiter)

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Take a place and a turn for the whole of some work."""
        with self.place():
            return await self.turn(function, *arguments)


class InTurns(StreamingResponse):
    """An answer that is made in pieces while it is sent: each waits for a turn of its own.

    So nobody waits behind a long one; and one whose visitor has gone, or takes nothing of it for
    `SEND_SECONDS`, is not made to its end.

    Parameters
    ----------
    size : int
        Bytes of the whole answer.
    pieces : iterator of bytes
    work : SlowWork
    media_type : str
    held : context manager
        The place that was taken for it; given back at its end.
    """

    def __init__(
        self,
        size: int,
        pieces: Iterator[bytes],
        work: SlowWork,
        media_type: str,
        held: AbstractContextManager[Any],
    ) -> None:
        super().__init__(self._made(), headers={"Content-Length": str(size)}, media_type=media_type)
        self.pieces, self.work, self.held = pieces, work, held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer until it ends, or the visitor goes or takes no more of it."""

        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(SEND_SECONDS):
                await send(message)

        with self.held, suppress(TimeoutError, ClientDisconnect):
            await super().__call__(scope, receive, send_in_time)

    async def _made(self) -> AsyncIterator[bytes]:
        while (piece := await self.work.turn(next, self.pieces, None)) is not None:
            yield piece
