"""``musictx train`` as people run it."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.main import get_command

from musictx.checkpoint import load_model, read_card, save_model
from musictx.cli import app, main
from musictx.cli import train as cli_train
from musictx.corpus import Repeats
from musictx.midi import write_midi
from musictx.model import ModelConfig
from musictx.model.sizes import sized_config
from musictx.performance import Performance, make_notes
from musictx.training import TEACHING_DROPOUT, TeachingConfig, TrainingConfig, TuningConfig

Run = Callable[..., tuple[int, str]]
TINY = ("--size", "tiny", "--context", "32", "--batch", "2", "--precision", "32-true")


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six songs and a file that is none."""
    folder = tmp_path_factory.mktemp("music")
    for i in range(6):
        onset, pitch = np.arange(40) * 0.25, np.random.default_rng(i).integers(50, 80, 40)
        write_midi(Performance(make_notes(onset, onset + 0.2, pitch)), folder / f"{i}.mid")
    (folder / "broken.mid").write_bytes(b"no music")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``musictx train`` in this process; gives its exit status and standard error."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["musictx", "train", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        assert captured.out == ""
        return status, captured.err

    return call


def test_a_folder_of_midi_becomes_a_model(music: Path, tmp_path: Path) -> None:
    """In a process of its own: trained, stopped, refused, gone on with, played."""
    command = [sys.executable, "-m", "musictx", "train", music, "-o", tmp_path / "run", *TINY]
    command += ["--tokens", "1k", "--fact", "licence=CC0 = free"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "skipped" in done.stderr and "broken.mid" in done.stderr
    assert "training on 5 pieces" in done.stderr
    card = read_card(tmp_path / "run" / "model")
    assert card["steps"] == 16 and card["tokens_seen"] == 1024
    assert card["licence"] == "CC0 = free"
    assert card["data"]["training"]["pieces"] == 5
    assert card["data"]["validation"]["validation"]["pieces"] == 1
    assert load_model(tmp_path / "run").config.position == "relative"
    assert [p.suffix for p in sorted((tmp_path / "run" / "samples").iterdir())] == [".mid", ".png"]


def test_a_run_is_not_overwritten_but_gone_on_with(run: Run, music: Path, tmp_path: Path) -> None:
    command = (music, "-o", tmp_path, *TINY, "--position", "rope")
    assert run(*command, "--steps", 3, "--minutes", 0)[0] == 0  # one step
    before = (tmp_path / "state.pt").read_bytes()
    status, said = run(*command, "--steps", 3)
    assert status == 1 and "holds a run already; add --resume" in said
    assert (tmp_path / "state.pt").read_bytes() == before
    status, said = run(*command, "--steps", 3, "--resume", "--seed", 1)
    assert status == 1 and "was begun with seed 0, not 1" in said
    assert run(*command, "--steps", 3, "--resume")[0] == 0
    assert read_card(tmp_path / "model")["steps"] == 3


def test_a_run_goes_on_with_its_own_music_only(run: Run, music: Path, tmp_path: Path) -> None:
    mine, output = tmp_path / "music", tmp_path / "run"
    shutil.copytree(music, mine)
    assert run(mine, "-o", output, *TINY, "--steps", 3, "--minutes", 0)[0] == 0
    state = (output / "state.pt").read_bytes()
    shutil.copy(mine / "0.mid", mine / "new.mid")
    status, said = run(mine, "-o", output, *TINY, "--steps", 3, "--resume")
    assert status == 1 and "was begun with other music" in said
    assert (output / "state.pt").read_bytes() == state
    (mine / "new.mid").unlink()
    assert run(mine, "-o", output, *TINY, "--steps", 3, "--resume")[0] == 0


def test_copies_of_held_out_pieces_are_not_trained_on(run: Run, music: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.mkdir()
    shutil.copy(music / "3.mid", held / "copy.mid")
    status, said = run(music, "--validation", held, "-o", tmp_path / "run", *TINY, "--steps", 1)
    assert status == 0 and "since their pieces are held out: 1 performance" in said
    assert read_card(tmp_path / "run" / "model")["data"]["training"]["pieces"] == 5
    status, said = run(held, "--validation", held, "-o", tmp_path / "none", *TINY, "--steps", 1)
    assert status == 1 and "that is not held out" in said


def test_a_run_says_what_became_of_it(run: Run, music: Path, tmp_path: Path) -> None:
    command = (music, "-o", tmp_path, *TINY)
    assert "none is held out" not in run(*command, "--steps", 2, "--resume", "--minutes", 0)[1]
    status, said = run(*command, "--steps", 2, "--resume", "--minutes", 0)
    assert (
        status == 0
        and "done, 2 steps, validation " in said
        and f"--model {tmp_path / 'model'}" in said.replace("\n", "")
    )
    assert "used up already at step 2" in run(*command, "--steps", 2, "--resume")[1]
    status, said = run(music, "-o", music, *TINY, "--steps", 2)
    assert status == 1 and "choose another name" in said


def test_ctrl_c_saves_the_run_and_its_model(music: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "musictx", "train", str(music), "-o", str(tmp_path), *TINY]
    with subprocess.Popen([*command, "--steps", "1000000"], stderr=subprocess.PIPE, text=True) as process:
        log = tmp_path / "metrics.jsonl"
        for _ in range(2400):
            if log.is_file() and log.read_text().count("\n") > 1:
                break
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    steps = int(re.search(r"stopped at step (\d+)", said)[1])
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == steps
    assert read_card(tmp_path / "model")["steps"] == steps


def test_validation_within_the_training_folder_is_not_trained_on(
    run: Run, music: Path, tmp_path: Path
) -> None:
    mine, held = tmp_path / "music", tmp_path / "music" / "validation"
    shutil.copytree(music, mine)
    held.mkdir()
    (mine / "0.mid").rename(held / "0.mid")
    status, said = run(mine, "--validation", held, "-o", tmp_path / "run", *TINY, "--steps", 1)
    assert status == 0 and "is held out: nothing below it is trained on" in " ".join(said.split())
    data = read_card(tmp_path / "run" / "model")["data"]
    assert data["training"]["pieces"] == 5 and data["validation"]["music"]["pieces"] == 1


def test_a_run_may_begin_with_the_weights_of_a_model(run: Run, music: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(music, "-o", first, *TINY, "--position", "rope", "--steps", 3)[0] == 0
    save_model(load_model(first), first / "model", read_card(first / "model") | {"sampling": {"theme": 1}})
    more = ("--batch", 2, "--precision", "32-true", "--steps", 2, "--warmup", 0, "--decay", 0, "--seed", 9)
    still = ("--lr", 1e-12, "--matrix-lr", 1e-12)  # rates so small that the weights stay
    status, said = run(music, "-o", second, "--from", first, *more, *still)
    assert status == 0, said
    weights = torch.load(second / "state.pt", weights_only=True)["model"]
    for name, weight in load_model(first).state_dict().items():
        assert torch.allclose(weight, weights[name], atol=1e-6), name
    third = tmp_path / "third"
    assert run(music, "-o", third, "--from", first, *more, "--lr", 3e-3, "--matrix-lr", 0.02)[0] == 0
    card = read_card(third / "model")
    assert card["tokens_seen"] == (3 + 2) * 64 and card["started_from"]["tokens_seen"] == 3 * 64
    assert card["sampling"] == {"theme": 1}
    status, said = run(music, "-o", tmp_path / "no", "--from", first, "--size", "tiny", *more)
    assert status == 1 and "--size cannot be given with --from" in said
    status, said = run(music, "-o", tmp_path / "no", "--from", tmp_path / "nothing", *more)
    assert status == 1 and "no model at" in said


def test_teaching_has_settings_of_its_own_and_never_gives_a_worse_model(
    run: Run, music: Path, tmp_path: Path
) -> None:
    first, second, third = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    assert run(music, "-o", first, *TINY, "--steps", 3)[0] == 0
    more = ("--from", first, "--batch", 2, "--precision", "32-true", "--steps", 4, "--validate-every", 2)
    status, said = run(music, "-o", second, *more)
    assert status == 0 and "likelier to it than before" in said
    begun = json.loads((second / "run.json").read_text())
    there = {f.name: f.default for f in fields(TeachingConfig)}
    for name in ("lr", "matrix_lr", "warmup", "decay", "blend", "patience"):
        assert begun["training"][name] == there[name] != getattr(TrainingConfig, name)
    assert begun["model"]["dropout"] == TEACHING_DROPOUT
    status, said = run(music, "-o", third, *more, "--lr", 0.5, "--matrix-lr", 0.5, "--warmup", 0)
    assert status == 0 and "the model that it began with is kept" in " ".join(said.split())
    assert "it ended at 50 % of its budget" in said
    before, kept = load_model(first).state_dict(), load_model(third).state_dict()
    assert all(torch.equal(before[name], kept[name]) for name in before)
    assert read_card(third / "model")["steps"] == 0
    fourth, wild = tmp_path / "fourth", ("--lr", 0.5, "--matrix-lr", 0.5, "--warmup", 0, "--patience", 1)
    status, said = run(music, "-o", fourth, *more[:-4], "--steps", 9999, *more[-2:], *wild, "--minutes", 0.05)
    said = " ".join(said.split())
    assert status == 0 and "so far the model of step 0 predicts held-out music best" in said
    assert "by heart" not in said and "never" not in said  # it may get better while the rates fall


def test_a_model_may_go_on_with_contexts_of_another_length(run: Run, music: Path, tmp_path: Path) -> None:
    """Its weights keep their shape: the relative table stays, and a window as long as the context does so."""
    more = ("--batch", 2, "--precision", "32-true", "--steps", 1, "--context", 128)
    for position, kept in (("relative", {"max_distance": 16}), ("rope", {"window": 128}), ("vanilla", {})):
        first, second = tmp_path / position, tmp_path / f"{position}-longer"
        assert run(music, "-o", first, *TINY, "--position", position, "--steps", 1)[0] == 0
        status, said = run(music, "-o", second, "--from", first, *more)
        assert status == 0, said
        before, after = load_model(first), load_model(second)
        assert after.config.context_length == 128
        assert {name: getattr(after.config, name) for name in kept} == kept
        assert after.parameter_count() == before.parameter_count()
    status, _ = run(music, "-o", tmp_path / "learned", *TINY, "--position", "learned", "--steps", 1)
    assert status == 0
    status, said = run(music, "-o", tmp_path / "x", "--from", tmp_path / "learned", *more)
    assert status == 1 and "--context 128 does not fit a model with learned positions" in said


def test_repeats_change_what_is_trained_on_and_are_kept(run: Run, music: Path, tmp_path: Path) -> None:
    losses = {}
    for share in (0, 1):
        folder = tmp_path / str(share)
        command = (music, "-o", folder, *TINY, "--context", 256, "--steps", 2, "--repeats", share)
        status, said = run(*command)
        assert status == 0, said
        settings = json.loads((folder / "run.json").read_text())["training"]
        assert settings["augmentation"]["repeats"]["share"] == share
        losses[share] = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert losses[0] != losses[1]
    status, said = run(music, "-o", tmp_path / "0", *TINY, "--context", 256, "--repeats", 1, "--resume")
    assert status == 1 and "was begun with" in said


def test_an_encoded_corpus_is_trained_on_as_it_is(
    run: Run, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from musictx.corpus import build_corpus

    build_corpus([music], tmp_path / "encoded", workers=1)
    status, said = run(tmp_path / "encoded", "-o", tmp_path / "run", *TINY, "--steps", 1)
    assert status == 0, said
    assert not (tmp_path / "run" / "corpus").exists()
    status, said = run(tmp_path / "encoded", music, "-o", tmp_path / "two", *TINY, "--steps", 1)
    assert status == 1 and "is an encoded corpus, which must be given alone" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tokens", "abc"], "--tokens is 'abc'"),
        (["--tokens", "infM"], "--tokens is 'infM'"),
        (["--tokens", "-5"], "tokens is -5; it must be greater than 0"),
        (["--steps", "0"], "steps is 0"),
        (["--hours", "nan"], "hours is nan"),
        (["--position", "sinus"], "position is 'sinus'; it must be one of vanilla"),
        (["--size", "huge"], "size is 'huge'; it must be one of tiny"),
        (["--context", "0"], "context_length is 0"),
        (["--dropout", "1.5"], "dropout is 1.5"),
        (["--precision", "8"], "precision is '8'"),
        (["--mix", "both"], "--mix is 'both'; give folders, tokens, or numbers such as 3,1"),
        (["--mix", "1,2,3"], "mix (1.0, 2.0, 3.0) must have a number above 0 for each folder; there are 1"),
        (["--curriculum", "0.7"], "--curriculum is '0.7'; give TOKENS:SHARE"),
        (["--repeats", "0.5", "--repeat-notes", "9", "3"], "repeats: notes (9, 3) must rise from at least 1"),
        (["--optimizer", "sgd"], "optimizer is 'sgd'"),
        (["--repeats", "1.2"], "repeats: share is 1.2; it must lie between 0 and 1"),
        (["--blend", "0.5"], "--blend is 0.5; it must be 1 without --from"),
        (["--batch", "3", "--micro-batch", "2"], "a batch of 3 windows cannot be shared"),
        (["--devices", "0"], "devices is 0"),
        (["--nodes", "0"], "nodes is 0"),
        (["--nodes", "2"], "nodes is 2, but only one process was started"),
        (["--strategy", "dp"], "strategy is 'dp'; it must be one of auto, ddp, fsdp"),
        (["--seed", "-1"], "seed is -1"),
        (["--seed", "99999999999999999999"], "seed is 99999999999999999999; it must be at most"),
        (["--batch", "99999999999"], "batch is 99999999999; it must be at most 65536"),
        (["--size", "large", "--context", "16000000"], "Choose a smaller size or context"),
        (["--context", "99999999999999999999"], "context_length is 99999999999999999999"),
        (["--validation", "circle"], "circle is not a folder"),
        (["--from", "x" * 300], "no model at"),
        (["--fact", "licence"], "--fact is 'licence'; give KEY=TEXT"),
        (["--fact", "started_from=me"], "the card has a started_from of its own"),
        (["--fact", "training=mine"], "the card has a training of its own"),
        (["--repeat-notes", "60", "600"], "give --repeats too"),
        (["--optimizer", "adamw", "--matrix-lr", "0.1"], "--matrix-lr is the learning rate of Muon"),
        (["--validation", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_an_impossible_option_is_one_line_and_status_1(
    run: Run, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("circle").symlink_to("round")
    Path("round").symlink_to("circle")
    shape = () if "--from" in options else TINY
    status, error = run(music, "-o", tmp_path / "run", *shape, "--hours", 0.001, *options)
    line = error.strip().splitlines()[-1]
    assert status == 1
    assert line.startswith("musictx: ") and said in line
    assert "Traceback" not in error


def test_a_folder_without_music_is_one_line_and_status_1(run: Run, music: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.mid").write_bytes(b"MThd")
    (tmp_path / "circle").symlink_to("circle")
    for folder, said in (
        ("nowhere", "nowhere is not a folder"),
        ("empty", "no MIDI file (.mid, .midi, .kar) below"),
        ("bad", "none of the 1 MIDI files could be used"),
        ("circle", "is not a folder"),
        ("x" * 300, "is not a folder"),
    ):
        status, error = run(tmp_path / folder, "-o", tmp_path / "run", "--steps", 1)
        assert (status, error.count("\n")) == (1, 1), error
        assert said in error
    for output in (music / "0.mid" / "run", tmp_path / "circle", tmp_path / ("x" * 300)):
        status, error = run(music, "-o", output, "--steps", 1)
        assert (status, error.count("\n")) == (1, 1), error


def test_wrong_usage_is_status_2(run: Run, music: Path) -> None:
    assert run(music)[0] == 2
    assert run(music, "-o", "x", "--steps", "many")[0] == 2
    assert run(music, "-o", "x", "--tempo", "3")[0] == 2


@pytest.mark.parametrize(
    ("text", "number"), [(None, None), ("1000", 1000), ("300k", 300_000), ("2.5M", 2_500_000), ("1G", 10**9)]
)
def test_amounts_may_have_a_unit(text: str | None, number: int | None) -> None:
    assert cli_train.amount(text) == number


def float_or_text(value: object) -> float | str:
    """What an option's help and the library say alike."""
    try:
        return float(str(value))
    except ValueError:
        return str(value)


def test_what_the_help_says_of_defaults_is_what_the_library_does() -> None:
    """An option that is not given is left to the library; its help says what that is."""
    there = {f.name: f.default for kind in (TrainingConfig, ModelConfig) for f in fields(kind)}
    there |= {name: p.default for name, p in inspect.signature(sized_config).parameters.items()}
    there |= {"context": there["context_length"], "repeats": Repeats().share}
    taught = {f.name: f.default for f in fields(TeachingConfig)} | {"dropout": TEACHING_DROPOUT}
    tuned = {f.name: f.default for f in fields(TuningConfig)}
    said = {}
    for command, defaults in (("tune", tuned), ("train", there)):
        for option in get_command(app).commands[command].params:  # type: ignore[attr-defined]
            text = getattr(option, "help", None) or ""
            if found := re.search(r"\[default: ([^\s;]+)(; with --from (.+))?\]", text):
                said[option.name] = found[1]
                assert option.default is None
                assert float_or_text(found[1]) == float_or_text(defaults[option.name]), option.name
                if defaults is there and option.name in taught:
                    gentle = found[3] or found[1]
                    assert float_or_text(gentle) == float_or_text(taught[option.name]), option.name
    assert {"batch", "lr", "dropout", "size", "position", "context", "decay", "precision"} <= set(said)
