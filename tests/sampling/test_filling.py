"""Filling in: everything outside the passage stays, and what follows becomes more likely."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers_evaluation import tiny_model
from music_helpers import performance, random_performance

from musictx.errors import MusictxError
from musictx.events import STEP_SECONDS, encode, tokens_to_table
from musictx.lab.evaluation.surprise import token_nats
from musictx.metre import Metre
from musictx.performance import Performance, apply_pedal, make_notes
from musictx.sampling import continue_performance, continue_variations, fill_in, take_tokens
from musictx.sampling.filling import Filling, draw_likely, following_nats

MODEL = tiny_model("relative", layers=1, context_length=256)
FEW = {"candidates": 4, "int8": False}


def outside(music: Performance, start: float, end: float) -> np.ndarray:
    """A note belongs to the hundredth of a second that it is nearest to."""
    step = np.round(100 * music.notes["onset"])
    return music.notes[(step < round(100 * start)) | (step >= round(100 * end))]


@pytest.mark.parametrize("seed", range(4))
def test_everything_outside_the_passage_stays_to_the_note(seed):
    """Random music with pedals, whose notes sound into the passage and over it."""
    music = random_performance(seed, 60, 10.0)
    heard = apply_pedal(music)
    for filling in fill_in(MODEL, music, 3.0, 5.0, takes=2, seed=seed, **FEW):
        new = filling.notes
        before = outside(heard, 3.0, 5.0)
        for note in before:  # but for those that sound into it, whose key may be struck again
            again = new["onset"][(new["pitch"] == note["pitch"]) & (new["onset"] > note["onset"])]
            note["offset"] = min(note["offset"], again.min(initial=np.inf))
        np.testing.assert_array_equal(outside(filling.performance, 3.0, 5.0), before)
        assert len(new) and (new["onset"] >= 3.0).all() and (new["offset"] <= 5.0 + 1e-9).all()
        assert not np.array_equal(new, heard.notes[(heard.notes["onset"] >= 3) & (heard.notes["onset"] < 5)])


def test_a_held_note_ends_where_its_key_is_struck_again_and_no_strike_is_lost():
    """A pedal holds all that was struck; without those keys the passage would have holes."""
    held = [(0.0, 4.0, pitch, 64) for pitch in range(128)]
    music = performance(*held, (6.0, 6.5, 61, 64))
    struck = 0
    for k, filling in enumerate(fill_in(MODEL, music, 2.0, 5.0, takes=None, **FEW)):
        new = filling.notes
        for _, off, pitch, _ in filling.performance.notes[: len(held)].tolist():
            again = new["onset"][(new["pitch"] == pitch) & (new["onset"] < 4.0)]
            assert off == min(4.0, again.min(initial=np.inf))
            struck += len(again)
        played = continue_variations(
            MODEL,
            performance(*held),
            seconds=3.0,
            primer_end=2.0,
            variations=4,
            allow_end=False,
            theme=0,
            int8=False,
        )[k].performance.notes
        assert len(new) == (played["onset"] >= 2.0).sum()
    assert struck > 1


@pytest.mark.parametrize("bar", [1, 2, 3])
def test_a_bar_is_filled_from_its_own_bar_line_to_the_next(bar: int) -> None:
    """At 127 quarters a minute, bar lines lie between two hundredths of a second."""
    quarter = 60 / 127
    pitches = [36 + k for k in range(24)]
    notes = make_notes(quarter * np.arange(24), quarter * (np.arange(24) + 0.9), pitches, [70] * 24)
    music = Performance(notes, metre=Metre.of(480, [(0, round(1e6 * quarter))], []))
    start, end = 4 * bar * quarter, 4 * (bar + 1) * quarter
    lines = []
    for filling in fill_in(MODEL, music, start, end, beat="strict", takes=None, candidates=40, int8=False):
        whole = filling.performance.notes
        stays = np.flatnonzero((notes["onset"] < start - 0.01) | (notes["onset"] > end - 0.01))
        assert set(notes[stays].tolist()) <= set(whole.tolist())
        assert len(whole) == len(stays) + len(filling.notes)
        assert (filling.notes["onset"] > start - 1e-6).all() and (filling.notes["onset"] < end - 0.01).all()
        lines.append((filling.notes["onset"] < start + 1e-6).any())
        for pitch in set(whole["pitch"].tolist()):  # no key is struck before it is up
            own = whole[whole["pitch"] == pitch]
            assert (own["offset"][:-1] <= own["onset"][1:]).all()
    assert any(lines)  # something begins with the bar


def test_one_candidate_is_a_plain_continuation():
    music = random_performance(1, 40, 8.0)
    (filling,) = fill_in(MODEL, music, 3.0, 5.0, candidates=1, seed=6, int8=False)
    plain = continue_performance(
        MODEL, music, seconds=2.0, primer_end=3.0, seed=6, allow_end=False, int8=False, theme=0
    )
    notes = plain.notes[plain.notes["onset"] >= 3.0]
    assert len(filling.notes) > 0
    assert all(note in notes.tolist() for note in filling.notes.tolist())


def test_the_same_seed_gives_the_same_fillings_and_takes_are_different_ones():
    music = random_performance(2, 40, 8.0)

    def played(seed, **options):
        fillings = fill_in(MODEL, music, 3.0, 4.5, takes=3, seed=seed, **{**FEW, **options})
        return [f.performance.notes.tobytes() for f in fillings]

    assert played(1) == played(1) != played(2)
    assert len(set(played(1))) == 3
    assert played(1, temperature=0.3) != played(1)
    assert played(1, candidates=20) != played(1)


def test_what_follows_costs_what_its_tokens_cost():
    music = random_performance(3, 50, 8.0)
    filling = fill_in(MODEL, music, 3.0, 5.0, candidates=2, takes=None, int8=False)[1]
    take = take_tokens(MODEL, filling.performance, 3.0)
    nats = token_nats(MODEL, take.tokens)
    inside = Performance(filling.performance.notes[filling.performance.notes["onset"] < 5.0])
    events = (encode(inside, until=5.0) < 256).sum()
    assert inside.notes["offset"].max() > 4.995  # something is cut: its end comes with the first event
    places = np.flatnonzero(take.tokens < 256) + 1
    times = [tokens_to_table(take.tokens[:k]).end for k in range(len(take.tokens))]
    first = np.searchsorted(times, 500) - 1  # the shift that leads to the end of the passage
    everything = following_nats(MODEL, [filling.performance], 3.0, 5.0, count=1000)[0]
    with torch.inference_mode():
        chances = MODEL(torch.from_numpy(take.tokens[None, :first]))[0, -1].softmax(0)
    rest = 500 - times[first]
    over = -float(chances[256 + rest - 1 : 256 + 100].sum().log())
    assert everything.sum() == pytest.approx(nats[first:].sum() - over, rel=1e-5)
    assert np.count_nonzero(everything) == len(places) - events
    assert filling.nats == pytest.approx(everything[:64].sum(), rel=1e-5)
    third = nats[places[events + 1] : places[events + 2]].sum()
    assert everything[2] == pytest.approx(third, rel=1e-5)


def test_costs_do_not_depend_on_who_is_computed_together():
    music = random_performance(4, 40, 8.0)
    fillings = fill_in(MODEL, music, 3.0, 5.0, takes=None, candidates=5)
    for filling in fillings:
        alone = following_nats(MODEL, [filling.performance], 3.0, 5.0, int8=True)[0].sum()
        assert alone == pytest.approx(filling.nats, rel=1e-5)


def test_likely_candidates_are_drawn_in_proportion():
    nats = -np.log([0.5, 0.3, 0.2])
    rng = np.random.default_rng(0)
    orders = np.array([draw_likely(nats, rng) for _ in range(4000)])
    assert np.bincount(orders[:, 0]) / 4000 == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    after_first = orders[orders[:, 0] == 0][:, 1]
    assert np.bincount(after_first)[1:] / len(after_first) == pytest.approx([0.6, 0.4], abs=0.04)


def test_what_follows_is_less_surprising_after_a_filling_than_after_a_plain_continuation():
    music = random_performance(5, 60, 10.0)
    chosen, plain = [], []
    for seed in range(6):
        chosen.append(fill_in(MODEL, music, 4.0, 6.0, candidates=8, seed=seed)[0].nats)
        plain.append(fill_in(MODEL, music, 4.0, 6.0, candidates=1, seed=seed)[0].nats)
    assert np.mean(chosen) < np.mean(plain)


def test_a_passage_may_be_the_beginning_or_come_after_silence():
    music = performance((3.0, 3.5, 60, 64), (4.0, 4.5, 64, 64))
    for start in (0.0, 1.5):
        (filling,) = fill_in(MODEL, music, start, 3.0, **FEW)
        np.testing.assert_array_equal(outside(filling.performance, start, 3.0), music.notes)
        assert len(filling.notes) and filling.notes["onset"].min() >= start


def test_the_beat_is_kept_where_a_piece_begins_too():
    """Time 0 of the passage is not time 0 of the piece, in which the sixteenths lie."""
    metre = Metre.of(480, [(0, 550_000)], [])
    music = Performance(make_notes([6.0, 7.0], [6.5, 7.5], [60, 64], [70] * 2), metre=metre)
    for start in (0.0, 1.23):
        (filling,) = fill_in(MODEL, music, start, 6.0, beat="strict", **FEW)
        sixteenths = filling.notes["onset"] / (0.55 / 4)
        assert len(sixteenths) > 2
        np.testing.assert_allclose(sixteenths, sixteenths.round(), atol=1e-6)


@pytest.mark.parametrize("before", [False, True])
def test_a_note_on_a_bar_line_just_before_the_passage_belongs_to_it(before):
    """The beat puts it on the bar line, up to half a millisecond before the passage's first hundredth."""
    metre = Metre.of(480, [(0, 472_441)], [(0, 4, 4)])
    begin = 1.89  # the bar line lies at 1.889764
    notes = make_notes([0.5, 1.889764, 4.0], [0.9, 2.1, 4.4], [60, 72, 61], 70)[0 if before else 1 :]
    take = take_tokens(MODEL, Performance(notes), begin)
    assert 72 in take.tokens[take.primer :]
    outside = Performance(notes[notes["pitch"] < 72], metre=metre)
    assert len(fill_in(MODEL, outside, begin, 3.78, beat="strict", **FEW)[0].notes)


