"""What a model listens to: the weights are those of an uncached forward, and figures follow from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers_evaluation import tiny_model
from music_helpers import performance, random_performance, random_walk

from musictx.errors import MusictxError
from musictx.events import START, decode, encode
from musictx.lab.evaluation.attention_figures import (
    describe_listening,
    listening_table,
    looking_back,
    measure_heads,
)
from musictx.lab.evaluation.attention_maps import Listening
from musictx.lab.evaluation.note_tokens import choices, note_tokens
from musictx.lab.reference_attention import relative_logits_gather
from musictx.model.positions import SCHEMES, apply_rope
from musictx.performance import apply_pedal, slice_time
from musictx.sampling import SamplingSettings, continue_performance, generate, prepare_primer
from musictx.sampling.primer import without_rest
from musictx.sampling.takes import Take, take_tokens

MODELS = {name: {"position": name} for name in SCHEMES} | {
    "windowed rope": {"position": "rope", "window": 9},
    "yarn": {"position": "rope", "rope_scaling": "yarn", "rope_factor": 4.0},
    "relative, zero beyond": {"position": "relative", "beyond": "zero", "max_distance": 7},
    "windowed alibi": {"position": "alibi", "window": 11},
}
MUSIC = np.append(START, random_walk(1, 59, 1.0)[:59]).astype(np.int64)


def model_of(name, **changes):
    return tiny_model(**{"layers": 2, "context_length": 64, **MODELS[name], **changes})


def uncached(model, tokens):
    """Weights of every layer by their definition, all L × L of them, and the layers' real outputs."""
    weights, agree = [], []

    def look(attention, given, output):
        (x, terms), config = given[:2], model.config
        heads = attention.qkv(x).view(*x.shape[:2], -1, config.head_width).transpose(1, 2)
        q, k, v = heads.chunk(3, 1)
        q, k = apply_rope(q, terms.rope_cos_sin), apply_rope(k, terms.rope_cos_sin)
        logits = q @ k.transpose(-1, -2)
        table = model.positions.table(attention.layer)
        if table is not None:
            logits = logits + relative_logits_gather(q, table, config.beyond)
        logits = logits * config.head_width**-0.5
        distance = torch.arange(len(tokens))[:, None] - torch.arange(len(tokens))
        if terms.bias is not None:
            logits = logits + terms.bias[:, distance.clamp(min=0)]
        hidden = (distance < 0) | (distance >= (config.window or len(tokens)))
        p = logits.masked_fill(hidden, float("-inf")).softmax(-1)
        weights.append(p[0])
        y = attention.out((p @ v).transpose(1, 2).reshape(1, len(tokens), -1))
        agree.append(float((y - output).abs().max()))

    hooks = [layer.attention.register_forward_hook(look) for layer in model.layers]
    with torch.inference_mode():
        model(torch.from_numpy(tokens)[None])
    for hook in hooks:
        hook.remove()
    return torch.stack(weights).numpy(), max(agree)


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_those_of_an_uncached_forward(name):
    model = model_of(name)
    listening = Listening(model, MUSIC)
    wanted, off = uncached(model, MUSIC)
    assert off < 1e-4  # the definition is what the model computes
    for query in (0, 1, 8, 30, len(MUSIC) - 1):
        found = listening.weights(query)
        assert found.shape == (2, model.config.heads, query + 1)
        np.testing.assert_allclose(found, wanted[:, :, query, : query + 1], atol=1e-5)
        np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)


def test_a_window_is_all_that_is_listened_to():
    found = Listening(model_of("windowed rope"), MUSIC).weights(40)
    assert (found[..., :32] == 0).all() and (found[..., 32:] > 0).all()


def test_what_comes_later_changes_nothing():
    model = model_of("relative")
    short, whole = Listening(model, MUSIC[:31]), Listening(model, MUSIC)
    np.testing.assert_allclose(short.weights(30), whole.weights(30), atol=1e-6)


def test_the_weights_of_a_notes_tokens_are_its_weight():
    listening = Listening(model_of("relative"), MUSIC)
    notes = listening.notes
    note = len(notes) - 2
    query = int(notes.on[note]) - 1
    weights, found = listening.weights(query), listening.note_weights(note)
    for other in range(len(notes)):
        places = np.flatnonzero(notes.owner[: query + 1] == other)
        np.testing.assert_allclose(found[..., other], weights[..., places].sum(-1), atol=1e-6)
    unowned = weights[..., notes.owner[: query + 1] < 0].sum(-1)
    np.testing.assert_allclose(found.sum(-1) + unowned, 1, atol=1e-5)
    assert (found[..., note + 1 :] == 0).all()


