"""A duet over MIDI ports: whose turn it is, what is answered, and that no note is left hanging."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import mido
import numpy as np
import pytest
from live import memory_ports
from typer.testing import CliRunner

from musictx.checkpoint import load_model, save_model
from musictx.cli.commands import app
from musictx.errors import MusictxError
from musictx.live import Duet, duet, open_ports, port_names
from musictx.live.turns import PEDAL, Turn, Turns
from musictx.midi import read_midi
from musictx.model import ModelConfig, MusicTransformer
from musictx.sampling import stream_notes
from musictx.settings import SamplingSettings, read_shape

IN, OUT = "piano in", "piano out"
PAUSE = 0.5


@pytest.fixture(autouse=True)
def system() -> Iterator[dict[str, list[mido.Message]]]:
    before = mido.backend
    mido.set_backend("live.memory_ports", load=True)
    memory_ports.DEVICES.update({IN: [], OUT: [], "other in": [], "other out": []})
    yield memory_ports.DEVICES
    memory_ports.DEVICES.clear()
    mido.set_backend(before)


class Player:
    """Somebody who plays into the duet, on a clock of their own."""

    def __init__(self, system: dict[str, list[mido.Message]], **options: object):
        self.inbox, self.sent, self.at = system[IN], system[OUT], 0.0
        self.duet = Duet(load_model("relative"), open_ports(IN, OUT), pause=PAUSE, seed=3, **options)  # type: ignore[arg-type]

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.01)):
            self.at += 0.01
            self.duet.step(self.at)

    def play(self, *pitches: int) -> None:
        for pitch in pitches:
            self.inbox.append(mido.Message("note_on", note=pitch, velocity=70))
            self.wait(0.2)
            self.inbox.append(mido.Message("note_off", note=pitch))
            self.wait(0.05)

    def wait_for(self, done: Callable[[], bool]) -> None:
        """Let the thread that makes the answer get there, while the duet's clock stands."""
        for _ in range(60_000):
            if done():
                return
            self.duet.step(self.at)
            time.sleep(0.001)  # or this thread keeps the interpreter from that one
        pytest.fail("no answer comes")

    def wait_for_sound(self) -> None:
        for _ in range(1000):
            if sounding(self.sent):
                return
            self.wait(0.01)
        pytest.fail("nothing sounds")

    def phrase(self) -> None:
        """Play something, and pause until the answer is made and begins."""
        self.play(60, 64, 67, 72, 67, 64)
        self.wait(0.2)
        self.wait_for(lambda: self.duet.answer is not None and self.duet.answer.complete)
        self.wait(PAUSE)


def sounding(sent: list[mido.Message]) -> set[int]:
    held: set[int] = set()
    for message in sent:
        if message.type == "note_on":
            held.add(message.note)
        elif message.type == "note_off":
            held.discard(message.note)
    return held


# Whose turn it is


def test_a_short_gap_between_notes_is_no_pause() -> None:
    turns = Turns(pause=1.0)
    turns.press(60)
    turns.lift(60, at=0.5)
    assert turns.tick(0.6) is Turn.WAITING
    turns.press(62)
    assert turns.tick(5.0) is Turn.LISTENING
    turns.lift(62, at=5.0)
    assert turns.tick(5.2) is Turn.PREPARING
    assert turns.tick(5.99) is Turn.PREPARING
    assert turns.tick(6.0) is Turn.ANSWERING


def test_the_pedal_holds_the_turn_as_a_key_does_and_does_not_cut_an_answer() -> None:
    turns = Turns(pause=0.5)
    turns.press(PEDAL)
    turns.press(60)
    turns.lift(60, at=0.1)
    assert turns.tick(9.0) is Turn.LISTENING
    turns.lift(PEDAL, at=9.0)
    assert [turns.tick(at) for at in (9.4, 9.5)] == [Turn.PREPARING, Turn.ANSWERING]
    turns.press(PEDAL)
    assert turns.turn is Turn.ANSWERING
    turns.press(60)
    assert turns.turn is Turn.LISTENING


def test_an_answer_is_prepared_however_short_the_pause() -> None:
    turns = Turns(pause=0.1)
    turns.press(60)
    turns.lift(60, at=0.0)
    assert [turns.tick(at) for at in (0.3, 0.31)] == [Turn.PREPARING, Turn.ANSWERING]


def test_nothing_played_is_not_answered() -> None:
    turns = Turns(pause=0.5)
    turns.press(PEDAL)
    turns.lift(PEDAL, at=0.1)
    assert turns.tick(9.0) is Turn.LISTENING


# The duet


def test_a_phrase_is_answered_when_the_pause_is_over(system: dict[str, list[mido.Message]]) -> None:
    player = Player(system, channel=5)
    player.phrase()
    assert [message.type for message in player.sent[:1]] == ["note_on"]
    assert all(message.channel == 4 for message in player.sent)
    assert player.duet.latencies[0] <= 0.011  # a step of this test's clock


