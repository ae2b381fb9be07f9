"""Positions by index, time and pitch: what is seen of the order is the music's, not where it stands."""

from __future__ import annotations

import math

import pytest
import torch
from scheme_contract import model, music
from torch import Tensor

from musictx.errors import MusictxError
from musictx.events import NOTE_OFF, START, TIME_SHIFT, VELOCITY
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.positions import Musical
from musictx.sampling import Cache

HALF_SECOND = TIME_SHIFT + 49
#                     level          C4        a rest       G4             C4 ends            D4
PIECE = torch.tensor(
    [[START, VELOCITY + 9, 60, HALF_SECOND, 67, VELOCITY + 3, NOTE_OFF + 60, TIME_SHIFT, 62]]
)


def positions(**settings: object) -> Musical:
    made = model("musical", **settings).double().positions
    assert isinstance(made, Musical)
    return made


def transposed(tokens: Tensor, semitones: int) -> Tensor:
    return torch.where(tokens < TIME_SHIFT, tokens + semitones, tokens)


def test_coordinates_are_index_steps_of_10_ms_and_semitones_from_the_first_note() -> None:
    index, time, pitch = positions().coordinates(PIECE, 0, None)[0][0].T.tolist()
    assert index == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert time == [0, 0, 0, 50, 50, 50, 50, 51, 51]
    assert pitch == [0, 0, 0, 0, 7, 7, 0, 0, 2]


def test_transposed_music_stands_at_the_same_places() -> None:
    """So does what comes before the first note: no event is told how high the music is."""
    scheme, tokens = positions(), music(200) % VELOCITY
    tokens[:, :40] = torch.where(tokens[:, :40] < TIME_SHIFT, TIME_SHIFT + 5, tokens[:, :40])
    tokens = torch.where(tokens < TIME_SHIFT, tokens // NOTE_OFF * NOTE_OFF + 20 + tokens % 80, tokens)
    home = scheme.order(tokens).rotation
    for semitones in (-12, 5, 19):
        away = scheme.order(transposed(tokens, semitones)).rotation
        assert torch.equal(home[0], away[0]) and torch.equal(home[1], away[1])


def test_a_shift_in_time_and_index_is_not_seen() -> None:
    """Two models' logits agree, of which one has been given an hour and 5,000 events before, unseen."""
    made, tokens = model("musical").double(), music(24)
    tokens[:, 0] = 60
    scheme, hour = made.positions, torch.tensor([[360_000, 64, 55]]).expand(2, -1)
    with torch.no_grad():
        later = made.logits(tokens, scheme.order(tokens, 5000, hour))
        torch.testing.assert_close(later, made(tokens), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("place", "token"), [(3, HALF_SECOND + 7), (4, 69), (8, 61)])
def test_a_longer_rest_or_another_interval_is_seen(place: int, token: int) -> None:
    """By the positions alone: the events themselves stay as they are."""
    made, other = model("musical").double(), PIECE.clone()
    other[0, place] = token
    with torch.no_grad():
        moved = made.logits(PIECE, made.positions.order(other))
        assert torch.equal(moved[:, :place], made(PIECE)[:, :place])
        assert (moved - made(PIECE)).abs().max() > 1e-3


def test_periods_reach_from_a_short_note_to_the_form_and_over_all_pitches() -> None:
    scheme = MusicTransformer(ModelConfig("musical", width=256, heads=4)).positions
    periods = [2 * math.pi / scheme.frequency[scheme.coordinate == i] for i in range(3)]
    assert [len(p) for p in periods] == [12, 12, 8]
    assert periods[1][[0, -1]].tolist() == pytest.approx([20, 60_000], rel=1e-4)  # steps of 10 ms
    assert periods[2][[0, -1]].tolist() == pytest.approx([7, 128], rel=1e-4)  # semitones
    for p in periods:
        torch.testing.assert_close(p[1:] / p[:-1], (p[1] / p[0]).expand(len(p) - 1), rtol=1e-4, atol=0)


def test_sequences_of_a_cache_keep_their_own_time_and_pitch() -> None:
    """Three that begin alike and part: each goes on as it would alone, in whichever order they are kept."""
    made, rest = model("musical"), music(30, batch=3, seed=4)
    whole = torch.cat([PIECE.expand(3, -1), rest], 1)
    with torch.inference_mode():
        cache = Cache(made, 1, 12)
        cache.step(PIECE)
        cache.repeat(3)
        for t in rest[:, :12].split(1, 1):
            cache.step(t)
        order = torch.tensor([2, 0, 2])
        cache.keep(order)
        found = torch.cat([cache.step(t) for t in rest[order, 12:].split(1, 1)], 1)
        torch.testing.assert_close(found, made(whole[order])[:, -18:], rtol=0, atol=1e-4)


def test_another_vocabulary_has_no_times_and_pitches() -> None:
    with pytest.raises(MusictxError, match="musical positions need the vocabulary of 391 events"):
        MusicTransformer(ModelConfig("musical", vocabulary=48))
