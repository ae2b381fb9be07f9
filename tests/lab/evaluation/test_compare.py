"""Facts about comparisons of models and the files they write."""

import csv
import io
import json

import numpy as np
import pytest
from helpers_evaluation import random_corpus, tiny_model

from musictx.errors import MusictxError
from musictx.lab.evaluation.compare import evaluate, standard_lengths
from musictx.lab.evaluation.report import draw, to_csv, to_table


@pytest.fixture(scope="module")
def result():
    corpus = random_corpus([300, 150, 90, 40, 20])
    models = {"a": tiny_model("relative"), "b": tiny_model("vanilla"), "c": tiny_model("learned")}
    progress = []
    evaluation = evaluate(
        models, corpus, np.arange(5), lengths=[32, 64, 128], progress=lambda *x: progress.append(x)
    )
    return evaluation.to_dict(), evaluation, progress


def test_standard_lengths_are_multiples_of_training_and_the_papers():
    assert standard_lengths({"x": tiny_model()}) == [32, 64, 128, 2048]


def test_learned_positions_that_end_are_left_out_with_a_word(result):
    figures = result[0]
    assert list(figures["models"]["c"]["lengths"]) == ["32"]
    assert list(figures["models"]["a"]["lengths"]) == ["32", "64", "128"]
    assert figures["left_out"] == [
        "c at 64: its learned positions end at 32",
        "c at 128: its learned positions end at 32",
    ]


def test_pieces_without_a_full_chunk_are_counted(result):
    assert result[0]["data"]["pieces_without_a_full_chunk"] == {"32": 1, "64": 2, "128": 3}
    assert result[0]["models"]["a"]["lengths"]["128"]["full_chunks"]["count"] == 2 * 128 + 128


def test_every_event_counts_once_at_every_length(result):
    for name, lengths in [(n, m["lengths"]) for n, m in result[0]["models"].items()]:
        for figures in lengths.values():
            assert figures["per_token"]["count"] == 600, name
            assert sum(f["count"] for f in figures["by_type"].values()) == 600
            assert sum(figures["by_position"]["count"]) == 600
            assert figures["per_token"]["low"] <= figures["per_token"]["nats"] <= figures["per_token"]["high"]


def test_models_are_paired_by_piece():
    """A model against itself differs by nothing, in every bootstrap draw."""
    corpus, model = random_corpus([100, 80]), tiny_model()
    (row,) = evaluate({"a": model, "b": model}, corpus, np.arange(2), lengths=[32]).to_dict()["differences"]
    assert row["nats_per_token"] == row["low"] == row["high"] == 0


def test_progress_rises_to_its_total_but_for_what_is_left_out(result):
    done = [p[0] for p in result[2]]
    assert done == sorted(done) and 0 < done[0] < done[-1] < result[2][-1][1]


def test_json_csv_picture_and_table(result):
    figures = json.loads(json.dumps(result[0], allow_nan=False))
    rows = list(csv.DictReader(io.StringIO(to_csv(figures))))
    (row,) = [r for r in rows if (r["model"], r["length"], r["figure"]) == ("a", "64", "per_token")]
    assert float(row["nats"]) == figures["models"]["a"]["lengths"]["64"]["per_token"]["nats"]
    assert draw(figures).startswith(b"\x89PNG")
    assert to_table(figures).row_count == 7 + len(figures["baselines"])


def test_nothing_to_measure_is_an_error():
    model = tiny_model("learned")
    with pytest.raises(MusictxError, match="learned positions end at 32"):
        evaluate({"x": model}, random_corpus([100]), np.zeros(1, int), lengths=[64])
    with pytest.raises(MusictxError, match="at least 1"):
        evaluate({"x": model}, random_corpus([100]), np.zeros(1, int), lengths=[0])
