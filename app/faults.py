"""What a visitor is told when a route fails at a request that nobody foresaw."""

from __future__ import annotations

import logging

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SENTENCE = "the server does not understand this request; reload the page and try again"

_log = logging.getLogger(__name__)


class Faults:
    """Middleware that answers with a sentence and status 400 where a route raises.

    The routes of the page look at what they are sent. Gradio's own ones raise at much that no page sends;
    the server's log says what.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; see that it is answered."""
        begun = False

        async def note(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, note)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            _log.warning("%s %r: %s: %.200s", scope["method"], scope["path"], type(error).__name__, error)
            await JSONResponse({"error": SENTENCE}, status_code=400)(scope, receive, send)
