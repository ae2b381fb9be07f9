"""Playing on: the same seed the same music, every setting heard, nothing left hanging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from music_helpers import by_pitch, level, performance, random_performance, shift

from musictx.errors import MusictxError
from musictx.events import END, EVENTS, NOTE_OFF, NOTE_ON, PAD, START, decode, encode, tokens_to_table
from musictx.events.grammar import is_grammatical
from musictx.metre import Metre
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.positions import SCHEMES
from musictx.performance import Performance, apply_pedal, make_notes
from musictx.sampling import (
    Continuation,
    NoteOff,
    NoteOn,
    continuation,
    continue_performance,
    continue_variations,
    generate,
    stream_notes,
)
from musictx.sampling.contrast import STRIDES
from musictx.sampling.filters import SamplingSettings, draw, filter_logits
from musictx.sampling.primer import last_events, prepare_primer

CONTEXT = 64


def player(position: str = "relative", *, seed: int = 0, **changes: Any) -> MusicTransformer:
    """A tiny model with a taste of its own."""
    torch.manual_seed(seed)
    config = ModelConfig(
        **{
            "position": position,
            "layers": 1,
            "width": 32,
            "heads": 2,
            "feed_forward": 32,
            "context_length": CONTEXT,
            **changes,
        }
    )
    model = MusicTransformer(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


PRIMER = performance(
    (0.0, 0.5, 60, 64), (0.5, 1.0, 64, 70), (1.0, 4.0, 48, 50), (1.0, 1.5, 67, 64), (1.5, 2.5, 72, 90)
)


def tokens_of(model: MusicTransformer, count: int, **options: Any) -> np.ndarray:
    """`count` tokens of each variation after the primer [shape=(count, variations)]."""
    ready = prepare_primer(model, PRIMER)
    options.setdefault("settings", SamplingSettings(allow_end=False))
    return np.array(list(generate(model, ready.tokens, max_tokens=count, **options)))


def scripted(monkeypatch: pytest.MonkeyPatch, *tokens: Any) -> None:
    """Let the model say these tokens, whatever it is."""

    def say(*_: Any, max_tokens: int | None = None, **__: Any) -> Iterator[np.ndarray]:
        for token in tokens[:max_tokens]:
            yield np.atleast_1d(token)

    monkeypatch.setattr(continuation, "generate", say)


# Seeds and variations


def test_the_same_seed_gives_the_same_music() -> None:
    model = player()
    one, two, other = (continue_performance(model, PRIMER, seconds=5, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.notes, two.notes)
    assert one.notes.tolist() != other.notes.tolist()


def test_a_variation_is_the_same_alone_and_among_others() -> None:
    model = player()
    four = tokens_of(model, 40, variations=4)
    np.testing.assert_array_equal(tokens_of(model, 40, variations=1), four[:, :1])
    np.testing.assert_array_equal(tokens_of(model, 40, variations=3), four[:, :3])
    assert len({column.tobytes() for column in four.T}) == 4
    music = continue_variations(model, PRIMER, variations=3, seconds=4, seed=7)
    alone = continue_performance(model, PRIMER, seconds=4, seed=7)
    np.testing.assert_array_equal(music[0].performance.notes, alone.notes)


@pytest.mark.parametrize("settings", [{"theme": 0.5}, {"shape": "denser,lower"}, {"int8": False, "theme": 0}])
def test_variations_go_on_alike_when_others_have_played_enough(settings: dict[str, Any]) -> None:
    """Whoever is dropped, one at a time or several, those that go on draw what they would have drawn."""
    model, ready = player(), prepare_primer(player(), PRIMER)
    options: dict[str, Any] = {"settings": SamplingSettings(allow_end=False, **settings), "variations": 5}
    wanted = tokens_of(model, 60, **options)
    ends, enough = [60, 5, 12, 40, 12], np.zeros(5, bool)
    for made, chosen in enumerate(generate(model, ready.tokens, max_tokens=60, enough=enough, **options), 1):
        going = made <= np.array(ends)
        np.testing.assert_array_equal(chosen, np.where(going, wanted[made - 1], PAD))
        enough[:] = made >= np.array(ends)
    assert made == 60
    enough[:] = True
    assert len(list(generate(model, ready.tokens, enough=enough, **options))) == 1


def test_dropout_of_a_model_in_training_is_not_heard() -> None:
    model = player(dropout=0.5)
    wanted = tokens_of(model, 30)
    np.testing.assert_array_equal(tokens_of(model.train(), 30), wanted)


def test_every_token_follows_from_all_before_it() -> None:
    """Cached steps and all filters off the way: the likeliest token, computed anew each time."""
    model = player()
    options = SamplingSettings(temperature=0.0, allow_end=False, grammar=False, int8=False)
    made = tokens_of(model, 90, settings=options)[:, 0]
    tokens = prepare_primer(model, PRIMER).tokens.astype(np.int64).tolist()
    for token in made.tolist():
        with torch.no_grad():
            logits = model(torch.tensor([tokens]))[0, -1]
        logits[[PAD, START, END]] = -torch.inf
        assert token == int(logits.argmax())
        tokens.append(token)


# Filters


LOGITS = np.log(np.array([[0.4, 0.3, 0.15, 0.1, 0.04, 0.01], [0.01, 0.04, 0.1, 0.15, 0.3, 0.4]]))


def kept(**options: Any) -> list[int]:
    """How many of the six tokens are left; the likeliest must be."""
    p = filter_logits(LOGITS, SamplingSettings(**{"top_p": 1.0, **options}))
    np.testing.assert_allclose(p.sum(-1), 1.0)
    np.testing.assert_allclose(p[0], p[1][::-1])
    assert p[0, 0] > 0
    return np.flatnonzero(p[0]).tolist()


def test_each_filter_keeps_what_it_says() -> None:
    assert kept() == [0, 1, 2, 3, 4, 5]
    assert kept(top_k=2) == [0, 1]
    assert kept(top_k=100) == [0, 1, 2, 3, 4, 5]
    assert kept(top_p=0.69) == [0, 1]
    assert kept(top_p=0.71) == [0, 1, 2]
    assert kept(top_p=1e-9) == [0]
    assert kept(min_p=0.3) == [0, 1, 2]
    assert kept(min_p=1.0) == [0]


def test_filters_take_effect_together() -> None:
    """The strictest decides, whichever it is; no default switches another one off."""
    assert kept(top_k=3, top_p=0.96, min_p=0.2) == [0, 1, 2]
    assert kept(top_k=5, top_p=0.5, min_p=0.05) == [0, 1]
    assert kept(top_k=5, top_p=0.99, min_p=0.5) == [0, 1]
    assert kept(top_k=1, top_p=0.99, min_p=0.01) == [0]
    base: dict[str, Any] = {"temperature": 0.9, "top_k": 4, "top_p": 0.9, "min_p": 0.1}
    before = filter_logits(LOGITS, SamplingSettings(**base))
    for change in ({"temperature": 2.0}, {"top_k": 2}, {"top_p": 0.5}, {"min_p": 0.6}):
        assert (filter_logits(LOGITS, SamplingSettings(**{**base, **change})) != before).any(), change


def test_temperature_sharpens_and_flattens() -> None:
    p = {
        t: filter_logits(LOGITS, SamplingSettings(temperature=t, top_p=1.0))[0] for t in (0.0, 0.1, 1.0, 10.0)
    }
    np.testing.assert_allclose(p[1.0], np.exp(LOGITS[0]))
    np.testing.assert_array_equal(p[0.0], [1, 0, 0, 0, 0, 0])
    assert p[0.1][0] > 0.9
    assert p[10.0].max() < 0.25


def test_forbidden_tokens_stay_forbidden() -> None:
    logits = LOGITS.copy()
    logits[:, [0, 5]] = -np.inf
    for options in (
        {"temperature": 10.0},
        {"top_k": 6},
        {"temperature": 0.0},
        {"min_p": 0.0},
        {"top_p": 0.999},
    ):
        p = filter_logits(logits, SamplingSettings(**options))
        assert (p[:, [0, 5]] == 0).all()
        np.testing.assert_allclose(p.sum(-1), 1.0)


def test_drawing_follows_the_probabilities_and_never_picks_a_zero() -> None:
    p = np.array([[0.0, 0.5, 0.0, 0.3, 0.2, 0.0]])
    uniform = np.append(np.linspace(0, 1, 1000, endpoint=False), np.nextafter(1.0, 0.0))
    drawn = draw(np.repeat(p, len(uniform), 0), uniform)
    assert set(drawn) == {1, 3, 4}
    np.testing.assert_allclose(np.bincount(drawn, minlength=6)[:5] / len(uniform), p[0, :5], atol=0.002)


def test_every_setting_changes_what_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRIDES, "theme", 2)  # so that they say something in four seconds
    monkeypatch.setitem(STRIDES, "form", 4)
    model = player()
    base: dict[str, Any] = {"temperature": 1.0, "top_k": 60, "top_p": 0.95, "min_p": 0.001, "seed": 1}

    def play(**change: Any) -> list[Any]:
        return continue_performance(model, PRIMER, seconds=4, **{**base, **change}).notes.tolist()

    plain = play()
    changes: list[dict[str, Any]] = [
        *({"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.3}, {"min_p": 0.5}, {"grammar": False}),
        *({"seed": 2}, {"primer_start": 0.2}, {"primer_end": 1.2}),
        *({"theme": 0.0}, {"form": 0.5}, {"shape": "denser"}, {"from_beginning": False}),
    ]
    named = {name for change in changes for name in change} | {"allow_end", "int8"}  # these have their own
    assert named >= {field.name for field in fields(SamplingSettings)}  # of a new one, too
    for change in changes:
        assert play(**change) != plain, change


# The grammar


@pytest.mark.parametrize("position", SCHEMES)
def test_continuations_are_grammatical(position: str) -> None:
    model = player(position, context_length=400)
    primer = prepare_primer(model, PRIMER).tokens
    made = tokens_of(
        model, 150, variations=2, settings=SamplingSettings(temperature=2.0, top_p=1.0, allow_end=False)
    )
    for column in made.T:
        assert is_grammatical(np.concatenate([primer[1:], column]), closed=False)


def test_an_unmasked_model_breaks_the_grammar() -> None:
    made = tokens_of(player(), 60, settings=SamplingSettings(grammar=False, allow_end=False, top_p=1.0))[:, 0]
    primer = prepare_primer(player(), PRIMER).tokens
    assert not is_grammatical(np.concatenate([primer[1:], made]), closed=False)
    assert not {PAD, START, END} & set(made.tolist())


# The end


def test_each_variation_ends_by_itself_and_stays_ended() -> None:
    model = player(seed=5)
    with torch.no_grad():
        model.head.weight[END] = model.head.weight.mean(0) + 0.5  # likely enough
    made = tokens_of(model, 300, variations=6, settings=SamplingSettings(top_p=1.0, temperature=3.0, theme=0))
    ends = [np.flatnonzero(column == END) for column in made.T]
    assert len({int(end[0]) for end in ends if len(end)}) > 1
    for column, end in zip(made.T, ends, strict=True):
        assert len(end) <= 1
        if len(end):
            assert (column[end[0] + 1 :] == PAD).all()
            assert (column[: end[0]] < EVENTS).all()


def test_a_piece_that_may_not_end_does_not() -> None:
    model = player()
    with torch.no_grad():
        model.head.weight[END] = 0
        model.head.weight[END] = model.head.weight.max()
    assert END not in tokens_of(model, 100, settings=SamplingSettings(allow_end=False, temperature=5.0))


@pytest.mark.parametrize("grammar", [True, False])
def test_no_piece_ends_before_a_note_was_struck(grammar: bool) -> None:
    model = player()
    with torch.no_grad():  # END is by far the likeliest, whatever came before
        model.norm.bias[:] = 1.0
        model.head.weight[:] *= 0.01
        model.head.weight[END] = 5.0
    made = tokens_of(model, 200, variations=3, settings=SamplingSettings(grammar=grammar, top_p=1.0))
    for column in made.T:
        end = int(np.flatnonzero(column == END)[0])
        struck = np.flatnonzero(column[:end] < NOTE_OFF)
        assert len(struck) == 1 and struck[0] == end - 1


def test_end_closes_what_sounds_in_its_variation_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(
        monkeypatch,
        [level(64), level(64)],
        [NOTE_ON + 60, NOTE_ON + 60],
        [shift(0.5), shift(0.5)],
        [END, NOTE_ON + 64],
        [PAD, shift(0.5)],
        [PAD, END],
    )
    first, second = continue_variations(player(), Performance(), seconds=10, variations=2)
    assert first.performance.notes.tolist() == [(0.0, 0.5, 60, 62)]
    assert second.performance.notes.tolist() == [(0.0, 1.0, 60, 62), (0.5, 1.0, 64, 62)]
    assert (first.ended, second.ended) == (True, True)
    assert (first.tokens, second.tokens) == (4, 6)


# Length


@pytest.mark.parametrize("seconds", [0.001, 0.5, 3.0, 7.77])
def test_no_note_goes_beyond_the_seconds_asked_for(seconds: float) -> None:
    for variation in continue_variations(player(), PRIMER, seconds=seconds, variations=3, allow_end=False):
        notes = variation.performance.notes[len(variation.primer) :]
        assert variation.cut == pytest.approx(4.0)
        assert (notes["onset"] < 4.0 + seconds + 0.005).all()
        assert variation.performance.duration <= 4.0 + seconds + 0.005


@pytest.mark.parametrize("tokens", [1, 2, 17])
def test_no_more_tokens_are_drawn_than_asked_for(tokens: int) -> None:
    made = continue_variations(player(), PRIMER, seconds=None, tokens=tokens, allow_end=False)[0]
    assert made.tokens == tokens
    both = continue_variations(player(), PRIMER, seconds=3600, tokens=tokens, allow_end=False)[0]
    np.testing.assert_array_equal(both.performance.notes, made.performance.notes)


@pytest.mark.parametrize("position", SCHEMES)
def test_the_music_goes_on_past_the_training_length(position: str) -> None:
    model = player(position)
    made = continue_variations(model, PRIMER, seconds=None, tokens=3 * CONTEXT, allow_end=False)[0]
    if position == "learned":
        assert made.tokens == CONTEXT - len(prepare_primer(model, PRIMER).tokens)
        assert "the model knows 64 positions and no more" in made.performance.remarks[-1]
    else:
        assert made.tokens == 3 * CONTEXT
        assert made.performance.remarks == ()


# Primers


@pytest.mark.parametrize(
    "primer", [Performance(), performance((0.0, 1.0, 60, 64)), performance((0.0, 0.001, 127, 1)), PRIMER]
)
def test_any_primer_is_played_on_from(primer: Performance) -> None:
    made = continue_variations(player(), primer, seconds=3, allow_end=False)[0]
    heard = apply_pedal(primer)
    assert len(made.performance) > len(heard)
    before = made.performance.notes[made.performance.notes["onset"] < made.cut - 0.005]
    np.testing.assert_array_equal(before["pitch"], heard.notes["pitch"])
    np.testing.assert_array_equal(before["onset"], heard.notes["onset"])


def test_nothing_is_a_beginning_and_a_passage_is_not() -> None:
    model = player()
    assert prepare_primer(model, Performance()).tokens.tolist() == [START]
    assert prepare_primer(model, PRIMER).tokens.tolist() == [START, *encode(PRIMER)]
    assert START not in prepare_primer(model, PRIMER, start=0.5).tokens


def test_a_primer_has_notes_and_tells_of_long_silence() -> None:
    with pytest.raises(MusictxError, match=r"no note begins after 100 s; the music lasts 4\.0 s"):
        prepare_primer(player(), PRIMER, start=100.0)
    with pytest.raises(MusictxError, match=r"no note begins between 50 and 60 s"):
        prepare_primer(player(), PRIMER, start=50.0, end=60.0)
    assert prepare_primer(player(), PRIMER, end=7.0).remarks == ()
    assert prepare_primer(player(), PRIMER, end=20.0).remarks == ("the primer ends with 16.0 s of silence",)


@pytest.mark.parametrize("end", [1.004, 1.006])
def test_a_note_belongs_to_the_primer_or_comes_after_it(end: float) -> None:
    near = Performance(make_notes([0.0, 1.003, 1.008], [0.5, 3.0, 3.0], [60, 62, 64], 64))
    made = continue_variations(player(), near, seconds=2, primer_end=end, allow_end=False)[0]
    assert (made.primer.notes["onset"] < made.cut).all()
    assert len(made.alone) == len(made.performance) - len(made.primer)


def test_of_a_long_primer_the_last_part_counts_and_it_says_so() -> None:
    model = player()
    long = random_performance(0, 200, 60.0)
    ready = prepare_primer(model, long)
    assert len(ready.tokens) <= CONTEXT * 3 // 4
    assert len(ready.performance) == len(apply_pedal(long))
    made = continue_performance(model, long, seconds=2)
    assert made.remarks[0].startswith(f"the primer is {ready.cut:.1f} s long; the model reads its last ")
    assert continue_performance(model, PRIMER, seconds=2).remarks == ()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 120), st.booleans(), st.floats(0.0, 1.0))
def test_the_last_events_are_a_passage_of_their_own(seed: int, limit: int, same: bool, spread: float) -> None:
    """No longer than asked for, grammatical, and with every note that is struck in it."""
    music = random_performance(seed, 60, 1 + 60 * spread)
    if same:
        music.notes["velocity"] = 64
    tokens = encode(music, until=40.0)
    found = last_events(tokens, limit)
    assert len(found) <= limit
    assert is_grammatical(found, closed=False)
    table, whole = tokens_to_table(found), tokens_to_table(tokens)
    on, all_on = np.flatnonzero(table.is_on), np.flatnonzero(whole.is_on)
    last = all_on[len(all_on) - len(on) :]
    np.testing.assert_array_equal(table.pitch[on], whole.pitch[last])
    np.testing.assert_array_equal(table.level[on], whole.level[last])
    np.testing.assert_array_equal(table.end - table.step[on], whole.end - whole.step[last])
    assert len(found) >= min(len(tokens), limit) - 2 * 128 or len(on) == len(all_on)


def test_a_note_that_sounds_at_the_cut_sounds_until_the_model_releases_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = performance((0.0, 9.0, 60, 64), (0.0, 9.0, 67, 64), (0.5, 0.8, 64, 80))
    scripted(
        monkeypatch, *(shift(0.7), NOTE_OFF + 60, NOTE_ON + 62, shift(1), NOTE_OFF + 62, shift(0.25), END)
    )  # counted from the primer's last event, at 0.8
    made = continue_variations(player(), held, primer_end=1.0, seconds=20)[0]
    assert [tuple(n) for n in made.performance.notes.tolist()] == [
        (0.0, 1.5, 60, 64),
        (0.0, 2.75, 67, 64),  # never released: closed at the end
        (0.5, 0.8, 64, 80),
        (1.5, 2.5, 62, 78),  # at the primer's last velocity
    ]
    streamed = [event for events in stream_notes(player(), held, primer_end=1.0) for event in events]
    assert streamed == [
        NoteOff(-1, 1.5),
        NoteOn(0, 1.5, 62, 78),
        NoteOff(0, 2.5),
        NoteOff(-2, 2.75),
    ]


@pytest.mark.parametrize("rest", [0.37, 1.0, 2.5])
@pytest.mark.parametrize("masked", [True, False])
def test_a_primer_that_is_cut_in_a_rest_rests_until_there_and_as_long_as_the_model_likes(
    rest: float, masked: bool
) -> None:
    music = performance((0.0, 0.5, 60, 64), (9.0, 9.5, 62, 64))
    firsts = []
    for take in continue_variations(
        player(), music, primer_end=0.5 + rest, seconds=20, variations=12, allow_end=False, grammar=masked
    ):
        new = take.performance.notes[1:]
        assert take.performance.notes[0].tolist() == (0.0, 0.5, 60, 64)
        firsts.append(round(100 * (new["onset"].min() - 0.5 - rest)))
    assert min(firsts) >= 0 and len(set(firsts)) > 2  # not all at the cut


def test_without_a_primer_the_first_note_comes_at_once() -> None:
    for take in continue_variations(player(), Performance(), seconds=3, variations=6):
        assert take.performance.notes["onset"].min() == 0


def test_a_held_note_that_is_struck_again_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, shift(1), shift(0.5), NOTE_ON + 60, shift(0.5), END)
    held = performance((0.0, 9.0, 60, 64))
    made = continue_performance(player(), held, primer_end=1.0, grammar=False)
    assert made.notes.tolist() == [(0.0, 1.5, 60, 64), (1.5, 2.0, 60, 62)]


def test_a_note_struck_last_of_all_sounds_for_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, level(64), NOTE_ON + 60)
    assert continue_performance(player(), Performance()).notes.tolist() == [(0.0, 0.01, 60, 62)]
    assert [e for events in stream_notes(player(), Performance()) for e in events] == [
        NoteOn(0, 0.0, 60, 62),
        NoteOff(0, 0.01),
    ]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.none() | st.floats(0.01, 4.0), st.booleans())
def test_no_key_is_held_twice_wherever_the_primer_is_cut(seed: int, end: float | None, masked: bool) -> None:
    primer = random_performance(seed, 12, 3.0)
    made = continue_variations(player(), primer, primer_end=end, seconds=2, seed=seed % 97, grammar=masked)[0]
    notes = by_pitch(made.performance.notes)
    assert (notes["offset"] > notes["onset"]).all()
    again = notes["pitch"][1:] == notes["pitch"][:-1]
    assert (notes["onset"][1:][again] >= notes["offset"][:-1][again]).all()


def test_the_passage_between_start_and_end_is_the_primer() -> None:
    made = continue_variations(player(), PRIMER, primer_start=0.5, primer_end=2.0, seconds=1)[0]
    np.testing.assert_allclose(made.primer.notes["onset"], [0.0, 0.5, 0.5, 1.0])
    np.testing.assert_allclose(made.primer.notes["offset"], [0.5, 1.5, 1.0, 1.5])
    assert made.cut == pytest.approx(1.5)


def test_the_continuation_alone_starts_at_nothing() -> None:
    made = continue_variations(player(), PRIMER, seconds=3, allow_end=False)[0]
    assert len(made.alone) == len(made.performance) - len(made.primer)
    assert made.alone.notes["onset"].min() >= 0
    assert made.alone.duration == pytest.approx(made.performance.duration - made.cut)


# Streams


@pytest.mark.parametrize("end", [None, 1.25])
def test_what_is_streamed_is_what_is_returned(end: float | None) -> None:
    model = player()
    options: dict[str, Any] = {"primer_end": end, "seconds": 6, "seed": 3}
    made = continue_performance(model, PRIMER, **options)
    ready = prepare_primer(model, PRIMER, end=end)
    on: dict[int, NoteOn] = {}
    notes = [list(n) for n in ready.performance.notes.tolist()]
    clock = 0.0
    for events in stream_notes(model, PRIMER, **options):
        for event in events:
            when = event.onset if isinstance(event, NoteOn) else event.offset
            assert when >= clock - 0.011  # in time, but for notes of one step
            clock = max(clock, when)
            if isinstance(event, NoteOn):
                assert event.index == len(on)
                on[event.index] = event
            elif event.index < 0:
                notes[-event.index - 1][1] = event.offset
            else:
                struck = on[event.index]
                notes.append([struck.onset, event.offset, struck.pitch, struck.velocity])
    np.testing.assert_allclose(sorted(notes), sorted(made.notes.tolist()), rtol=0, atol=1e-9)
    assert len(notes) == len(ready.performance) + len(on)  # each is closed


def test_notes_come_before_the_music_is_done() -> None:
    stream = stream_notes(player(), PRIMER, seconds=3600, allow_end=False)
    assert sum(len(next(stream)) for _ in range(60)) > 0
    stream.close()


def test_a_stream_decodes_as_the_tokens_do() -> None:
    model = player()
    made = tokens_of(model, 80, seed=5)[:, 0]
    tokens = np.concatenate([prepare_primer(model, PRIMER).tokens, made])
    music = continue_performance(model, PRIMER, seconds=None, tokens=80, seed=5, allow_end=False)
    wanted, found = by_pitch(decode(tokens).notes), by_pitch(music.notes)
    np.testing.assert_allclose(found["onset"], wanted["onset"], atol=1e-9)
    np.testing.assert_allclose(found["offset"], wanted["offset"], atol=1e-9)


def test_a_note_struck_where_the_primer_ends_is_not_heard() -> None:
    """Step 230 is 2.3 s and no more, though 230 * 0.01 is a little more."""
    music = performance((0.0, 0.5, 60, 64), (1.15, 1.5, 64, 64), (2.3, 2.8, 67, 64))
    primer = prepare_primer(player(), music, end=2.3)
    assert primer.performance.notes["pitch"].tolist() == [60, 64]
    assert set(primer.tokens.tolist()) & {NOTE_ON + 67, NOTE_OFF + 67} == set()


@pytest.mark.parametrize(("bpm", "bars"), [(72, 2), (97, 4), (110, 4)])
def test_a_downbeat_just_before_the_first_step_belongs_to_the_continuation(bpm: int, bars: int) -> None:
    """A bar line lies between two hundredths: its note is moved there, and the cut with it."""
    metre = Metre.of(480, [(0, round(60e6 / bpm))], [])
    line = float(metre.seconds(bars * 1920))
    music = replace(PRIMER, metre=metre)
    options: dict[str, Any] = {"seconds": 4, "primer_end": line, "beat": "strict", "allow_end": False}
    made = continue_variations(player(), music, variations=8, **options)
    assert round(line, 2) > line and min(take.cut for take in made) == pytest.approx(line)
    for take in made:
        assert len(take.alone) == len(take.performance) - len(take.primer)


# Impossible options


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": -1}, "top-k is -1"),
        ({"top_p": 0.0}, "top-p is 0.0"),
        ({"top_p": 1.5}, "top-p is 1.5"),
        ({"min_p": -0.1}, "min-p is -0.1"),
        ({"min_p": float("nan")}, "min-p is nan"),
        ({"seconds": 0}, "seconds is 0"),
        ({"seconds": -5}, "seconds is -5"),
        ({"seconds": float("inf")}, "seconds is inf"),
        ({"seconds": 1e9}, "seconds is"),
        ({"tokens": 0}, "tokens is 0"),
        ({"seconds": None}, "in seconds or tokens"),
        ({"primer_start": -1.0}, "primer-start is -1.0; it must be 0 s or later"),
        ({"primer_start": 2.0, "primer_end": 1.0}, "must end after it starts"),
        ({"primer_end": float("nan")}, "must end after it starts"),
        ({"primer_end": float("inf")}, "must end after it starts"),
        ({"primer_start": float("nan")}, "it must be 0 s or later"),
        ({"variations": 0}, "variations is 0"),
    ],
)
def test_impossible_options_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(MusictxError, match=message):
        continue_variations(player(), PRIMER, **wrong)
    if "variations" not in wrong:
        with pytest.raises(MusictxError, match=message):
            list(stream_notes(player(), PRIMER, **wrong))


def test_a_model_with_damaged_weights_is_named() -> None:
    model = player()
    with torch.no_grad():
        model.head.weight[5] = torch.nan
    with pytest.raises(MusictxError, match="its weights are damaged"):
        continue_performance(model, PRIMER, seconds=1)


METRE = Metre.of(480, [(0, 500_000)], [(0, 4, 4)])


def test_a_length_in_bars_ends_on_a_bar_line() -> None:
    music = replace(PRIMER, metre=METRE)
    made = continue_variations(player(), music, seconds=None, bars=2, primer_end=1.9, allow_end=False)[0]
    assert made.performance.duration == pytest.approx(6.0, abs=0.01)
    assert made.performance.metre and made.performance.metre.start == 0
    slow = replace(PRIMER, metre=Metre.of(480, [(0, 1_000_000)], []))
    with pytest.raises(MusictxError, match="1000 bars last 4000 s; a continuation lasts 3600 s at most"):
        continue_variations(player(), slow, bars=1000)
    with pytest.raises(MusictxError, match="no bars to count"):
        continue_variations(player(), PRIMER, bars=2)


@pytest.mark.parametrize("beat", ["loose", "strict"])
def test_the_beat_moves_the_same_notes_nearer_to_the_grid(beat: str) -> None:
    music = replace(PRIMER, metre=METRE)
    options: dict[str, Any] = {"seconds": 8, "seed": 2, "allow_end": False}
    free = continue_variations(player(), music, **options)[0]
    kept = continue_variations(player(), music, beat=beat, **options)[0]
    assert kept.tokens == free.tokens

    def away(made: Continuation) -> float:
        onset = made.performance.notes["onset"][made.performance.notes["onset"] >= made.cut]
        places = METRE.ticks(onset) / 120
        return float(np.abs(places - np.rint(places)).mean())

    assert away(kept) < (1e-6 if beat == "strict" else 0.6 * away(free)) and away(free) > 0.1
    assert continue_variations(player(), PRIMER, beat=beat, **options)[0].performance.notes.tolist() == (
        free.performance.notes.tolist()
    )


def test_notes_in_time_are_the_same_as_they_come() -> None:
    music = replace(PRIMER, metre=METRE)
    options: dict[str, Any] = {"seconds": 4, "seed": 2, "beat": "strict", "allow_end": False}
    events = [event for new in stream_notes(player(), music, **options) for event in new]
    ons = {event.index: event.onset for event in events if isinstance(event, NoteOn)}
    offs = {event.index: event.offset for event in events if isinstance(event, NoteOff)}
    whole = continue_variations(player(), music, **options)[0]
    made = whole.performance.notes[whole.performance.notes["onset"] >= whole.cut]
    assert sorted(ons.values()) == pytest.approx(made["onset"].tolist())
    assert all(offs[index] > onset for index, onset in ons.items())
