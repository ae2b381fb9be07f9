"""Facts about studies: what is chosen, made, kept, compared and shown."""

import json
import re
from dataclasses import asdict, replace
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from helpers_evaluation import tiny_model
from typer.testing import CliRunner

from musictx.checkpoint import save_model
from musictx.cli import app
from musictx.errors import MusictxError
from musictx.events import encode
from musictx.lab.evaluation.copies import CopyIndex
from musictx.lab.evaluation.excerpts import excerpts
from musictx.lab.evaluation.loading import open_music
from musictx.lab.evaluation.violations import forbidden_share
from musictx.lab.study import StudySettings, choose_primers, run, run_study
from musictx.lab.study.comparison import MIN_PRIMERS, REAL, compare_rows
from musictx.lab.study.metrics import METRICS, measure
from musictx.lab.study.page import _packed
from musictx.lab.study.plan import StudyPrimer
from musictx.lab.study.table import together
from musictx.midi import read_midi, write_midi
from musictx.performance import Performance, make_notes, merge, shift, slice_time
from musictx.sampling.filters import SamplingSettings

SHORT = StudySettings(seconds=3, primer_seconds=2, seeds=2)
PLAYED = ("seed", "temperature", "top_k", "top_p", "min_p", "theme", "form", "shape")


def random_piece(seconds, seed):
    rng = np.random.default_rng(seed)
    onset = np.arange(0, seconds, 0.25)
    return Performance(make_notes(onset, onset + 0.2, rng.integers(40, 80, len(onset))))


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    for i in range(6):
        write_midi(random_piece(10, i), folder / f"piece {i}.mid")
    write_midi(random_piece(2.5, 9), folder / "short.mid")
    (folder / "broken.mid").write_bytes(b"no music")
    return folder


@pytest.fixture(scope="module")
def models():
    return {name: tiny_model(name, context_length=64) for name in ("relative", "vanilla")}


def test_primers_are_beginnings_of_different_pieces_with_their_real_continuation(music):
    primers, left_out = choose_primers([music], SHORT, 4)
    assert len(primers) == 4 and len({p.name for p in primers}) == 4
    for primer in primers:
        assert primer.cut == 2 and primer.performance.duration <= 2
        assert 4.8 < primer.real.duration <= 5
        assert np.array_equal(slice_time(primer.real, 0, 2).notes, primer.performance.notes)
    assert any("broken.mid" in line for line in left_out)


def test_a_note_that_a_pedal_holds_for_ever_is_released_as_models_release_it(tmp_path):
    piece = random_piece(30, 1)
    piece.notes["offset"][0], piece.notes["pitch"][0] = 30.0, 100
    write_midi(piece, tmp_path / "held.mid")
    (primer,), _ = choose_primers([tmp_path], StudySettings(seconds=20, primer_seconds=5), 1)
    assert (
        primer.real.notes["offset"][0] == pytest.approx(10, abs=0.01)
        and primer.performance.notes["offset"][0] == 5
    )


def test_short_pieces_come_last_and_without_a_real_continuation(music):
    primers, left_out = choose_primers([music], SHORT, 50)
    assert [p.real is None for p in primers] == [False] * 6 + [True]
    assert any("1 of 7 primers" in line for line in left_out)


def test_primers_come_evenly_from_several_folders(music, tmp_path):
    for i in range(3):
        write_midi(random_piece(10, 20 + i), tmp_path / f"other {i}.mid")
    folders = [music, tmp_path]
    for count, expected in ((4, [2, 2]), (5, [2, 3]), (8, [5, 3]), (50, [7, 3])):
        primers, _ = choose_primers(folders, SHORT, count)
        assert [sum(p.source == str(folder) for p in primers) for folder in folders] == expected
        assert [p.source for p in primers] == sorted((p.source for p in primers), key=str(music).__ne__)


def test_a_piece_of_two_folders_is_one_primer(music, tmp_path):
    piece = Performance(merge([random_piece(10, 2), shift(random_piece(10, 3), 0.1)]).notes)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_midi(piece, tmp_path / name / f"in {name}.mid")
    write_midi(random_piece(10, 30), tmp_path / "other" / "alone.mid")
    primers, _ = choose_primers([tmp_path / "one", tmp_path / "other"], SHORT, 9)
    assert [p.title for p in primers] == ["in one", "alone"]


