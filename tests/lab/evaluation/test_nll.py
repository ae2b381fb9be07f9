"""Facts about NLL, its conventions, the baselines and the intervals."""

import numpy as np
import pytest
import torch
from helpers_evaluation import make_corpus, random_corpus, tiny_model

from musictx.corpus import consecutive_chunks
from musictx.errors import MusictxError
from musictx.events import EVENTS, START
from musictx.lab.evaluation.baselines import Baselines, NGram, baseline_tables, copied
from musictx.lab.evaluation.intervals import (
    bootstrap_interval,
    draw_weights,
    holm,
    mean_interval,
    paired_test,
    ratio_draws,
)
from musictx.lab.evaluation.nll import EVENT_TYPES, LossTable, event_types, padded_little
from musictx.losses import chunk_losses


def test_every_event_counts_once_and_a_uniform_model_has_the_logarithm():
    corpus = random_corpus([100, 33, 7])
    model = tiny_model()
    torch.nn.init.zeros_(model.head.weight)
    table = LossTable(np.arange(3), 32, 8)
    for chunk, losses in chunk_losses(model, padded_little(corpus, 32), tokens_at_once=64):
        table.add(chunk, losses)
    assert table.count.sum() == table.type_count.sum() == 140
    assert table.full_count.tolist() == [96, 32, 0]
    assert table.nats_per_token == pytest.approx(np.log(391), abs=1e-5)
    assert table.notes.sum() == (corpus.tokens < 128).sum()


def test_losses_do_not_depend_on_how_chunks_are_grouped():
    corpus = random_corpus([70, 40, 11])
    model = tiny_model()

    def total(**options):
        return sorted(
            (c.piece, len(c.targets), round(float(x.sum()), 3))
            for c, x in chunk_losses(model, consecutive_chunks(corpus, 32), **options)
        )

    assert total() == total(tokens_at_once=256) == total(tokens_at_once=50) == total(tokens_at_once=1)


def test_bfloat16_is_near_and_an_unknown_precision_is_named():
    corpus, model = random_corpus([64]), tiny_model()

    def mean(precision):
        parts = [x for _, x in chunk_losses(model, consecutive_chunks(corpus, 32), precision=precision)]
        return np.concatenate(parts).mean()

    assert mean("bfloat16") == pytest.approx(mean("float32"), rel=0.02)
    assert mean("bfloat16") != mean("float32")
    with pytest.raises(MusictxError, match="int8"):
        mean("int8")


def test_event_types():
    tokens = np.array([0, 127, 128, 255, 256, 355, 356, 387])
    assert [EVENT_TYPES[t] for t in event_types(tokens)] == [t for t in EVENT_TYPES for _ in range(2)]


def test_losses_fall_into_the_bins_of_their_places():
    table = LossTable(np.zeros(1, int), 32, 8)
    chunk = next(iter(consecutive_chunks(random_corpus([32]), 32)))
    table.add(chunk, np.arange(32, dtype=np.float32))
    assert table.loss[0].tolist() == [28, 92, 156, 220] and table.count[0].tolist() == [8] * 4


def test_unigram_and_uniform_baselines_are_the_closed_form():
    pieces = [np.array([5] * 6 + [9] * 2)]
    expected = {5: (6 + 2 / EVENTS) / 10, 9: (2 + 2 / EVENTS) / 10, 7: (2 / EVENTS) / 10}
    baselines = Baselines.fit(pieces, 8)
    losses = baselines.losses(list(consecutive_chunks(make_corpus([np.array([5, 9, 7])]), 8)))
    assert losses["unigram"] == pytest.approx([-np.log(expected[t]) for t in (5, 9, 7)])
    assert losses["uniform"] == pytest.approx([np.log(EVENTS)] * 3)


