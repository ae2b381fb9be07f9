"""Requests that no route expects, and a machine too busy to answer itself, do not end the server."""

from __future__ import annotations

import os
import socket
import urllib.request
from pathlib import Path

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from musictx.app import launch
from musictx.app.faults import SENTENCE, Faults
from musictx.checkpoint import save_model
from musictx.model import ModelConfig, MusicTransformer


async def index(request: Request) -> Response:
    return Response(str((await request.json())["notes"][0]))


def test_a_route_that_raises_is_answered_with_a_sentence() -> None:
    served = Starlette(routes=[Route("/", index, methods=["POST"])], middleware=[Middleware(Faults)])
    client = TestClient(served)
    assert client.post("/", json={"notes": [5]}).text == "5"
    for content in (b"{", b"{}", b'{"notes": []}', b"[" * 200_000, b"\xff"):
        answer = client.post("/", content=content)
        assert (answer.status_code, answer.json()) == (400, {"error": SENTENCE})


def test_a_machine_too_busy_to_show_the_page_at_once_does_not_end_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Gradio asks itself for the page when it starts, and waits three seconds."""
    monkeypatch.setattr("gradio.networking.url_ok", lambda url: False)
    save_model(MusicTransformer(ModelConfig(layers=1, width=32, heads=2)), tmp_path / "model")
    address = launch(models=[tmp_path / "model"], votes=tmp_path / "votes.sqlite", block=False)
    try:
        with urllib.request.urlopen(f"{address}musictx/alive", timeout=60) as answer:
            assert answer.status == 200
    finally:
        gr.close_all(verbose=False)


def test_a_proxy_of_the_machine_is_not_asked_for_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in offices. Gradio asks its own server whether it has started."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.delenv("no_proxy", raising=False)
    save_model(MusicTransformer(ModelConfig(layers=1, width=32, heads=2)), tmp_path / "model")
    launch(models=[tmp_path / "model"], votes=tmp_path / "votes.sqlite", block=False)
    gr.close_all(verbose=False)
    assert os.environ["NO_PROXY"] == "example.org" and "no_proxy" not in os.environ


@pytest.mark.parametrize("host", ["::1", "::"])
def test_an_address_of_ipv6_is_listened_at(host: str, tmp_path: Path) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((host, 0))
    except OSError:
        pytest.skip("needs IPv6")
    save_model(MusicTransformer(ModelConfig(layers=1, width=32, heads=2)), tmp_path / "model")
    address = launch(host, models=[tmp_path / "model"], votes=tmp_path / "votes.sqlite", block=False)
    try:
        near = address.replace("[::]", "[::1]")
        with urllib.request.urlopen(f"{near}musictx/alive", timeout=60) as answer:
            assert answer.status == 200
    finally:
        gr.close_all(verbose=False)
