"""Bringing a primer: presets, uploads, the on-screen piano, the computer's keys, a MIDI keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Place, Server
from .music import midi_bytes, scale

Open = Callable[..., Any]


def upload(studio: Any, content: bytes, name: str = "piece.mid") -> None:
    studio.get("upload").set_input_files({"name": name, "mimeType": "audio/midi", "buffer": content})


def primer(studio: Any) -> dict[str, Any]:
    """What the page would send: title, and the lanes' preview of the selection."""
    return {
        "title": studio.page.locator("#primer .primer-title strong").inner_text(),
        "detail": studio.page.locator("#primer .primer-title .detail").inner_text(),
        "start": moment(studio, "primer-start"),
        "end": moment(studio, "primer-end"),
    }


def moment(studio: Any, testid: str) -> float:
    """A time in seconds, from minutes and seconds."""
    minutes, seconds = studio.get(testid).input_value().split(":")
    return 60 * int(minutes) + float(seconds)


def test_a_preset_card_fills_the_primer_and_can_be_heard(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("preset-fur-elise").click()
    assert "Für Elise" in primer(studio)["title"]
    assert studio.get("preset-fur-elise").get_attribute("aria-pressed") == "true"
    studio.get("primer-play").click()
    studio.page.wait_for_function("() => window.musictx.transport.position > 0.2")
    studio.get("primer-play").click()
    assert studio.page.evaluate("window.musictx.transport.state") == "stopped"


def test_handles_move_by_key_and_by_mouse(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    upload(studio, midi_bytes(scale(count=60, lowest=40)))  # 15 s
    studio.page.wait_for_function(
        "() => document.querySelector('.primer-title strong').textContent === 'piece.mid'"
    )
    chosen = primer(studio)
    assert chosen["end"] - chosen["start"] == pytest.approx(10, abs=0.1)
    studio.get("handle-start").focus()
    studio.page.keyboard.press("PageUp")
    studio.page.keyboard.press("ArrowRight")
    assert primer(studio)["start"] == pytest.approx(chosen["start"] + 1.1, abs=0.01)
    box = studio.page.locator(".primer-roll").bounding_box()
    handle = studio.get("handle-end").bounding_box()
    studio.page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + 20)
    studio.page.mouse.down()
    studio.page.mouse.move(box["x"] + box["width"] * 0.8, handle["y"] + 20, steps=3)
    studio.page.mouse.up()
    assert primer(studio)["end"] == pytest.approx(12, abs=0.3)
    studio.page.keyboard.press(" ")  # the handle that was dragged does not hold on to it
    studio.page.wait_for_function("() => window.musictx.transport.state === 'playing'")


def test_a_longer_piece_is_told_which_part_of_it_is_the_primer_and_composed_on_from_its_end(
    open_studio: Open, place: Place
) -> None:
    studio = open_studio(place)
    upload(studio, midi_bytes(scale(count=60, lowest=40)))  # 15 s
    studio.page.wait_for_function(
        "() => document.querySelector('.notice').textContent.includes('is the primer')"
    )
    assert studio.notice().inner_text().startswith("0:00.0 to 0:10.0 is the primer")
    studio.get("mode-compose").click()
    upload(studio, midi_bytes(scale(count=60, lowest=41)))
    studio.page.wait_for_function(
        "() => document.querySelector('[data-testid=primer-end]').value.startsWith('0:15')"
    )
    chosen = primer(studio)
    assert chosen["start"] == 0 and chosen["end"] == pytest.approx(15, abs=0.3)


def test_tracks_can_be_chosen(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    content = midi_bytes(
        scale(count=8), scale(count=5, lowest=40), scale(count=3, lowest=30), names=["right", "left", "bass"]
    )
    upload(studio, content)
    studio.page.wait_for_function(
        "() => document.querySelector('.primer-title strong').textContent === 'piece.mid'"
    )
    studio.get("primer-end").fill("1.6")
    studio.get("tracks").locator("summary").click()
    for name, notes in (("left", "10 notes"), ("bass", "7 notes")):
        track = studio.get("tracks").get_by_label(name)
        track.focus()
        studio.page.keyboard.press("Space")
        studio.page.wait_for_function(
            "(notes) => document.querySelector('.primer-title .detail').textContent.startsWith(notes)",
            arg=notes,
        )
        # The next one can be ticked at once, and the same selection is heard.
        assert track.evaluate("(box) => box === document.activeElement && box.checkVisibility()")
        assert primer(studio)["end"] == 1.6
    studio.get("undo").click()
    assert studio.get("tracks").get_by_label("bass").is_checked()


def test_a_slow_upload_gives_way_to_what_is_chosen_meanwhile(
    open_studio: Open, endless_server: Server
) -> None:
    studio = open_studio(endless_server)
    held: list[Any] = []
    studio.page.route("**/musictx/upload?*", lambda route: held.append(route))
    with studio.page.expect_request("**/musictx/upload?*"):
        upload(studio, midi_bytes(scale()), "slow.mid")
    studio.get("continue").click()
    assert "slow.mid is still being read" in studio.notice().inner_text()
    studio.get("preset-ode-to-joy").click()
    studio.run(seconds=4)
    studio.wait_notes()
    with studio.page.expect_response("**/musictx/upload?*"):
        held[0].continue_()
    studio.wait_done()
    assert "Joy" in primer(studio)["title"]


def test_two_hours_of_music_and_a_minute_of_silence_are_taken(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    upload(studio, midi_bytes([(k * 1.0, 0.5, 40 + k % 40) for k in range(7200)]), "long.mid")
    studio.page.wait_for_function(
        "() => document.querySelector('.primer-title strong').textContent === 'long.mid'"
    )
    assert primer(studio)["end"] == pytest.approx(10, abs=0.1)
    studio.get("primer-ending").click()
    assert primer(studio)["end"] == pytest.approx(7199.5, abs=0.1)
    upload(studio, midi_bytes([*scale(count=4), *scale(start=70.0, count=8)]), "silence.mid")
    studio.page.wait_for_function(
        "() => document.querySelector('.primer-title strong').textContent === 'silence.mid'"
    )
    assert primer(studio)["detail"].startswith("8 notes, 1:")
    studio.run(seconds=2)
    studio.wait_done()


def test_a_file_that_cannot_be_used_is_named_and_the_primer_kept(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    before = primer(studio)
    for content, name, sentence in (
        (b"this is a letter, not music", "letter.mid", "letter.mid"),
        (b"", "nothing.mid", "empty"),
        (midi_bytes(scale(), drums=[0]), "drums.mid", "drum"),
        (b"MThd" + bytes(9 * 2**20), "huge.mid", "larger than 8 MB"),
        (midi_bytes([]), "no-notes.mid", "no-notes.mid"),
        (b"ID3", "song.mp3", "song.mp3 is a recording; the models read MIDI."),
        (b"%PDF", "song.pdf", "song.pdf is a score; the models read MIDI."),
    ):
        upload(studio, content, name)
        studio.page.wait_for_function(
            """(sentence) => {
                const notice = document.querySelector('.notice');
                return notice.classList.contains('bad') && notice.textContent.includes(sentence);
            }""",
            arg=sentence,
        )
        assert "/tmp" not in studio.notice().inner_text()
        assert primer(studio) == before


def test_names_and_texts_of_files_are_never_markup(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    evil = "<img src=x onerror=document.title='broken'>"
    content = midi_bytes(scale(), scale(lowest=40), names=[evil, "other"])
    upload(studio, content, f"{evil}.mid")
    studio.get("tracks").locator("summary").click()
    assert studio.page.locator(".mtx img").count() == 0
    assert evil in studio.get("tracks").inner_text()
    assert studio.page.title() != "broken"


def test_the_on_screen_piano_records_undoes_and_clears(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("piano").click()
    assert not studio.get("metronome").is_checked()
    for pitch in (60, 64, 67):
        key = studio.get(f"key-{pitch}").bounding_box()
        studio.page.mouse.move(key["x"] + key["width"] / 2, key["y"] + key["height"] * 0.8)
        studio.page.mouse.down()
        studio.page.wait_for_selector(f"[data-testid=key-{pitch}].down")
        studio.page.mouse.up()
    assert primer(studio)["detail"].startswith("3 notes")
    studio.get("piano-undo").click()
    assert primer(studio)["detail"].startswith("2 notes")
    studio.get("record").click()
    studio.run(seconds=2)
    studio.wait_done()
    assert [row[2] for row in studio.rows("relative")[:2]] == [60, 64]
    studio.get("piano-clear").click()
    assert primer(studio)["detail"].startswith("0 notes")
    studio.get("continue").click()
    assert "no note" in studio.notice().inner_text()


def test_the_metronome_gives_bars(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("piano").click()
    studio.get("metronome").check()
    studio.page.get_by_label("Beats per minute").fill("100")
    studio.page.get_by_label("Beats per minute").press("Tab")
    studio.get("key-60").click()
    studio.run(seconds=2)
    studio.wait_done()
    assert studio.page.evaluate("window.musictx.take.metre.tempos") == [[0, 600_000]]


def test_the_computers_keys_play(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("piano").click()
    for key in ("a", "d", "x", "a"):
        studio.page.keyboard.down(key)
        studio.page.keyboard.up(key)
    studio.get("record").click()
    studio.get("seconds").focus()
    studio.page.keyboard.press("a")  # typed into a field, not played
    assert studio.get("recorded").inner_text().startswith("3 notes")
    pitches = studio.page.evaluate("[...document.querySelectorAll('.key.down')].length")
    assert pitches == 0
    studio.run(seconds=2)
    studio.wait_done()
    assert [row[2] for row in studio.rows("rope")[:3]] == [60, 64, 72]


FAKE_MIDI = """
window.midiInput = Object.assign(new EventTarget(), { name: "Test keyboard", state: "connected" });
const inputs = new Map([["one", window.midiInput]]);
const access = Object.assign(new EventTarget(), { inputs, outputs: new Map() });
navigator.requestMIDIAccess = async () => access;
window.midiSend = (...bytes) => window.midiInput.onmidimessage({ data: new Uint8Array(bytes) });
"""


def test_a_midi_keyboard_plays_with_velocity_and_pedal(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, script=FAKE_MIDI)
    studio.get("piano").click()
    studio.get("midi-connect").click()
    studio.page.wait_for_function(
        "() => document.querySelector('.notice').textContent.includes('Test keyboard')"
    )
    for message in ("0xb0, 64, 127", "0x90, 50, 33", "0x90, 50, 0", "0x90, 62, 99", "0x80, 62, 0"):
        studio.page.evaluate(f"window.midiSend({message})")
    studio.page.evaluate("window.then = performance.now()")
    studio.page.wait_for_function("() => performance.now() - window.then > 300")
    studio.page.evaluate("window.midiSend(0xb0, 64, 0)")
    studio.get("record").click()
    studio.run(seconds=2)
    studio.wait_done()
    low, high = studio.rows("vanilla")[:2]
    assert (low[2], high[2]) == (50, 62)
    assert low[3] < high[3]
    assert low[1] - low[0] > 250  # the pedal held it


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("delete Navigator.prototype.requestMIDIAccess;", "Web MIDI is not available"),
        (
            "navigator.requestMIDIAccess = async () => { throw new DOMException('no', 'NotAllowedError'); };",
            "not allowed",
        ),
    ],
)
def test_without_web_midi_a_sentence_says_so(
    open_studio: Open, place: Place, script: str, sentence: str
) -> None:
    studio = open_studio(place, script=script)
    studio.get("piano").click()
    studio.get("midi-connect").click()
    studio.page.wait_for_function("() => document.querySelector('.notice').textContent !== ''")
    assert sentence in studio.notice().inner_text()
