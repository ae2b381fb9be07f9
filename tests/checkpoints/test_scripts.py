"""The scripts that made the shipped models and their tables, each with a tiny budget."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import miditoolkit
import numpy as np
import pytest
import torch
from music_helpers import random_performance
from safetensors.torch import load_file
from typer.testing import CliRunner

from musictx.checkpoint import load_model, save_model, weights_hash
from musictx.cli import app
from musictx.corpus import build_corpus
from musictx.midi import write_midi
from musictx.model import ModelConfig, MusicTransformer
from musictx.training import Run
from musictx.training.choices import Choice, read_choices
from musictx.training.source import Source

SCRIPTS = Path(__file__).resolve().parents[2] / "checkpoints"
Script = Callable[..., str]


@pytest.fixture
def script(monkeypatch, capsys) -> Script:
    """Run a script as Python would from the command line; gives what it printed."""
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def run(name: str, *arguments: object) -> str:
        monkeypatch.setattr("sys.argv", [name, *map(str, arguments)])
        runpy.run_path(str(SCRIPTS / name), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("run") / "model"
    config = ModelConfig(layers=1, width=32, heads=2, feed_forward=32, context_length=256, dropout=0.0)
    save_model(MusicTransformer(config), folder, {"command": "musictx train"})
    return folder


@pytest.fixture(scope="module")
def pieces(tmp_path_factory) -> Path:
    """Four pieces of half a minute, none like another."""
    folder = tmp_path_factory.mktemp("music")
    for seed in range(4):
        write_midi(random_performance(seed, 400, 30.0), folder / f"{seed}.mid")
    return folder


@pytest.mark.parametrize("name", sorted(path.name for path in SCRIPTS.glob("*.py")))
def test_a_script_says_how_it_is_used(script, name, capsys):
    with pytest.raises(SystemExit) as stop:
        script(name, "--help")
    assert stop.value.code == 0 and f"usage: {name}" in capsys.readouterr().out


def test_a_shipped_model_is_the_runs_in_16_bits_with_a_card(script, model, tmp_path):
    script("ship.py", model.parent, tmp_path / "shipped")
    stored = load_file(tmp_path / "shipped" / "model.safetensors")
    ours = load_model(model).state_dict()
    assert {weight.dtype for weight in stored.values()} == {torch.float16}
    assert all(torch.equal(weight, ours[name].half()) for name, weight in stored.items())
    card = json.loads((tmp_path / "shipped" / "card.json").read_text())
    assert card["command"] == "musictx train" and "NC" in card["licence"]
    assert card["primers_nll"] == pytest.approx(np.log(391), abs=0.5)  # of a model that has learned nothing


def test_an_interrupted_measurement_of_the_cards_goes_on(script, model, tmp_path):
    if shutil.which("node") is None:
        pytest.skip("needs Node (18 or newer), which is not here")
    output = tmp_path / "cards.json"
    options = ("--model", model, "--card", "ode-to-joy", "--output", output)
    assert "of 1" in script("cards.py", *options, "--seeds", 1)
    (card,) = json.loads(output.read_text())
    card["takes"][0][next(iter(card["lanes"]))]["verdict"] = [{"kind": "storm", "at": 1, "past": True}]
    output.write_text(json.dumps([card]))
    assert "storm" in script("cards.py", *options, "--seeds", 2)  # the first run was not played again
    (card,) = json.loads(output.read_text())
    assert len(card["takes"]) == 2


def test_answers_are_judged_like_real_music(script, model, pieces, tmp_path):
    options = ("--takes", 1, "--primers", 3, "--seconds", 2, "--output", tmp_path / "answers.json")
    printed = script("answers.py", model, "--real", pieces, *options)
    found = json.loads((tmp_path / "answers.json").read_text())
    assert {name: len(answers) for name, answers in found.items()} == {str(model): 3, "real music": 4}
    assert "real music" in printed
    for answer in found["real music"]:  # 400 notes in 30 s are music, and not degenerate
        assert answer["music"] and answer["densest_second"] < 40


def test_sampling_is_compared_with_how_pieces_go_on(script, model, pieces, tmp_path):
    rolls, output = tmp_path / "rolls.png", tmp_path / "sampling.json"
    options = ("--default", "--seconds", 3, "--primers", 4, "--output", output, "--rolls", rolls)
    printed = script("sampling.py", pieces, "--model", model, *options)
    found = json.loads(output.read_text())
    assert printed.startswith("4 primers, 3 s") and rolls.read_bytes()[1:4] == b"PNG"
    (row,) = found["settings"]
    assert row["models"][str(model)]["distance"] > found["baseline"]  # it has learned nothing


@pytest.mark.slow
def test_the_pages_sentences_are_counted_for_real_music_and_for_models(script, model, pieces, tmp_path):
    if shutil.which("node") is None:
        pytest.skip("needs Node (18 or newer), which is not here")
    output = tmp_path / "verdicts.json"
    options = ("--model", model, "--primers", 4, "--seconds", 14, "--output", output)
    printed = script("verdicts.py", pieces, *options)
    assert "real music" in printed and "another piece" in printed and "agree" in printed
    kept = json.loads(output.read_text())
    assert len(kept["takes"]) == 8  # four pieces, with theme and without
    assert script("verdicts.py", pieces, *options) == printed  # nothing was played again
    with pytest.raises(SystemExit, match=r"other arguments \(seed\)"):
        script("verdicts.py", pieces, *options, "--seed", 2)


@pytest.mark.slow
def test_the_recipe_trains_what_is_missing_and_nothing_twice(script, pieces, tmp_path):
    write_midi(random_performance(9, 400, 30.0), tmp_path / "held-out.mid")
    corpus, held_out = tmp_path / "corpus", tmp_path / "validation"
    build_corpus([pieces], corpus)
    build_corpus([tmp_path], held_out, without=[pieces])
    command = ("recipe.py", corpus, held_out, held_out, "--output", tmp_path / "runs", "--tokens", "8k")
    printed = script(*command, "--only", "GELU")
    (run,) = json.loads((tmp_path / "runs" / "recipe.json").read_text())
    assert run["change"] == "GELU" and run["tokens"] == 8192
    assert 4 < run["asap"] == run["pop909"] < 7 and "| GELU |" in printed
    again = script(*command, "--only", "GELU")
    with pytest.raises(SystemExit, match=r"other arguments \(tokens\)"):
        script(*command[:-1], "16k", "--only", "GELU")
    assert "min)" in printed and "min)" not in again and "| GELU |" in again


def test_choices_by_a_written_taste_are_made_once_and_gone_on_with(script, model, pieces, tmp_path):
    options = ("--takes", 2, "--kept", 1, "--seconds", 2, "--primer-seconds", 2, "--output", tmp_path)
    script("preferences.py", model, pieces, "--copies", pieces, *options, "--primers", 1)
    file = tmp_path / "part-0.jsonl"
    first = file.read_bytes()
    file.write_bytes(first + b'{"name": "cut o')  # killed while it wrote
    script("preferences.py", model, pieces, *options, "--primers", 2)
    assert file.read_bytes().startswith(first)
    one, other = read_choices(tmp_path)
    assert one.model == other.model == weights_hash(load_model(model))
    for line in map(json.loads, file.read_text().splitlines()):
        worths = [take["worth"] for take in line["takes"]]
        assert len(worths) == 2 and line["name"].endswith(".mid")
    assert one.cut == 2.0 and len(one.kept) == len(one.rejected) == 1
    with pytest.raises(SystemExit, match=r"other arguments \(seed\)"):
        script("preferences.py", model, pieces, *options, "--primers", 2, "--seed", 1)


def test_the_best_takes_are_kept_and_the_worst_rejected(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    preferences = importlib.import_module("preferences")
    takes = [SimpleNamespace(performance=name) for name in "abc"]
    assert preferences.choose(takes, [0.1, 3.0, -2.0], 1) == (["b"], ["c"])


def test_a_listener_keeps_what_it_likes_best(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    listener = importlib.import_module("listener")
    takes = [random_performance(number, notes, 4.0) for number, notes in enumerate((8, 40, 16))]
    choice = Choice(random_performance(9, 8, 2.0), 2.0, tuple(takes[:1]), tuple(takes[1:]), "a model")
    (tmp_path / "takes.jsonl").write_text(choice.line(name="one"))
    options = tmp_path / "takes.jsonl", listener.TASTES["denser"], 1, SimpleNamespace(seconds=2.0)
    (chosen,) = listener.chosen(*options)
    assert len(chosen.kept[0]) > 30 and [len(take) < 20 for take in chosen.rejected] == [True, True]


def test_a_listener_chooses_and_the_model_is_tuned_and_judged(script, model, pieces, tmp_path):
    options = ("--taste", "denser", "--choices", 2, "--seconds", 2, "--primer-seconds", 2, "--primers", 3)
    command = ("listener.py", pieces, pieces, "--model", model, "--output", tmp_path / "out", *options)
    printed = script(*command, "--passes", 1)
    assert "| denser | 2 |" in printed
    for choice in read_choices(tmp_path / "out" / "takes.jsonl"):
        assert len(choice.kept) == 1 and len(choice.rejected) == 2
    assert script(*command, "--passes", 1) == printed  # nothing is done twice
    with pytest.raises(SystemExit, match=r"other arguments \(seconds\)"):
        script(*command, "--passes", 1, "--seconds", 3)


def test_a_style_is_taught_from_so_many_files(script, model, pieces, tmp_path):
    options = ("--others", pieces, "--pieces", 2, "--tokens", "4k", "--held", 2, "--output", tmp_path)
    options += ("--figure", tmp_path / "teaching.png")
    printed = script("teaching.py", pieces, "--model", model, *options)
    assert (tmp_path / "teaching.png").read_bytes().startswith(b"\x89PNG")
    (run,) = (
        x for name, x in json.loads((tmp_path / "teaching.json").read_text()).items() if "2 pieces" in name
    )
    assert run["looks"][0][0] == 0 and run["best"][1] <= run["looks"][0][1]
    assert "| 2 | 4k |" in printed
    assert script("teaching.py", pieces, "--model", model, *options) == printed  # nothing is done twice


def test_a_run_that_was_stopped_goes_on_and_is_no_result_before(script, model, pieces, tmp_path):
    options = ("--pieces", 2, "--tokens", "20k", "--held", 2, "--output", tmp_path)
    whole = Run._step

    def interrupted(run: Run, source: Source) -> torch.Tensor:
        loss = whole(run, source)
        signal.raise_signal(signal.SIGINT)
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            script("teaching.py", pieces, "--model", model, *options)
    assert not (tmp_path / "teaching.json").exists()
    script("teaching.py", pieces, "--model", model, *options)
    (run,) = (x for x in json.loads((tmp_path / "teaching.json").read_text()).values() if "steps" in x)
    assert run["steps"] > 1


def test_teaching_ends_when_held_out_pieces_have_long_been_predicted_best(script, model, pieces, tmp_path):
    options = ("--pieces", 1, "--tokens", "400k", "--held", 2, "--lr", 1.0, "--output", tmp_path)
    script("teaching.py", pieces, "--model", model, *options)
    (run,) = (x for x in json.loads((tmp_path / "teaching.json").read_text()).values() if "steps" in x)
    assert run["steps"] < 190, run["looks"]
    last, best = run["looks"][-1][0], run["best"][0]
    assert last == run["steps"] and last > best


@pytest.fixture
def pop(tmp_path) -> Path:
    """A song with the sections of 013.mid, i8A4A5B4B5…: a beat each of C or of E, from the first A on."""
    song = miditoolkit.MidiFile(ticks_per_beat=480)
    song.instruments = [miditoolkit.Instrument(program=0, name="MELODY")]
    bar = 0
    for letter, bars in re.findall(r"([A-Za-z])(\d+)", "i8A4A5B4B5x3A5B4B5B4B5o3"):
        for beat in range(4 * bar, 4 * (bar + int(bars))) if letter in "AB" else ():
            note = miditoolkit.Note(80, 60 if letter == "A" else 64, 480 * beat, 480 * beat + 240)
            song.instruments[0].notes.append(note)
        bar += int(bars)
    folder = tmp_path / "pop"
    folder.mkdir()
    song.dump(str(folder / "013.mid"))
    return folder


def test_sections_of_a_song_are_told_by_what_was_before_them(script, pop, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    sections = importlib.import_module("sections")
    song = sections.read_song(pop / "013.mid", "i8A4A5B4B5x3A5B4B5B4B5o3", 128)
    assert song.same == 1.0 and song.bars[:3] == pytest.approx([0, 2, 4])
    monkeypatch.setattr(sections, "NEAR", 200)
    kind = sections.kinds(song)
    times = [song.times[kind == k] for k in range(3)]
    assert (times[0] < 42).all() and times[0].min() == 16  # A from bar 8, B from bar 17
    assert times[2].min() == pytest.approx(2 * 29) and times[2].max() < 2 * 34  # A after B, B and a bridge
    shifted = sections.read_song(pop / "013.mid", "i8A4A5B4B5x3A5B4B5B4B5o3", 128 + 3 * 16)
    assert shifted.same < 1.0


def test_every_event_is_predicted_from_a_context_that_slides(model, pop, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    sections = importlib.import_module("sections")
    song = sections.read_song(pop / "013.mid", "i8A4", 128)
    player = load_model(model)
    nats = sections.losses(player, song, 64, "float32")
    for place in (0, 5, 63, 64, 100, 500):
        begin = max(0, (place // 16 + 1) * 16 - 64)
        logits = player(torch.from_numpy(song.tokens[begin : place + 1])[None])[0, -1]
        loss = -torch.log_softmax(logits, 0)[song.tokens[place + 1]].item()
        assert nats[place] == pytest.approx(loss, abs=1e-4)


def test_what_a_longer_context_gains_where_a_section_comes_again(script, model, pop, tmp_path):
    options = ("--model", model, "--context", 32, 64, "--output", tmp_path / "sections.json")
    printed = script("sections.py", pop, *options)
    assert "1 of 1 songs agree" in printed and "again at once" in printed
    assert len(json.loads((tmp_path / "sections.json").read_text())["songs"]) == 2
    assert script("sections.py", pop, *options) == printed  # nothing is done twice


def test_a_study_says_how_far_its_music_is_from_the_real_one(
    script: Script, model: Path, pieces: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study"
    short = ["--primers", "2", "--seeds", "1", "--seconds", "8", "--primer-seconds", "5"]
    done = CliRunner().invoke(
        app, ["study", str(pieces), *short, "--model", str(model), "--output", str(study)]
    )
    assert done.exit_code == 0, done.output
    told = re.fullmatch(
        r"study, (\w+), seed 0 +([\d.]+)  by chance ([\d.]+)  \(.*\)\n",
        script("distance.py", study),
    )
    name, far, chance = told.groups()
    models = {row["model"] for row in json.loads((study / "study.json").read_text())["rows"]}
    assert models == {name, "real music"}
    assert float(far) > float(chance) > 0
    head, *rows = script("steady.py", study).splitlines()
    assert name in head and "real music" in head
    assert [len(re.findall(r"[\d.]+%? \(\d\)|–", row)) for row in rows] == [2] * 18  # in every column
    takes, motif, *_ = script("joined.py", study, study).splitlines()
    assert f" {name}, 4 takes" in takes and "real music, 2 takes" in takes  # of two primers
    alone = json.loads((study / "study.json").read_text())["comparison"]["metrics"]["motif"]
    assert [f"{alone[each]['mean']:.3f}" for each in (name, "real music")] == re.findall(
        r"([\d.]+) \(", motif
    )
    again = script("steady.py", study, study).splitlines()
    assert [row[-14:] for row in again] == [row[-14:] for row in [head, *rows]]  # real music counts once


def test_the_difference_of_two_models_is_that_of_their_distances(
    script: Script, model: Path, pieces: Path, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    save_model(MusicTransformer(load_model(model).config), tmp_path / "other", {})
    names = ["--model", str(model), "--model", str(tmp_path / "other")]
    studies = [tmp_path / "eight", tmp_path / "nine"]
    for study, seconds in zip(studies, ("8", "9"), strict=True):
        short = ["--primers", "3", "--seeds", "1", "--seconds", seconds, "--primer-seconds", "5"]
        done = CliRunner().invoke(app, ["study", str(pieces), *short, *names, "--output", str(study)])
        assert done.exit_code == 0, done.output
    one, two, less = script("distance.py", studies[0]).splitlines()
    far = [float(re.search(r"seed 0 +([\d.]+)", line)[1]) for line in (one, two)]
    assert float(re.search(r": ([+-][\d.]+) \(", less)[1]) == pytest.approx(far[0] - far[1], abs=0.0011)
    with pytest.raises(SystemExit):
        script("distance.py", *studies)


def test_figures_that_the_first_piece_lacks_are_compared_all_the_same(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    sampling = importlib.import_module("sampling")
    made, real = [{"density": 1.0}, {"density": 4.0}], [{"density": 2.0}, {"density": 6.0}]
    assert sampling.distances(made, [{}, *real]) == sampling.distances(made, real) == {"density": 0.75}
