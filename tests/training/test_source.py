"""What a run learns from and is judged by: anything that gives batches, never a piece that is held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_helpers import losses, tiny_corpus, tiny_run

from musictx.checkpoint import read_card
from musictx.errors import MusictxError
from musictx.events import VOCABULARY_SIZE
from musictx.model import MusicTransformer
from musictx.training import IGNORED


class Scales:
    """Rows of rising pitches, each shorter than the one before; the rest is padding."""

    size = 4

    def batch(self, step: int, first: int = 0, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        rows = np.arange(4)[:, None] * 10 + np.arange(17) + step % 5
        targets = np.where(np.arange(16) < 16 - 4 * np.arange(4)[:, None], rows[:, 1:], IGNORED)
        part = slice(first, None if count is None else first + count)
        return rows[part, :-1], targets[part]

    def tokens(self, step: int) -> int:
        return 16 + 12 + 8 + 4

    def fingerprint(self) -> str:
        return "scales"


def judge(model: MusicTransformer) -> dict[str, float]:
    return {"scales": float(model.head.weight.detach().abs().sum())}


def test_padding_is_not_learned_from_and_parts_of_a_batch_are_the_batch(tmp_path: Path) -> None:
    """Rows of unequal length: every target counts alike, however the batch is cut."""
    runs = {}
    for micro in (None, 1, 2):
        run = tiny_run(
            tmp_path / str(micro),
            train=Scales(),
            validation=judge,
            micro_batch=micro,
            optimizer="adamw",
            model={"dropout": 0.0},
            log_every=1,
        )
        run.fit()
        assert run.tokens == 30 * 40
        runs[micro] = losses(run.folder)
    for micro in (1, 2):
        for (step, loss), (_, whole) in zip(runs[micro], runs[None], strict=True):
            assert loss == pytest.approx(whole, rel=1e-4, abs=1e-5), step
    first = runs[None][0][1]
    assert first == pytest.approx(np.log(VOCABULARY_SIZE), abs=1e-3)  # a model that knows nothing


def test_a_budget_of_tokens_counts_what_the_source_says(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, train=Scales(), validation={}, steps=None, tokens=200)
    run.fit()
    assert (run.step, run.tokens) == (5, 200)
    assert read_card(tmp_path / "model")["tokens_seen"] == 200


def test_the_best_model_is_the_one_that_the_judge_says(tmp_path: Path) -> None:
    tiny_run(tmp_path, train=Scales(), validation=judge, steps=20, validate_every=5).fit()
    found = [(step, x["scales"]) for step, x in losses(tmp_path) if isinstance(x, dict)]
    assert read_card(tmp_path / "model")["steps"] == min(found, key=lambda row: row[1])[0]


def test_only_performances_have_a_curriculum(tmp_path: Path) -> None:
    with pytest.raises(MusictxError, match="curriculum"):
        tiny_run(tmp_path, train=Scales(), validation=judge, curriculum=((8, 0.5),))


def test_a_piece_cannot_be_trained_on_and_held_out(tmp_path: Path) -> None:
    corpus = tiny_corpus(5)
    held = corpus.subset([3])
    with pytest.raises(MusictxError, match=r"3\.mid is trained on and held out in 'asap' as well"):
        tiny_run(tmp_path, train=corpus, validation={"asap": held})
    tiny_run(tmp_path, train=corpus.subset([0, 1, 2, 4]), validation={"asap": held})
    assert not list(tmp_path.iterdir())
