"""Training: exact to the bit after any interruption, and never at the cost of what was there."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_helpers import EVERY_STEP, losses, tiny_corpus, tiny_run

import musictx.files
from musictx.checkpoint import load_model, read_card, save_model
from musictx.corpus import NO_AUGMENTATION, BatchSource, Corpus, consecutive_chunks
from musictx.errors import MusictxError
from musictx.losses import chunk_losses
from musictx.model import MusicTransformer
from musictx.training import Run, Source, TrainingConfig
from musictx.training.devices import choose_precision
from musictx.training.metrics import Metrics
from musictx.training.source import Curriculum, make_validation, spread_chunks


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "state.pt", weights_only=True)["model"]


def assert_same_run(one: Path, other: Path) -> None:
    """The same measurements and the same weights, to the last bit."""
    assert losses(one) == losses(other)
    for name, weight in weights(one).items():
        assert torch.equal(weight, weights(other)[name]), name


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than training here; the picture has its own test."""
    monkeypatch.setattr(Metrics, "plot", lambda *_: None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    tiny_run(folder).fit()
    return folder


def test_windows_are_drawn_as_the_mix_says() -> None:
    corpus = replace(tiny_corpus(4), source=np.array([0, 1, 1, 1]), folders=2)
    for mix, expected in (("folders", 0.5), ("tokens", 0.25), ((1.0, 4.0), 0.2)):
        source = Curriculum(corpus, TrainingConfig(steps=1, mix=mix), 16).at(0.0)
        assert isinstance(source, BatchSource)
        assert source.cumulative[0] == pytest.approx(expected)


# Going on


def test_a_killed_run_goes_on_to_the_same_end(whole: Path, tmp_path: Path) -> None:
    """Killed between a measurement and its state, killed while it saved, and then left alone."""
    script = Path(__file__).parents[1] / "training_helpers.py"
    for where in ("logging 10", "saving 19"):
        done = subprocess.run([sys.executable, str(script), str(tmp_path), where])
        assert done.returncode == -signal.SIGKILL
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 18
    assert list(tmp_path.glob(".*.part"))
    tiny_run(tmp_path).fit(resume=True)
    assert_same_run(tmp_path, whole)
    assert not list(tmp_path.rglob(".*.part"))
    assert read_card(tmp_path / "model") == read_card(whole / "model")


@pytest.mark.slow
def test_slices_of_a_run_put_together_are_the_run(whole: Path, tmp_path: Path) -> None:
    for _ in range(40):
        run = tiny_run(tmp_path)
        run.fit(resume=True, stop_after=0.0)  # one step
        if run.step == 30:
            break
    assert_same_run(tmp_path, whole)


def test_a_signal_ends_a_validation_which_is_made_up_for(whole: Path, tmp_path: Path) -> None:
    """The first comes while the model is judged at step 16, and the second while it is judged at the end."""
    held = make_validation({"held": tiny_corpus(2, seed=4)}, 16, 256)
    looks = 0

    def interrupted(model: MusicTransformer) -> dict[str, float]:
        nonlocal looks
        looks += 1
        if looks in (2, 5):
            signal.raise_signal(signal.SIGINT)
        return held(model)

    for step, judged in ((16, [8]), (30, [8, 16, 24]), (30, [8, 16, 24, 30])):
        run = tiny_run(tmp_path, validation=interrupted)
        run.fit(resume=True)
        assert (run.step, run.stopped) == (step, len(judged) < 4)
        assert [look.step for look in run.metrics.looks()] == judged
    assert_same_run(tmp_path, whole)


def test_a_signal_at_the_first_look_ends_the_run(whole: Path, tmp_path: Path) -> None:
    """The model to begin with is judged before the first step, whatever happens."""
    held = make_validation({"held": tiny_corpus(2, seed=4)}, 16, 256)

    def interrupted(model: MusicTransformer) -> dict[str, float]:
        signal.raise_signal(signal.SIGINT)
        return held(model)

    with pytest.raises(KeyboardInterrupt):
        tiny_run(tmp_path, validation=interrupted, start_from=whole).fit()
    run = tiny_run(tmp_path, validation=held, start_from=whole, steps=2)
    run.fit(resume=True)
    assert [look.step for look in run.looks] == [0, 2]


def test_a_run_that_is_killed_between_a_look_and_its_line_looks_again(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the log says is the best model has been written."""
    log = Run._log

    def killed(self: Run, line: dict[str, Any]) -> None:
        if "validation" in line:
            raise KeyboardInterrupt
        log(self, line)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "_log", killed)
        with pytest.raises(KeyboardInterrupt):
            tiny_run(tmp_path, checkpoint_minutes=EVERY_STEP).fit()
    assert read_card(tmp_path / "model")["steps"] == 8
    tiny_run(tmp_path).fit(resume=True)
    assert_same_run(tmp_path, whole)


def test_samples_between_leave_the_run_alone(whole: Path, tmp_path: Path) -> None:
    seen = []

    def sample(model: Any, step: int) -> None:
        with torch.no_grad():
            tokens = torch.arange(8)[None]
            seen.append((step, bool(torch.equal(model(tokens), model(tokens)))))  # no dropout

    tiny_run(tmp_path, checkpoint_minutes=EVERY_STEP).fit(on_checkpoint=sample)
    assert seen == [(step, True) for step in range(1, 31)]
    assert_same_run(tmp_path, whole)


def test_the_same_seed_gives_the_same_run_and_another_another(whole: Path, tmp_path: Path) -> None:
    tiny_run(tmp_path / "same").fit()
    assert_same_run(tmp_path / "same", whole)
    tiny_run(tmp_path / "other", seed=1).fit()
    assert losses(tmp_path / "other") != losses(whole)


def test_a_half_written_line_of_the_log_is_forgotten(whole: Path, tmp_path: Path) -> None:
    run = tiny_run(tmp_path, steps=30)
    run.fit(stop_after=0.0)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"step": 3, "lo')
    tiny_run(tmp_path).fit(resume=True)
    assert_same_run(tmp_path, whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "was begun with seed 0, not 1"),
        ({"batch": 8}, "was begun with batch 4, not 8"),
        ({"mix": "tokens"}, "was begun with mix 'folders', not 'tokens'"),
        ({"lr": 0.1}, "was begun with lr 0.003, not 0.1"),
        ({"augmentation": NO_AUGMENTATION}, "was begun with augmentation"),
        ({"model": {"position": "rope"}}, "was begun with position 'relative', not 'rope'"),
        ({"model": {"dropout": 0.0}}, "was begun with dropout 0.2, not 0.0"),
        ({"train": tiny_corpus(pieces=5)}, "was begun with other music"),
    ],
)
def test_a_run_goes_on_with_its_own_settings_only(
    whole: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    for name in ("run.json", "state.pt"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    with pytest.raises(MusictxError, match=message):
        tiny_run(tmp_path, **change).fit(resume=True)


def test_a_finished_run_may_get_a_longer_budget(whole: Path, tmp_path: Path) -> None:
    for name in ("run.json", "state.pt", "metrics.jsonl"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    run = tiny_run(tmp_path, steps=35)
    run.fit(resume=True)
    assert run.step == 35
    assert [step for step, _ in losses(tmp_path)][-1] == 35


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02K\x01.", None])
def test_a_damaged_state_is_named(whole: Path, tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "run.json").write_bytes((whole / "run.json").read_bytes())
    cut = (whole / "state.pt").read_bytes()[:-200]
    (tmp_path / "state.pt").write_bytes(cut if content is None else content)
    with pytest.raises(MusictxError, match=r"state\.pt"):
        tiny_run(tmp_path).fit(resume=True)


def test_a_run_that_was_killed_before_its_first_state_begins_again(whole: Path, tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    run._set_up()
    run._begin(resume=False)
    run.metrics.append({"step": 3, "loss": 5.0})
    with pytest.raises(MusictxError, match="holds a run already"):
        tiny_run(tmp_path).fit()
    tiny_run(tmp_path).fit(resume=True)
    assert_same_run(tmp_path, whole)


def test_a_run_whose_state_is_gone_does_not_begin_again_over_its_model(whole: Path, tmp_path: Path) -> None:
    for name in ("run.json", "metrics.jsonl"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    before = (tmp_path / "metrics.jsonl").read_bytes()
    with pytest.raises(MusictxError, match=r"holds a run without its state\.pt"):
        tiny_run(tmp_path, checkpoint_minutes=EVERY_STEP).fit(resume=True)
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


def test_a_taught_run_goes_on_with_the_weights_that_it_began_with(whole: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    tiny_run(other, seed=7, steps=1).fit()
    tiny_run(tmp_path / "run", start_from=whole).fit(stop_after=0.0)
    with pytest.raises(MusictxError, match="was begun with starting weights"):
        tiny_run(tmp_path / "run", start_from=other).fit(resume=True)
    assert tiny_run(tmp_path / "run", start_from=whole).fit(resume=True)


def test_memory_that_is_used_up_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def large(self: Run, source: Source) -> torch.Tensor:
        return torch.empty(2**60)

    monkeypatch.setattr(Run, "_step", large)
    with pytest.raises(MusictxError, match="out of memory: give a smaller --micro-batch"):
        tiny_run(tmp_path).fit()


# The same in parts


@pytest.mark.parametrize("micro", [1, 2])
def test_accumulated_gradients_are_the_gradients_of_the_batch(tmp_path: Path, micro: int) -> None:
    # AdamW, since Muon computes in bfloat16 and would enlarge the differences of rounding.
    options: dict[str, Any] = {"model": {"dropout": 0.0}, "optimizer": "adamw", "log_every": 1}
    tiny_run(tmp_path / "whole", **options).fit()
    tiny_run(tmp_path / "parts", micro_batch=micro, **options).fit()
    one, other = losses(tmp_path / "whole"), losses(tmp_path / "parts")
    for (step, loss), (step_too, loss_too) in zip(one, other, strict=True):
        assert step == step_too
        assert loss == pytest.approx(loss_too, abs=1e-5)


@pytest.mark.slow
def test_two_processes_are_one(tmp_path: Path) -> None:
    """Data-parallel training on the CPU: the same losses, also when it goes on."""
    options = "steps=12, model={'dropout': 0.0}, optimizer='adamw'"
    script = (
        "import sys; from pathlib import Path; from training_helpers import tiny_run\n"
        "from musictx.training.metrics import Metrics; Metrics.plot = lambda *_: None\n"
        f"tiny_run(Path(sys.argv[1]), devices=2, {options}).fit(resume=True, stop_after=float(sys.argv[2]))"
    )
    path = tmp_path / "train.py"
    path.write_text(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for seconds in ("0", "1000"):
        command = [sys.executable, str(path), str(tmp_path / "two"), seconds]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    tiny_run(tmp_path / "one", steps=12, model={"dropout": 0.0}, optimizer="adamw").fit()
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert [step for step, _ in one] == [step for step, _ in two]
    for (_, loss), (_, loss_too) in zip(one, two, strict=True):
        assert loss == pytest.approx(loss_too, abs=1e-5)


def test_a_batch_that_cannot_be_shared_is_named(tmp_path: Path) -> None:
    with pytest.raises(MusictxError, match=r"a batch of 4 windows cannot be shared .* micro-batches of 3"):
        tiny_run(tmp_path, micro_batch=3).fit()
    with pytest.raises(MusictxError, match=r"a batch of 6 windows cannot be shared .* micro-batches of 4"):
        tiny_run(tmp_path, batch=6, micro_batch=4, curriculum=((8, 0.5),)).fit()  # 12 of 8 could be


# Budgets


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        ({"steps": 7}, 7),
        ({"steps": None, "tokens": 7 * 64}, 7),
        ({"steps": None, "tokens": 7 * 64 - 1}, 7),
        ({"steps": 9, "tokens": 7 * 64}, 7),
        ({"steps": 7, "tokens": 9 * 64, "hours": 100.0}, 7),
    ],
)
def test_the_first_budget_that_is_used_up_ends_the_run(
    tmp_path: Path, budget: dict[str, Any], steps: int
) -> None:
    run = tiny_run(tmp_path, **budget)
    run.fit()
    assert run.step == steps
    assert losses(tmp_path)[-2][0] == steps  # its last loss and validation are measured
    assert losses(tmp_path)[-1][0] == steps
    assert read_card(tmp_path / "model")["steps"] <= steps


def test_a_run_ends_when_nothing_was_better_for_long_enough(tmp_path: Path) -> None:
    """A quarter of 30 steps after the best look, at step 4; and stays so, unless it is given more."""

    def watched(**budget: Any) -> Run:
        run = tiny_run(tmp_path, validate_every=2, patience=0.25, validation=lambda model: judge(), **budget)

        def judge() -> dict[str, float]:
            return {"held": float(abs(run.step - 4))}

        return run

    for _ in range(2):
        run = watched()
        run.fit(resume=True)
        assert run.ended and not run.stopped and run.step == 12
    assert read_card(tmp_path / "model")["steps"] == 4
    longer = watched(steps=60)
    longer.fit(resume=True)
    assert longer.begun_at == 12 and longer.ended and longer.step == 20


class _Clock:
    """A second passes each time that one looks at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


def test_a_budget_of_time_counts_over_all_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musictx.training.run.time", _Clock())
    first = tiny_run(tmp_path, steps=None, hours=60 / 3600)
    first.fit(stop_after=20)
    assert 20 < first.seconds < 30
    second = tiny_run(tmp_path, steps=None, hours=60 / 3600)
    second.fit(resume=True)
    assert 60 <= second.seconds < 70
    assert second.step > first.step


def test_the_curriculum_goes_from_short_windows_to_long_ones_of_as_many_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = []
    run = tiny_run(tmp_path, steps=10, curriculum=((4, 0.2), (8, 0.3)))
    for source in run.curriculum.stages:
        batch = source.batch

        def seen(*place: int, batch: Any = batch) -> Any:
            inputs, targets = batch(*place)
            shapes.append(inputs.shape)
            return inputs, targets

        monkeypatch.setattr(source, "batch", seen)
    run.fit()
    assert shapes == [(16, 4)] * 2 + [(8, 8)] * 3 + [(4, 16)] * 5


def test_windows_of_the_curriculum_are_no_longer_than_the_context(tmp_path: Path) -> None:
    with pytest.raises(MusictxError, match=r"curriculum: tokens .*17.* at most the context, 16"):
        tiny_run(tmp_path, steps=1, curriculum=((17, 0.5),))


# What comes out


@pytest.mark.slow
def test_it_learns_more_than_how_often_each_event_comes(tmp_path: Path) -> None:
    corpus = tiny_corpus()
    counts = np.bincount(np.array(corpus.tokens))
    p = counts[counts > 0] / counts.sum()
    unigram = -(p * np.log(p)).sum()
    run = tiny_run(tmp_path, steps=300, augmentation=NO_AUGMENTATION, model={"dropout": 0.0}, log_every=20)
    model = run.fit()
    chunks = consecutive_chunks(corpus, 16)
    nll = np.concatenate([x for _, x in chunk_losses(model, chunks)]).mean()
    assert nll < 0.5 * unigram
    training = [x for _, x in losses(tmp_path) if isinstance(x, float)]
    assert training[0] > unigram > training[-1]


def test_the_best_model_by_validation_is_kept(tmp_path: Path) -> None:
    """Trained on four pieces alone, it gets worse on others in the end."""
    run = tiny_run(
        tmp_path, steps=200, augmentation=NO_AUGMENTATION, model={"dropout": 0.0}, decay=0.0, log_every=50
    )
    run.fit()
    validation = [(step, x["held"]) for step, x in losses(tmp_path) if isinstance(x, dict)]
    best = min(nll for _, nll in validation)
    assert validation[-1][1] > best + 0.01
    card = read_card(tmp_path / "model")
    assert card["validation_nll_while_training"]["held"] == best
    assert (card["steps"], best) in validation
    chunks = spread_chunks(tiny_corpus(2, seed=4), 16, run.config.validation_chunks)
    nll = np.concatenate([x for _, x in chunk_losses(load_model(tmp_path), chunks)]).mean()
    assert nll == pytest.approx(best, abs=1e-5)
    assert card["tokens_seen"] == card["steps"] * 64
    assert card["training"]["batch"] == 4


def test_without_validation_the_last_model_is_kept(tmp_path: Path) -> None:
    model = tiny_run(tmp_path, steps=3, validation={}).fit()
    kept = load_model(tmp_path)
    for one, other in zip(model.parameters(), kept.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("strategy", ["auto", "fsdp"])
def test_what_is_kept_of_teaching_lies_on_the_way_to_the_trained_model(
    whole: Path, tmp_path: Path, strategy: str
) -> None:
    taught = {"train": tiny_corpus(seed=9), "start_from": whole, "steps": 12, "strategy": strategy}
    trained = tiny_run(tmp_path / "all", **taught).fit().state_dict()
    run = tiny_run(tmp_path / "half", **taught, blend=0.5, validation={})
    given, kept = run.fit().state_dict(), load_model(tmp_path / "half").state_dict()
    before = load_model(whole).state_dict()
    for name, weight in trained.items():
        assert torch.equal(weights(tmp_path / "half")[name], weights(tmp_path / "all")[name])
        assert torch.allclose(kept[name], (before[name] + weight) / 2, atol=1e-7)
        assert torch.equal(kept[name], given[name])
    assert any(not torch.allclose(before[name], kept[name], atol=1e-4) for name in kept)


def test_a_model_is_judged_as_it_is_kept(whole: Path, tmp_path: Path) -> None:
    options = {"train": tiny_corpus(seed=9), "start_from": whole, "steps": 16, "blend": 0.5}
    tiny_run(tmp_path, **options).fit(stop_after=0)
    model = tiny_run(tmp_path, **options).fit(resume=True)
    judge = make_validation({"held": tiny_corpus(2, seed=4)}, 16, 256)
    step, last = losses(tmp_path)[-1]
    assert step == 16 and last == judge(model)


@pytest.mark.parametrize("seen", [1000, "26M", None, True])
def test_a_model_whose_card_says_odd_things_can_be_taught(whole: Path, tmp_path: Path, seen: Any) -> None:
    before = tmp_path / "before"
    save_model(load_model(whole), before, {"tokens_seen": seen})
    run = tiny_run(tmp_path / "run", start_from=before, steps=1, blend=1)
    run.fit()
    card = read_card(tmp_path / "run" / "model")
    own = run.tokens if card["steps"] else 0
    assert card["tokens_seen"] == own + (1000 if seen == 1000 else 0)


@pytest.mark.parametrize(("max_chunks", "length"), [(1, 16), (3, 16), (1000, 16), (3, 10_000)])
def test_validation_is_bounded_and_spread(max_chunks: int, length: int) -> None:
    corpus = tiny_corpus(10)
    chunks = list(spread_chunks(corpus, length, max_chunks))
    every = list(consecutive_chunks(corpus, length))
    assert len(chunks) == min(max_chunks, len(every))
    full = sum(len(c.targets) == length for c in every)
    assert sum(len(c.targets) == length for c in chunks) == min(full, max_chunks)  # those come first
    if max_chunks == 3:
        assert {c.piece for c in chunks} > {0}


def test_three_songs_of_which_one_fills_a_window_are_all_listened_to() -> None:
    sizes = np.array([0, 4200, 8100, 11_600])
    tokens = np.random.default_rng(0).integers(0, 128, sizes[-1]).astype(np.uint16)
    songs = Corpus(tokens, sizes[:-1], sizes[1:], ("a", "b", "c"), np.zeros(3, int), {})
    found = [(c.piece, len(c.targets)) for c in spread_chunks(songs, 4096, 16)]
    assert found == [(0, 4096), (0, 104), (1, 3900), (2, 3500)]
    assert [c.piece for c in spread_chunks(songs, 4096, 3)] == [0, 1, 2]


def test_a_run_leaves_what_it_promises(whole: Path) -> None:
    assert {"run.json", "metrics.jsonl", "model", "state.pt"} <= {p.name for p in whole.iterdir()}
    settings = json.loads((whole / "run.json").read_text())
    assert settings["model"]["position"] == "relative"
    assert settings["training"]["steps"] == 30
    lines = Metrics(whole / "metrics.jsonl").read()
    assert [x["step"] for x in lines if "loss" in x] == [5, 10, 15, 20, 25, 30]
    assert [x["step"] for x in lines if "validation" in x] == [8, 16, 24, 30]


def test_the_curve_is_drawn(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    Metrics(whole / "metrics.jsonl").plot(tmp_path / "loss.png", "relative")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    Metrics(tmp_path / "nothing.jsonl").plot(tmp_path / "empty.png", "relative")
    assert (tmp_path / "empty.png").is_file()


# Failures


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_last_state(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    run = tiny_run(tmp_path)
    run.fit(stop_after=0.0)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(musictx.files.os, call, full)
        with pytest.raises(MusictxError, match=r"cannot be written: No space left on device"):
            tiny_run(tmp_path).fit(resume=True)
    after = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    assert after == before
    tiny_run(tmp_path).fit(resume=True)
    assert_same_run(tmp_path, whole)


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(MusictxError, match=r"metrics\.jsonl cannot be written"):
        Metrics(tmp_path / "metrics.jsonl").append({"step": 1})


@pytest.mark.parametrize("broken", ["loss", "weights"])
def test_a_run_that_blows_up_stops_and_keeps_its_last_good_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    step = Run._step

    def poisoned(self: Run, source: Source) -> torch.Tensor:
        loss = step(self, source)
        if self.step == 11:
            if broken == "loss":
                return loss * math.nan
            with torch.no_grad():
                self.model.head.weight[3] = math.inf
        return loss

    monkeypatch.setattr(Run, "_step", poisoned)
    run = tiny_run(tmp_path, checkpoint_minutes=EVERY_STEP if broken == "weights" else 100.0)
    message = "the loss is nan at step 15" if broken == "loss" else "weights are not finite at step 12"
    with pytest.raises(MusictxError, match=message + ": lower the learning rates"):
        run.fit()
    if broken == "weights":
        assert all(torch.isfinite(w).all() for w in weights(tmp_path).values())
        assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 11


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"steps": 0},
        {"tokens": -1},
        {"hours": math.nan},
        {"steps": 1, "batch": 0},
        {"steps": 1, "micro_batch": 0},
        {"steps": 1, "lr": 0.0},
        {"steps": 1, "matrix_lr": math.nan},
        {"steps": 1, "seed": -1},
        {"steps": 1, "warmup": -5},
        {"steps": 1, "curriculum": ((8, 1.5),)},
        {"steps": 1, "curriculum": ((8, 0.6), (16, 0.6))},
        {"steps": 1, "curriculum": ((0, 0.5),)},
        {"steps": 1, "mix": "both"},
        {"steps": 1, "decay": -0.1},
        {"steps": 1, "optimizer": "sgd"},
        {"steps": 1, "precision": "8-bit"},
        {"steps": 1, "checkpoint_minutes": 0},
    ],
)
def test_impossible_settings_are_named(wrong: dict[str, Any]) -> None:
    name = list(wrong)[-1] if wrong else "budget"
    with pytest.raises(MusictxError, match=name):
        TrainingConfig(**wrong)


@pytest.mark.parametrize("wrong", [{"devices": 0}, {"accelerator": "abacus"}])
def test_devices_that_are_not_there_are_named(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(MusictxError, match="devices"):
        tiny_run(tmp_path, **wrong)


def test_the_precision_is_chosen_for_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_precision("32-true") == "32-true"
    for has, expected in ((True, "bf16-mixed"), (False, "32-true")):
        capabilities = {"avx512_bf16": has}
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=capabilities: found)
        assert choose_precision("auto", "cpu") == expected
