"""The page as programs call it, with the client that Gradio's users have."""

from __future__ import annotations

import re
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from .conftest import FIRST, MODELS, Server
from .music import midi_bytes, scale


@pytest.fixture(scope="module")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("answers")
    return Client(server.address, verbose=False, download_files=folder, analytics_enabled=False)


@pytest.fixture
def primer(tmp_path: Path) -> Any:
    path = tmp_path / "scale.mid"
    path.write_bytes(midi_bytes(scale(count=12)))
    return handle_file(path)


def pitches(path: str) -> list[int]:
    return [
        m.note for track in mido.MidiFile(path).tracks for m in track if m.type == "note_on" and m.velocity
    ]


def test_the_page_leads_to_a_list_of_the_endpoints(open_studio: Callable[..., Any], server: Server) -> None:
    studio = open_studio(server)
    studio.page.locator("footer .show-api").click()
    studio.page.get_by_text("/continue", exact=True).first.wait_for()
    studio.console.clear()  # the list asks for the MCP tools' schema, which is there with gradio[mcp] only


def test_a_file_is_continued_in_three_lines(client: Client, primer: Any) -> None:
    midi, wav = client.predict(primer, seconds=3, seed=5, api_name="/continue")
    assert pitches(midi)[:12] == list(range(60, 72))
    assert len(pitches(midi)) > 12
    with wave.open(wav) as sound:
        assert sound.getnframes() / sound.getframerate() > 3
    again, no_sound = client.predict(primer, seconds=3, seed=5, sound=False, api_name="/continue")
    assert pitches(again) == pitches(midi) and no_sound is None


def test_a_script_of_ten_lines_gets_midi_and_sound(server: Server, tmp_path: Path) -> None:
    """The README's own lines, as a program beside the server."""
    readme = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    lines = next(block for block in blocks if "gradio_client" in block)
    script = lines.replace("http://127.0.0.1:7860", server.address).replace("seconds=30", "seconds=3")
    script += "import shutil\nshutil.copy(midi, 'out.mid')\nshutil.copy(wav, 'out.wav')\n"
    assert len(script.splitlines()) <= 10 and script != lines
    (tmp_path / "primer.mid").write_bytes(midi_bytes(scale(count=12)))
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    assert pitches(str(tmp_path / "out.mid"))[:12] == list(range(60, 72))
    with wave.open(str(tmp_path / "out.wav")) as sound:
        assert sound.getnframes() / sound.getframerate() > 3


def test_without_a_file_the_pages_first_primer_is_continued(client: Client) -> None:
    midi, no_sound = client.predict(seconds=2, seed=5, sound=False, api_name="/continue")
    given = [pitch for onset, _, pitch, _ in FIRST["notes"] if onset < FIRST["end"]]
    assert sorted(pitches(midi)[: len(given)]) == sorted(given) and len(pitches(midi)) > len(given)
    assert no_sound is None


def test_each_model_plays_as_it_usually_does_unless_it_is_asked_otherwise(
    client: Client, primer: Any
) -> None:
    names = {each["key"] for each in client.predict(api_name="/info")}
    grand = {"theme": 0.3, "form": 0.35, "shape": "steady"}
    usual = {"grand": grand, "relative": {"theme": 0.5, "shape": ""}}
    for name in names & set(usual):
        asked = {"model": name, "seconds": 2, "seed": 5, "sound": False, "api_name": "/continue"}
        music = [
            pitches(client.predict(primer, **asked, **how)[0])
            for how in ({}, usual[name], {"theme": 0, "shape": "lower"})
        ]
        assert music[0] == music[1] != music[2]


@pytest.mark.slow
def test_every_argument_changes_the_music(client: Client, primer: Any) -> None:
    def music(**change: Any) -> list[int]:
        asked = {"seconds": 2, "seed": 5, "sound": False, **change}
        return pitches(client.predict(primer, **asked, api_name="/continue")[0])

    usual = music()
    changes = (
        {"model": "rope"},
        {"seconds": 5},
        {"seed": 6},
        {"temperature": 0.3},
        {"top_p": 0.2},
        {"top_k": 2},
        {"min_p": 0.4},
        {"theme": 0},
        {"primer_start": 1},
        {"primer_end": 1},
    )
    for change in changes:
        assert music(**change) != usual, change


def test_info_lists_the_models(client: Client, as_shipped: list[str] | None) -> None:
    found = {each["key"]: each["training_length"] for each in client.predict(api_name="/info")}
    grand = {"grand": 4096} if as_shipped is None else {}
    assert list(found.items()) == list({**dict.fromkeys(MODELS, 1024), **grand}.items())


def test_only_these_endpoints_are_offered(client: Client) -> None:
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/continue", "/info"}


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"seconds": 1000}, "Seconds is 1000; choose a number from 2 to 180."),
        ({"primer_start": 100}, "the primer must end after it starts"),
    ],
)
def test_a_fault_is_told_as_a_sentence(
    client: Client, primer: Any, sent: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AppError, match=sentence):
        client.predict(primer, **sent, api_name="/continue")


def test_a_file_that_is_no_midi_file_is_named(client: Client, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mid"
    letter.write_bytes(b"this is a letter, not music")
    with pytest.raises(AppError, match=r"letter\.mid") as told:
        client.predict(handle_file(letter), api_name="/continue")
    assert "/" not in str(told.value)
