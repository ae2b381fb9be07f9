"""What the page is told of attention and surprise is what the library says of the same take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from musictx.app import insight
from musictx.app.insight import Insight
from musictx.app.models import LaneModel
from musictx.app.payloads import note_rows, read_notes
from musictx.checkpoint import load_model
from musictx.corpus import Chunk
from musictx.errors import MusictxError
from musictx.lab.evaluation.attention_maps import Listening
from musictx.losses import chunk_losses
from musictx.midi import read_midi
from musictx.model import MusicTransformer
from musictx.sampling import continue_performance
from musictx.sampling.takes import take_tokens
from musictx.shipped import shipped_primer

CUT = 6.0


@pytest.fixture(scope="module")
def model() -> MusicTransformer:
    return load_model("relative")


@pytest.fixture(scope="module")
def sent(model: MusicTransformer) -> dict[str, Any]:
    primer = read_midi(shipped_primer("fur-elise"))
    whole = continue_performance(model, primer, seconds=8, seed=2, primer_end=CUT)
    return {"lane": "relative", "notes": note_rows(whole.notes), "length": 1000 * CUT, "begins": True}


@pytest.fixture
def asked(model: MusicTransformer) -> Insight:
    return Insight([LaneModel("relative", "Relative", "relative", model, {})])


def test_arcs_lead_to_the_notes_that_an_uncached_forward_attends_to(
    model: MusicTransformer, sent: dict[str, Any], asked: Insight
) -> None:
    take = take_tokens(model, read_notes(sent["notes"]), CUT)
    listening = Listening(model, take.tokens)
    note = len(sent["notes"]) - 5
    answer = asked.attention({**sent, "note": note, "heads": [[0, 1], [2, 3]]})
    onset, pitch = sent["notes"][note][0] / 1000, sent["notes"][note][2]
    (own,) = np.flatnonzero(
        (np.abs(listening.notes.onset - onset) < 0.006) & (listening.notes.pitch == pitch)
    )
    wanted = listening.arcs(int(own), [(0, 1), (2, 3)])
    assert [weight for _, weight in answer["arcs"]] == pytest.approx([arc.weight for arc in wanted], abs=1e-4)
    for (row, _), arc in zip(answer["arcs"], wanted, strict=True):
        assert sent["notes"][row][2] == listening.notes.pitch[arc.note]
        assert sent["notes"][row][0] / 1000 == pytest.approx(listening.notes.onset[arc.note], abs=0.006)


def test_the_heads_are_those_that_look_back_farthest(sent: dict[str, Any], asked: Insight) -> None:
    answer = asked.attention({**sent, "note": 30})
    reach = [head[2] for head in answer["all"]]
    assert reach == sorted(reach, reverse=True) and len(reach) == 24
    assert [list(head) for head in answer["heads"]] == [head[:2] for head in answer["all"][:4]]


def test_surprise_adds_up_to_the_nll(model: MusicTransformer, sent: dict[str, Any], asked: Insight) -> None:
    tokens = take_tokens(model, read_notes(sent["notes"]), CUT).tokens
    ((_, losses),) = chunk_losses(model, [Chunk(0, tokens[:-1], tokens[1:])])
    nats = asked.surprise(sent)["nats"]
    assert None not in nats
    assert 0.5 * losses.sum() < sum(nats) < losses.sum()  # releases are not in it


def test_the_primer_again_is_told_by_its_own_notes(sent: dict[str, Any], asked: Insight) -> None:
    answer = asked.again(sent)
    primer = [row for row, note in enumerate(sent["notes"]) if note[0] < 1000 * CUT]
    assert sorted(row for row, _ in answer["notes"]) == primer
    assert answer["at"] >= max(note[0] for note in sent["notes"])
    assert answer["second"] < answer["first"]


def test_takes_that_stay_read_are_bounded_and_read_once(
    sent: dict[str, Any], asked: Insight, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    monkeypatch.setattr(insight, "Listening", lambda *args: read.append(1) or Listening(*args))
    for length in (3000, 3000, 4000, 3000):
        asked.attention({**sent, "length": length, "note": 20})
    assert len(read) == len(asked._takes) == 2
    monkeypatch.setattr(insight, "MAX_TOKENS", 1)
    for length in (4000, 3000):
        asked.attention({**sent, "length": length, "note": 20})
    assert len(read) == 3 and len(asked._takes) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lane": "other"}, "one of the lanes"),
        ({"notes": []}, "no note"),
        ({"lane": ["relative"]}, "one of the lanes"),
        ({"lane": {}}, "one of the lanes"),
        ({"notes": [[[0, 1, 2, 3]]]}, "notes are damaged"),
        ({"note": []}, "number of a note"),
        ({"note": True}, "number of a note"),
        ({"heads": [[0, 0.0]]}, "6 layers of 4 heads"),
        ({"heads": [[True, False]]}, "6 layers of 4 heads"),
        ({"heads": [[9, 9]]}, "6 layers of 4 heads"),
        ({"note": 10_000}, "outside what the model reads"),
    ],
)
def test_questions_that_make_no_sense_are_answered_in_words(
    sent: dict[str, Any], asked: Insight, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(MusictxError, match=words):
        asked.attention({**sent, "note": 20, **change})


def test_a_take_that_would_cost_much_is_refused(sent: dict[str, Any], asked: Insight) -> None:
    rows = [[100 * k, 100 * k + 50, 40 + k % 40, 70] for k in range(9000)]
    for question in (asked.attention, asked.surprise, asked.again):
        with pytest.raises(MusictxError, match="events of this model are too many"):
            question({**sent, "notes": rows})
