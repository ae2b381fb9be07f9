"""Folders for the Hugging Face Hub: a model and the page as a Space, as far as it goes without the Hub."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard, metadata_load
from packaging.requirements import Requirement
from training_helpers import TINY, tiny_run

from musictx.app.space import write_space
from musictx.checkpoint import WEIGHTS, load_model, read_card, save_model, weights_hash
from musictx.errors import MusictxError
from musictx.export.repository import publish_model
from musictx.model import ModelConfig, MusicTransformer
from musictx.shipped import COMPARED_MODELS, DEFAULT_MODEL, shipped_folder


def model(folder: Path, **card: Any) -> Path:
    torch.manual_seed(0)
    save_model(MusicTransformer(ModelConfig(layers=1, width=32, heads=2, context_length=64)), folder, card)
    return folder


def test_a_published_model_is_the_model_and_its_card_is_read_by_the_hub(tmp_path: Path) -> None:
    publish_model("relative", tmp_path)
    assert weights_hash(load_model(tmp_path)) == weights_hash(load_model("relative"))
    assert read_card(tmp_path) == read_card(shipped_folder("checkpoints") / "relative")
    card = ModelCard.load(tmp_path / "README.md", ignore_metadata_errors=False)
    assert (card.data.license, card.data.library_name) == ("cc-by-nc-sa-4.0", "musictx")
    measured = {(each.dataset_name, each.metric_name): each.metric_value for each in card.data.eval_results}
    nll = read_card(tmp_path)["validation_nll"]
    assert measured["asap", "nats per token, chunks of 2048"] == nll["asap"]["chunks of 2048"]["per event"]
    assert "Foscarin" in card.text and "CC BY-NC-SA 4.0" in card.text


def test_a_model_made_from_another_has_its_licence_and_one_without_says_so(tmp_path: Path) -> None:
    music = {"MAESTRO": {"licence": "CC BY-NC-SA 4.0", "what": "piano", "citation": "Hawthorne et al. 2019"}}
    before = {"name": "musictx relative", "licence": "CC BY-NC-SA 4.0", "trained on": music}
    mine = model(tmp_path / "mine", started_from=before)
    publish_model(mine, tmp_path / "one")
    assert metadata_load(tmp_path / "one" / "README.md")["license"] == "cc-by-nc-sa-4.0"
    assert "Trained on MAESTRO (CC BY-NC-SA 4.0): piano" in (tmp_path / "one" / "README.md").read_text()
    publish_model(model(tmp_path / "bare"), tmp_path / "two")
    assert "license" not in metadata_load(tmp_path / "two" / "README.md")
    assert "No licence is stated" in (tmp_path / "two" / "README.md").read_text()
    publish_model(model(tmp_path / "odd", licence="Ours: ask “us”"), tmp_path / "three")
    facts = metadata_load(tmp_path / "three" / "README.md")
    assert (facts["license"], facts["license_name"]) == ("other", "Ours: ask “us”")


def test_a_model_that_was_taught_twice_has_the_licence_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a repository has the folder's name as its title, also where the folder is called a dot."""
    start = tmp_path / "first"
    save_model(MusicTransformer(ModelConfig(**TINY)), start, {"licence": "CC BY-NC-SA 4.0"})
    for name in ("second", "third"):
        tiny_run(tmp_path / name, start_from=start, steps=1).fit()
        start = tmp_path / name
    monkeypatch.chdir(start)
    publish_model(".", tmp_path / "repository")
    assert metadata_load(tmp_path / "repository" / "README.md")["license"] == "cc-by-nc-sa-4.0"
    assert "\n# third\n" in (tmp_path / "repository" / "README.md").read_text()


