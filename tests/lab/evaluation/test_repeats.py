"""Facts about repeat gain, shift sensitivity and the rules for long contexts."""

import numpy as np
import pytest
import torch
from helpers_evaluation import make_corpus, random_corpus, tiny_model

from musictx.corpus import consecutive_chunks
from musictx.errors import MusictxError
from musictx.events import NOTE_OFF, VOCABULARY_SIZE, decode, encode
from musictx.events.grammar import is_grammatical
from musictx.lab.evaluation.extrapolation import compare_rules, length_rules, moving_losses, with_settings
from musictx.lab.evaluation.nll import EVENT_TYPES, event_types
from musictx.lab.evaluation.repeats import KINDS, repeat_after_gaps, repeat_gain
from musictx.lab.evaluation.shift import shift_sensitivity
from musictx.lab.evaluation.variants import CHANGES, changed, other_music, passages, transposed
from musictx.losses import chunk_losses
from musictx.performance import Performance, make_notes, transpose


def music(notes, seed):
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.choice([0.1, 0.2, 0.4], notes))
    return encode(Performance(make_notes(onset, onset + 0.3, rng.integers(40, 80, notes), 64)))


class Parrot(torch.nn.Module):
    """Knows what followed when the last token came before, by looking it up: an ideal repeater."""

    class positions:
        limit = None

    def __init__(self, lag):
        super().__init__()
        self.lag = lag
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def forward(self, tokens):
        logits = torch.zeros(*tokens.shape, VOCABULARY_SIZE)
        for row in range(tokens.shape[0]):
            for t in range(self.lag, tokens.shape[1]):
                logits[row, t, tokens[row, t - self.lag + 1]] = 20.0
        return logits


def test_an_ideal_repeater_gains_everything_on_the_exact_repeat_and_nothing_else():
    first = music(30, 0)
    gains = repeat_gain(Parrot(len(first)), [first, first[::-1].copy()])
    even = np.log(VOCABULARY_SIZE)
    assert gains["first"]["nats"] == pytest.approx(even, abs=0.5)
    assert gains["exact"]["gain"]["nats"] > even - 1.5
    for kind in ("fifth", "odd offset"):
        assert gains[kind]["gain"]["nats"] < 0, kind


def test_the_gain_is_the_difference_of_its_parts():
    model = tiny_model("rope", context_length=64)
    gains = repeat_gain(model, [music(12, seed) for seed in range(4)])
    for kind in ("exact", "fifth", "tempo", "touch", "odd offset"):
        figure = gains[kind]
        assert figure["gain"]["nats"] == pytest.approx(gains["first"]["nats"] - figure["nats"])
        assert figure["gain_over_other"]["nats"] == pytest.approx(gains["other"]["nats"] - figure["nats"])
    assert set(KINDS) | {"first"} <= set(gains) and gains["passages"] == 4


def test_each_kind_of_event_has_its_own_cost_and_they_add_up():
    first = music(30, 0)
    found = repeat_gain(Parrot(len(first)), [first, first[::-1].copy()])
    for kind, figure in found["exact"]["by_type"].items():
        assert figure["nats"] < 1.0, kind  # the second passage cannot be repeated wholly
    model, two = tiny_model("rope", context_length=64), [music(12, seed) for seed in range(2)]
    found = repeat_gain(model, two)
    count = np.bincount(event_types(np.concatenate(two)), minlength=4)
    for kind in ("first", "exact", "other"):
        nats = [found[kind]["by_type"][name]["nats"] for name in EVENT_TYPES]
        assert np.average(nats, weights=count) == pytest.approx(found[kind]["nats"])


@pytest.mark.parametrize("gap", [0, 50, 300])
def test_a_pitch_costs_an_ideal_repeater_nothing_after_any_gap(gap):
    two = [music(30, 0), transposed(music(30, 0), 5)]
    (lag,) = {len(first) + len(other_music(two, i, gap)) for i, first in enumerate(two)}
    assert lag - len(two[0]) == pytest.approx(gap, abs=8)
    (row,) = repeat_after_gaps(Parrot(lag), two, [gap])
    pitch, new_pitch = (row[kind]["by_type"]["NOTE_ON"]["nats"] for kind in ("exact", "other"))
    assert row["gap"] == gap and pitch < 0.01 and new_pitch > np.log(VOCABULARY_SIZE) - 0.1


def test_gaps_past_learned_positions_have_no_figure():
    model = tiny_model("learned", context_length=200)
    near, far = repeat_after_gaps(model, [music(12, 0), music(12, 1)], [0, 200])
    assert near["exact"]["nats"] > 0 and far == {"gap": 200, "exact": None, "other": None}


def test_what_fills_a_gap_is_complete_music_without_the_passage_itself():
    two = [music(30, 0), music(30, 1)]
    assert np.array_equal(other_music(two, 0, len(two[1])), two[1])
    filled = other_music(two, 0, 301)
    assert 301 - 8 <= len(filled) <= 301
    assert np.array_equal(filled[: len(two[1])], two[1])
    struck, released = (filled < NOTE_OFF).sum(), ((filled >= NOTE_OFF) & (filled < 2 * NOTE_OFF)).sum()
    assert struck == released > 30
    assert len(other_music(two, 0, 0)) == 0


