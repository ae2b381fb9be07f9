"""MAESTRO's table: the official split, equal sizes, the published augmentation, runs that go on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from musictx.checkpoint import load_model
from musictx.cli import app
from musictx.corpus import consecutive_chunks
from musictx.errors import MusictxError
from musictx.events import NOTE_OFF
from musictx.lab.reproduce.maestro import (
    SCHEMES,
    MaestroSettings,
    all_rows,
    part_nll,
    read_maestro,
    reproduce_maestro,
)
from musictx.losses import chunk_losses
from musictx.midi import write_midi
from musictx.model import MusicTransformer, sized_config
from musictx.performance import Performance, make_notes
from musictx.training import Run

SPLITS = ("train", "train", "validation", "test", "train", "validation")
TINY = MaestroSettings(size="tiny", context=32, batch=2, tokens=200)
HEADER = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n"


def make_maestro(folder: Path, *, by_part: bool = False, left_out: tuple[str, ...] = ()) -> Path:
    """Six short performances, as MAESTRO has them or each part in a folder, and the csv of all."""
    rng = np.random.default_rng(0)
    lines = []
    for i, part in enumerate(SPLITS):
        name = f"20{10 + i}/piece-{i}.midi"
        lines.append(f"A. Nonymous,Piece {i},{part},20{10 + i},{name},{name},20\n")
        onset = np.arange(24) * 0.21
        notes = make_notes(onset, onset + 0.2, rng.integers(40, 80, 24), 64)
        path = folder / (part if by_part else ".") / name
        if part not in left_out:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_midi(Performance(notes), path)
    (folder / "maestro-v3.0.0.csv").write_text(HEADER + "".join(lines))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_maestro(tmp_path_factory.mktemp("maestro"))


@pytest.mark.parametrize("by_part", [False, True])
def test_the_split_is_the_tables(tmp_path: Path, by_part: bool) -> None:
    music = read_maestro(make_maestro(tmp_path / "data", by_part=by_part), tmp_path / "corpus")
    assert music.version == "maestro-v3.0.0"
    numbers = {part: {int(name[-6]) for name in corpus.names} for part, corpus in music.parts.items()}
    assert numbers == {"train": {0, 1, 4}, "validation": {2, 5}, "test": {3}}


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    some = read_maestro(make_maestro(tmp_path / "some", left_out=("test",)), tmp_path / "a")
    assert some.shares()["test"] == {"here": 0, "published": 1, "tokens": 0}
    assert some.shares()["train"]["here"] == some.shares()["train"]["published"] == 3
    with pytest.raises(MusictxError, match="none of the 2 performances of the validation part"):
        read_maestro(make_maestro(tmp_path / "none", left_out=("validation",)), tmp_path / "b")
    with pytest.raises(MusictxError, match=r"no maestro-v….csv"):
        read_maestro(tmp_path, tmp_path / "c")
    (tmp_path / "some" / "maestro-v3.0.0.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MusictxError, match="not MAESTRO's table"):
        read_maestro(tmp_path / "some", tmp_path / "c")


def test_schemes_have_the_same_number_of_parameters_and_the_published_augmentation() -> None:
    models = [sized_config("small", name, MaestroSettings().context) for name in SCHEMES]
    assert len({MusicTransformer(config).parameter_count() for config in models}) == 1
    assert {config.context_length for config in models} == {2048}
    augmentation = MaestroSettings().training_config("auto").augmentation
    assert (augmentation.transpose, augmentation.stretch) == ((-3, 3), (0.95, 0.975, 1.0, 1.025, 1.05))
    assert (augmentation.louder, augmentation.bare, augmentation.repeats.share) == (0, 0, 0)


def test_figures_are_of_every_event_of_the_part(data: Path, tmp_path: Path) -> None:
    music = read_maestro(data, tmp_path / "corpus")
    held = music.parts["validation"]
    config = TINY.training_config("32-true")
    run = Run(tmp_path / "run", sized_config("tiny", "rope", 32), config, music.parts["train"], {"v": held})
    run.fit()
    model = load_model(run.folder / "model")  # the best one, not the last
    losses = np.concatenate([x for _, x in chunk_losses(model, consecutive_chunks(held, 32))])
    found = part_nll(run, held, TINY)
    assert found["tokens"] == held.token_count == len(losses)
    assert found["nats"] == pytest.approx(losses.mean(), abs=1e-5)
    notes = sum(int((held.piece(i) < NOTE_OFF).sum()) for i in range(len(held)))
    assert found["per_note"] * notes == pytest.approx(found["nats"] * len(losses))
    assert found["low"] <= found["nats"] <= found["high"]
    assert part_nll(run, held, replace(TINY, judged=1))["performances"] == 1


def test_a_stopped_table_goes_on_to_the_same_figures(data: Path, tmp_path: Path) -> None:
    whole = reproduce_maestro(data, tmp_path / "whole", settings=TINY, rows=["rope"], precision="32-true")
    parts = read_maestro(data, tmp_path / "parts" / "corpus").parts
    config, held = TINY.training_config("32-true"), {"validation": parts["validation"]}
    run = Run(tmp_path / "parts" / "rope-0", sized_config("tiny", "rope", 32), config, parts["train"], held)
    run.fit(stop_after=0.0)
    assert 0 < run.tokens < TINY.tokens
    found = reproduce_maestro(data, tmp_path / "parts", settings=TINY, rows=["rope"], precision="32-true")
    for name in ("curve", "validation", "test", "tokens", "parameters"):
        assert found["rows"][0][name] == whole["rows"][0][name]
    with pytest.raises(MusictxError, match="other settings"):
        reproduce_maestro(data, tmp_path / "parts", settings=replace(TINY, batch=4), rows=["rope"])


def test_a_trained_run_is_measured_anew_and_never_for_other_music(data: Path, tmp_path: Path) -> None:
    table = {"rows": ["rope"], "precision": "32-true"}
    for judged, found in ((1, 1), (None, 2)):
        settings = replace(TINY, judged=judged)
        (row,) = reproduce_maestro(data, tmp_path / "out", settings=settings, **table)["rows"]
        assert row["validation"]["performances"] == row["validation"]["pieces"] == found
    less = make_maestro(tmp_path / "less", left_out=("test",))
    with pytest.raises(MusictxError, match="holds a run of other music"):
        reproduce_maestro(less, tmp_path / "out", settings=TINY, **table)
    other = replace(TINY, tokens=100)  # rows that are not asked for may be of another table
    assert not reproduce_maestro(data, tmp_path / "out", settings=other, rows=["relative"], train=False)[
        "rows"
    ]


def test_the_command_makes_the_table_and_says_what_is_missing(data: Path, tmp_path: Path) -> None:
    some = tmp_path / "some"
    shutil.copytree(data, some)
    shutil.rmtree(some / "2013")  # the only performance of the test part
    arguments = ["reproduce", "maestro", "--data", str(some), "-o", str(tmp_path / "out"), "--size", "tiny"]
    arguments += ["--context", "32", "--batch", "2", "--tokens", "200"]
    done = CliRunner().invoke(app, [*arguments, "--row", "vanilla", "--row", "relative", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout[done.stdout.index("{") :])
    assert [row["name"] for row in found["rows"]] == ["vanilla", "relative"]
    assert found["rows"][0]["parameters"] == found["rows"][1]["parameters"]
    assert all(row["test"] is None and row["validation"]["performances"] == 2 for row in found["rows"])
    assert found["published"]["Music Transformer, relative"]["nats"] == 1.84
    assert (tmp_path / "out" / "maestro.png").read_bytes()[:4] == b"\x89PNG"
    again = CliRunner().invoke(app, [*arguments, "--no-train"])
    assert again.exit_code == 0 and "0 of the 1 performances of the test part" in " ".join(
        again.output.split()
    )
    with pytest.raises(MusictxError, match="no row 'gru'"):
        reproduce_maestro(data, tmp_path / "out", rows=["gru"])
    assert [row.name for row in all_rows()] == list(SCHEMES)
