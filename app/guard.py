"""Who may ask the server: its own page, and programs, but no page of another site."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_READING = ("GET", "HEAD", "OPTIONS")


class SameSite:
    """Refuses requests that a browser sends for another site's page.

    A request must be addressed to an IP address, to localhost, or to a name that the server was started
    with: a foreign name that leads here is how a page of another site gets at a server in one's own network
    (DNS rebinding). And what changes something must come from the server's own page, if it says from where.

    Parameters
    ----------
    app : ASGI application
    names : sequence of str
        Host names by which visitors know the server.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str] = ()):
        self.app, self.names = app, {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] in ("http", "websocket") and (said := self._fault(scope)):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await JSONResponse({"error": said}, status_code=403)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _fault(self, scope: Scope) -> str:
        """Why a request is refused; empty if it is not."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin", "")
        if not self._known(name := _name(f"//{host}")):
            return f"this server is not known as {host[:80]}; start it with --public-host {name[:80]}"
        if scope.get("method") in _READING or not origin:
            return ""
        own = urlsplit(origin).netloc.lower() == host.lower() or _name(origin) in self.names - {"localhost"}
        return "" if own else f"requests from {origin[:80]} are not answered; use the server's own page"

    def _known(self, name: str) -> bool:
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.names or name.endswith(".localhost")
        return True


def _name(address: str) -> str:
    """The host's name in an address, in small letters; empty if there is none."""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""