def test_times_are_on_the_grid():
    music = random_performance(6, 40, 8.0)
    filling = fill_in(MODEL, music, 3.0012, 4.9988, **FEW)[0]
    assert (filling.start, filling.end) == (3.0, 5.0)
    steps = filling.notes["onset"] / STEP_SECONDS
    np.testing.assert_allclose(steps, steps.round(), atol=1e-6)
    assert Filling(Performance(), 0, 1, 0.0).notes.shape == (0,)


@pytest.mark.parametrize(
    "start,end,options,words",
    [
        (3.0, 3.0, {}, "from 3 s to 3 s"),
        (-1.0, 3.0, {}, "from -1 s to 3 s; it must lie within the piece"),
        (3.0, float("inf"), {}, "it must lie within"),
        (3.0, 3.004, {}, "it must end 0.01 s or more after it starts"),
        (3.0, 99.0, {}, "nothing to lead into"),
        (1.0, 2.0, {"takes": 0}, "takes is 0"),
        (1.0, 2.0, {"takes": 5, "candidates": 4}, "at most the 4 candidates"),
        (1.0, 2.0, {"temperature": -1.0}, "temperature is -1"),
    ],
)
def test_what_cannot_be_filled_is_named(start, end, options, words):
    music = Performance(make_notes([0, 5], [1, 6], [60, 62]))
    with pytest.raises(MusictxError, match=words):
        fill_in(MODEL, music, start, end, **options)
