"""The n-gram draft and the counting of passes, on music whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from musictx.checkpoint import save_model
from musictx.errors import MusictxError
from musictx.lab.bench.speculate import NgramDraft, bench_speculate, passes
from musictx.model import ModelConfig, MusicTransformer


def test_a_draft_is_what_followed_the_latest_and_longest_match() -> None:
    draft = NgramDraft()
    draft.take_in([1, 2, 3, 7, 9, 2, 3, 8, 1, 2, 3])
    assert draft.propose(2) == [7, 9]  # 1 2 3 before 2 3
    draft.take_in([5, 2, 3])
    assert draft.propose(3) == [5, 2, 3]  # the latest 2 3 that was followed by something
    draft.take_in([6])
    assert draft.propose(3) == []


def test_music_that_repeats_is_drafted_whole_and_new_music_token_by_token() -> None:
    phrase = list(range(20))
    made = passes(phrase + phrase[:2], phrase[2:] + phrase, 4)
    assert made[:7] == [(4, 5)] * 7 and sum(gained for _, gained in made) == 38
    new = np.random.default_rng(0).permutation(300).tolist()
    assert passes(new[:100], new[100:], 4) == [(0, 1)] * 200


@pytest.mark.parametrize("count", [1, 3, 8])
def test_every_token_is_gained_once_and_wrong_drafts_cost_nothing_but_time(count: int) -> None:
    music = np.random.default_rng(1).integers(0, 5, 400).tolist()
    made = passes(music[:50], music[50:], count)
    assert sum(gained for _, gained in made) == 350
    assert all(1 <= gained <= proposed + 1 <= count + 1 for proposed, gained in made)


def test_the_benchmark_reports_what_a_pass_gains(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = ModelConfig("rope", layers=1, width=16, heads=2, feed_forward=16, context_length=64)
    save_model(MusicTransformer(config), tmp_path / "model")
    found = bench_speculate(str(tmp_path / "model"), tokens=20, prefix=16, counts=(1, 4), repetitions=1)
    assert [row["longest_draft"] for row in found["rows"]] == [1, 4]
    for row in found["rows"]:
        assert 0 <= row["drafted_tokens_accepted"] <= 1 <= row["tokens_per_pass"] and row["speed"] > 0
    assert [check["tokens_at_once"] for check in found["checks"]] == [1, 2, 5]
    (tmp_path / "nothing").mkdir()
    with pytest.raises(MusictxError, match="no MIDI file"):
        bench_speculate(str(tmp_path / "model"), tmp_path / "nothing")