def test_bigram_is_the_closed_form():
    """START, then 1 2 1 2 1: after 1 always 2 (twice); after 2 always 1 (twice); unigram 1: 3, 2: 2 of 5."""
    ngram = NGram(2).fit([np.array([START, 1, 2, 1, 2, 1])])
    u = 1 / EVENTS
    p1, p2, p3 = (3 + 2 * u) / 7, (2 + 2 * u) / 7, 2 * u / 7
    expected = [(1 + p1) / 2, (2 + p2) / 3, p3 / 3, p2]  # START 1 · 1 2 · 2 3 · 3 2 (3 never seen)
    assert np.exp(-ngram.losses([np.array([START, 1, 2, 3, 2])])) == pytest.approx(expected)


def test_ngram_probabilities_sum_to_one():
    rng = np.random.default_rng(0)
    ngram = NGram(3).fit([np.append(START, rng.integers(0, 4, 200))])
    losses = ngram.losses([np.array([START, 2, 3, token]) for token in range(EVENTS)])
    assert np.exp(-losses.reshape(EVENTS, 3)[:, 2]).sum() == pytest.approx(1)


def test_ngram_reaches_the_entropy_of_a_markov_chain():
    rng = np.random.default_rng(1)
    transition = rng.dirichlet(np.ones(4), 4)
    states = [0]
    for u in rng.random(30000):
        states.append(int(np.searchsorted(transition[states[-1]].cumsum(), u)))
    stream = np.array(states)
    stationary = np.bincount(stream, minlength=4) / len(stream)
    entropy = -(stationary[:, None] * transition * np.log(transition)).sum()
    ngram = NGram(2).fit([stream[:20000]])
    assert ngram.losses([stream[20000:]]).mean() == pytest.approx(entropy, abs=0.02)


def test_copying_guesses_what_came_last_time_in_the_same_sequence_only():
    guess, truth = copied([np.array([1, 2, 3, 4, 1, 2, 3, 9]), np.array([1, 2, 3, 4])], size=3)
    assert truth.tolist() == [2, 3, 4, 1, 2, 3, 9, 2, 3, 4]
    assert guess.tolist() == [-1] * 6 + [4] + [-1] * 3


def test_baselines_are_never_fitted_on_what_they_are_measured_on():
    """Each piece has events of its own: a baseline that had seen it would do far better than uniform."""
    corpus = make_corpus([np.full(50, token) for token in range(10)])
    tables = baseline_tables(corpus, np.arange(10), 16, 4)
    assert tables["unigram"].nats_per_token > np.log(EVENTS)
    seen = baseline_tables(corpus, np.arange(10), 16, 4, fit_on=corpus)
    assert seen["unigram"].nats_per_token < np.log(11)
    assert list(baseline_tables(corpus, np.zeros(10, int), 16, 4)) == ["uniform"]


def test_a_bootstrap_interval_covers_a_known_mean():
    rng = np.random.default_rng(0)
    hits = 0
    for i in range(100):
        low, high = mean_interval(rng.exponential(2.0, 40), seed=i)
        hits += low <= 2.0 <= high
    assert 88 <= hits <= 99


def test_ratio_of_sums_weighs_units_by_their_counts():
    total, count = np.array([10.0, 90.0]), np.array([10.0, 30.0])
    draws = ratio_draws(total, count, draw_weights(2, repeats=500))
    assert set(np.round(draws, 6)) == {1.0, 2.5, 3.0}
    low, high = bootstrap_interval(draws)
    assert (low, high) == (1.0, 3.0)


def test_paired_test_sees_a_small_but_steady_difference():
    rng = np.random.default_rng(0)
    base = rng.normal(0, 10, 20)
    test = paired_test(base + 0.1 + rng.normal(0, 0.05, 20), base)
    assert test.p < 0.001 and test.effect > 0.9 and 0.05 < test.low < 0.1 < test.high < 0.2
    two_against_one = paired_test(np.array([3.0, 2.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, 0.0]))
    assert two_against_one.effect == pytest.approx((3 + 2 - 1) / 6)
    same = paired_test(base, base)
    assert (same.p, same.effect, same.difference) == (1.0, 0.0, 0.0)


def test_holm_is_the_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
