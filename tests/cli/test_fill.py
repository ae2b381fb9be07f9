"""``musictx fill``, run in this process as a shell would run it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers_evaluation import tiny_model
from typer.testing import CliRunner

from musictx.checkpoint import save_model
from musictx.cli import app
from musictx.errors import MusictxError
from musictx.metre import Metre
from musictx.midi import read_midi, write_midi
from musictx.performance import Performance, apply_pedal, make_notes
from musictx.shipped import shipped_folder

MUSIC = shipped_folder("primers") / "chopin-black-keys.mid"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_model(tiny_model("relative", context_length=256), folder)
    return folder


def fill(model: Path, output: Path, *options: object):
    arguments = ["fill", MUSIC, "-o", output, "--model", model, "--from", 2, "--to", 4, *options]
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_takes_are_numbered_differ_and_keep_the_rest(model, tmp_path):
    options = ("--takes", 2, "--candidates", 4, "--seed", 3)
    result = fill(
        model, tmp_path / "f.mid", *options, "--audio", tmp_path / "f.wav", "--roll", tmp_path / "f.png"
    )
    assert result.exit_code == 0, result.output
    assert "from 2 to 4 s, seed 3" in result.stderr
    heard = apply_pedal(read_midi(MUSIC)).notes
    passages = []
    for number in (1, 2):
        assert (tmp_path / f"f-{number}.wav").is_file() and (tmp_path / f"f-{number}.png").is_file()
        notes = read_midi(tmp_path / f"f-{number}.mid").notes
        inside = (notes["onset"] > 1.999) & (notes["onset"] < 3.999)
        kept = heard[(heard["onset"] < 2) | (heard["onset"] >= 4)]
        for field in ("onset", "offset", "pitch", "velocity"):
            np.testing.assert_allclose(notes[~inside][field], kept[field], atol=0.002)
        passages.append(notes[inside].tobytes())
    assert passages[0] != passages[1]


def test_only_some_tracks_are_read(model, tmp_path):
    result = fill(model, tmp_path / "f.mid", "--candidates", 1, "--track", "drums")
    assert result.exit_code == 1 and "no track 'drums'" in str(result.exception)


def test_every_setting_changes_the_music(model, tmp_path):
    def played(*options):
        path = tmp_path / "o.mid"
        assert fill(model, path, "--candidates", 2, "--seed", 1, *options).exit_code == 0
        return path.read_bytes()

    base = played()
    assert played() == base
    for options in (
        ("--temperature", 0.5),
        ("--top-k", 3),
        ("--top-p", 0.5),
        ("--min-p", 0.3),
        ("--seed", 2),
    ):
        assert played(*options) != base
    assert played("--candidates", 12) != base


def test_a_filling_keeps_the_beat_of_a_file_that_has_one(model, tmp_path):
    onsets = 0.15 * np.arange(60)  # sixteenths at 100 beats a minute
    notes = make_notes(onsets, onsets + 0.1, [60 + k % 7 for k in range(60)])
    write_midi(Performance(notes, metre=Metre.of(480, [(0, 600_000)], [(0, 3, 4)])), tmp_path / "song.mid")

    def places(*options):
        command = ["fill", tmp_path / "song.mid", "-o", tmp_path / "o.mid", "--model", model, "--seed", 1]
        command += ["--from", 3, "--to", 6, "--candidates", 2, *options]
        assert CliRunner().invoke(app, [str(a) for a in command]).exit_code == 0
        made = read_midi(tmp_path / "o.mid").notes["onset"]
        inside = made[(made > 2.99) & (made < 5.99)]
        assert len(inside) > 3
        return abs(inside / 0.15 - np.rint(inside / 0.15)) * 0.15

    assert places().max() > 0.02
    assert places("--beat", "strict").max() < 0.002
    refused = fill(model, tmp_path / "o.mid", "--beat", "swung")
    assert isinstance(refused.exception, MusictxError) and "swung" in str(refused.exception)


def test_what_cannot_be_filled_is_told(model, tmp_path):
    result = fill(model, tmp_path / "o.mid", "--to", 500)
    assert isinstance(result.exception, MusictxError) and "nothing to lead into" in str(result.exception)
    result = fill(model, MUSIC)
    assert isinstance(result.exception, MusictxError) and "which is read; choose another name" in str(
        result.exception
    )


@pytest.mark.parametrize("option", ["--takes", "--candidates"])
def test_numbers_that_nobody_waits_for_are_refused_at_once(model, tmp_path, option):
    result = fill(model, tmp_path / "out.mid", option, 10**19)
    assert isinstance(result.exception, MusictxError) and option[2:] in str(result.exception)
