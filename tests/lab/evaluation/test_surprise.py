"""Surprise: shared out among the notes, it is the NLL that is counted everywhere else."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_evaluation import make_corpus, tiny_model
from music_helpers import level, performance, random_walk, shift

from musictx.corpus import consecutive_chunks
from musictx.errors import MusictxError
from musictx.events import NOTE_OFF, NOTE_ON, START
from musictx.lab.evaluation.compare import evaluate
from musictx.lab.evaluation.note_tokens import note_tokens
from musictx.lab.evaluation.surprise import primer_again, surprise, token_nats
from musictx.losses import chunk_losses
from musictx.sampling.takes import Take, take_tokens


@pytest.mark.parametrize("seed", range(3))
def test_notes_and_rest_sum_to_the_nll_of_evaluate(seed):
    piece = random_walk(seed, 120, 1.0)
    model = tiny_model("relative", seed=seed)
    found = surprise(model, np.append(START, piece))
    whole = found.strike.sum() + found.release.sum() + found.rest
    corpus = make_corpus([piece, piece])
    chunk = next(iter(consecutive_chunks(corpus, 1000)))
    ((_, losses),) = chunk_losses(model, [chunk])
    assert whole == pytest.approx(losses.sum(dtype=float), rel=1e-6) == pytest.approx(found.total)
    told = evaluate({"m": model}, corpus, np.array([0, 1]), lengths=[1000]).tables[1000]["m"]
    assert whole / len(piece) == pytest.approx(told.nats_per_token, rel=1e-5)
    assert 2 * len(found.notes) == int(told.notes.sum())  # the corpus holds the piece twice


def test_a_strike_has_the_time_and_the_velocity_before_it_and_a_release_its_time():
    ons = [START, shift(0.2), level(64), NOTE_ON + 60, shift(0.1), NOTE_ON + 64]
    tokens = np.array([*ons, shift(1), shift(0.5), NOTE_OFF + 60, NOTE_OFF + 64, NOTE_OFF + 70, shift(0.3)])
    notes = note_tokens(tokens)
    assert notes.owner.tolist() == [-1, 0, 0, 0, 1, 1, 0, 0, 0, 1, -1, -1]
    assert np.flatnonzero(notes.striking[notes.owner >= 0]).tolist() == [0, 1, 2, 3, 4]
    assert notes.pitch.tolist() == [60, 64] and notes.onset.tolist() == pytest.approx([0.2, 0.3])
    nats = 2.0 ** np.arange(12)
    assert notes.sums(nats, release=False).tolist() == [2 + 4 + 8, 16 + 32]
    assert notes.sums(nats, strike=False).tolist() == [64 + 128 + 256, 512]
    assert notes.sums(nats[:6]).tolist() == [14, 48]


def test_every_token_of_grammatical_music_belongs_to_a_note():
    for seed in range(5):
        notes = note_tokens(random_walk(seed, 200, 2.0))
        assert (notes.owner >= 0).all()
        assert notes.sums(np.ones(len(notes.owner))).sum() == len(notes.owner)


def test_the_first_token_of_all_is_no_surprise_and_positions_end():
    model = tiny_model("learned", context_length=32)
    assert token_nats(model, np.array([60])).tolist() == [0.0]
    assert len(token_nats(model, np.zeros(33, int))) == 33
    with pytest.raises(MusictxError, match="32 positions"):
        token_nats(model, np.zeros(34, int))


MUSIC = performance((0, 0.4, 60, 64), (0.5, 0.9, 64, 90), (1.0, 1.4, 67, 64), (1.5, 2.1, 72, 90),
                    (2.2, 2.5, 60, 40), (2.6, 3.0, 62, 40))  # fmt: skip


def test_a_model_without_memory_is_as_surprised_the_second_time():
    """It sees one token at a time: all notes after the first cost the same."""
    model = tiny_model("none", window=1)
    take = take_tokens(model, MUSIC, 2.15)
    again = primer_again(model, take)
    assert len(again.first) == len(again.second) == 4
    assert again.second[1:] == pytest.approx(again.first[1:], rel=1e-4)
    assert again.gain == pytest.approx((again.first[0] - again.second[0]) / 4, rel=1e-3)


def test_the_first_time_is_the_surprise_of_the_take_less_the_first_velocity():
    model = tiny_model("relative")
    take = take_tokens(model, MUSIC, 2.15)
    first, whole = primer_again(model, take).first, surprise(model, take.tokens)
    costs = (whole.strike + whole.release)[:4]
    assert first[1:3] == pytest.approx(costs[1:3])
    assert first[0] == pytest.approx(costs[0] - whole.tokens[1])  # START, VELOCITY, NOTE_ON …


def test_a_velocity_that_still_holds_is_not_said_again():
    same = performance((0, 0.4, 60, 64), (0.5, 0.9, 64, 64), (1.2, 1.5, 60, 64))
    model = tiny_model("none", window=1)
    take = take_tokens(model, same, 1.0)
    again = primer_again(model, take)
    said = np.concatenate([take.tokens, take.tokens[2 : take.primer]])  # neither START nor VELOCITY
    nats = token_nats(model, said)
    assert again.second.sum() == pytest.approx(nats[len(take.tokens) :].sum(), rel=1e-5)


def test_a_primer_without_notes_cannot_come_again():
    with pytest.raises(MusictxError, match="no notes"):
        primer_again(tiny_model(), Take(np.array([START, shift(0.5), NOTE_ON + 60]), 2))