def test_arcs_are_the_strongest_notes_of_the_heads_asked_for():
    listening = Listening(model_of("relative"), MUSIC)
    note = len(listening.notes) - 1
    arcs = listening.arcs(note, count=5)
    mean = listening.note_weights(note).mean((0, 1))
    mean[note] = 0
    assert [a.weight for a in arcs] == sorted(mean.tolist(), reverse=True)[:5]
    one = listening.arcs(note, heads=[(1, 0)], count=3)
    alone = listening.note_weights(note)[1, 0]
    assert one[0].weight == pytest.approx(np.delete(alone, note).max())
    assert len(listening.arcs(note)) == min(10, len(listening.notes) - 1)
    with pytest.raises(MusictxError, match="no note 999"):
        listening.arcs(999)
    with pytest.raises(MusictxError, match="no token 60"):
        listening.weights(60)


def test_learned_positions_end():
    with pytest.raises(MusictxError, match="at most 64"):
        Listening(model_of("learned"), np.zeros(65, int))


# Takes


@pytest.mark.parametrize("seconds", [2.0, 40.0])
def test_a_take_has_the_tokens_that_the_model_read_and_wrote(seconds):
    model = model_of("relative", context_length=128)
    primer = random_performance(3, int(8 * seconds), seconds)
    ready = prepare_primer(model, primer, end=seconds)
    settings = {"allow_end": False, "int8": False}
    drawn = list(generate(model, ready.tokens, settings=SamplingSettings(**settings), seed=5, max_tokens=80))
    whole = continue_performance(
        model, primer, seconds=None, tokens=80, primer_end=seconds, seed=5, **settings
    )
    take = take_tokens(model, whole, ready.cut)
    wanted = np.concatenate([without_rest(ready.tokens)[0], *drawn]).astype(int)
    last = np.flatnonzero((wanted >= 256) & (wanted < 356))[-1]  # after it, what still sounds is closed
    assert take.tokens[:last].tolist() == wanted[:last].tolist()
    assert (seconds > 20) == (take.tokens[0] != START)  # of the long one the model has the last part only
    assert ready.tokens[: take.primer].tolist() == take.tokens[: take.primer].tolist()
    assert (ready.tokens[take.primer :] >= 256).all()
    notes, music = note_tokens(take.tokens), decode(encode(whole)).notes
    np.testing.assert_array_equal(notes.pitch, music["pitch"][take.skipped :])
    np.testing.assert_allclose(notes.onset + take.begins, music["onset"][take.skipped :], atol=1e-6)


def test_a_take_without_a_primer_begins_with_start():
    music = performance((0, 0.5, 60, 64), (0.5, 1, 64, 64))
    take = take_tokens(model_of("rope"), music, 0.0)
    assert take.tokens.tolist() == [START, *encode(music).tolist()] and take.primer == 1
    notes, queries = choices(take)
    assert notes.tolist() == [0, 1] and take.tokens[queries + 1].tolist() == [60, 64]


def test_a_primer_from_the_middle_of_a_piece_has_no_start():
    model, piece = model_of("rope"), random_performance(4, 30, 4.0)
    ready = prepare_primer(model, piece, 1.0, 2.0)
    whole = slice_time(apply_pedal(slice_time(piece, 1.0)), 0.0, 3.0)
    take = take_tokens(model, whole, 1.0, from_beginning=False)
    assert take.tokens[: take.primer].tolist() == ready.tokens[: take.primer].tolist()
    assert START in take_tokens(model, whole, 1.0).tokens and START not in take.tokens


def test_only_notes_after_the_primer_were_chosen():
    music = performance((0, 0.5, 60, 64), (0.5, 1, 64, 64), (1.5, 2, 67, 64))
    take = take_tokens(model_of("rope"), music, 1.2)
    assert take.tokens[choices(take)[1] + 1].tolist() == [67]
    assert take.tokens[choices(take, primer=True)[1] + 1].tolist() == [60, 64, 67]


# Figures