def test_long_pieces_of_a_large_folder_make_up_for_short_ones_of_a_small_one(tmp_path):
    few, many = tmp_path / "few", tmp_path / "many"
    for folder, lengths in ((few, [10] + [3] * 5), (many, [10] * 8)):
        folder.mkdir()
        for i, seconds in enumerate(lengths):
            write_midi(random_piece(seconds, 40 + i), folder / f"piece {i}.mid")
    primers, left_out = choose_primers([few, many], SHORT, 8)
    assert [sum(p.source == str(folder) for p in primers) for folder in (few, many)] == [1, 7]
    assert all(p.real for p in primers) and not left_out


def test_length_in_events_holds_for_the_real_continuation_too(music):
    primers, _ = choose_primers([music], StudySettings(tokens=40, primer_seconds=2), 2)
    for primer in primers:
        real = encode(slice_time(primer.real, primer.cut))
        assert len(real) == pytest.approx(40, abs=6)


@pytest.fixture(scope="module")
def finished(music, models, tmp_path_factory):
    output = tmp_path_factory.mktemp("study")
    primers, left_out = choose_primers([music], SHORT, 6)
    progress = []
    index = CopyIndex(open_music(music))
    result = run_study(
        models,
        primers,
        output,
        SHORT,
        index=index,
        left_out=left_out,
        progress=lambda *x: progress.append(x),
    )
    return output, result, primers, progress, index


def test_every_primer_model_and_seed_is_played_and_measured(finished):
    output, result, _, progress, _ = finished
    assert len(result["rows"]) == 6 * (2 * 2 + 1)
    for row in result["rows"]:
        whole = read_midi(output / "continuations" / row["primer"] / row["file"])
        assert whole.duration <= 5.02
        for metric in METRICS:
            value = metric.value(row["measured"])
            assert value is None or np.isfinite(value)
    assert progress[-1] == (30, 30)
    assert json.loads((output / "study.json").read_text()) == result


def test_how_far_back_each_model_listens_is_measured_by_quarter_and_head(finished):
    output, result, _, _, _ = finished
    compared = result["comparison"]
    for name in ("relative", "vanilla"):
        for key, low, high in (("listening_seconds", 0, 5), ("listening_primer", 0, 1)):
            quarters = compared["quarters"][key][name]
            assert all(low <= f["mean"] <= high for f in quarters if f) and any(quarters)
        heads = compared["heads"][name]
        assert {(h["layer"], h["head"]) for h in heads} == {(0, 0), (0, 1)}
        rows = [r["measured"]["heads"] for r in result["rows"] if r["model"] == name]
        first = [h["seconds"] for heads_of in rows for h in heads_of if h["head"] == heads[0]["head"]]
        assert heads[0]["seconds"] == pytest.approx(np.mean(first))
    assert compared["quarters"]["listening_seconds"][REAL] == [None] * 4 and REAL not in compared["heads"]
    page = (output / "study.html").read_text()
    assert "Attention on the primer by quarter" in page and "How far back (s)" in page


def test_continuations_are_measured_beside_the_primers_of_other_pieces(finished):
    _, result, _, _, _ = finished
    rows = [row["measured"] for row in result["rows"]]
    told = [row for row in rows if row["motif_recurrence"] is not None]  # in 3 s there may be two notes
    assert len(told) >= 3
    for measured in told:
        assert -1 <= measured["motif_beyond_chance"] <= measured["motif_recurrence"]
        assert measured["alignment_beyond_chance"] <= measured["alignment"]
    assert result["stands_out"]["motif"]["relative"]["primers"] == 6
    assert result["stands_out"]["by_chance"] == pytest.approx(1 / 6)  # the first of six
    assert result["told_from_real"] == {}  # no continuation of 3 s has an excerpt of 15 s


