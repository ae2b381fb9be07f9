"""The lanes' models as files, with which a visitor's browser plays by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from musictx.errors import MusictxError

from .models import LaneModel, web_file

CHUNK = 2**16  # bytes of a file that wait for one visitor's line: the rest is there once for all
KEEP = "public, max-age=31536000, immutable"  # a file's name has its hash


class ModelFiles:
    """Made once, when the server starts, and kept in memory.

    Parameters
    ----------
    models : sequence of LaneModel

    Attributes
    ----------
    facts : dict of str to dict
        For each lane whose model plays in a browser, what the page must know of its file.
    """

    def __init__(self, models: Sequence[LaneModel]) -> None:
        self.facts: dict[str, dict[str, Any]] = {}
        self._contents: dict[str, bytes] = {}
        for lane in models:
            try:
                file, content = web_file(lane)
            except MusictxError:  # the browser's engine does not play such models; the server does
                continue
            self.facts[lane.key] = file
            self._contents[PurePosixPath(file["address"]).name] = content

    async def answer(self, request: Request) -> Response:
        """One file, by its name."""
        content = self._contents.get(request.path_params["name"])
        if content is None:
            return JSONResponse({"error": "there is no such model"}, status_code=404)
        headers = {"Content-Length": str(len(content)), "Cache-Control": KEEP}
        return StreamingResponse(_chunks(content), media_type="application/octet-stream", headers=headers)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]
