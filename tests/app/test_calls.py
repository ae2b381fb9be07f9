"""What programs send: answered with files that are bounded and go, or with a sentence; nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
import torch

from musictx.app import launch
from musictx.checkpoint import save_model
from musictx.midi import read_midi, write_midi
from musictx.model import ModelConfig, MusicTransformer
from musictx.performance import Performance, make_notes
from musictx.shipped import shipped_primer

NAMES = (
    *("primer", "model", "seconds", "seed", "temperature", "top_p", "top_k", "min_p", "theme"),
    *("primer_start", "primer_end", "sound", "bars", "beat", "one_track", "shape", "form"),
)
USUAL = (None, "tiny", 2, 1, 1, 0.98, 0, 0, 0, 0, 1, False, 0, "off", False, "", 0)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("calls")
    torch.manual_seed(0)
    model = MusicTransformer(ModelConfig(layers=1, width=32, heads=2, context_length=96))
    torch.nn.init.normal_(model.head.weight, std=0.3)
    save_model(model, folder / "tiny")
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "files"))
        address = launch(models=[folder / "tiny"], votes=folder / "votes.sqlite", block=False)
        with httpx.Client(base_url=address, timeout=120) as client:
            yield client
        gr.close_all(verbose=False)
    torch.set_num_threads(threads)
    assert not list((folder / "files").glob("musictx-*/*/*"))  # with the server its files go


def send(client: httpx.Client, name: str, content: bytes) -> httpx.Response:
    return client.post("gradio_api/upload", files={"files": (name, content)})


def file(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def call(client: httpx.Client, values: Any) -> str:
    """The last event of a call, as text."""
    content = json.dumps({"data": values})
    asked = client.post(
        "gradio_api/call/continue", content=content, headers={"Content-Type": "application/json"}
    )
    return client.get(f"gradio_api/call/continue/{asked.json()['event_id']}").text


def with_change(**change: Any) -> list[Any]:
    return list((dict(zip(NAMES, USUAL, strict=True)) | change).values())


def test_a_file_is_continued_and_what_comes_is_to_be_saved_not_shown(client: httpx.Client) -> None:
    sent = send(client, "../Für Elise?.MID", Path(shipped_primer("fur-elise")).read_bytes()).json()
    assert Path(sent[0]).name == "Für Elise_.MID"
    said = call(client, with_change(primer=file(sent[0]), sound=True))
    midi, wav = json.loads(said.partition("data: ")[2])
    for answer, head in ((midi, b"MThd"), (wav, b"RIFF")):
        got = client.get(answer["url"])
        assert got.content[:4] == head
        assert got.headers["content-disposition"] == "attachment"
        assert got.headers["x-content-type-options"] == "nosniff"


def test_a_shape_changes_the_music(client: httpx.Client) -> None:
    files = []
    for change in ({}, {"shape": ""}, {"shape": "higher,softer"}, {"shape": "lower"}):
        said = call(client, with_change(**change))
        files.append(client.get(json.loads(said.partition("data: ")[2])[0]["url"]).content)
    assert files[0] == files[1] and len(set(files)) == 3


def test_the_first_primer_of_the_page_has_its_bars(client: httpx.Client, tmp_path: Path) -> None:
    said = call(client, with_change(bars=2, beat="strict"))
    answer = client.get(json.loads(said.partition("data: ")[2])[0]["url"])
    (tmp_path / "played.mid").write_bytes(answer.content)
    metre = read_midi(tmp_path / "played.mid").metre
    assert metre and not metre.fault()


@pytest.mark.parametrize("name", ["a.txt", "a.html", "a", ".mid.svg", "mid", ""])
def test_only_midi_files_are_kept(client: httpx.Client, name: str) -> None:
    answer = send(client, name, b"<script>")
    assert answer.status_code == 400 and answer.json()["error"]


def test_files_of_programs_are_bounded_in_all(client: httpx.Client) -> None:
    assert send(client, "a.mid", bytes(9 * 2**20)).status_code == 413
    answers = [send(client, "a.mid", bytes(7 * 2**20)) for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 0 < len(refused) < 10
    assert "too many files" in refused[0].json()["error"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": "gpt"}, "There is no model 'gpt' here; choose one of tiny."),
        ({"model": ["tiny"]}, "There is no model"),
        ({"seed": float("nan")}, "Seed must be a number."),
        ({"seed": 2**31}, "Seed is 2147483648; choose a number from 0 to 2147483647."),
        ({"top_k": float("inf")}, "top_k must be a number."),
        ({"seconds": 1000}, "Seconds is 1000; choose a number from 2 to 180."),
        ({"primer_end": 20_000}, "can last 900 s"),
        ({"primer_end": 899}, "can last 900 s"),
        ({"primer_start": 2}, "the primer must end after it starts"),
        ({"sound": "yes"}, "Sound must be true or false."),
        ({"bars": 0.5}, "Bars is 0.5"),
        ({"beat": ["off"]}, "Beat is ['off']"),
        ({"shape": "dense"}, "Shape is 'dense'; it must name one or more of denser or calmer"),
        ({"shape": ["denser"]}, "Shape is ['denser']"),
        ({"primer": "a.mid"}, "The server cannot make sense of these values"),
        ({"primer": file("/etc/passwd")}, "must have been sent to this server"),
        ({"primer": file("https://example.org/a.mid")}, "fetches none from an address"),
        ({"model": file("https://example.org/a.mid")}, "fetches none from an address"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    client: httpx.Client, change: dict[str, Any], sentence: str
) -> None:
    assert sentence in call(client, with_change(**change))


def test_too_few_values_are_counted(client: httpx.Client) -> None:
    assert "17 values are needed, and 2 came" in call(client, [None, "tiny"])


def test_a_file_that_went_or_is_no_midi_file_is_named(client: httpx.Client, tmp_path: Path) -> None:
    write_midi(Performance(make_notes([0], [1], [60])), tmp_path / "a.mid")
    (path,) = send(client, "a.mid", (tmp_path / "a.mid").read_bytes()).json()
    Path(path).unlink()
    assert "a.mid is not here; send it again." in call(client, with_change(primer=file(path)))


def test_the_log_has_no_traceback(
    client: httpx.Client, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for values in (with_change(seed=float("nan")), [None], with_change(primer={"path": 5})):
        assert '"error": "' in call(client, values)
    assert "Traceback" not in "".join(capfd.readouterr()) + caplog.text
    assert not any(record.exc_info for record in caplog.records)


def test_no_call_goes_past_the_line(client: httpx.Client) -> None:
    answer = client.post("gradio_api/run/continue", json={"data": list(USUAL)})
    assert answer.status_code == 404