def test_how_well_a_model_is_told_is_said_of_each_folder(finished, models, tmp_path):
    output, alone, primers, _, index = finished
    assert alone["told_by_folder"] == {}
    parted = [replace(primer, source="ab"[k % 2]) for k, primer in enumerate(primers)]
    again = copytree(output, tmp_path / "again")
    assert run_study(models, parted, again, SHORT, index=index)["told_by_folder"] == {"a": {}, "b": {}}
    told = {"rope": {"accuracy": 0.6, "low": 0.5, "high": 0.7}}
    by_folder = {"music/asap/validation": told, "pop": {}}
    rows = together({"stands_out": {}, "told_from_real": told, "told_by_folder": by_folder})
    assert [(row[0], bool(row[2])) for row in rows[-3:]] == [
        ("Told from real music", True),
        ("Told from real music, asap/validation", True),
        ("Told from real music, pop", False),
    ]


def test_seeds_and_models_make_different_music(finished):
    output, result, primers, _, _ = finished
    first = [r for r in result["rows"] if r["primer"] == primers[0].name]
    notes = [read_midi(output / "continuations" / r["primer"] / r["file"]).notes.tobytes() for r in first]
    assert len(set(notes)) == len(notes)


def test_real_music_from_the_corpus_is_found_to_be_copied(finished):
    real = [r for r in finished[1]["rows"] if r["model"] == REAL]
    assert len(real) == 6
    for row in real:
        assert row["measured"]["copy"]["longest"] == row["measured"]["notes"] == 12


def test_a_study_that_was_stopped_makes_only_what_is_missing(finished, models, monkeypatch):
    output, result, primers, _, index = finished
    folder = output / "continuations" / primers[2].name
    (folder / "relative-2.mid").unlink()
    calls = []
    true = run.continue_variations
    monkeypatch.setattr(run, "continue_variations", lambda *a, **k: calls.append(a[0]) or true(*a, **k))
    again = run_study(models, primers, output, SHORT, index=index, left_out=result["left_out"])
    assert calls == [models["relative"]]
    assert again["rows"] == result["rows"]
    assert again["comparison"] == result["comparison"]


def test_what_was_played_is_measured_again_when_it_would_be_measured_otherwise(
    finished, models, tmp_path, monkeypatch
):
    output, result, primers, _, index = finished
    again = tmp_path / "study"
    copytree(output, again)
    monkeypatch.setattr(run, "continue_variations", None)
    monkeypatch.setattr(run, "VERSION", run.VERSION + 1)
    true, looked = run.measure, []
    monkeypatch.setattr(run, "measure", lambda *a, **k: looked.append(1) or true(*a, **k))
    measured = run_study(models, primers, again, SHORT, index=index)
    assert len(looked) == len(result["rows"]) == 30
    assert measured["rows"] == result["rows"]


def test_silence_at_the_end_counts():
    """A continuation of one second that was to last four has a quarter of music, and is four seconds long."""
    primer = random_piece(2, 1)
    whole = merge([primer, shift(slice_time(random_piece(2, 2), 0, 1), 2.0)])
    told = measure(primer, whole, 2.0, seconds=4.0)
    assert told["seconds"] == 4.0
    assert told["density_by_quarter"][0] > 0 and told["density_by_quarter"][1:] == [0.0] * 3
    assert len(excerpts(slice_time(whole, 2.0), 4.0, length=1.0)) == 1


def test_other_settings_or_weights_are_not_taken_for_the_same(finished, models, monkeypatch):
    output, _, primers, _, _ = finished
    made = []
    true = run.continue_variations
    monkeypatch.setattr(run, "continue_variations", lambda *a, **k: made.append(1) or true(*a, **k))
    one = {"relative": tiny_model("relative", seed=5, context_length=64)}
    other = StudySettings(seconds=3, primer_seconds=2, seeds=2, theme=0.25)
    run_study(one, primers[:1], output / "b", SHORT)
    page = (output / "b" / "study.html").read_bytes()
    with pytest.raises(MusictxError, match=r"holds a study with theme 0\.5, not 0\.25; choose another"):
        run_study(one, primers[:1], output / "b", other)
    with pytest.raises(MusictxError, match="holds a study with a primer "):
        run_study(one, primers[1:2], output / "b", SHORT)
    with pytest.raises(MusictxError, match="no model may be called 'real music'"):
        run_study({"real-music": one["relative"]}, primers[:1], output / "c", SHORT)
    with pytest.raises(MusictxError, match="variations is 200"):
        StudySettings(seeds=200)
    with pytest.raises(MusictxError, match="holds a study with a model relative"):
        run_study({"vanilla": tiny_model("vanilla", context_length=64)}, primers[:1], output / "b", SHORT)
    assert (output / "b" / "study.html").read_bytes() == page
    (output / "b" / "study.json").unlink()  # as after a study that was stopped
    run_study(one, primers[:1], output / "b", other)
    (output / "b" / "study.json").unlink()
    run_study(
        {"relative": tiny_model("relative", seed=6, context_length=64)}, primers[:1], output / "b", SHORT
    )
    assert len(made) == 3


