"""The server answers its own page and programs, for what they ask, and no page of another site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from musictx.app.guard import Gate


async def _answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("played")


def _status(host: str, origin: str | None = None, method: str = "POST", names: tuple[str, ...] = ()) -> Any:
    guarded = Starlette(
        routes=[Route("/", _answer, methods=["GET", "POST"])], middleware=[Middleware(Gate, names=names)]
    )
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    return TestClient(guarded).request(method, "/", headers=headers).status_code


async def _length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def client() -> TestClient:
    route = Route("/{path:path}", _length, methods=["GET", "POST"])
    frames = ("https://huggingface.co",)
    guarded = Gate(Starlette(routes=[route]), frames=frames)
    return TestClient(guarded, base_url="http://localhost")


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


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "192.168.1.7", "[::1]:7860"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[::1", "http://127.0.0.1", ""])
def test_a_page_of_another_site_cannot_read(host: str, origin: str) -> None:
    assert _status(host, origin, method="GET") == _status(host, origin, method="OPTIONS") == 403


def test_a_foreign_name_is_refused_for_reading_too() -> None:
    assert _status("evil.example", method="GET") == 403


def test_a_server_may_have_a_public_name_behind_a_proxy_too() -> None:
    names = ("Demo.example.org",)
    assert _status("demo.example.org", "https://demo.example.org", names=names) == 200
    assert _status("127.0.0.1:7860", "https://demo.example.org", names=names) == 200
    assert _status("demo.example.org", "https://evil.example", names=names) == 403


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/process_recording",
        "gradio_api/proxy=https://example.org",
        "gradio_api/file=https://example.org/a.mid",
        "gradio_api/file=%0Ahttp://example.org",
        "gradio_api/stream/a/b/c/playlist.m3u8",
        "gradio_api/deep_link",
        "monitoring",
        "login",
    ],
)
def test_what_neither_the_page_nor_programs_ask_for_is_closed(client: TestClient, path: str) -> None:
    assert client.get(f"/{path}").status_code == client.post(f"/{path}").status_code == 404


@pytest.mark.parametrize("path", ["", "config", "gradio_api/info", "gradio_api/file=/a.mid", "musictx/alive"])
def test_browsers_are_told_what_to_allow(client: TestClient, path: str) -> None:
    headers = client.get(f"/{path}").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = {name: sites for name, *sites in map(str.split, headers["content-security-policy"].split(";"))}
    assert policy.pop("frame-ancestors") == ["'self'", "https://huggingface.co"]
    assert policy["default-src"] == ["'self'"]
    own = {"'self'", "data:", "blob:", "'none'", "'unsafe-inline'", "'unsafe-eval'", "'wasm-unsafe-eval'"}
    assert all(set(sites) <= own for sites in policy.values()), policy  # nothing from elsewhere
    assert ("content-disposition" in headers) == ("file=" in path)


def test_browsers_ask_again_for_the_pages_files(client: TestClient) -> None:
    """Or after an upgrade old and new modules would be mixed."""
    assert client.get("/musictx/static/studio.js").headers["cache-control"] == "no-cache"
    assert "cache-control" not in client.get("/config").headers


def test_a_body_is_refused_as_soon_as_it_is_too_large(client: TestClient) -> None:
    def pieces(count: int) -> Iterator[bytes]:
        yield from (b"x" * 2**20 for _ in range(count))

    for path, megabytes in (("gradio_api/queue/join", 2), ("gradio_api/upload", 8)):
        assert client.post(f"/{path}", content=pieces(megabytes)).text == str(megabytes * 2**20)
        for content in (pieces(megabytes + 1), bytes((megabytes + 1) * 2**20)):
            answer = client.post(f"/{path}", content=content)
            assert answer.status_code == 413 and f"larger than {megabytes} MB" in answer.json()["error"]
