"""Tuning by preference: the loss is its definition, the run is exact, and a guard stands by."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from training_helpers import TINY, losses, tiny_corpus

from musictx.checkpoint import load_model, save_model
from musictx.corpus import BatchSource
from musictx.errors import MusictxError
from musictx.model import ModelConfig, MusicTransformer
from musictx.performance import Performance, make_notes
from musictx.training import IGNORED, Run, TuningConfig
from musictx.training.choices import Choice
from musictx.training.metrics import Metrics
from musictx.training.tuning import REFERENCE, Pairs, PreferenceSource, certainty, tuning_run

QUICK: dict[str, Any] = {
    "steps": 12,
    "batch": 2,
    "lr": 1e-3,
    "warmup": 0,
    "validate_every": 4,
    "log_every": 1,
    "precision": "32-true",
    "accelerator": "cpu",
}


def choices(count: int = 3, kept: int = 1, rejected: int = 2) -> list[Choice]:
    """High notes are kept, low ones rejected."""
    rng = np.random.default_rng(0)

    def whole(pitch: int) -> Performance:
        onset = np.arange(12) * 0.25
        notes = make_notes(onset, onset + 0.2, np.r_[primer, pitch + rng.integers(0, 4, 8)])
        return Performance(notes)

    made = []
    for _ in range(count):
        primer = rng.integers(55, 65, 4)
        takes = [whole(80) for _ in range(kept)], [whole(40) for _ in range(rejected)]
        head = Performance(takes[0][0].notes[:4])
        made.append(Choice(head, 1.0, tuple(takes[0]), tuple(takes[1])))
    return made


def test_of_a_long_primer_the_last_part_is_read_and_the_whole_take_counts(model: Path) -> None:
    player = load_model(model)
    whole = Pairs.of(player, choices(1), longest=1000).takes
    for longest in (36, 24):
        short = Pairs.of(player, choices(1), longest=longest).takes
        for part, full in zip(short, whole, strict=True):
            told = full.targets[full.targets != IGNORED]
            kept = part.targets[part.targets != IGNORED]
            assert len(part.inputs) <= longest < len(full.inputs)
            assert kept.tolist() == told[: len(kept)].tolist() and len(kept) >= min(len(told), longest // 2)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Metrics, "plot", lambda *_: None)
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    save_model(MusicTransformer(ModelConfig(**TINY)), folder)
    return folder


def run(folder: Path, model: Path, music: bool = False, **changes: Any) -> Run:
    config = TuningConfig(**{**QUICK, **changes})
    held = {"held": tiny_corpus(2, seed=4)}
    return tuning_run(
        folder, model, choices(), held, music=tiny_corpus(3, seed=5) if music else None, config=config
    )


def test_every_take_stands_in_a_pair_of_its_own_primer(model: Path) -> None:
    pairs = Pairs.of(load_model(model), choices(2, kept=2, rejected=3), longest=1000)
    assert len(pairs) == 2 * 3 and len(pairs.takes) == 2 * 5
    assert {*pairs.better, *pairs.worse} == set(range(10))
    for better, worse in zip(pairs.better, pairs.worse, strict=True):
        one, other = pairs.takes[better], pairs.takes[worse]
        assert one.piece == other.piece
        told = one.targets != IGNORED
        assert not told[: told.argmax()].any() and told[told.argmax() :].all()
        first = int(told.argmax()) + 1  # of the primer, the same tokens stand in both
        assert one.inputs[:first].tolist() == other.inputs[:first].tolist()
        notes = one.targets[told & (one.targets < 128)]
        assert len(notes) == 8 and (notes >= 80).all()


def test_the_loss_is_what_its_definition_says(model: Path) -> None:
    player = load_model(model)
    config = TuningConfig(**QUICK, beta=7.0, likelihood=0.25)
    pairs = Pairs.of(player, choices(), longest=1000)
    reference = np.random.default_rng(1).normal(-6, 0.3, len(pairs.takes))
    pairs = Pairs(pairs.takes, pairs.better, pairs.worse, reference)
    music = BatchSource(tiny_corpus(), length=16, batch=2)
    source = PreferenceSource(pairs, config, music)

    def mean(take: int) -> float:
        inputs, targets = (
            torch.from_numpy(x)[None] for x in (pairs.takes[take].inputs, pairs.takes[take].targets)
        )
        return -float(F.cross_entropy(player(inputs)[0], targets[0], ignore_index=IGNORED))

    with torch.no_grad():
        expected = 0.0
        for number in source.numbers(3):
            one, other = pairs.better[number], pairs.worse[number]
            margin = (mean(one) - reference[one]) - (mean(other) - reference[other])
            expected += (math.log1p(math.exp(-7.0 * margin)) - 0.25 * mean(one)) / 2
        inputs, targets = map(torch.from_numpy, music.batch(3))
        expected += 0.25 * float(F.cross_entropy(player(inputs).flatten(0, 1), targets.flatten()))
        for parts in ((6,), (2, 2, 2), (4, 2)):
            found, first = 0.0, 0
            for count in parts:
                inputs, targets = map(torch.from_numpy, source.batch(3, first, count))
                found += float(source.loss(player(inputs), targets, 3, first))
                first += count
            assert found == pytest.approx(expected, rel=1e-5)


def test_each_pass_sees_each_pair_once(model: Path) -> None:
    pairs = Pairs.of(load_model(model), choices(), longest=1000)
    source = PreferenceSource(pairs, TuningConfig(**{**QUICK, "batch": 4}))
    seen = np.concatenate([source.numbers(step) for step in range(3)])  # 12 places, 6 pairs
    assert sorted(seen[:6]) == sorted(seen[6:]) == list(range(6))


def test_what_was_kept_becomes_likelier_than_what_was_rejected(model: Path, tmp_path: Path) -> None:
    tuning = run(tmp_path, model, tolerance=100.0)
    tuned = tuning.fit()
    pairs = Pairs.of(tuned, choices(), longest=1000)
    gain = [
        pairs.likelihoods(m.eval(), "float32", range(len(pairs.takes))) for m in (load_model(model), tuned)
    ]
    rise = gain[1] - gain[0]
    assert (rise[pairs.better] > rise[pairs.worse] + 0.2).all()
    first, *_, last = tuning.metrics.looks()
    assert certainty(first) == pytest.approx(0.5, abs=1e-6) and certainty(last) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("music", [False, True])
def test_slices_of_a_tuning_put_together_are_the_tuning(model: Path, tmp_path: Path, music: bool) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    options = {"music": music, "tolerance": 100.0}
    run(one, model, **options).fit()
    reference = None
    for _ in range(QUICK["steps"]):
        run(other, model, **options).fit(resume=True, stop_after=0.0)  # one step
        kept = (other / REFERENCE).stat().st_mtime_ns
        assert reference in (None, kept)  # computed once
        reference = kept
    assert losses(one) == losses(other)
    first, second = (load_model(folder).state_dict() for folder in (one, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_passes_without_end_are_refused():
    with pytest.raises(MusictxError, match=r"passes is inf; it must be at most 1000000"):
        TuningConfig(passes=math.inf)


def test_a_tuning_goes_on_with_its_own_choices_and_settings_only(model: Path, tmp_path: Path) -> None:
    run(tmp_path, model).fit(stop_after=0.0)
    with pytest.raises(MusictxError, match=r"was begun with beta 30\.0, not 5\.0"):
        run(tmp_path, model, beta=5.0).fit(resume=True)
    fewer = tuning_run(
        tmp_path, model, choices(2), {"held": tiny_corpus(2, seed=4)}, config=TuningConfig(**QUICK)
    )
    with pytest.raises(MusictxError, match="was begun with other music"):
        fewer.fit(resume=True)
    for held in ({"held": tiny_corpus(3, seed=4)}, {"other": tiny_corpus(2, seed=4)}):
        watched = tuning_run(tmp_path, model, choices(), held, config=TuningConfig(**QUICK))
        with pytest.raises(MusictxError, match="was begun with other music"):
            watched.fit(resume=True)
    (tmp_path / REFERENCE).write_text("{")  # it is only kept to save time
    run(tmp_path, model).fit(resume=True)


def test_a_model_that_forgets_ends_the_run_and_is_not_kept(model: Path, tmp_path: Path) -> None:
    tuning = run(tmp_path, model, lr=0.3, tolerance=1e-6)
    tuning.fit()
    assert tuning.ended and tuning.step == 4  # the first look
    before, kept = load_model(model).state_dict(), load_model(tmp_path).state_dict()
    assert all(torch.equal(before[name], kept[name]) for name in before)
    again = run(tmp_path, model, lr=0.3, tolerance=1e-6)
    again.fit(resume=True)
    assert again.ended and again.step == 4


def test_takes_without_a_note_are_nothing_to_learn_from(model: Path, tmp_path: Path) -> None:
    (choice,) = choices(1)
    silent = Choice(choice.primer, 4.0, (choice.primer,), (choice.primer,))
    with pytest.raises(MusictxError, match="nothing to learn from"):
        tuning_run(tmp_path, model, [silent], {"held": tiny_corpus(2, seed=4)})
