"""``musictx tune`` as people run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from musictx.checkpoint import load_model, read_card, save_model, weights_hash
from musictx.cli import main
from musictx.corpus import build_corpus
from musictx.midi import write_midi
from musictx.model import ModelConfig, MusicTransformer
from musictx.performance import Performance, make_notes
from musictx.training.choices import Choice

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``musictx tune`` in this process; gives its exit status and standard error."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["musictx", "tune", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        assert captured.out == ""
        return status, " ".join(captured.err.split())

    return call


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    config = ModelConfig(position="relative", layers=1, width=32, heads=2, feed_forward=32, context_length=64)
    save_model(MusicTransformer(config), folder, {"name": "mine"})
    return folder


def melody(*pitches: int) -> Performance:
    onset = np.arange(len(pitches)) * 0.25
    return Performance(make_notes(onset, onset + 0.25, pitches))


@pytest.fixture
def choices(model: Path, tmp_path: Path) -> Path:
    """Three choices of the model's own takes, and one of another's."""
    mine = weights_hash(load_model(model))
    folder = tmp_path / "choices"
    folder.mkdir()
    with (folder / "mine.jsonl").open("w") as file:
        for name in (mine, mine, mine, "another"):
            choice = Choice(melody(60), 0.25, (melody(60, 72, 74),), (melody(60, 40, 30),), name)
            file.write(choice.line())
    return folder


def test_choices_become_a_model(run: Run, model: Path, choices: Path, tmp_path: Path) -> None:
    tuned = tmp_path / "tuned"
    status, said = run(model, choices, "-o", tuned, "--passes", 2, "--minutes", 0)  # one step
    assert status == 0, said
    assert "1 of 4 choices were made among other models' takes and are left out" in said
    assert "3 choices; watched by primers: 13 pieces" in said and "stopped at step 1" in said
    status, said = run(model, choices, "-o", tuned)
    assert status == 1 and "holds a run already; add --resume" in said
    status, said = run(model, choices, "-o", tuned, "--passes", 2, "--resume")
    assert status == 0 and "done, 2 steps" in said and "% probability (50 % before)" in said
    card = read_card(tuned / "model")
    assert card["data"]["choices"] == 3 and card["started_from"]["name"] == "mine"
    before, after = load_model(model).state_dict(), load_model(tuned).state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_real_music_may_stand_beside_the_choices(
    run: Run, model: Path, choices: Path, tmp_path: Path
) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for i in range(4):
        write_midi(melody(*np.random.default_rng(i).integers(50, 80, 40)), music / f"{i}.mid")
    status, said = run(
        model, choices, "-o", tmp_path / "tuned", "--music", music, "--any-model", "--passes", 1
    )
    assert status == 0 and "4 choices; watched by validation: 1 pieces" in said
    build_corpus([music], tmp_path / "encoded")
    folders = ("--validation", music, "--validation", tmp_path / "encoded")
    status, said = run(model, choices, "-o", tmp_path / "watched", *folders, "--passes", 1)
    assert status == 0 and "3 choices; watched by music: 4 pieces, encoded: 4 pieces" in said


def test_music_of_a_single_piece_leaves_the_primers_to_watch(
    run: Run, model: Path, choices: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    write_midi(melody(*range(40, 80)), folder / "one.mid")
    status, said = run(model, choices, "-o", tmp_path / "tuned", "--music", folder, "--passes", 1)
    assert status == 0 and "watched by primers: 13 pieces" in said


def test_what_cannot_be_tuned_says_so(run: Run, model: Path, choices: Path, tmp_path: Path) -> None:
    output = tmp_path / "tuned"
    status, said = run("rope", choices, "-o", output)
    assert status == 1 and "4 of 4 choices were made among other models' takes: --any-model uses" in said
    (choices / "more.jsonl").write_text("{}\n")
    status, said = run(model, choices, "-o", output)
    assert status == 1 and f"{choices / 'more.jsonl'}, line 1: cut is None" in said
    status, said = run(model, choices, "-o", choices)
    assert status == 1 and "choose another name" in said
    status, said = run(model, choices, "-o", output, "--beta", 0)
    assert status == 1 and "beta is 0.0; it must be greater than 0" in said
    assert not output.exists()