def fake_rows(values):
    """One row a primer and model, whose motif recurrence is given."""
    empty = measure(Performance(), Performance(), 0.0)
    return [
        {"primer": str(i), "model": name, "seed": 0, "measured": {**empty, "motif_recurrence": value}}
        for name, column in values.items()
        for i, value in enumerate(column)
    ]


def test_a_steady_difference_is_found_and_noise_is_not():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.2, 0.4, 12)
    rows = fake_rows({"a": base + 0.1, "b": base + rng.normal(0, 0.01, 12), REAL: base})
    compared = compare_rows(rows, ["a", "b"])
    tests = {(t["first"], t["second"]): t for t in compared["tests"] if t["metric"] == "motif"}
    assert len(tests) == 3 and compared["models"] == ["a", "b", REAL]
    assert tests["a", "b"]["holm"] < 0.01 and tests["a", "b"]["difference"] == pytest.approx(0.1, abs=0.01)
    assert tests["b", REAL]["holm"] > 0.05
    assert compared["metrics"]["motif"]["a"]["mean"] == pytest.approx(base.mean() + 0.1)


def test_seeds_are_averaged_before_primers_are_compared():
    rows = fake_rows({"a": [0.2] * MIN_PRIMERS, "b": [0.4] * MIN_PRIMERS})
    rows += [{**r, "seed": 1, "measured": {**r["measured"], "motif_recurrence": 0.6}} for r in rows[:1]]
    figure = compare_rows(rows, ["a", "b"])["metrics"]["motif"]["a"]
    assert figure["primers"] == MIN_PRIMERS
    assert figure["mean"] == pytest.approx((0.4 + 0.2 * (MIN_PRIMERS - 1)) / MIN_PRIMERS)


def test_few_primers_are_not_tested():
    assert compare_rows(fake_rows({"a": [1.0] * 3, "b": [0.0] * 3}), ["a", "b"])["tests"] == []


def test_what_is_measured_is_the_default_playing():
    usual = asdict(SamplingSettings())
    assert asdict(StudySettings()).items() >= {(name, usual[name]) for name in PLAYED if name in usual}


def test_every_setting_reaches_the_music(monkeypatch, models):
    asked: dict[str, Any] = {}
    monkeypatch.setattr(run, "continue_variations", lambda *_, **settings: asked.update(settings) or [])
    settings = StudySettings(
        seeds=3, seed=7, temperature=0.9, top_k=9, top_p=0.8, min_p=0.1, theme=0.25, form=0.75, shape="softer"
    )
    primer = StudyPrimer("one", "one", random_piece(2, 0), 2.0, None)
    run._continuations(models["relative"], primer, settings)
    assert {name: asked[name] for name in PLAYED} == {name: getattr(settings, name) for name in PLAYED}
    assert asked["variations"] == 3


