"""The ``musictx`` command, run in this process as a shell would run it."""

from __future__ import annotations

import json
import re
import socket
import wave
from pathlib import Path

import miditoolkit
import numpy as np
import pytest
import torch

from musictx import __version__
from musictx.checkpoint import list_models, load_model, save_model
from musictx.cli import main
from musictx.console.options import moment
from musictx.errors import MusictxError
from musictx.midi import inspect_midi, read_midi, write_midi
from musictx.model import ModelConfig, MusicTransformer
from musictx.performance import Performance, make_notes, slice_time
from musictx.sampling import continue_performance
from musictx.settings import SamplingSettings
from musictx.shipped import shipped_folder

PRIMER = shipped_folder("primers") / "chopin-black-keys.mid"


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command; gives its exit status, standard output and standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["musictx", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        out = capsys.readouterr()
        return status, out.out, out.err

    return call


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A small untrained model as a checkpoint folder."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    config = ModelConfig(layers=1, width=32, heads=2, feed_forward=32, context_length=256, dropout=0.0)
    save_model(MusicTransformer(config), folder, {"licence": "none"})
    return folder


def test_the_help_has_what_makes_music_first_and_then_what_measures(run):
    plain = re.sub(r"\x1b\[[\d;]*m", "", run("--help")[1])  # coloured on some hosts
    panels = re.split(r"─ (Make music|Measure) ─", plain)
    assert panels[1::2] == ["Make music", "Measure"]
    making, measuring = (set(re.findall(r"^│ (\w+) ", text, re.MULTILINE)) for text in panels[2::2])
    assert measuring == {"evaluate", "study", "votes", "bench", "reproduce"}
    assert {"train", "encode", "continue", "fill", "render", "app", "site", "export", "info"} <= making


def test_continue_keeps_the_primer_and_writes_midi_sound_and_picture(run, model, tmp_path):
    midi, sound, picture = tmp_path / "o.mid", tmp_path / "o.wav", tmp_path / "o.png"
    status, out, err = run(
        "continue", PRIMER, "-o", midi, "--model", model, "--primer-end", 3, "--seconds", 2, "--seed", 1,
        "--no-early-end", "--audio", sound, "--roll", picture,
    )  # fmt: skip
    assert status == 0 and out == ""
    assert "seed 1" in err
    music, primer = read_midi(midi), slice_time(read_midi(PRIMER), 0, 3)
    assert music.duration == pytest.approx(5.0, abs=0.02)
    before = music.notes[music.notes["onset"] < 2.99]
    assert before["pitch"].tolist() == primer.notes["pitch"].tolist()
    with wave.open(str(sound)) as file:
        assert file.getnframes() / file.getframerate() > 4
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_one_seed_gives_one_music_and_another_seed_another(run, model, tmp_path):
    music = []
    for i, seed in enumerate((7, 7, 8)):
        path = tmp_path / f"{i}.mid"
        assert run("continue", PRIMER, "-o", path, "--model", model, "--seconds", 2, "--seed", seed)[0] == 0
        music.append(path.read_bytes())
    assert music[0] == music[1] != music[2]


def test_variations_are_numbered_and_differ(run, model, tmp_path):
    status, _, _ = run(
        "continue", PRIMER, "-o", tmp_path / "v.mid", "--model", model, "--variations", 2, "--seconds", 2,
        "--seed", 1, "--only-continuation", "--no-early-end",
    )  # fmt: skip
    assert status == 0
    one, two = (read_midi(tmp_path / f"v-{i}.mid") for i in (1, 2))
    for music in (one, two):  # the file begins with the bar in which the continuation does
        assert music.duration - music.notes["onset"][0] <= 2.02
    assert one.notes["pitch"].tolist() != two.notes["pitch"].tolist()


def test_nothing_as_primer_lets_the_model_begin(run, model, tmp_path, monkeypatch):
    status, _, _ = run(
        "continue",
        "-",
        "-o",
        tmp_path / "o.mid",
        "--model",
        model,
        "--seconds",
        2,
        "--seed",
        1,
        "--no-early-end",
    )
    assert status == 0 and len(read_midi(tmp_path / "o.mid")) > 0
    monkeypatch.chdir(tmp_path)
    assert run("continue", "-", "--takes", 1, "--model", model, "--seconds", 1)[0] == 0
    assert (tmp_path / "from-nothing-takes" / "index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.mid", "-o", "o.mid"], "missing.mid"),
        ([PRIMER, "-o", "nowhere/o.mid"], "nowhere"),
        ([PRIMER, "-o", "."], "is a folder"),
        ([PRIMER, "-o", ".", "--variations", "2"], "is a folder"),
        ([PRIMER, "-o", "o.mid", "--roll", "roll.jpg"], "roll.jpg must end in .png, .svg, .pdf"),
        ([PRIMER, "-o", "o.mid", "--primer-start", "500"], "no note begins after 500 s"),
        ([PRIMER, "-o", "o.mid", "--temperature", "-1"], "temperature"),
        ([PRIMER, "-o", "o.mid", "--top-p", "1.5"], "top-p"),
        ([PRIMER, "-o", "o.mid", "--min-p", "2"], "min-p"),
        ([PRIMER, "-o", "o.mid", "--seconds", "0"], "seconds"),
        ([PRIMER, "-o", "o.mid", "--tokens", "0"], "tokens"),
        ([PRIMER, "-o", "o.mid", "--tokens", "10000000000"], "tokens is 10000000000"),
        ([PRIMER, "-o", "o.mid", "--variations", "0"], "variations"),
        ([PRIMER, "-o", "o.mid", "--variations", "100000000"], "at most 100"),
        ([PRIMER, "-o", "o.mid", "--primer-end", "1e9"], "1e+09 s is too late"),
        ([PRIMER, "-o", "o.mid", "--primer-start", "1e20"], "1e+20 s is too late"),
        ([PRIMER, "-o", "o.mid", "--window", "99999999999999999999"], "window is 99999999999999999999"),
        ([PRIMER, "-o", "o.mid", "--track", "9" * 5000], "has no track '999"),
        ([PRIMER, "-o", "x" * 300 + ".mid"], "File name too long"),
        ([PRIMER, "-o", "x" * 250 + ".mid", "--variations", "10"], "File name too long"),
        ([PRIMER, "-o", "circle"], "links lead in a circle"),
        (["circle", "-o", "o.mid"], "Too many levels of symbolic links"),
        (["x" * 300, "-o", "o.mid"], "File name too long"),
        ([PRIMER, "-o", "o.mid", "--primer-start", "5", "--primer-end", "2"], "primer"),
        ([PRIMER, "-o", "o.mid", "--track", "violin"], "violin"),
        (["missing.mid", "--takes", "2"], "missing.mid"),
    ],
)
def test_bad_input_is_one_line_and_status_1(run, model, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    Path("circle").symlink_to("round")
    Path("round").symlink_to("circle")
    status, out, err = run("continue", *arguments, "--model", model)
    assert status == 1 and out == ""
    assert err.startswith("musictx: ") and err.count("\n") == 1 and said in err
    assert not (tmp_path / "o.mid").exists() and not list(tmp_path.glob("*-takes"))


def test_nothing_is_written_over_the_primer_or_another_output(run, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "song.mid"
    own.write_bytes(PRIMER.read_bytes())
    for options, said in (
        (("-o", own), "which is read; choose another name"),
        (("-o", "x.wav", "--audio", "x.wav"), "is an output already"),
        (("-o", "o.mid", "--audio", "o.mp3"), "must end in .wav"),
    ):
        status, _, err = run("continue", own, *options, "--model", model, "--seconds", 1)
        assert status == 1 and said in err
    assert own.read_bytes() == PRIMER.read_bytes()


def test_square_brackets_in_names_are_printed(run, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run("continue", PRIMER, "-o", "take [2].mid", "--model", model, "--seconds", 2)
    assert status == 0 and "take [2].mid: " in err


def test_a_run_without_a_model_is_told_from_nothing(run, tmp_path):
    (tmp_path / "run.json").write_text("{}")
    status, _, err = run("info", tmp_path)
    assert status == 1 and "has no model yet" in err


def test_the_version_is_told(run):
    assert run("--version") == (0, f"musictx {__version__}\n", "")


def test_a_demo_that_cannot_listen_says_why(run):
    status, _, err = run("app", "--host", "host.invalid")
    assert status == 1 and "cannot listen at host.invalid" in err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, _, err = run("app", "--port", taken.getsockname()[1])
    assert status == 1 and "choose another --port" in err and "GRADIO" not in err


def test_every_option_of_the_demo_reaches_it(run, monkeypatch):
    started = []
    monkeypatch.setattr("musictx.app.launch", lambda *given, **named: started.append((given, named)))
    options = ("--host", "0.0.0.0", "--port", 7999, "--browser", "--model", "rope", "--model", "grand")
    places = ("--public-host", "a.example", "--public-host", "b.example", "--root-path", "/music")
    assert run("app", *options, *places)[0] == run("app")[0] == 0
    named = {"models": ["rope", "grand"], "names": ["a.example", "b.example"], "prefix": "/music"}
    assert started[0] == (("0.0.0.0", 7999), {**named, "open_browser": True})
    usual = {"models": None, "names": (), "prefix": "", "open_browser": False}
    assert started[1] == (("127.0.0.1", None), usual)


def test_an_unknown_model_is_named(run, tmp_path):
    status, _, err = run("continue", PRIMER, "-o", tmp_path / "o.mid", "--model", "beethoven")
    assert status == 1 and "beethoven" in err


def test_what_no_terminal_shows_is_printed_in_another_way(run, tmp_path):
    """A card may hold half of a character; so may the name of a file from an old archive."""
    save_model(MusicTransformer(ModelConfig(layers=1, width=8, heads=1, feed_forward=8)), tmp_path / "m")
    (tmp_path / "m" / "card.json").write_text(r'{"name": "half \ud83c"}')
    status, out, _ = run("info", tmp_path / "m")
    assert status == 0 and r"half \ud83c" in out
    status, _, err = run("continue", tmp_path / "caf\udce9.mid", "-o", tmp_path / "o.mid")
    assert status == 1 and err.count("\n") == 1 and "does not exist" in err


def test_wrong_usage_is_status_2(run):
    assert run("continue", PRIMER)[0] == 2
    assert run("conduct")[0] == 2


def test_render_needs_a_known_ending(run, tmp_path):
    assert run("render", PRIMER, tmp_path / "o.png")[0] == 0
    status, _, err = run("render", PRIMER, tmp_path / "o.ogg")
    assert status == 1 and ".wav" in err


def test_info_prints_one_json_object(run, model):
    status, out, _ = run("info", model, "--json")
    card = json.loads(out)
    assert status == 0 and card["licence"] == "none" and card["config"]["context_length"] == 256


def test_no_command_writes_over_what_it_reads(run, model, tmp_path):
    song, music = tmp_path / "song.mid", tmp_path / "music"
    music.mkdir()
    for path in (song, music / "a.mid"):
        path.write_bytes(PRIMER.read_bytes())
    book = tmp_path / "book.sqlite"
    book.write_bytes(b"votes")
    weights = model / "model.safetensors"
    before = [path.read_bytes() for path in (song, music / "a.mid", book, weights)]
    usual = ("--model", model, "--tokens", 1)
    for arguments in (
        ("continue", song, "-o", song, *usual),
        ("continue", song, "-o", weights, *usual),
        ("continue", song, "-o", music / "a.mid", *usual, "--copy-check", music),
        ("fill", song, "-o", tmp_path / "o.mid", "--from", 1, "--to", 2, "--model", model, "--roll", weights),
        ("render", song, song),
        ("votes", book, "--csv", book),
        ("encode", music, "-o", music),
        ("train", music, "-o", music),
        ("train", music, "-o", model, "--from", model),
        ("study", music, "-o", music),
        ("publish", model, model),
        ("export", model, weights),
        ("reproduce", "jsb", "--data", music, "-o", music),
    ):
        status, _, err = run(*arguments)
        assert status == 1 and len(err.splitlines()) == 1, arguments
        assert re.search("is read|already|must end in|is the model itself", err), err
    assert [path.read_bytes() for path in (song, music / "a.mid", book, weights)] == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "{music}", "-o", "{out}", "--hours", "inf"),
        ("train", "{music}", "-o", "{out}", "--hours", "1e308"),
        ("train", "{music}", "-o", "{out}", "--minutes", "inf"),
        ("train", "{music}", "-o", "{out}", "--warmup", "9" * 30),
        ("train", "{music}", "-o", "{out}", "--steps", "9" * 30),
        ("train", "{music}", "-o", "{out}", "--devices", "99"),
        ("train", "{music}", "-o", "{out}", "--devices", "0"),
        ("train", "{music}", "-o", "{out}", "--from", ""),
        ("export", "{model}", "{out}.onnx", "--capacity", "0"),
        ("export", "{model}", "{out}.onnx", "--capacity", "99999999999"),
        ("export", "{model}", "{out}.onnx", "--capacity", "9" * 30),
        ("export", "", "{out}.onnx"),
        ("evaluate", "{model}", "{music}", "--context", "9" * 20),
    ],
)
def test_a_number_that_nobody_means_is_a_sentence(run, model, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(model)  # an empty name is no model, though the folder that one stands in is
    names = {"music": PRIMER.parent, "out": tmp_path / "out", "model": model}
    status, out, err = run(*(str(word).format(**names) for word in arguments))
    assert status == 1 and out == "" and len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_takes_are_a_folder_with_a_page_that_names_their_files(run, model, tmp_path):
    folder = tmp_path / "takes"
    status, out, err = run(
        "continue", PRIMER, "--takes", 2, "-o", folder, "--model", model, "--primer-end", 2, "--bars", 1,
        "--beat", "strict", "--seed", 3, "--no-early-end",
    )  # fmt: skip
    assert status == 0 and out == ""
    said = f"{folder / 'index.html'}: a page to hear the takes"
    assert "".join(said.split()) in "".join(err.split())  # a terminal breaks lines anywhere
    page = (folder / "index.html").read_text()
    for name in ("take-1.mid", "take-1.wav", "take-1.png", "take-2.mid", "take-2.wav", "take-2.png"):
        assert f'"{name}"' in page and (folder / name).stat().st_size > 100
    assert (folder / "take-1.mid").read_bytes() != (folder / "take-2.mid").read_bytes()
    first, primer = read_midi(folder / "take-1.mid"), read_midi(PRIMER)
    assert first.metre and first.metre.signatures.tolist() == primer.metre.signatures.tolist()
    made = first.notes["onset"][first.notes["onset"] >= 2]
    places = first.metre.ticks(made) / first.metre.division * 6  # the primer is one of triplets of sixteenths
    np.testing.assert_allclose(places, np.rint(places), atol=0.02)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--takes", 2, "--variations", 3], "leave out --variations"),
        (["--takes", 101], "variations is 101"),
        (["-o", "o.mid", "--bars", 2, "--seconds", 3], "give one of them"),
        (["-o", "o.mid", "--bars", 0], "bars is 0"),
        (["-o", "o.mid", "--beat", "sloppy"], "off, loose, strict"),
    ],
)
def test_what_bars_beat_and_takes_cannot_be_is_told(run, model, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, _, err = run("continue", PRIMER, "--model", model, "--primer-end", 2, *arguments)
    assert status == 1 and said in " ".join(err.split())


def test_wishes_shape_the_music_as_they_do_in_the_library(run, model, tmp_path):
    made = []
    for number, wishes in enumerate(([], ["--denser", "--softer"], ["--calmer", "--softer"])):
        out = tmp_path / f"{number}.mid"
        options = ("--model", model, "--primer-end", 2, "--seconds", 3, "--seed", 4, "--no-early-end")
        status, _, _ = run("continue", PRIMER, "-o", out, *options, *wishes)
        assert status == 0
        made.append(out.read_bytes())
    assert len(set(made)) == 3
    shaped = continue_performance(
        load_model(model), read_midi(PRIMER), primer_end=2, seconds=3, seed=4, allow_end=False,
        shape="denser,softer",
    )  # fmt: skip
    written = read_midi(tmp_path / "1.mid").notes
    np.testing.assert_array_equal(written["pitch"], shaped.notes["pitch"])
    np.testing.assert_array_equal(written["velocity"], shaped.notes["velocity"])


@pytest.mark.parametrize(
    ("name", "options", "settings"),
    [
        ("grand", (), (0.3, 0.35, "steady")),
        ("grand", ("--no-steady", "--softer"), (0.3, 0.35, "softer")),
        ("grand", ("--form", 0, "--lower"), (0.3, 0.0, "lower,steady")),
        ("relative", (), (0.5, 0.0, "")),
        ("relative", ("--steady", "--form", 0.25), (0.5, 0.25, "steady")),
        ("mine", (), (0.25, 0.0, "higher,steady")),
        ("mine", ("--theme", 1, "--lower", "--no-steady"), (1.0, 0.0, "lower")),
    ],
)
def test_a_model_plays_as_its_card_has_it_unless_it_is_asked_otherwise(
    run, tmp_path, monkeypatch, name, options, settings
):
    monkeypatch.chdir(tmp_path)
    if name == "mine":
        tiny = MusicTransformer(ModelConfig(layers=1, width=16, heads=1, context_length=16))
        save_model(tiny, name, {"sampling": {"theme": 0.25, "shape": "steady, higher"}})
    elif name not in list_models():
        pytest.skip(f"the model {name} is not here")
    asked = {}

    def note(model, music, **how):
        asked.update(how)
        raise MusictxError("heard")

    monkeypatch.setattr("musictx.sampling.continue_variations", note)
    status, _, _ = run("continue", PRIMER, "-o", tmp_path / "o.mid", "--model", name, *options)
    assert status == 1
    drawn = SamplingSettings(**{name: asked[name] for name in ("theme", "form", "shape") if name in asked})
    assert (drawn.theme, drawn.form, drawn.shape) == settings


def test_every_option_of_continue_reaches_the_model_or_the_playing(run, model, tmp_path, monkeypatch):
    """Those that `SamplingSettings` has are a test's of their own."""
    asked, loaded = {}, {}

    def note(model, music, **how):
        asked.clear()
        asked.update(how, primer=music)
        raise MusictxError("heard")

    def load(name, **changes):
        loaded.clear()
        loaded.update(changes)
        return load_model(model)

    monkeypatch.setattr("musictx.sampling.continue_variations", note)
    monkeypatch.setattr("musictx.checkpoint.load_model", load)

    def told(*options):
        song = tmp_path / "two.mid"
        status, _, err = run("continue", song, "-o", tmp_path / "o.mid", "--model", model, *options)
        assert status == 1 and "heard" in err
        return {**asked, **loaded}

    two = miditoolkit.MidiFile()
    for name, pitch in (("Low", 40), ("High", 80)):
        track = miditoolkit.Instrument(0, name=name)
        track.notes = [miditoolkit.Note(70, pitch, 0, 480)]
        two.instruments.append(track)
    two.dump(tmp_path / "two.mid")
    assert told()["primer"].notes["pitch"].tolist() == [40, 80]
    for track in ("1", "high"):
        assert told("--track", track)["primer"].notes["pitch"].tolist() == [80]
    assert told("--primer-end", "1:15.5")["primer_end"] == 75.5
    assert told("--primer-start", "0:01")["primer_start"] == 1.0
    assert told("--window", 0)["window"] is None and told("--window", 9)["window"] == 9
    rope = told("--rope-scaling", "ntk", "--rope-factor", 2)
    assert (rope["rope_scaling"], rope["rope_factor"]) == ("ntk", 2.0)
    assert told()["int8"] and not told("--no-int8")["int8"]
    assert told()["allow_end"] and not told("--no-early-end")["allow_end"]
    assert told("--beat", "strict")["beat"] == "strict" and told("--bars", 4)["bars"] == 4
    assert told("--tokens", 7)["tokens"] == 7 and told()["seconds"] == 30.0
    seeds = iter((56_789, 56_790))
    monkeypatch.setattr("secrets.randbelow", lambda most: next(seeds))
    assert (told()["seed"], told()["seed"], told("--seed", 5)["seed"]) == (56_789, 56_790, 5)


def test_what_is_no_time_is_named(run, model, tmp_path):
    assert [moment(text) for text in ("75.3", "1:15.3", 2.0)] == [75.3, 75.3, 2.0]
    for text in ("1:2:3", "soon", "1:"):
        status, _, err = run("continue", PRIMER, "-o", tmp_path / "o.mid", "--primer-end", text)
        assert status == 2 and "is no time" in err


def test_a_folder_named_like_a_shipped_model_is_no_model(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--takes", 1, "-o", "relative", "--model", "relative", "--tokens", 9)
    assert run("continue", PRIMER, *options)[0] == 0
    for _ in range(2):
        assert run("publish", "rope", "rope")[0] == 0
    status, _, error = run("continue", PRIMER, *options)  # earlier takes are not written over
    assert status == 1 and "relative holds other things (index.html)" in error


def test_takes_without_a_folder_get_one_of_their_own_each_time(run, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("from-nothing-takes", "from-nothing-takes-2", "from-nothing-takes-3"):
        assert run("continue", "-", "--takes", 1, "--model", model, "--tokens", 9)[0] == 0
        assert (tmp_path / folder / "index.html").is_file()


@pytest.mark.parametrize(
    "options", [("--track", 7), ("--primer-end", 5), ("--beat", "strict"), ("--bars", 2)]
)
def test_without_a_primer_nothing_of_it_can_be_named(run, model, tmp_path, options):
    status, _, error = run("continue", "-", "-o", tmp_path / "o.mid", "--model", model, *options)
    assert status == 1 and "without a primer" in error and not (tmp_path / "o.mid").exists()


def test_a_link_that_leads_nowhere_is_told_before_anything_is_played(run, model, tmp_path, monkeypatch):
    monkeypatch.setattr("musictx.sampling.continue_variations", lambda *_, **__: pytest.fail("it played"))
    (tmp_path / "link.mid").symlink_to(tmp_path / "nowhere" / "x.mid")
    status, _, err = run("continue", PRIMER, "-o", tmp_path / "link.mid", "--model", model)
    assert status == 1 and "there is no folder" in err


def test_a_picture_can_go_to_a_device(run, model, tmp_path):
    options = ("--model", model, "--tokens", 9, "--roll", "/dev/null")
    assert run("continue", PRIMER, "-o", tmp_path / "o.mid", *options)[0] == 0


def test_an_output_is_needed_but_for_takes(run, model):
    status, _, err = run("continue", PRIMER, "--model", model)
    assert status == 2 and "--output" in err


def test_a_whole_song_is_played_on_from_its_end_and_one_line_says_so(run, model, tmp_path):
    song, out = tmp_path / "song.mid", tmp_path / "out.mid"
    write_midi(Performance(make_notes(range(70), range(1, 71), [60] * 70)), song)
    status, _, err = run("continue", song, "-o", out, "--model", model, "--tokens", 9, "--beat", "loose")
    said = " ".join(err.split())
    assert status == 0
    assert "lasts 70 s, and the continuation begins after its end" in said and "--primer-end 30" in said
    assert "has no bars, so that --beat loose changes nothing" in said


def test_one_track_joins_primer_and_continuation(run, model, tmp_path):
    for extra, tracks in ((), 2), (["--one-track"], 1):
        out = tmp_path / f"{tracks}.mid"
        status, _, _ = run(
            "continue", PRIMER, "-o", out, "--model", model, "--primer-end", 2, "--seconds", 2, "--seed", 1,
            "--no-early-end", *extra,
        )  # fmt: skip
        assert status == 0
        assert len(inspect_midi(out)) == tracks
    assert "seed 1" in inspect_midi(tmp_path / "2.mid")[1].name
