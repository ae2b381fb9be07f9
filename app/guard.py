"""The server's outermost layer: who may ask, for what, how much, and what a browser is told to allow."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .head import policy
from .uploads import MAX_BYTES

MAX_JSON_BYTES = 2 * 2**20  # of a call; the page's own routes have bounds and sentences of their own
FORM_BYTES = 2**16  # of a form around a file
# What the page and programs ask for. Gradio has more routes, which fetch from addresses and keep recordings.
OPEN = re.compile(
    "/(?:$|(?:config|favicon.ico|manifest.json|pwa_icon|robots.txt|theme.css)/?$|(?:assets|musictx|static|svelte)/"
    "|gradio_api/(?:api|app_id|call|cancel|heartbeat|info|login_check|mcp|openapi.json|queue|reset|run"
    "|startup-events|theme.css|upload)(?:/|$)|gradio_api/file=(?!.*://))",
    re.DOTALL,
)
FILE = "/gradio_api/file="
STATIC = "/musictx/static/"  # browsers ask for it again after an upgrade; what is unchanged is not sent
# Gradio writes scripts into its page, and makes functions of text.
POLICY = policy("'unsafe-inline' 'unsafe-eval'") + "; frame-ancestors 'self'"


class Gate:
    """Passes on what the page and programs ask, and refuses what a browser sends for another site's page.

    A request must be addressed to an IP address, to localhost, or to a name that the server was started
    with: a foreign name that leads here is how a page of another site gets at a server in one's own network
    (DNS rebinding). If it says from which page it comes, that page must be this server's: others could read
    the answers. Answers forbid to guess their kind, to show the page in a foreign frame, and to load anything
    from elsewhere.

    Parameters
    ----------
    app : ASGI application
    names : sequence of str
        Host names by which visitors know the server.
    frames : sequence of str
        Sites that may show the page in a frame.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str] = (), frames: Sequence[str] = ()):
        self.app, self.names = app, {"localhost", *(name.lower() for name in names)}
        self.headers = {
            "Content-Security-Policy": " ".join((POLICY, *frames)),
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks through web sockets
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self.headers)
                if scope["path"].startswith(FILE):
                    headers["Content-Disposition"] = "attachment"
                if scope["path"].startswith(STATIC):
                    headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        headers = Headers(scope=scope)
        if said := self._stranger(headers):
            await _refuse(403, said)(scope, receive, send_with_headers)
        elif not OPEN.match(scope["path"] or "/"):
            await _refuse(404, "there is nothing here")(scope, receive, send_with_headers)
        else:
            await self._bounded(scope, headers, receive, send_with_headers)

    async def _bounded(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Pass a request on whose body is refused as soon as it grows too large."""
        path = scope["path"]
        if path.startswith("/musictx/"):
            await self.app(scope, receive, send)
            return
        limit = MAX_BYTES + FORM_BYTES if path.startswith("/gradio_api/upload") else MAX_JSON_BYTES
        came, begun = 0, False

        async def receive_some() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                raise _TooMuch
            return message

        async def note(message: Message) -> None:
            nonlocal begun
            if came > limit and not begun:  # whatever was made of the error; what is said comes below
                return
            begun = True
            await send(message)

        length = headers.get("content-length", "")
        if not (length.isdecimal() and len(length) < 20 and int(length) > limit):
            with suppress(_TooMuch):
                await self.app(scope, receive_some, note)
            if came <= limit or begun:
                return
        said = f"this is larger than {limit // 2**20} MB; send less at once"
        await _refuse(413, said)(scope, receive, send)

    def _stranger(self, headers: Headers) -> str:
        """Why somebody is refused; empty if not."""
        host = headers.get("host", "")
        if not self._known(name := _name(f"//{host}")):
            return f"this server is not known as {host[:80]}; start it with --public-host {name[:80]}"
        for origin in headers.getlist("origin"):
            of_host = origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")
            if not (of_host or _name(origin) in self.names - {"localhost"}):
                return f"requests from {origin[:80]} are not answered; use the server's own page"
        return ""

    def _known(self, name: str) -> bool:
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.names or name.endswith(".localhost")
        return True


class _TooMuch(Exception):
    """More bytes come than are read."""


def _refuse(status: int, said: str) -> JSONResponse:
    return JSONResponse({"error": said}, status_code=status)


def _name(address: str) -> str:
    """The host's name in an address, in small letters; empty if there is none."""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""
