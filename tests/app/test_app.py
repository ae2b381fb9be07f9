"""The Python side of the web demo, without a browser."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import mido
import numpy as np
import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient

from musictx.app import launch
from musictx.app.api import Ask
from musictx.app.api import _play as play_for_program
from musictx.app.head import STATIC
from musictx.app.models import OTHER_COLOURS, SCHEME_COLOURS, LaneModel, differ_in_positions_only, load_models
from musictx.app.payloads import (
    LIMITS,
    MAX_NOTES,
    Settings,
    note_rows,
    read_length,
    read_notes,
    read_settings,
)
from musictx.app.presets import presets
from musictx.app.routes import routes
from musictx.app.shelf import Shelf
from musictx.app.stage import COMFORTABLE_LEAD, MAX_PAGE_LANES, WELCOME_LEAD, Stage
from musictx.app.streaming import FAULT, LAST_AGAIN, Lane, lane_player, part_name
from musictx.app.uploads import MAX_BYTES, MAX_SHOWN, describe_upload
from musictx.app.votes import VoteBook
from musictx.checkpoint import list_models, save_model
from musictx.errors import MusictxError
from musictx.midi import write_midi
from musictx.model import ModelConfig, MusicTransformer
from musictx.performance import Performance, make_notes
from musictx.sampling import NoteOff, NoteOn, continue_performance
from musictx.settings import SamplingSettings

HASHES = {"vanilla": "aa", "relative": "bb", "rope": "cc"}  # of the weights in the lanes
ROWS = [[0, 400, 60, 70], [500, 900, 64, 80], [1000, 1500, 67, 90]]


@pytest.fixture(scope="module")
def model() -> MusicTransformer:
    torch.manual_seed(0)
    made = MusicTransformer(ModelConfig(position="relative", layers=1, width=32, heads=2, context_length=256))
    torch.nn.init.normal_(made.head.weight, std=0.3)
    torch.nn.init.normal_(made.layers[0].attention.out.weight, std=0.5)  # so that it hears what came before
    return made.eval()


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return TestClient(Starlette(routes=routes([], VoteBook(HASHES, tmp_path / "votes.sqlite"), Stage())))


def play(
    model: Any, stage: Stage | None = None, visitor: str = "someone", **sent: Any
) -> Iterator[dict[str, Any]]:
    payload = {
        "run": "r.0",
        "notes": ROWS,
        "pedals": [],
        "length": 2000,
        "settings": {"seconds": 3, "seed": 4},
        **sent,
    }
    player = lane_player("relative", model, stage or Stage())
    event, request = SimpleNamespace(_data=payload), SimpleNamespace(session_hash=visitor)
    for text in player(event, request):
        message = json.loads(text)
        yield message
        if message["state"] in ("done", "error"):  # it would only be said again
            return


# ---- what a page sends


def test_settings_have_the_defaults_of_the_sampling_module() -> None:
    assert read_settings({}) == Settings(30.0, 0, sampling=SamplingSettings())


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", ["7", None, float("nan"), -1, 1e12, True, [1]])
def test_a_setting_outside_its_limits_is_named(name: str, value: Any) -> None:
    if value is None:
        assert read_settings({name: None}) == Settings()
        return
    with pytest.raises(MusictxError, match=LIMITS[name][0]):
        read_settings({name: value})


def test_notes_go_to_a_performance_and_back_unchanged() -> None:
    assert note_rows(read_notes(ROWS).notes) == ROWS


@pytest.mark.parametrize(
    "rows",
    [
        None,
        "abcd",
        [[0, 1, 60]],
        [[0, 1, 60, 70, 5]] * 4,
        [[0, 1, 128, 70]],
        [[0, 1, 60, 0]],
        [[5, 1, 60, 70]],
        [[-5, 1, 60, 70]],
        [[0, float("inf"), 60, 70]],
        [[0, {}, 60, 70]],
        [[[0, 1, 60, 70]]],
        [[0, 1, True, 70]],
        [[0, 10**400, 60, 70]],
        [[0, 1, 60, 70]] * 600 + [["x" * 20_000, 1, 60, 70]],
        [["0", "1", "60", "70"]],
        [[0, 1, 60, 70]] * (MAX_NOTES + 1),
    ],
)
def test_notes_that_no_piano_plays_are_refused(rows: Any) -> None:
    with pytest.raises(MusictxError):
        read_notes(rows)


@pytest.mark.parametrize("length", [0, -1, None, 1e9, "2"])
def test_a_primer_has_a_length(length: Any) -> None:
    with pytest.raises(MusictxError, match="primer"):
        read_length(length)


# ---- lanes


def test_a_lane_says_what_continue_performance_plays(model: MusicTransformer) -> None:
    messages = list(play(model))
    assert [m["state"] for m in messages[:1] + messages[-1:]] == ["running", "done"]
    assert messages[0]["primer"] == ROWS
    last = messages[-1]
    offs = {index: off for index, off in last["offs"]}
    played = [[on, offs[k], pitch, velocity] for k, (on, pitch, velocity) in enumerate(last["notes"])]
    whole = continue_performance(model, read_notes(ROWS), seconds=3, seed=4, primer_start=0.0, primer_end=2.0)
    expected = [row for row in note_rows(whole.notes) if row[0] >= 2000]
    assert sorted(played) == sorted(expected)
    assert last["tokens"] > 0
    assert last["known"] == 5000  # silence at the end is known too
    assert last["ended"] is False


def test_a_passage_from_the_middle_is_no_beginning(model: MusicTransformer) -> None:
    begin, middle = (list(play(model, begins=begins)) for begins in (True, False))
    assert begin[0]["primer"] == middle[0]["primer"] == ROWS
    primer = {"primer_start": 0.0, "primer_end": 2.0, "from_beginning": False}
    whole = continue_performance(model, read_notes(ROWS), seconds=3, seed=4, **primer)
    struck = sorted([row[0], *row[2:]] for row in note_rows(whole.notes) if row[0] >= 2000)
    assert sorted(middle[-1]["notes"]) == struck
    assert begin[-1]["notes"] != middle[-1]["notes"]


def test_messages_overlap_so_that_a_lost_one_does_no_harm() -> None:
    lane = Lane("r.0", "rope", training_length=1000, begun=1.0)
    texts = []
    for k in range(40):
        lane.add([NoteOn(k, k / 10, 60, 70), NoteOff(k, k / 10 + 0.05)], k / 10 + 0.05)
        texts.append(json.loads(lane.message("running")))
    notes: list[list[int]] = []
    for k, message in enumerate(texts):
        if k % 3:  # two of three messages are lost
            continue
        assert message["at"] <= len(notes)
        notes[message["at"] :] = message["notes"]
    assert [note[0] for note in notes] == [round(100 * k) for k in range(40)]


def test_the_end_of_the_training_length_is_marked() -> None:
    lane = Lane("r.0", "rope", training_length=12, primer_tokens=8)
    for k in range(10):
        lane.add([NoteOn(k, 1.0 * k, 60, 70)], 1.0 * k)
    assert lane.beyond == 4000


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"notes": []}, "There is no note in the primer"),
        ({"settings": {"seconds": 1e6}}, "Length is 1000000;"),
        ({"settings": None}, "The settings did not arrive"),
        ({"length": 0}, "The primer is 0 s long"),
    ],
)
def test_a_fault_becomes_a_sentence_in_the_lane(
    model: MusicTransformer, sent: dict[str, Any], sentence: str
) -> None:
    (message,) = play(model, **sent)
    assert message["state"] == "error"
    assert message["error"].startswith(sentence)
    assert message["error"].endswith(".")


def test_an_unforeseen_fault_shows_no_traceback() -> None:
    *_, message = play(SimpleNamespace())
    assert (message["state"], message["error"]) == ("error", FAULT)


def test_a_new_run_of_a_visitor_ends_the_old_one(model: MusicTransformer) -> None:
    stage = Stage()
    old = play(model, stage, settings={"seconds": 180, "seed": 1})
    assert next(old)["state"] == "running"
    new = play(model, stage, run="s.0")
    assert next(new)["state"] == "running"
    assert all(message["state"] == "running" for message in old)  # ends without "done"
    assert list(new)[-1]["state"] == "done"


def test_a_lane_that_was_stopped_ends_and_one_that_is_still_on_its_way_never_begins(
    model: MusicTransformer,
) -> None:
    stage = Stage()
    playing = play(model, stage, settings={"seconds": 180, "seed": 1}, run="r.0")
    assert next(playing)["state"] == "running"
    stage.stop(part_name("r.0", "relative"))
    assert all(message["state"] == "running" for message in playing)  # ends without "done"
    stage.stop(part_name("r.1", "relative"))
    assert list(play(model, stage, run="r.1")) == []
    stage.stop(part_name("r.2", "vanilla"))  # another lane's
    assert list(play(model, stage, run="r.2"))[-1]["state"] == "done"


def test_a_lane_rests_while_another_one_of_its_run_plays(model: MusicTransformer) -> None:
    stage = Stage()
    asked = {"settings": {"seconds": 180, "seed": 2}}
    heard, other = (play(model, stage, lane=lane, **asked) for lane in "AB")
    for lane in (heard, other) * 3:
        assert next(lane)["state"] == "running"
    stage.rest("r", "B", True)
    next(other)  # the message that was on its way
    waits = [next(other) for _ in range(3)]
    assert len({message["tokens"] for message in waits}) == 1 and {m["state"] for m in waits} == {"running"}
    stage.rest("r", "B", False)
    assert next(other)["tokens"] > waits[-1]["tokens"]
    stage.rest("r", "B", True)
    notes = list(heard)[-1]["notes"]
    assert list(other)[-1]["notes"] == notes  # with nobody beside it, it plays on


def test_takes_of_one_model_are_lanes_of_their_own(model: MusicTransformer) -> None:
    stage = Stage()
    seeds = {"A": 4, "B": 5}
    lanes = {
        lane: play(model, stage, lane=lane, settings={"seconds": 3, "seed": seed})
        for lane, seed in seeds.items()
    }
    assert {next(lane)["lane"] for lane in lanes.values()} == set(lanes)
    stage.stop(part_name("r.0", "C"))
    notes = {name: list(lane)[-1]["notes"] for name, lane in lanes.items()}
    assert notes["A"] == list(play(model))[-1]["notes"] != notes["B"]


def test_a_visitor_who_stops_waiting_leaves_the_queue(model: MusicTransformer) -> None:
    stage = Stage(visitors=1)
    first = play(model, stage, "one")
    next(first)
    second = play(model, stage, "two", run="two.0")
    assert next(second)["place"] == 1
    stage.stop(part_name("two.0", "relative"))
    assert list(second) == []
    assert next(play(model, stage, "three"))["place"] == 1


def test_visitors_wait_in_turn_and_are_told_their_place(model: MusicTransformer) -> None:
    stage = Stage(visitors=1)
    first = play(model, stage, "one")
    next(first)
    second, third = play(model, stage, "two"), play(model, stage, "three")
    assert next(second)["place"] == 1
    assert next(third)["place"] == 2
    first.close()  # as when the page is closed
    assert list(second)[-1]["state"] == "done"
    assert list(third)[-1]["state"] == "done"


def test_who_came_first_is_let_in_first_whoever_asks_first() -> None:
    stage = Stage(visitors=1)
    first, second, third = (stage.enter(name, "r") for name in ("one", "two", "three"))
    assert stage.wait(first, 0) == 0
    stage.leave(first)
    assert stage.wait(third, 0) > 0 and stage.wait(second, 0) == 0
    stage.leave(second)
    assert stage.wait(third, 0) == 0


def test_a_page_that_asks_for_it_ends_a_run(tmp_path: Path) -> None:
    stage = Stage()
    served = TestClient(Starlette(routes=routes([], VoteBook(HASHES, tmp_path / "v.sqlite"), stage)))
    ticket = stage.enter("one", "r")
    assert stage.is_current(ticket, part_name("r.0", "rope"))
    assert served.post("/musictx/stop?run=r.0&lane=rope").json() == {}
    assert not stage.is_current(ticket, part_name("r.0", "rope"))
    assert stage.is_current(ticket, part_name("r.0", "vanilla"))


def test_a_run_has_no_more_lanes_than_a_page(model: MusicTransformer) -> None:
    """And a selection is filled in by one of them alone."""
    stage = Stage()
    lanes = [play(model, stage, run="r.0", lane=str(k)) for k in range(MAX_PAGE_LANES)]
    assert {next(lane)["state"] for lane in lanes} == {"running"}
    (refused,) = play(model, stage, run="r.0", lane="more")
    assert refused["state"] == "error" and "at most 10 lanes" in refused["error"]
    for lane in lanes[1:]:
        lane.close()
    (refused,) = play(model, stage, run="r.0", lane="fill", gap={"start": 0, "end": 1000})
    assert refused["state"] == "error" and "one selection is filled in at a time" in refused["error"].lower()


def test_a_call_that_fails_gives_its_room_back(model: MusicTransformer, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, 10**9)
    lane = LaneModel("mine", "Mine", "rose", model, {})
    for _ in range(3):
        with pytest.raises(MusictxError, match="no note begins between"):
            play_for_program(lane, None, (100.0, 120.0), Settings(seconds=2), Stage(), shelf, Ask(True))
    assert not shelf._held and not list(tmp_path.iterdir())


def test_programs_wait_in_the_pages_queue(model: MusicTransformer, tmp_path: Path) -> None:
    stage = Stage(visitors=1)
    visitor = stage.enter("someone", "run")
    assert stage.wait(visitor, 0.0) == 0
    lane = LaneModel("mine", "Mine", "rose", model, {})
    with ThreadPoolExecutor() as pool:
        call = (lane, None, (0.0, 0.0), Settings(seconds=2), stage, Shelf(tmp_path, 10**9), Ask(False))
        played = pool.submit(play_for_program, *call)
        with pytest.raises(TimeoutError):
            played.result(timeout=1.0)
        stage.leave(visitor)
        midi, sound = played.result(timeout=120)
    assert Path(midi).is_file() and sound is None


def test_a_lane_far_ahead_stands_back_for_one_that_is_not() -> None:
    stage = Stage()
    ticket = stage.enter("one", "r")
    stage.wait(ticket, 0)
    assert stage.stand_back(ticket, "vanilla", COMFORTABLE_LEAD + 5) == 0  # nobody needs it
    assert stage.stand_back(ticket, "rope", 1.0) == 0  # it needs the processor itself
    assert stage.stand_back(ticket, "vanilla", COMFORTABLE_LEAD + 5) > 0
    stage.lane_ended(ticket, "rope")
    assert stage.stand_back(ticket, "vanilla", COMFORTABLE_LEAD + 5) == 0


def test_lanes_say_less_often_what_they_play_when_many_pages_listen() -> None:
    stage = Stage(visitors=9)
    assert stage.crowd == 1
    for visitor in "abcdefghi":
        ticket = stage.enter(visitor, "r")
        assert stage.wait(ticket, 0) == 0
        for lane in ("vanilla", "relative", "rope"):
            stage.stand_back(ticket, lane, WELCOME_LEAD + 1)
        assert stage.crowd == 1 + "abcdefghi".index(visitor)
    stage.leave(ticket)
    assert stage.crowd == 8


def test_another_visitor_is_let_in_when_the_first_is_well_ahead() -> None:
    stage = Stage(visitors=2)
    first = stage.enter("one", "r")
    assert stage.wait(first, 0) == 0
    second = stage.enter("two", "r")
    assert stage.wait(second, 0) == 1  # nothing is known of the first one's lead yet
    stage.stand_back(first, "rope", WELCOME_LEAD - 1)
    assert stage.wait(second, 0) == 1
    stage.stand_back(first, "rope", WELCOME_LEAD + 1)
    stage.enter("one", "r")
    stage.rest("r", "no lane", True)
    assert stage.wait(second, 0) == 1  # a lane that has not played is no reason
    stage.stand_back(first, "vanilla", WELCOME_LEAD + 1)
    stage.rest("r", "vanilla", True)
    assert stage.rests(first, "vanilla")
    assert stage.wait(second, 0) == 0  # a lane that rests needs no processor
    assert stage.wait(stage.enter("three", "r"), 0) == 1  # no more than two at once


def test_the_last_message_is_said_again_because_one_can_be_lost(model: MusicTransformer) -> None:
    stage = Stage(visitors=1)
    event = SimpleNamespace(_data={"run": "r.0", "notes": [], "settings": {}, "length": 2000})
    said = lane_player("relative", model, stage)(event, SimpleNamespace(session_hash="one"))
    first = next(said)
    assert json.loads(first)["state"] == "error"
    again = next(said)
    assert again == first
    assert next(play(model, stage, "two"))["state"] == "running"  # meanwhile the next visitor's turn has come
    assert list(said) == [first] * (len(LAST_AGAIN) - 1)


# ---- presets, uploads, downloads, votes


def test_every_preset_can_be_shown_and_continued() -> None:
    found = presets()
    assert len(found) >= 8
    for preset in found:
        assert preset["notes"]
        assert 0 < preset["end"] <= max(row[1] for row in preset["notes"]) + 5000
        read_notes(preset["notes"], preset["pedals"])


def midi_of(notes: np.ndarray, path: Path) -> bytes:
    write_midi(Performance(notes), path)
    return path.read_bytes()


def test_an_upload_is_answered_with_its_notes(client: TestClient, tmp_path: Path) -> None:
    content = midi_of(make_notes([0.0, 0.5], [0.4, 0.9], [60, 64], [70, 80]), tmp_path / "a.mid")
    answer = client.post("/musictx/upload?name=a.mid", content=content).json()
    assert [row[2] for row in answer["notes"]] == [60, 64]
    assert answer["name"] == "a.mid"


def test_a_very_long_piece_shows_its_beginning(tmp_path: Path) -> None:
    count = MAX_SHOWN + 100
    onset = np.arange(count) * 0.1
    content = midi_of(make_notes(onset, onset + 0.05, np.full(count, 60), 70), tmp_path / "long.mid")
    answer = describe_upload(content, "long.mid")
    assert len(answer["notes"]) == MAX_SHOWN
    assert answer["notes"][0][0] == 0
    assert "40,100 notes" in answer["remarks"][-1]


@pytest.mark.parametrize(
    ("content", "query", "sentence"),
    [
        (b"", "name=a.mid", "a.mid is empty"),
        (b"not music", "name=a.mid", "a.mid"),
        (bytes(MAX_BYTES + 1), "name=a.mid", "a.mid is larger than 8 MB"),
        (b"MThd", "name=a.mid&tracks=x", "choice of tracks"),
        (b"MThd", "name=a.mid&tracks=", "no track is chosen"),
        (b"MThd", "name=../../etc/passwd", "passwd"),
    ],
)
def test_an_upload_that_cannot_be_used(client: TestClient, content: bytes, query: str, sentence: str) -> None:
    answer = client.post(f"/musictx/upload?{query}", content=content).json()
    assert sentence in answer["error"]
    assert "/" not in answer["error"]


def test_downloads(client: TestClient, tmp_path: Path) -> None:
    answer = client.post("/musictx/download", json={"format": "mid", "notes": ROWS})
    (tmp_path / "out.mid").write_bytes(answer.content)
    notes = [m.note for m in mido.MidiFile(tmp_path / "out.mid") if m.type == "note_on" and m.velocity]
    assert notes == [60, 64, 67]
    sound = client.post("/musictx/download", json={"format": "wav", "notes": ROWS})
    assert sound.content[:4] == b"RIFF"


@pytest.mark.parametrize(
    "sent",
    [
        {},
        [],
        None,
        {"format": "exe", "notes": ROWS},
        {"format": "mid", "notes": []},
        {"format": "mid", "notes": [[0]]},
        {"format": "wav", "notes": [[0, 3_000_000, 60, 70]]},
    ],
)
def test_downloads_of_nothing_are_a_sentence(client: TestClient, sent: Any) -> None:
    assert client.post("/musictx/download", json=sent).json()["error"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("download", b'{"format": "mid", "notes": [[0, 1' + b"0" * 400 + b", 60, 64]]}"),
        ("download", b'{"format": ["mid"], "notes": []}'),
        ("download", b"[" * 200_000 + b"]" * 200_000),
        ("vote", b'{"settings": {"seed": 1' + b"0" * 400 + b"}}"),
    ],
)
def test_odd_json_is_a_sentence(client: TestClient, path: str, content: bytes) -> None:
    answer = client.post(f"/musictx/{path}", content=content)
    assert answer.status_code == 400 and answer.json()["error"]


def test_a_name_that_no_file_can_hold_is_kept_with_a_sign_in_its_place(client: TestClient) -> None:
    content = json.dumps({**VOTE, "primer_name": "a\ud800b", "heard_seconds": 10**400})
    assert client.post("/musictx/vote", content=content).json() == {}


def test_requests_are_bounded(client: TestClient) -> None:
    assert "too much music" in client.post("/musictx/download", content=b"[" * (3 * 2**20)).json()["error"]
    assert "did not arrive whole" in client.post("/musictx/vote", content=b"{").json()["error"]


VOTE = {
    "order": ["rope", "vanilla", "relative"],
    "choice": "relative",
    "settings": {"seed": 7},
    "notes": ROWS,
    "pedals": [],
    "length": 2000,
    "primer_name": "<b>mine</b>",
    "heard_seconds": 12.5,
}


def test_fifty_voters_at_once_are_all_kept(tmp_path: Path) -> None:
    served = Starlette(routes=routes([], VoteBook(HASHES, tmp_path / "votes.sqlite"), Stage()))

    async def vote_together() -> list[httpx.Response]:
        transport = httpx.ASGITransport(served)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            votes = (client.post("/musictx/vote", json={**VOTE, "visitor": str(k)}) for k in range(50))
            return await asyncio.gather(*votes)

    assert all(answer.json() == {} for answer in asyncio.run(vote_together()))
    book = VoteBook(HASHES, tmp_path / "votes.sqlite")
    assert {row["visitor"] for row in book.all()} == {str(k) for k in range(50)}


def test_votes_are_kept(tmp_path: Path) -> None:
    book = VoteBook(HASHES, tmp_path / "new" / "votes.sqlite")
    assert book.all() == []
    book.add(VOTE)
    book.add({**VOTE, "choice": None})
    first, second = book.all()
    assert (first["choice"], second["choice"]) == ("relative", None)
    assert first["primer_sha256"] == second["primer_sha256"]
    assert json.loads(first["lane_order"]) == VOTE["order"]
    book.add({**VOTE, "notes": ROWS[:2]})
    assert book.all()[-1]["primer_sha256"] != first["primer_sha256"]
    book.add({**VOTE, "settings": {"shape": " denser," + " " * 100_000 + "steady "}})
    kept = book.all()[-1]["settings"]
    assert json.loads(kept)["sampling"]["shape"] == "denser,steady" and len(kept) < 1000


@pytest.mark.parametrize(
    "change", [{"order": ["rope"]}, {"choice": "drop table"}, {"notes": None}, {"settings": {"seed": "x"}}]
)
def test_a_vote_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    book = VoteBook(HASHES, tmp_path / "votes.sqlite")
    with pytest.raises(MusictxError):
        book.add({**VOTE, **change})
    assert book.all() == []


def test_a_vote_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MusictxError, match="could not be stored"):
        VoteBook(HASHES, tmp_path / "file" / "votes.sqlite").add(VOTE)


def test_a_file_of_votes_grows_to_its_bound_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = VoteBook(HASHES, tmp_path / "votes.sqlite")
    book.add(VOTE)
    monkeypatch.setattr("musictx.lab.votes.book.MAX_BYTES", 1000)
    with pytest.raises(MusictxError, match="could not be stored"):
        book.add(VOTE)
    assert len(book.all()) == 1


# ---- the page


def save(folder: Path, card: dict[str, Any], **config: Any) -> Path:
    """A small model in a folder."""
    small = {"layers": 1, "width": 32, "heads": 2, "context_length": 64, **config}
    save_model(MusicTransformer(ModelConfig(**small)), folder, card)
    return folder


def test_lanes_have_names_colours_and_training_lengths_of_their_models(tmp_path: Path) -> None:
    mine = save(tmp_path / "My Études!", {"tokens_seen": 12_000_000}, context_length=96)
    named = save(tmp_path / "b", {"name": "Bach only"}, position="rope", window=64)
    (tmp_path / "run").mkdir()
    save(tmp_path / "run" / "model", {})
    lanes = load_models([mine, named, tmp_path / "run"])
    assert [lane.key for lane in lanes] == ["my-tudes", "b", "run"]
    assert [lane.name for lane in lanes] == ["My Études!", "Bach only", "run"]
    facts = [lane.facts() for lane in lanes]
    assert [each["training_length"] for each in facts] == [96, 64, 64]
    assert [each["window"] for each in facts] == [None, 64, None]
    assert facts[0]["tokens_seen"] == 12_000_000
    assert facts[0]["colour"] == "relative" and facts[1]["colour"] == "rope"
    assert len({each["colour"] for each in facts}) == 3  # two relative models are told apart


def test_every_colour_of_a_lane_is_in_the_pages_palette_light_and_dark() -> None:
    palette = (STATIC / "view" / "base.css").read_text(encoding="utf-8")
    for colour in (*SCHEME_COLOURS, *OTHER_COLOURS):
        assert len(re.findall(rf"^  --{colour}: #[0-9a-f]{{6}};$", palette, re.MULTILINE)) == 2, colour


def test_lanes_differ_in_positions_only_if_their_cards_say_so(tmp_path: Path) -> None:
    card = {"tokens_seen": 5, "data": {"training": {"pieces": 3}}}
    first = save(tmp_path / "first", card, position="vanilla")
    second = save(tmp_path / "second", card, position="rope")
    longer = save(tmp_path / "longer", {**card, "tokens_seen": 6}, position="rope")
    larger = save(tmp_path / "larger", card, position="rope", width=64)
    silent = [save(tmp_path / name, {}, position=name) for name in ("vanilla", "rope")]

    def alike(*folders: Path) -> bool:
        return differ_in_positions_only(load_models(folders))

    assert alike(first, second)
    assert not alike(first, longer)
    assert not alike(first, larger)
    assert not alike(*silent)
    assert not alike(first)


def test_the_shipped_models_differ_in_positions_only() -> None:
    if len(list_models()) < 3:
        pytest.skip("needs the shipped models")
    assert differ_in_positions_only(load_models())


@pytest.mark.parametrize("count", [0, 5])
def test_the_page_has_one_to_four_lanes(tmp_path: Path, count: int) -> None:
    with pytest.raises(MusictxError, match=f"{count} models are given"):
        load_models([tmp_path / str(k) for k in range(count)])


def test_no_model_takes_the_name_of_the_real_continuation(tmp_path: Path) -> None:
    save_model(
        MusicTransformer(ModelConfig(layers=1, width=16, heads=1, context_length=16)), tmp_path / "real"
    )
    (lane,) = load_models([tmp_path / "real"])
    assert (lane.key, lane.name) == ("real-2", "real")


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MusictxError, match="nowhere"):
        load_models([tmp_path / "nowhere"])


def test_a_model_may_have_several_lanes_and_is_in_memory_once(tmp_path: Path) -> None:
    here = save(tmp_path / "here", {})
    one, other = load_models([here, tmp_path / "." / "here"])
    assert (one.key, other.key) == ("here", "here-2")
    assert one.model is other.model and one.colour != other.colour


def test_the_page_is_told_of_its_models(tmp_path: Path) -> None:
    lane = LaneModel("mine", "Mine", "rose", MusicTransformer(ModelConfig(layers=1, width=32, heads=2)), {})
    served = routes([lane], VoteBook({"mine": "abc"}, tmp_path / "votes.sqlite"), Stage())
    answer = TestClient(Starlette(routes=served)).get("/musictx/models").json()
    assert answer["alike"] is False
    assert answer["models"][0]["name"] == "Mine"


def test_the_pages_files_are_found_below_the_path_of_a_proxy(tmp_path: Path) -> None:
    lane = LaneModel("mine", "Mine", "rose", MusicTransformer(ModelConfig(layers=1, width=32, heads=2)), {})
    served = Starlette(routes=routes([lane], VoteBook({"mine": "abc"}, tmp_path / "votes.sqlite"), Stage()))
    for prefix in ("", "/music", "/musictx-demo"):
        client = TestClient(served, root_path=prefix)
        for path in ("alive", "models", "static/studio.js"):
            assert client.get(f"/musictx/{path}").status_code == 200, (prefix, path)


@pytest.mark.parametrize("prefix", ["music", "/musictx", "/musictx/demo"])
def test_a_path_that_a_proxy_cannot_have_is_named(prefix: str) -> None:
    with pytest.raises(MusictxError, match="root-path"):
        launch(prefix=prefix)


def test_the_template_has_nothing_that_gradio_would_fill_in() -> None:

    template = (STATIC / "studio.html").read_text()
    assert not any(mark in template for mark in ("${", "{{", "`", "\\", "<script"))
