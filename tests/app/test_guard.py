"""The server answers its own page and programs, and no page of another site."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.guard import SameSite


async def _answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("played")


def _status(host: str, origin: str | None = None, method: str = "POST", names: tuple[str, ...] = ()) -> Any:
    guarded = Starlette(
        routes=[Route("/", _answer, methods=["GET", "POST"])], middleware=[Middleware(SameSite, names=names)]
    )
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    return TestClient(guarded).request(method, "/", headers=headers).status_code


@pytest.mark.parametrize(
    "host", ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "192.168.1.7", "demo.localhost"]
)
def test_the_own_page_and_programs_are_answered(host: str) -> None:
    assert _status(host) == _status(host, f"http://{host}") == _status(host, method="GET") == 200


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:7860", "https://evil.example"),
        ("127.0.0.1:7860", "http://127.0.0.1:8000"),
        ("127.0.0.1:7860", "null"),
        ("evil.example:7860", "http://evil.example:7860"),  # the name leads here: DNS rebinding
        ("", None),
    ],
)
def test_pages_of_other_sites_are_refused(host: str, origin: str | None) -> None:
    assert _status(host, origin) == 403


def test_a_foreign_name_is_refused_for_reading_too() -> None:
    assert _status("evil.example", method="GET") == 403


def test_a_server_may_have_a_public_name_behind_a_proxy_too() -> None:
    names = ("Demo.example.org",)
    assert _status("demo.example.org", "https://demo.example.org", names=names) == 200
    assert _status("127.0.0.1:7860", "https://demo.example.org", names=names) == 200
    assert _status("demo.example.org", "https://evil.example", names=names) == 403