def test_a_varied_playing_has_the_same_notes_in_another_key_tempo_or_touch():
    first = music(40, 3)
    before = decode(first).notes
    after = {change: decode(changed(first, change)).notes for change in CHANGES}
    assert np.array_equal(after["exact"], before)
    assert np.array_equal(after["fifth"]["pitch"], before["pitch"] + 7)
    assert np.array_equal(after["tempo"]["pitch"], before["pitch"])
    assert after["tempo"]["onset"] == pytest.approx(1.05 * before["onset"], abs=0.0051)
    assert np.array_equal(after["touch"]["velocity"], before["velocity"] + 12)
    assert np.array_equal(after["touch"]["onset"], before["onset"])
    for change in CHANGES:
        assert is_grammatical(changed(first, change).astype(np.int64)), change
    assert decode(changed(transposed(first, 46), "fifth")).notes["pitch"].max() <= 127


def test_passages_are_complete_music_of_the_length_asked_for():
    corpus = make_corpus([music(n, n) for n in (300, 200, 20)])
    found = passages(corpus, np.array([0, 0, 1]), 100)
    assert len(found) == 1 and 50 <= len(found[0]) <= 100
    assert is_grammatical(found[0])
    with pytest.raises(MusictxError, match="only 1 of the pieces"):
        repeat_gain(tiny_model(), found)


def test_transposing_tokens_is_transposing_music():
    tokens = music(40, 3)
    moved = decode(transposed(tokens, 7)).notes
    assert np.array_equal(moved, transpose(decode(tokens), 7).notes)
    assert transposed(tokens, 60) is None


@pytest.mark.parametrize("position", ["relative", "rope", "alibi", "none"])
def test_shift_sensitivity_is_zero_for_schemes_that_know_only_distances(position):
    model = tiny_model(position)
    for row in shift_sensitivity(model, [music(10, 0)], [0, 1, 1000]):
        assert row["divergence"] == pytest.approx(0, abs=1e-6)
        assert row["nats"] == pytest.approx(row["nats_at_0"], abs=1e-4)


@pytest.mark.parametrize("position", ["vanilla", "learned"])
def test_shift_sensitivity_is_not_zero_for_absolute_positions(position):
    rows = shift_sensitivity(tiny_model(position), [music(5, 0)[:16]], [0, 1, 16, 17])
    assert rows[0]["divergence"] == pytest.approx(0, abs=1e-6)
    assert rows[1]["divergence"] > 1e-4 and rows[2]["divergence"] > 1e-4
    assert (rows[3]["divergence"] is None) == (position == "learned")


def test_moving_context_equals_plain_losses_within_the_training_length():
    model, corpus = tiny_model("vanilla"), random_corpus([32, 20])
    chunks = list(consecutive_chunks(corpus, 32))
    plain = [x for _, x in chunk_losses(model, chunks)]
    for a, b in zip(plain, moving_losses(model, chunks), strict=True):
        assert a == pytest.approx(b, abs=1e-5)


def test_moving_context_restarts_from_its_younger_half():
    model = tiny_model("vanilla")
    (chunk,) = consecutive_chunks(random_corpus([75]), 80)
    (losses,) = moving_losses(model, [chunk])
    later = torch.from_numpy(chunk.inputs[16:48])[None]
    expected = torch.nn.functional.cross_entropy(
        model(later)[0], torch.from_numpy(chunk.targets[16:48]), reduction="none"
    )
    assert losses[32:48] == pytest.approx(expected.detach().numpy()[16:], abs=1e-5)
    assert (losses > 0).all()


def test_rules_by_scheme():
    assert set(length_rules(tiny_model("vanilla"), 64)) == {"as it is", "window", "half window", "moving"}
    assert "zero" in length_rules(tiny_model("relative"), 64)
    longer = {"rope_scaling": "yarn", "rope_factor": 4.0, "window": None}
    rope = length_rules(with_settings(tiny_model("rope"), window=32), 128)
    assert rope["yarn"] == longer and rope["no window"] == {"window": None}
    assert set(rope) == {"as it is", "no window", "half window", "base × 10", "ntk", "yarn", "moving"}
    assert set(length_rules(tiny_model("learned"), 64)) == {"moving"}


@pytest.mark.parametrize("position", ["relative", "rope", "learned"])
def test_rules_are_compared_on_the_same_full_chunks(position):
    model, corpus = tiny_model(position), random_corpus([200, 150, 90])
    result = compare_rules(model, corpus, np.arange(3), times=(2, 4, 16))
    assert result["2"]["tokens"] == 64 * (3 + 2 + 1) and result["4"]["tokens"] == 128 * 2
    assert result["16"] == {"length": 512, "tokens": 0, "best": None, "rules": {}}
    for k in ("2", "4"):
        rules = result[k]["rules"]
        assert rules[result[k]["best"]]["nats"] == min(r["nats"] for r in rules.values())
        assert len({round(r["nats"], 6) for r in rules.values()}) == len(rules)  # every rule does something


def test_settings_change_the_rule_and_keep_the_weights():
    model = tiny_model("relative")
    changed = with_settings(model, window=4)
    assert changed.config.window == 4 and model.config.window is None
    assert torch.equal(changed.head.weight, model.head.weight)