def test_the_answer_goes_on_what_was_played_and_both_are_recorded(
    system: dict[str, list[mido.Message]],
) -> None:
    player = Player(system)
    player.phrase()
    player.wait(25)
    assert player.duet.turns.turn is Turn.LISTENING and not sounding(player.sent)
    notes = player.duet.performance().notes
    answered = sum(message.type == "note_on" for message in player.sent)
    assert answered > 4 and len(notes) == 6 + answered
    np.testing.assert_allclose(np.sort(notes["onset"])[:6], np.arange(6) * 0.25, atol=0.011)
    # The answer is as long as what it answers, but at least four seconds.
    assert 4.0 < player.duet.performance().duration < 7.0


def test_of_a_long_duet_the_last_minutes_are_heard_as_the_middle_of_a_piece(
    system: dict[str, list[mido.Message]], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[dict[str, Any]] = []

    def listen(*music: Any, **options: Any) -> Any:
        heard.append(options)
        return stream_notes(*music, **options)

    monkeypatch.setattr(duet, "MEMORY_SECONDS", 1.0)
    monkeypatch.setattr(duet, "stream_notes", listen)
    player = Player(system)
    player.phrase()
    before = player.duet.performance().notes["offset"][:6].max()
    assert heard[0]["primer_start"] == pytest.approx(before - 1.0, abs=0.05)


def test_the_time_that_one_thinks_before_a_phrase_is_no_part_of_it(
    system: dict[str, list[mido.Message]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def listen(*music: Any, **options: Any) -> Any:
        asked.append(options["seconds"])
        return stream_notes(*music, **options)

    monkeypatch.setattr(duet, "stream_notes", listen)
    player = Player(system)
    player.play(*[60, 64, 67, 72] * 5)
    player.wait(0.2)
    player.wait_for(lambda: player.duet.answer is not None and player.duet.answer.complete)
    player.wait(30)
    assert asked == [pytest.approx(4.95, abs=0.05)] and player.duet.turns.turn is Turn.LISTENING
    player.phrase()
    assert asked[1] == 4.0  # the shortest: the phrase lasts 1.5 s


def test_a_chord_that_is_held_when_the_duet_ends_lasts_until_then(
    system: dict[str, list[mido.Message]],
) -> None:
    player, began = Player(system), time.perf_counter()
    player.inbox += [mido.Message("note_on", note=pitch, velocity=70) for pitch in (48, 64, 67)]
    notes = player.duet.run(lambda: time.perf_counter() - began > 0.4).notes
    assert len(notes) == 3 and (notes["offset"] - notes["onset"]).min() > 0.2


def test_a_program_that_ends_all_notes_at_once_is_answered_too(
    system: dict[str, list[mido.Message]],
) -> None:
    player = Player(system)
    player.inbox += [mido.Message("note_on", note=pitch, velocity=70) for pitch in (60, 64, 67)]
    player.wait(0.3)
    player.inbox.append(mido.Message("control_change", control=123))
    player.wait(0.2)
    player.wait_for(lambda: player.duet.answer is not None and player.duet.answer.complete)
    player.wait(PAUSE)
    assert player.sent[0].type == "note_on"
    assert player.duet.performance().notes["offset"][:3].tolist() == pytest.approx([0.3] * 3, abs=0.03)


def test_playing_into_an_answer_ends_it_with_no_note_left_hanging(
    system: dict[str, list[mido.Message]],
) -> None:
    player = Player(system)
    player.phrase()
    player.wait_for_sound()
    player.inbox.append(mido.Message("note_on", note=50, velocity=80))
    player.wait(0.01)
    assert not sounding(player.sent) and player.duet.turns.turn is Turn.LISTENING
    made = len(player.sent)
    player.wait(3.0)
    assert len(player.sent) == made


def test_resetting_all_controllers_lifts_the_pedal(system: dict[str, list[mido.Message]]) -> None:
    player = Player(system)
    system[IN].append(mido.Message("control_change", control=64, value=127))
    player.play(60)
    player.wait(PAUSE)
    assert player.duet.turns.turn is Turn.LISTENING
    system[IN].append(mido.Message("control_change", control=121))
    player.wait(PAUSE + 0.1)
    assert player.duet.turns.turn is Turn.ANSWERING
    assert player.duet.performance().pedals["offset"].tolist() == pytest.approx([0.25 + PAUSE], abs=0.05)


def test_an_answer_comes_though_one_that_was_given_up_still_reads(
    system: dict[str, list[mido.Message]],
) -> None:
    player = Player(system)
    player.play(60, 64)
    player.wait(0.2)
    given_up = player.duet._made
    assert given_up
    player.wait_for(lambda: given_up.complete)
    player.play(67)
    given_up.complete = False  # as if it still read
    player.wait(PAUSE + 0.3)
    assert player.duet.turns.turn is Turn.ANSWERING and player.duet.answer is None
    given_up.complete = True
    player.wait_for(lambda: player.duet.answer is not None and player.duet.answer.complete)
    player.wait_for_sound()


def test_what_the_instrument_sends_back_is_not_answered(system: dict[str, list[mido.Message]]) -> None:
    """As through a loopback port, or a piano that echoes what it is told to play."""
    player, returned = Player(system), 0
    player.play(60, 64, 67, 72, 67, 64)
    player.wait(0.2)
    player.wait_for(lambda: player.duet.answer is not None and player.duet.answer.complete)
    for _ in range(1500):
        player.wait(0.01)
        fresh = [message for message in player.sent[returned:] if message.type.startswith("note_")]
        returned = len(player.sent)
        system[IN].extend(message.copy(channel=0) for message in fresh)
    answer = sum(message.type == "note_on" for message in player.sent)
    assert answer > 3 and player.duet.turns.turn is Turn.LISTENING and player.duet.seed == 4
    assert len(player.duet.performance()) == 6 + answer


def test_a_second_answer_takes_the_next_seed(system: dict[str, list[mido.Message]]) -> None:
    player = Player(system)
    player.phrase()
    player.wait(25)
    first = [message.note for message in player.sent if message.type == "note_on"]
    player.phrase()
    player.wait(25)
    assert [message.note for message in player.sent if message.type == "note_on"][len(first) :] != first
    assert player.duet.seed == 5


@pytest.mark.parametrize(("gone", "kind"), [(IN, "input"), (OUT, "output")])
def test_a_port_that_goes_ends_the_duet_with_a_sentence(
    system: dict[str, list[mido.Message]], gone: str, kind: str
) -> None:
    player = Player(system)
    player.phrase()
    player.wait_for_sound()
    del system[gone]
    with pytest.raises(MusictxError, match=f"the MIDI {kind}.* has gone"):
        player.duet.run()
    if gone == IN:
        assert not sounding(player.sent) and player.sent[-1].control == 123


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pause": 0.0}, "pause is 0.0"),
        ({"channel": 17}, "channel is 17"),
        ({"temperature": 99.0}, "temperature is 99.0"),
    ],
)
def test_impossible_settings_are_named(
    system: dict[str, list[mido.Message]], options: dict[str, float], said: str
) -> None:
    with pytest.raises(MusictxError, match=said):
        Duet(load_model("relative"), open_ports(IN, OUT), **options)  # type: ignore[arg-type]


# Ports


def test_ports_are_found_by_a_part_of_their_name() -> None:
    assert port_names() == ([IN, "other in"], [OUT, "other out"])
    assert open_ports("PIANO", "piano out").names == (IN, OUT)
    with pytest.raises(MusictxError, match="no MIDI input has 'organ' in the name; there are: 'piano in'"):
        open_ports("organ", OUT)
    with pytest.raises(MusictxError, match="several inputs or outputs have 'in'"):
        open_ports("in", OUT)
    with pytest.raises(MusictxError, match="give both"):
        open_ports(IN)


def test_the_command_lists_the_ports_and_names_what_is_wrong() -> None:
    done = CliRunner().invoke(app, ["live", "--ports"])
    assert done.exit_code == 0
    assert "MIDI inputs: piano in, other in" in done.output
    failed = CliRunner().invoke(app, ["live", "--input", "organ", "--output", OUT])
    assert failed.exit_code == 1 and "organ" in str(failed.exception)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_saves_what_both_played(
    system: dict[str, list[mido.Message]], tmp_path, monkeypatch: pytest.MonkeyPatch, request: Any, end: int
) -> None:
    """Ctrl-C, or a terminal that is closed, ends the duet: here when the model has struck a note."""
    for pitch in (60, 64, 67):
        system[IN] += [mido.Message("note_on", note=pitch, velocity=70), mido.Message("note_off", note=pitch)]
    step = Duet.step

    looks = iter(range(20_000))

    def until_a_note(duet: Duet, at: float) -> None:
        step(duet, at)
        if sounding(system[OUT]):
            signal.raise_signal(end)
        assert next(looks, None) is not None, "no answer comes"

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # put back afterwards
        request.addfinalizer(partial(signal.signal, number, signal.getsignal(number)))
    monkeypatch.setattr(Duet, "step", until_a_note)
    command = ["live", "--model", "relative", "--input", IN, "--output", OUT, "--pause", "0.1", "--seed", "1"]
    done = CliRunner().invoke(app, [*command, "--save", str(tmp_path / "duet.mid")])
    assert done.exit_code == 0, done.output
    struck = sum(message.type == "note_on" for message in system[OUT])
    assert len(read_midi(tmp_path / "duet.mid")) == 3 + struck > 3
    assert not sounding(system[OUT])
    again = CliRunner().invoke(app, [*command, "--save", str(tmp_path / "duet.mid")])
    assert again.exit_code == 1 and "duet.mid is there already" in again.output + str(again.exception)


def test_the_command_plays_as_the_models_card_says(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = MusicTransformer(ModelConfig(layers=1, width=16, heads=1, context_length=16))
    save_model(tiny, tmp_path, {"sampling": {"theme": 0.25, "shape": "steady, lower"}})
    seen: list[dict[str, Any]] = []

    def look(duet: Duet, at: float) -> None:
        seen.append(duet.settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(Duet, "step", look)
    command = ["live", "--model", str(tmp_path), "--input", IN, "--output", OUT, "--higher"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    drawn = SamplingSettings(**seen[0])
    assert (drawn.theme, read_shape(drawn.shape)) == (0.25, read_shape("higher, steady"))
