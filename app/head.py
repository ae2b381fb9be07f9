"""What others see of the page: title, description, icon and preview picture, in the place of Gradio's."""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TITLE = "musictx: Music Transformers continue your music"
DESCRIPTION = (
    "Choose, play or upload a few seconds of piano music. Transformers that know the order of notes in "
    "different ways play on from it, side by side, to listen to, to look at and to compare."
)
STATIC = Path(__file__).resolve().parent / "static"  # what runs in the browser
ICON = STATIC / "icon.svg"
PREVIEW = "musictx/static/preview.png"
STYLES = [  # later ones count more
    f'<link rel="stylesheet" href="musictx/static/view/{name}.css">'
    for name in ("base", "primers", "lanes", "insight", "compare", "compose", "narrow")
]

_IMPORT = re.compile(r'^(?:(?:import|export) [\w*{},\s]+ from|import) "(\.[^"]+)";', re.MULTILINE)


@cache
def preloads(entry: str) -> tuple[str, ...]:
    """Lines of a head that let a browser fetch all modules at once, not each after its importer.

    Parameters
    ----------
    entry : str
        The module that the page imports, below ``musictx/static``.
    """
    found, to_read = [], [STATIC / entry]
    while to_read:
        module = to_read.pop()
        if module not in found:
            found.append(module)
            imported = _IMPORT.findall(module.read_text(encoding="utf-8"))
            to_read += [(module.parent / path).resolve() for path in imported]
    paths = sorted(module.relative_to(STATIC).as_posix() for module in found)
    return tuple(f'<link rel="modulepreload" href="musictx/static/{path}">' for path in paths)


def policy(scripts: str) -> str:
    """What a browser lets the page load: everything from its own address, and nothing from elsewhere.

    Parameters
    ----------
    scripts : str
        What scripts may do besides.
    """
    return (
        f"default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'"
    )


_GRADIOS = re.compile(r"[ \t]*<meta\s+(?:property=\"og:|name=\"twitter:)[^>]*>\n?")


class OwnHead:
    """Middleware that gives the page, and nothing else, a head of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the answer to one for the page is written anew."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in ("", "/"):
            await self.app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        address = str(Request(scope).base_url)
        start: dict[str, Any] = {}
        body = bytearray()

        async def rewrite(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            headers = MutableHeaders(raw=start["headers"])
            content = bytes(body)
            if headers.get("content-type", "").startswith("text/html"):
                content = write_head(content.decode(), address).encode()
                headers["content-length"] = str(len(content))
            await send({**start, "type": "http.response.start"})
            await send({"type": "http.response.body", "body": content})

        await self.app({**scope, "headers": plain}, receive, rewrite)


def write_head(page: str, address: str) -> str:
    """A page as Gradio writes it with our head; `address` is the page's own, with a slash at its end."""
    icon = f'<link rel="icon" type="image/svg+xml" href="musictx/static/{ICON.name}">'
    head, end, rest = _GRADIOS.sub("", page).partition("</head>")
    return head + "\n".join([*describe(address), icon, *preloads("studio.js")]) + "\n" + end + rest


def describe(address: str = "") -> list[str]:
    """Title, description and preview picture, as lines of a head; `address` as in `write_head`, if known."""
    properties = {
        "og:type": "website",
        "og:title": TITLE,
        "og:description": DESCRIPTION,
        "og:image": address + PREVIEW,
        **({"og:url": address} if address else {}),
    }
    names = {"description": DESCRIPTION, "twitter:card": "summary_large_image"}
    return [
        f"<title>{html.escape(TITLE)}</title>",
        *(f'<meta property="{name}" content="{html.escape(value)}">' for name, value in properties.items()),
        *(f'<meta name="{name}" content="{html.escape(value)}">' for name, value in names.items()),
    ]
