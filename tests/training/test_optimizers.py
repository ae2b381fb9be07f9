"""Which weights learn how, and the learning-rate schedule."""

from __future__ import annotations

import pytest

from musictx.model import ModelConfig, MusicTransformer
from musictx.training.optimizers import make_optimizers, schedule, set_rate
from musictx.training_settings import TrainingConfig

POSITIONS = ("vanilla", "learned", "relative", "rope")


def tiny(position: str) -> MusicTransformer:
    return MusicTransformer(
        ModelConfig(position=position, layers=2, width=16, heads=2, feed_forward=16, context_length=8)
    )


def config(kind: str) -> TrainingConfig:
    return TrainingConfig(steps=1, optimizer=kind, matrix_lr=0.02, lr=0.003, weight_decay=0.1)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_every_weight_is_in_one_group_and_only_hidden_matrices_decay(position: str, kind: str) -> None:
    model = tiny(position)
    optimizers = make_optimizers(model, config(kind))
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    parameters = [p for group in groups for p in group["params"]]
    assert len(parameters) == len({id(p) for p in parameters}) == len(list(model.parameters()))
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    for name, parameter in model.named_parameters():
        hidden = any(part in name for part in ("qkv", "attention.out", "up", "down"))
        assert (id(parameter) in decayed) == hidden, name


def test_muon_has_its_own_rate_and_the_tables_are_not_its() -> None:
    model = tiny("relative")
    muon, adamw = make_optimizers(model, config("muon"))
    assert {g["lr"] for g in muon.param_groups} == {0.02}
    assert {g["lr"] for g in adamw.param_groups} == {0.003}
    others = {id(p) for group in adamw.param_groups for p in group["params"]}
    assert {id(model.positions.weight), id(model.embedding.weight), id(model.head.weight)} <= others
    set_rate([muon, adamw], 0.5)
    set_rate([muon, adamw], 0.25)  # of the peak, not of the last
    assert {g["lr"] for g in muon.param_groups} == {0.005}
    assert {g["lr"] for g in adamw.param_groups} == {0.00075}


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    def rate(step: int) -> float:
        return schedule(step / 100, step, warmup=10, decay=0.4)

    assert rate(0) == pytest.approx(0.1)
    assert rate(9) == 1.0
    assert all(rate(step) == 1.0 for step in range(9, 61))
    assert rate(80) == pytest.approx(0.5)
    assert rate(100) == 0.0
    assert [rate(s) for s in range(60, 101)] == sorted((rate(s) for s in range(60, 101)), reverse=True)


def test_without_warm_up_and_decay_the_rate_is_constant() -> None:
    assert {schedule(step / 10, step, warmup=0, decay=0.0) for step in range(10)} == {1.0}
