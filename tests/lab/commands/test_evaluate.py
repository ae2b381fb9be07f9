"""``musictx evaluate`` as a user runs it."""

import json

import numpy as np
import pytest
from helpers_evaluation import tiny_model
from typer.testing import CliRunner

from musictx.checkpoint import save_model
from musictx.cli import app
from musictx.errors import MusictxError
from musictx.lab.evaluation.loading import open_models
from musictx.midi import write_midi
from musictx.performance import Performance, make_notes


def random_piece(notes, seed):
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.choice([0.1, 0.2, 0.4], notes))
    return Performance(make_notes(onset, onset + 0.3, rng.integers(40, 80, notes)))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    for i, notes in enumerate((100, 80, 60, 4)):
        (folder / "music").mkdir(exist_ok=True)
        write_midi(random_piece(notes, i), folder / "music" / f"{i}.mid")
    (folder / "music" / "broken.mid").write_bytes(b"not music")
    for position in ("relative", "vanilla", "learned"):
        save_model(tiny_model(position), folder / position)
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_several_models_give_one_table_files_and_json(place):
    models = [place / m for m in ("relative", "vanilla", "learned")]
    result = run(*models, place / "music", "--output", place / "out", "--repeats", "--rules", "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert list(figures["models"]) == ["relative", "vanilla", "learned"]
    assert set(figures["models"]["relative"]["lengths"]) == {"32", "64", "128", "2048"}
    assert figures == json.loads((place / "out" / "evaluation.json").read_text())
    assert (place / "out" / "evaluation.png").read_bytes().startswith(b"\x89PNG")
    csv = (place / "out" / "evaluation.csv").read_text()
    assert "repeat: tempo, NOTE_ON" in csv and "after a gap: exact" in csv
    assert "repeat: exact, gain" in csv and "rule: moving" in csv
    assert any("broken.mid" in line for line in figures["left_out"])
    assert any("learned" in line and "positions end" in line for line in figures["left_out"])
    assert figures["shift"]["relative"][0]["divergence"] == pytest.approx(0, abs=1e-6)
    assert figures["shift"]["vanilla"][0]["divergence"] > 1e-4


def test_the_table_names_models_and_baselines(place):
    result = run(place / "relative", place / "music", "--context", 32, "--pieces", 3)
    assert result.exit_code == 0, result.output
    for word in ("relative", "n-gram", "uniform", "32 (1×)", "3 performances"):
        assert word in result.stdout
    assert "vanilla" not in result.stdout


def test_precision_and_baselines_change_the_figures(place):
    def nats(*options):
        result = run(place / "relative", place / "music", "--context", 32, "--json", *options)
        figures = json.loads(result.stdout)
        return (
            figures["models"]["relative"]["lengths"]["32"]["per_token"]["nats"],
            figures["baselines"]["unigram"]["32"]["per_token"]["nats"],
        )

    plain, fast, fitted = nats(), nats("--precision", "bfloat16"), nats("--baselines", place / "music")
    assert plain[0] != fast[0] and plain[0] == pytest.approx(fast[0], rel=0.02)
    assert plain[0] == fitted[0] and fitted[1] < plain[1]
    assert nats("--tokens-at-once", 40)[0] == pytest.approx(plain[0], rel=1e-5)


def foreign_model(place):
    folder = place / "foreign"
    save_model(tiny_model("relative", vocabulary=100), folder)
    return folder


def test_a_model_of_another_vocabulary_is_left_out_and_the_rest_goes_on(place):
    result = run(foreign_model(place), place / "relative", place / "music", "--context", 32, "--json")
    assert result.exit_code == 0
    figures = json.loads(result.stdout)
    assert list(figures["models"]) == ["relative"]
    assert "vocabulary of 100" in figures["left_out"][0]


@pytest.mark.parametrize(
    "arguments,words",
    [
        (["foreign", "music"], "vocabulary of 100"),
        (["relative", "absent"], "is not a folder"),
        (["relative", "empty"], "no MIDI file"),
        (["absent", "music"], "no model at"),
        (["relative", "music", "--precision", "int4"], "int4"),
        (["relative", "music", "--context", "0"], "at least 1"),
        (["relative", "music", "--pieces", "0"], "--pieces is 0"),
        (["relative", "music", "--tokens-at-once", "0"], "--tokens-at-once is 0"),
        (["learned", "music", "--context", "64"], "learned positions end at 32"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(place, arguments, words):
    foreign_model(place)
    (place / "empty").mkdir(exist_ok=True)
    arguments = [place / a if (place / a).exists() or a == "absent" else a for a in arguments]
    result = run(*arguments)
    assert isinstance(result.exception, MusictxError) and words in str(result.exception)
    assert "\n" not in str(result.exception)


def test_wrong_usage_has_status_two(place):
    assert run(place / "music").exit_code == 2


def test_two_models_with_one_name_keep_their_folders_apart(place):
    save_model(tiny_model("relative"), place / "a" / "model")
    save_model(tiny_model("relative"), place / "a" / "copy")
    save_model(tiny_model("relative"), place / "b" / "copy")
    names = [str(place / n) for n in ("a/model", "a/copy", "b/copy")]
    assert list(open_models(names)[0]) == ["a", *names[1:]]


def test_continue_says_what_it_copies(place, tmp_path):
    def stderr(*options):
        command = ["continue", place / "music" / "0.mid", "-o", tmp_path / "out.mid", "--seed", 1]
        command += ["--model", place / "relative", "--tokens", 40, "--primer-end", 2, *options]
        result = CliRunner().invoke(app, [str(x) for x in command])
        assert result.exit_code == 0, result.output
        return " ".join(result.stderr.split())

    assert "copy check" not in stderr()
    assert "copy check: no passage of 8 notes" in stderr("--copy-check", place / "music")
    made = tmp_path / "made"
    made.mkdir()
    (tmp_path / "out.mid").rename(made / "made.mid")  # the same seed again copies it whole
    found = stderr("--copy-check", made)
    assert "from made.mid" in found and "(100 % of its rhythm too); 100 % of the notes" in found
