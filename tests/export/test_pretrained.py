"""`from_pretrained` and `push_to_hub`: a folder, a copy of what was on the Hub, and a Hub of our own."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import huggingface_hub.constants
import pytest
import torch

from musictx.checkpoint import CARD, CONFIG, WEIGHTS, load_model, read_card, save_model, weights_hash
from musictx.errors import MusictxError
from musictx.model import ModelConfig, MusicTransformer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    made = MusicTransformer(ModelConfig(position="rope", layers=1, width=32, heads=2, context_length=64))
    place = tmp_path_factory.mktemp("models") / "tune"
    save_model(made, place, {"name": "Tune", "licence": "CC0"})
    return place


class Hub(BaseHTTPRequestHandler):
    """What a client asks the Hub for when it uploads a folder."""

    files: dict[str, bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/repos/create":
            name = json.loads(body)["name"]
            self.reply({"url": f"http://{self.headers['Host']}/me/{name}", "name": f"me/{name}", "id": "1"})
        elif self.path == "/api/validate-yaml":
            self.reply({"errors": [], "warnings": []})
        elif self.path.startswith("/api/models/me/tune/preupload/"):
            asked = json.loads(body)["files"]
            files = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in asked]
            self.reply({"files": files})
        elif self.path.startswith("/api/models/me/tune/commit/"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.reply(
                {"commitUrl": f"http://{self.headers['Host']}/me/tune/commit/{COMMIT}", "commitOid": COMMIT}
            )
        else:
            self.send_error(404)

    def do_GET(self) -> None:
        self.send_error(404)

    do_HEAD = do_GET

    def reply(self, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """What a Hub on this machine is given."""
    Hub.files = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    yield Hub.files
    server.shutdown()
    server.server_close()


def test_a_folder_is_loaded_as_load_model_does(folder: Path) -> None:
    found = MusicTransformer.from_pretrained(folder)
    assert weights_hash(found) == weights_hash(load_model(folder)) and not found.training
    assert found.card == read_card(folder)
    assert MusicTransformer.from_pretrained(str(folder), window=16).config.window == 16
    with pytest.raises(MusictxError, match="cannot change after training"):
        MusicTransformer.from_pretrained(folder, width=64)


def test_a_folder_needs_no_extra_and_the_hub_says_that_it_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from musictx.export import hub

    hub._mixed.cache_clear()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    model = MusicTransformer.from_pretrained(folder)
    for use in (lambda: MusicTransformer.from_pretrained("me/tune"), lambda: model.push_to_hub("me/tune")):
        with pytest.raises(MusictxError, match=r"pip install 'musictx\[hub\]'"):
            use()


def test_what_was_on_the_hub_once_is_loaded_without_a_network(folder: Path, tmp_path: Path) -> None:
    """The cache as huggingface_hub lays it out."""
    kept = tmp_path / "models--me--tune"
    (kept / "snapshots" / COMMIT).mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(COMMIT)
    for name in (CONFIG, CARD, WEIGHTS):
        (kept / "snapshots" / COMMIT / name).write_bytes((folder / name).read_bytes())
    found = MusicTransformer.from_pretrained("me/tune", cache_dir=tmp_path, local_files_only=True, window=8)
    assert found.config.window == 8 and found.card["name"] == "Tune"
    plain = MusicTransformer.from_pretrained("me/tune", cache_dir=tmp_path, local_files_only=True)
    assert weights_hash(plain) == weights_hash(load_model(folder))
    (kept / "snapshots" / COMMIT / WEIGHTS).write_bytes(b"cut")
    with pytest.raises(MusictxError, match="cut"):
        MusicTransformer.from_pretrained("me/tune", cache_dir=tmp_path, local_files_only=True)


def test_without_a_network_one_sentence_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for name in ("me/tune", "me/tune/deeper", "tune"):
        with pytest.raises(MusictxError, match=f"no folder '{name}' is here, and no such model") as told:
            MusicTransformer.from_pretrained(name, cache_dir=tmp_path, token=False)
        assert "\n" not in str(told.value)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(MusictxError, match="cannot be uploaded to 'me/tune'"):
        MusicTransformer.from_pretrained(folder).push_to_hub("me/tune", token="hf_none")


def test_the_hub_is_given_the_model_and_its_card(
    folder: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    model = MusicTransformer.from_pretrained(folder)
    address = model.push_to_hub("me/tune", token="hf_none", private=True)
    assert address.endswith(f"/me/tune/commit/{COMMIT}")
    assert {CONFIG, CARD, WEIGHTS, "README.md"} <= files.keys()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    again = MusicTransformer.from_pretrained(tmp_path)
    assert weights_hash(again) == weights_hash(model) and again.card == model.card
    card = huggingface_hub.ModelCard.load(tmp_path / "README.md", ignore_metadata_errors=False)
    assert (card.data.license, card.data.library_name) == ("cc0-1.0", "musictx")
    assert card.text.strip().startswith("# Tune")


def test_a_folder_that_was_saved_is_loaded(folder: Path, tmp_path: Path) -> None:
    model = MusicTransformer.from_pretrained(folder)
    model.save_pretrained(tmp_path / "mine")
    assert sorted(os.listdir(tmp_path / "mine")) == sorted(["README.md", CARD, CONFIG, WEIGHTS])
    assert weights_hash(MusicTransformer.from_pretrained(tmp_path / "mine")) == weights_hash(model)