def test_nothing_of_others_is_written_over(tmp_path: Path) -> None:
    mine = model(tmp_path / "mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("dear")
    for write in (
        lambda: publish_model(mine, tmp_path / "full"),
        lambda: write_space(tmp_path / "full", [mine]),
    ):
        with pytest.raises(MusictxError, match=r"diary\.txt"):
            write()
    with pytest.raises(MusictxError, match="the model itself"):
        publish_model(mine, mine)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(MusictxError, match="loop"):
        publish_model(mine, tmp_path / "loop")
    (tmp_path / "own" / "models").mkdir(parents=True)  # a folder of this name, and no Space
    with pytest.raises(MusictxError, match="models"):
        write_space(tmp_path / "own", [mine])
    assert sorted(path.name for path in (tmp_path / "full").iterdir()) == ["diary.txt"]


def test_a_damaged_model_is_not_published(tmp_path: Path) -> None:
    mine = model(tmp_path / "mine")
    (mine / WEIGHTS).write_bytes(b"cut")
    for write in (publish_model, lambda source, folder: write_space(folder, [source])):
        with pytest.raises(MusictxError, match="cut"):
            write(mine, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# The Space's entry file where numba is not installed: it would compile what decodes anew, in its own place.
SERVE = "import runpy, sys; sys.modules['numba'] = None; runpy.run_path('serve.py', run_name='__main__')"


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("space")
    mine = model(folder / "My songs", licence="MIT")
    write_space(folder / "space", ["rope", model(folder / "old", licence="MIT")])
    write_space(folder / "space", ["relative", mine])  # again, with other models
    return folder / "space"


def test_a_space_says_what_it_is_and_needs(space: Path) -> None:
    facts = metadata_load(space / "README.md")
    assert facts["sdk"] == "gradio" and (space / facts["app_file"]).is_file()
    assert facts["app_file"] != "app.py" and len(facts["short_description"]) <= 60
    assert (facts["license"], facts["license_name"]) == ("other", "CC BY-NC-SA 4.0, MIT")
    assert sorted(path.name for path in (space / "models").iterdir()) == ["My songs", "relative"]
    option, *lines = (space / "requirements.txt").read_text().splitlines()
    assert option.startswith("--extra-index-url") and option.endswith("/cpu")
    needed = {Requirement(line).name: Requirement(line) for line in lines}
    assert {"torch", "numba", "gradio", "safetensors"} <= needed.keys() and "pytest" not in needed
    assert str(needed["gradio"].specifier) == f"=={facts['sdk_version']}"
    assert "MIT License" in (space / "LICENSE").read_text()


@pytest.mark.slow
def test_a_space_has_the_models_of_the_demo(tmp_path: Path) -> None:
    write_space(tmp_path / "space")
    ask = "from musictx.app.models import load_models; print([m.key for m in load_models() if m.compared])"
    command = [sys.executable, "-c", f"{ask}; print(load_models()[-1].key)"]
    told = subprocess.run(command, cwd=tmp_path / "space", capture_output=True, text=True, check=True).stdout
    assert told.split("\n")[:2] == [str(list(COMPARED_MODELS)), DEFAULT_MODEL]
    assert "models=None" not in (entry := (tmp_path / "space" / "serve.py").read_text())
    assert "MODELS = None" in entry and not (tmp_path / "space" / "models").exists()
    assert "| grand |" in (tmp_path / "space" / "README.md").read_text()


def test_a_space_plays_from_its_own_files_alone(space: Path, tmp_path: Path) -> None:
    """Its entry file, from another folder, with a path on which there is no musictx but the Space's."""
    from gradio_client import Client

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    moved = tmp_path / "moved"
    shutil.copytree(space, moved)
    (moved / "app.py").write_text("raise SystemExit('the wrong file was run')\n")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"GRADIO_SERVER_PORT": str(port), "SPACE_HOST": "me-musictx.hf.space"}
    process = subprocess.Popen([sys.executable, "-c", SERVE], cwd=moved, env=environment)
    try:
        address = f"http://127.0.0.1:{port}/"
        lanes = answer(process, address + "musictx/models", Host="me-musictx.hf.space")
        assert [lane["name"] for lane in lanes["models"]] == ["Relative", "My songs"]
        client = Client(address, verbose=False, download_files=tmp_path, analytics_enabled=False)
        midi, wav = client.predict(seconds=2, seed=1, model="my-songs", api_name="/continue")
        assert Path(midi).read_bytes()[:4] == b"MThd" and Path(wav).read_bytes()[:4] == b"RIFF"
    finally:
        process.terminate()
        process.wait(timeout=20)


def answer(process: subprocess.Popen[bytes], address: str, **headers: str) -> Any:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(
                urllib.request.Request(address, headers=headers), timeout=5
            ) as answered:
                return json.loads(answered.read())
        except OSError:
            time.sleep(0.2)
    pytest.fail("the Space did not start")


@pytest.mark.parametrize("odd", [None, 5, "text", ["a"], {"a": 5}, {"a": {"b": "c"}}, {"a": 10**400}, True])
def test_a_card_that_anybody_may_have_written_is_published_or_refused_in_a_sentence(
    tmp_path: Path, odd: Any
) -> None:
    names = ("started_from", "trained on", "validation_nll", "validation_nll_while_training", "parameters")
    card = dict.fromkeys((*names, "licence", "name", "tokens_seen", "musictx"), odd)
    mine = model(tmp_path / "mine", **card)
    publish_model(mine, tmp_path / "published")
    write_space(tmp_path / "space", [mine])
    ModelCard.load(tmp_path / "published" / "README.md", ignore_metadata_errors=True)


@pytest.mark.parametrize("name", ["licence", "name", "anything"])
def test_half_a_character_in_a_card_is_a_sentence(tmp_path: Path, name: str) -> None:
    mine = model(tmp_path / "mine", **{name: "a\ud800"})
    with pytest.raises(MusictxError, match=r"card\.json cannot be written again: .*half a character"):
        publish_model(mine, tmp_path / "published")
