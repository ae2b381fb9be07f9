"""The files with which visitors' browsers play the lanes' models."""

from __future__ import annotations

import hashlib

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from musictx.app.models import load_models
from musictx.app.routes import routes
from musictx.app.stage import Stage
from musictx.app.votes import VoteBook
from musictx.checkpoint import save_model
from musictx.model import ModelConfig, MusicTransformer


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A server with a model for browsers, and one whose heads the browser's engine does not take."""
    folder = tmp_path_factory.mktemp("models")
    for name, width in (("rope", 96), ("odd", 24)):
        config = ModelConfig("rope", layers=1, width=width, heads=2, context_length=64)
        save_model(MusicTransformer(config), folder / name)
    lanes = load_models([folder / "rope", folder / "odd"])
    book = VoteBook({"rope": "aa", "odd": "bb"}, folder / "votes.sqlite")
    return TestClient(Starlette(routes=routes(lanes, book, Stage())))


def test_a_file_is_what_the_page_was_told_and_may_be_kept(client: TestClient) -> None:
    rope, odd = client.get("/musictx/models").json()["models"]
    assert odd["file"] is None
    answer = client.get(f"/{rope['file']['address']}")
    assert hashlib.sha256(answer.content).hexdigest() == rope["file"]["sha256"]
    assert len(answer.content) == rope["file"]["bytes"] == int(answer.headers["Content-Length"])
    assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["rope.bin", "..%2f..%2fapp%2froutes.py", "rope-0123456789ab.bin"])
def test_nothing_else_is_given(client: TestClient, name: str) -> None:
    assert client.get(f"/musictx/models/{name}").status_code == 404
