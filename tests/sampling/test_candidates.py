"""Candidates: sequences are kept exactly, the best is chosen, and no token too many is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from musictx.events import END, NOTE_OFF, PAD, START
from musictx.events.grammar import is_grammatical
from musictx.model import ModelConfig, MusicTransformer
from musictx.sampling import generate
from musictx.sampling.candidates import SEGMENT, best_candidate, draw_best
from musictx.sampling.contrast import log_probabilities, short_start
from musictx.sampling.draws import Draws
from musictx.sampling.filters import SamplingSettings

PRIMER = np.array([START, 376, 60, 64, 280, 188, 192])


def player(position: str = "relative", **changes: Any) -> MusicTransformer:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"layers": 2, "width": 32, "heads": 2, "kv_heads": 1, "feed_forward": 32}
    model = MusicTransformer(ModelConfig(position, **{"context_length": 256, **sizes, **changes})).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def several(model: MusicTransformer, rows: int, **how: Any) -> Draws:
    settings = SamplingSettings(allow_end=False, int8=False)
    return Draws(model, PRIMER, settings, [np.random.default_rng(i) for i in range(rows)], **how)


@pytest.mark.parametrize("position", ["relative", "rope", "vanilla"])
def test_kept_sequences_go_on_as_if_they_had_been_alone(position: str) -> None:
    model = player(position)
    draws = several(model, 3, remember=True)
    tokens = np.tile(PRIMER, (3, 1))
    for step in range(90):
        if step == 60:
            draws.keep(np.array([2, 2, 1]))
            tokens = tokens[[2, 2, 1]]
        tokens = np.concatenate([tokens, draws.draw()[:, None]], 1)
    heard = torch.from_numpy(tokens[:, :-1])
    with torch.inference_mode():
        torch.testing.assert_close(draws.logits, model(heard)[:, -1], atol=1e-4, rtol=0)
        assert draws.short is not None
        short = model(heard[:, short_start(heard.shape[1]) :])[:, -1]
        torch.testing.assert_close(draws.short.logits, short, atol=1e-4, rtol=0)
    assert tokens[0].tolist() != tokens[1].tolist()  # alike up to there, then with their own random numbers
    assert all(is_grammatical(row[1:], closed=False) for row in tokens)


def test_the_fit_is_what_the_whole_context_adds_to_each_note() -> None:
    model = player()
    draws = several(model, 2, remember=True)
    made = np.array([draws.draw() for _ in range(80)])
    gain, likelihood = draws.fit()
    for row in range(2):
        tokens, notes, adds = PRIMER.tolist(), 0, 0.0
        state = several(model, 1).grammar
        for token in made[:, row].tolist():
            heard = torch.tensor([tokens])
            allowed = state.allowed()
            allowed[:, END] = False
            with torch.inference_mode():
                logits = [model(heard[:, s:])[:, -1].numpy() for s in (0, short_start(len(tokens)))]
            whole, short = (log_probabilities(np.where(allowed, x, -np.inf))[0, token] for x in logits)
            if token < NOTE_OFF:
                notes, adds = notes + 1, adds + whole - short
            state.advance(np.array([token]))
            tokens.append(token)
        assert gain[row] == pytest.approx(adds / notes, abs=1e-4)
    assert (likelihood < 0).all()


def test_the_best_fits_and_is_likely() -> None:
    assert best_candidate(np.array([0.0, 1.0, 0.2]), np.array([-2.0, -2.0, -2.0])) == 1
    assert best_candidate(np.array([0.5, 0.5, 0.5]), np.array([-2.0, -1.5, -3.0])) == 1
    assert best_candidate(np.array([0.0, 1.0, 0.9]), np.array([-2.0, -9.0, -2.0])) == 2


def test_what_is_yielded_is_one_candidate_from_segment_to_segment() -> None:
    model = player()
    alone = several(model, 3, remember=True)
    candidates = np.array([alone.draw() for _ in range(SEGMENT)])
    best = best_candidate(*alone.fit())
    made = np.array(list(draw_best(several(model, 3, remember=True), 1, SEGMENT + 20)))
    np.testing.assert_array_equal(made[:SEGMENT, 0], candidates[:, best])
    assert len(made) == SEGMENT + 20
    assert is_grammatical(np.concatenate([PRIMER[1:], made[:, 0]]), closed=False)


def test_no_more_tokens_are_drawn_than_positions_are_known() -> None:
    model = player("learned", context_length=150)
    made = list(generate(model, PRIMER, settings=SamplingSettings(theme=1.0, allow_end=False)))
    assert len(made) == 150 - len(PRIMER)


def test_a_variation_that_ends_is_silent_after_it() -> None:
    model = player()
    model.head.weight.data[END] = 0.02 * model.head.weight.data.mean(0)
    made = np.array(
        list(generate(model, PRIMER, settings=SamplingSettings(theme=1.0), variations=3, max_tokens=400))
    )
    for column in made.T:
        ends = np.flatnonzero(column == END)
        if len(ends):
            assert (column[ends[0] + 1 :] == PAD).all()
    assert (made == END).any()


def test_more_theme_is_other_music() -> None:
    model, made = player("vanilla"), []
    for theme in (0.0, 0.25, 0.5, 1.0):
        tokens = generate(
            model, PRIMER, settings=SamplingSettings(theme=theme, allow_end=False), max_tokens=300
        )
        made.append(np.array(list(tokens)).tobytes())
    assert len(set(made)) == 4
