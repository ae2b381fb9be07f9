"""What a visitor is told when a route fails at a request that nobody foresaw."""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SENTENCE = "the server does not understand this request; reload the page and try again"

NO_SENSE = "The server cannot make sense of these values; /gradio_api/info says what they are."
NO_FILE = (
    "A file must have been sent to this server within the last ten minutes; it fetches none from an address."
)

_log = logging.getLogger(__name__)


def plainly(page: gr.Blocks) -> gr.Blocks:
    """Let every call that Gradio cannot make sense of end in a sentence, without a traceback in the log.

    What an endpoint raises itself is one already. And no call makes the server fetch a file from an address:
    it could be of any size.
    """
    process: Any = page.process_api
    for block in page.blocks.values():
        block.async_move_resource_to_block_cache = _here_only(  # type: ignore[method-assign]
            block.async_move_resource_to_block_cache
        )

    async def process_api(block_fn: Any, inputs: list[Any], *others: Any, **options: Any) -> Any:
        try:
            known = page.fns[block_fn] if isinstance(block_fn, int) else block_fn
            if len(inputs) < (needed := len(known.inputs)):
                said = f"{needed} values are needed, and {len(inputs)} came; /gradio_api/info lists them."
                raise gr.Error(said, print_exception=False)
            return await process(block_fn, inputs, *others, **options)
        except gr.Error as error:
            error.print_exception = False
            raise
        except InvalidPathError:
            raise gr.Error(NO_FILE, print_exception=False) from None
        except Exception as error:
            _log.warning("a call: %s: %.200s", type(error).__name__, error)
            raise gr.Error(NO_SENSE, print_exception=False) from None

    page.process_api = process_api  # type: ignore[method-assign]
    return page


def _here_only(keep: Any) -> Any:
    async def keep_what_is_here(path: Any) -> Any:
        if "://" in str(path):
            raise gr.Error(NO_FILE)
        return await keep(path)

    return keep_what_is_here


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