def test_settings_of_the_command_line_are_those_of_the_study(models, music, tmp_path):
    save_model(models["relative"], tmp_path / "model", {})
    short = ["--primers", "1", "--seeds", "1", "--seconds", "2", "--primer-seconds", "2"]
    asked = ["--seed", "7", "--form", "0.5", "--shape", "steady", "--theme", "0.25", "--top-p", "0.9"]
    places = ["--model", str(tmp_path / "model"), "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["study", str(music), *short, *asked, *places])
    assert done.exit_code == 0, done.output
    kept = json.loads((tmp_path / "out" / "study.json").read_text())["settings"]
    told = {"seed": 7, "form": 0.5, "shape": "steady", "theme": 0.25, "top_p": 0.9}
    assert {name: kept[name] for name in told} == told


def test_the_page_needs_nothing_from_outside(finished):
    page = (finished[0] / "study.html").read_text()
    assert not re.search(r"(?:src|href)\s*=|https?://|@import|url\(", page)
    assert "<!-- " not in page
    for word in ("relative", "vanilla", REAL, "Motif recurrence", "broken.mid", "<svg"):
        assert word in page


def test_the_page_shows_titles_as_text(models, tmp_path):
    evil = "<img src=x onerror=alert(1)></script><!--<script"
    primer = StudyPrimer("evil", evil, random_piece(2, 0), 2.0, None)
    run_study({"relative": models["relative"]}, [primer], tmp_path, SHORT)
    page = (tmp_path / "study.html").read_text()
    assert page.count("</script>") == 2
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    assert data[0]["title"] == evil


def test_notes_travel_to_the_page_within_five_milliseconds():
    piece = random_piece(5, 3)
    packed = np.array(_packed(piece)).reshape(-1, 4)
    assert np.abs(np.cumsum(packed[:, 0]) / 100 - piece.notes["onset"]).max() <= 0.005
    assert (packed[:, 2] == piece.notes["pitch"]).all() and (packed[:, 1] >= 1).all()


def test_forbidden_share_of_a_uniform_model_is_what_the_grammar_forbids():
    model = tiny_model("relative", context_length=16)
    model.head.weight.data.zero_()
    one_note = encode(Performance(make_notes([0], [0.5], [60], 82)))  # VELOCITY ON SHIFT OFF
    share = forbidden_share(model, one_note)
    # Before the first note: no NOTE_ON without a VELOCITY, no NOTE_OFF, no PAD, no START.
    assert forbidden_share(model, one_note[:0])["all"] == pytest.approx((128 + 128 + 2) / 391)
    assert share["inside"] == share["all"] and share["beyond"] is None
    after_velocity = (391 - 128) / 391
    assert forbidden_share(model, one_note[:1], 1)["all"] == pytest.approx(after_velocity)


def test_a_continuation_that_repeats_its_primer_has_recurrence_one(models):
    primer = random_piece(8, 0)
    whole = merge([primer, shift(primer, 8), shift(primer, 16)])
    figures = measure(primer, whole, 8.0, model=models["relative"])
    assert figures["motif_recurrence"] == 1 and figures["structureness"]["short"] > 0.3
    assert 0 < figures["forbidden"]["all"] < 1


def run_command(*arguments):
    return CliRunner().invoke(app, ["study", *map(str, arguments)])


def test_the_command_writes_the_page(music, models, tmp_path):
    for name, model in models.items():
        save_model(model, tmp_path / name)
    options = ["--primers", 1, "--seeds", 1, "--seconds", 2, "--primer-seconds", 1, "--json"]
    chosen = [x for name in models for x in ("--model", tmp_path / name)]
    result = run_command(
        music, "--output", tmp_path / "out", *chosen, "--model", tmp_path / "absent", *options
    )
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert list(figures["models"]) == ["relative", "vanilla"]
    assert any("absent" in line for line in figures["left_out"])
    assert (tmp_path / "out" / "study.html").is_file()


@pytest.mark.parametrize(
    "options,words",
    [
        (["--primers", 0], "primers is 0"),
        (["--seconds", 0], "seconds is 0"),
        (["--seeds", 0], "seeds is 0"),
        (["--tokens", 0], "tokens is 0"),
        (["--temperature", -1], "temperature is -1"),
        (["--top-p", 0], "top-p is 0"),
        (["--theme", 2], "theme is 2"),
    ],
)
def test_settings_that_cannot_be_are_named(music, models, tmp_path, options, words):
    save_model(models["relative"], tmp_path / "relative")
    result = run_command(music, "--output", tmp_path / "out", "--model", tmp_path / "relative", *options)
    assert isinstance(result.exception, MusictxError) and words in str(result.exception)
    assert not (tmp_path / "out" / "study.html").exists()


def test_no_model_may_be_called_real_music(models, tmp_path):
    with pytest.raises(MusictxError, match=REAL):
        run_study({REAL: models["relative"]}, [], tmp_path)


@pytest.mark.parametrize("name", ["seconds", "primer_seconds", "seeds"])
def test_lengths_and_numbers_without_end_are_refused(name: str) -> None:
    for value in (0, float("inf"), float("nan")):
        with pytest.raises(MusictxError, match=rf"{name} is {value}; it must be more than 0 and at most"):
            StudySettings(**{name: value})