def near_and_far():
    """A model whose head (0, 0) attends to all alike, and whose head (0, 1) to the last token alone."""
    model = tiny_model("relative", layers=1, heads=2, max_distance=32)
    with torch.no_grad():
        weight = model.layers[0].attention.qkv.weight
        weight[:64].zero_()  # queries and keys
        weight[16:32] = 1.0
        model.layers[0].attention_norm.bias.fill_(3.0)  # so that every query of head 1 points one way
        model.positions.weight.zero_()
        model.positions.weight[0, 1, 0] = 1.0
    return model


def test_heads_are_ranked_by_how_far_back_they_listen():
    model = near_and_far()
    take = Take(MUSIC[MUSIC != START], 20)
    listening = Listening(model, take.tokens)
    queries = choices(take)[1]
    seconds = listening.notes.seconds
    all_alike = [seconds[q] - seconds[: q + 1].mean() for q in queries]
    far, near = measure_heads(listening, 20, queries)
    assert (far.layer, far.head, near.head) == (0, 0, 1)
    assert far.seconds == pytest.approx(np.mean(all_alike), rel=1e-4)
    assert near.seconds == pytest.approx(0, abs=1e-3)
    assert far.primer == pytest.approx(np.mean([20 / (q + 1) for q in queries]), rel=1e-4)
    assert near.primer == pytest.approx(np.mean(queries < 20), abs=1e-3)


def test_a_head_that_averages_over_everything_reaches_less_than_one_that_looks_back():
    """Of two heads with the same mean distance, the one is spread over all, the other sees one place."""
    model = tiny_model("relative", layers=1, heads=2, max_distance=48)
    with torch.no_grad():
        model.layers[0].attention.qkv.weight[:64].zero_()
        model.layers[0].attention.qkv.weight[:32] = 1.0  # all queries alike, no keys
        model.layers[0].attention_norm.bias.fill_(3.0)
        model.positions.weight.zero_()
        model.positions.weight[0, 1, 24] = 9.0  # head 1 sees what lies 24 events back
    listening = Listening(model, np.array([START, 60, *[256 + 9, 128 + 60, 60] * 30]))
    queries = listening.notes.on[-4:] - 1
    seconds, _, _, reach = listening_table(listening, 1, queries)[:, 0].mean(-1)
    assert seconds[0] > seconds[1] == pytest.approx(0.8, abs=0.01)
    assert reach[1] == pytest.approx(0.8, abs=0.01)
    assert reach[0] < 10 / 80 * listening.notes.seconds[-1]
    heads = measure_heads(listening, int(queries[0]), queries)
    assert [h.head for h in heads] == [0, 1]
    assert [h.head for h in looking_back(heads)] == [1, 0]


def test_attention_on_start_says_nothing_of_distance():
    model = near_and_far()
    music = MUSIC[MUSIC != START]
    with_start = Take(np.append(START, music), 21)
    queries = choices(with_start)[1]
    seconds, primer, start, _ = listening_table(Listening(model, with_start.tokens), 21, queries)[:, 0, 0]
    np.testing.assert_allclose(start, 1 / (queries + 1), rtol=1e-4)
    bare = listening_table(Listening(model, music), 20, queries - 1)[:, 0, 0]
    np.testing.assert_allclose(seconds, bare[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(primer, bare[1], rtol=1e-4)


def test_figures_by_quarter_are_means_over_the_notes_there():
    model = near_and_far()
    music = decode(MUSIC)
    cut, end = music.duration / 3, music.duration
    take = take_tokens(model, music, cut)
    found = describe_listening(model, take, cut, end)
    notes, queries = choices(take)
    table = listening_table(Listening(model, take.tokens), take.primer, queries)[0].mean((0, 1))
    quarter = ((music.notes["onset"][-len(notes) :] - cut) / (end - cut) * 4).astype(int)
    for k in range(4):
        mean = pytest.approx(table[quarter == k].mean()) if (quarter == k).any() else None
        assert found["listening_seconds"][k] == mean
    assert [(h["layer"], h["head"]) for h in found["heads"]] == [(0, 0), (0, 1)]
    nothing = describe_listening(model, Take(np.array([START]), 1), 0, 1)
    assert nothing == {"listening_seconds": [None] * 4, "listening_primer": [None] * 4, "heads": []}
