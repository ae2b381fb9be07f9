"""How much slow work the server takes on at once, so that one visitor cannot keep the others waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import anyio

from musictx.errors import MusictxError

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
        self.most, self.busy, self.taken = at_once + waiting, busy, 0
        self._limiter = anyio.CapacityLimiter(at_once)

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function in a thread, when its turn has come.

        Raises
        ------
        MusictxError
            Too much is waiting already.
        """
        if self.taken >= self.most:
            raise MusictxError(self.busy)
        self.taken += 1
        try:
            return await anyio.to_thread.run_sync(function, *arguments, limiter=self._limiter)
        finally:
            self.taken -= 1
