"""Facts about convention jsb16, among them the baselines that are known for it."""

import json

import numpy as np
import pytest
from helpers_evaluation import tiny_model

from musictx.errors import MusictxError
from musictx.lab.evaluation.jsb import (
    PHASES,
    REST,
    START,
    VOCABULARY,
    baseline_losses,
    model_losses,
    piece_chunks,
    read_jsb,
    summarise,
)

# Measured for this convention by others, before this code was written.
KNOWN_BASELINES = {"uniform": 3.85, "unigram by voice": 2.61, "copy and bigram": 0.94, "with the phase": 0.71}


def test_the_chorales_and_their_baselines_are_the_known_ones(shared_data):
    splits = read_jsb(shared_data / "jsb" / "Jsb16thSeparated.json")
    assert [len(p) for p in splits.values()] == [229, 76, 77]
    assert [sum(p.size for p in part) for part in splits.values()] == [220_912, 73_632, 75_600]
    baselines = baseline_losses(splits["train"], splits["valid"])
    for name, nats in KNOWN_BASELINES.items():
        assert summarise(baselines[name])["nats"] == pytest.approx(nats, abs=0.015), name
    phases = summarise(baselines["with the phase"])["by_phase"]
    assert phases[0] > 1 and phases[1] < 0.05


def small(steps, seed):
    return np.random.default_rng(seed).integers(0, 10, (steps, 4))


def test_every_token_counts_once_rests_and_the_first_frame_too():
    pieces = [small(12, 0), small(5, 1)]
    model = tiny_model("relative", vocabulary=VOCABULARY, context_length=64)
    model.head.weight.data.zero_()
    losses = model_losses(model, pieces)
    assert [len(x) for x in losses] == [48, 20]
    figures = summarise(losses)
    assert figures["tokens"] == 68 and figures["nats"] == pytest.approx(np.log(VOCABULARY), abs=1e-5)
    first = next(piece_chunks(pieces))
    assert first.inputs[0] == START and first.targets.tolist() == pieces[0].ravel().tolist()


def test_loss_is_told_by_phase_and_voice():
    grid = np.arange(8)[:, None] % PHASES * 10.0 + np.arange(4)
    figures = summarise([grid.ravel()])
    assert figures["by_phase"] == [1.5, 11.5, 21.5, 31.5] and figures["by_voice"] == [15, 16, 17, 18]


def test_a_baseline_knows_a_held_note():
    held = np.repeat(small(10, 2), 20, 0)
    baselines = baseline_losses([held], [held])
    assert np.mean(baselines["copy and bigram"][0]) < 0.5 * np.mean(baselines["unigram by voice"][0])


def test_rests_and_pitches_are_read(tmp_path):
    piece = [[60, 57, 53, -1], [81, 36, -1, -1]]
    path = tmp_path / "jsb.json"
    path.write_text(json.dumps({"train": [piece], "valid": [], "test": []}))
    assert read_jsb(path)["train"][0].tolist() == [[25, 22, 18, REST], [46, 1, REST, REST]]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "no json",
        '{"train": []}',
        '{"train": [[[60, 57]]], "valid": [], "test": []}',
        '{"train": [[[60, 57, 53, 20]]], "valid": [], "test": []}',
    ],
)
def test_other_files_are_named(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(MusictxError, match=r"other\.json is not Jsb16thSeparated"):
        read_jsb(path)


def test_a_model_of_a_smaller_vocabulary_is_named():
    with pytest.raises(MusictxError, match="vocabulary of 20"):
        model_losses(tiny_model("relative", vocabulary=20), [small(3, 0)])
