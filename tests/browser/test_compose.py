"""Composing: takes of one model side by side, and the piece that is made of what is kept of them."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from musictx.training.choices import read_choices

from .conftest import Place
from .test_fill import rows_of, wait_takes
from .test_lanes import download
from .test_primer import moment, upload

Open = Callable[..., Any]
Rows = list[list[int]]
TAKES = ("A", "B", "C")


def piece(studio: Any) -> tuple[int, int]:
    """Notes and sections of the piece, as the page says them."""
    found = studio.get("piece")
    return int(found.get_attribute("data-notes")), int(found.get_attribute("data-sections"))


def whole(studio: Any) -> Rows:
    """Everything in the piece, as it is saved."""
    return [list(row) for row in rows_of(download(studio, "piece-save"))]


def drawn(studio: Any, testid: str = "continue", seconds: int = 3) -> dict[str, Rows]:
    """Let three takes be drawn; what each of them plays, after its primer."""
    studio.get("seconds").fill(str(seconds))
    studio.get(testid).click()
    studio.wait_done(TAKES)
    cut = studio.page.evaluate("window.musictx.take.length")
    return {take: [row for row in studio.rows(take) if row[0] >= cut] for take in TAKES}


def moved(rows: Rows, by: int) -> list[tuple[int, int]]:
    """Onset and pitch of each note, by so much later."""
    return sorted((row[0] + by, row[2]) for row in rows)


def test_a_piece_is_made_of_what_is_kept_and_is_there_after_a_reload(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("mode-compose").click()
    assert "mode=compose" in studio.page.url and not studio.lane("relative").is_visible()
    first = drawn(studio)
    cut = studio.page.evaluate("window.musictx.take.length")
    assert len({str(rows) for rows in first.values()}) == 3
    studio.get("keep-B").click()
    assert piece(studio) == (len(first["B"]), 1)
    assert "B · seed 2" in studio.get("piece").inner_text()
    second = drawn(studio, "go-on")
    assert int(studio.lane("C").get_attribute("data-notes")) == len(second["C"])
    end = studio.page.evaluate("window.musictx.take.length")
    assert end == cut + 3000
    studio.get("keep-C").click()
    assert piece(studio) == (len(first["B"]) + len(second["C"]), 2)
    saved = whole(studio)
    assert download(studio, "piece-save-wav").startswith(b"RIFF")
    kept = [row for row in saved if row[0] >= cut]
    assert moved(kept, 0) == sorted(moved(first["B"], 0) + moved(second["C"], 0))
    studio.leaves_runs = True
    studio.page.reload()
    studio.page.wait_for_selector(".mtx[data-ready=true]")
    assert piece(studio) == (len(kept), 2) and whole(studio) == saved
    assert int(studio.lane("C").get_attribute("data-notes")) == len(second["C"])
    studio.get("piece-undo").click()
    assert piece(studio) == (len(first["B"]), 1)
    studio.get("piece-new").click()
    assert piece(studio) == (0, 0)
    studio.get("keep-A").click()  # another piece begins with it
    assert piece(studio) == (len(second["A"]), 1)
    for _ in range(3):
        studio.get("piece-undo").click()
    studio.get("piece-redo").click()
    assert piece(studio) == (len(first["B"]), 1)


def test_go_on_keeps_the_take_that_is_heard_unless_one_was_kept(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("mode-compose").click()
    first = drawn(studio)
    studio.get("solo-C").click()
    assert "keeps take C" in studio.get("go-on").inner_text()
    drawn(studio, "go-on")
    assert piece(studio) == (len(first["C"]), 1)
    for _ in range(2):
        studio.get("keep-A").click()
    assert studio.notice().inner_text() == "Take A is in the piece already."
    assert "from the end of the piece" in studio.get("go-on").inner_text()
    drawn(studio, "go-on")
    assert piece(studio)[1] == 2
    assert "seed 7" in studio.lane("A").inner_text()  # 1, 2, 3 and 4, 5, 6 were drawn


def test_keys_take_back_what_was_kept(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("mode-compose").click()
    drawn(studio)
    studio.get("keep-A").click()
    studio.get("skip").focus()
    studio.page.keyboard.press("Enter")
    assert studio.page.evaluate("document.activeElement.dataset.testid") == "go-on"
    for keys, sections in (("Control+z", 0), ("Control+Shift+z", 1), ("Control+Shift+z", 1)):
        studio.page.keyboard.press(keys)
        assert piece(studio)[1] == sections


def test_other_takes_are_others(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("mode-compose").click()
    drawn(studio)
    studio.get("compose-takes").select_option("2")
    studio.page.locator("#vary").click()
    studio.wait_done(TAKES[:2])
    assert "seed 4" in studio.lane("A").inner_text()  # 1, 2 and 3 were drawn
    assert "the same music again" not in studio.notice().inner_text()


def test_a_take_comes_back_with_its_length_in_bars(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("bars").fill("3")
    studio.get("bars").press("Tab")
    for start in (studio.get("continue"), studio.page.locator("#vary")):
        start.click()
        studio.wait_done()
    studio.get("take-1").click()
    assert studio.get("bars").input_value() == "3"


def test_composing_begins_without_the_cards(open_studio: Open, place: Place) -> None:
    lost = "const ask = window.fetch; window.fetch = (...what) => "
    lost += "/presets|primers.json/.test(what[0]) ? Promise.reject(new TypeError('lost')) : ask(...what);"
    studio = open_studio(place, script=lost)
    for way in ("compose", "compare", "compose"):
        studio.get(f"mode-{way}").click()
    assert studio.get("steady").is_checked()


def test_a_marked_part_of_a_take_is_kept(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("mode-compose").click()
    takes = drawn(studio, seconds=6)
    cut = studio.page.evaluate("window.musictx.take.length")
    studio.get("play").click()
    box = studio.lane("A").locator(".roll").bounding_box()
    seconds = cut / 1000 + 6
    ends = [box["x"] + box["width"] * (cut / 1000 + after) / seconds for after in (2, 4)]
    studio.page.keyboard.down("Shift")
    studio.page.mouse.move(ends[0], box["y"] + 30)
    studio.page.mouse.down()
    studio.page.mouse.move(ends[1], box["y"] + 30, steps=3)
    studio.page.mouse.up()
    studio.page.keyboard.up("Shift")
    assert studio.get("keep-A").inner_text().startswith("Keep 0:")
    studio.get("keep-A").dblclick()  # as some click: it keeps once, and not the whole of it
    studio.page.wait_for_selector("[data-testid=piece][data-sections='1']")
    kept = [row for row in whole(studio) if row[0] >= cut]
    lengths = [row[0] for row in takes["A"] if cut + 1700 <= row[0] < cut + 4300]
    assert 0 < len(kept) <= len(lengths)
    assert {row[2] for row in kept} <= {row[2] for row in takes["A"]}
    assert studio.get("keep-A").inner_text() == "Kept"  # for a moment
    studio.page.wait_for_function(
        "() => document.querySelector('[data-testid=keep-A]').textContent === 'Keep'"
    )


def test_what_was_made_the_other_way_stays(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=2, seed=9)
    studio.wait_done()
    compared = studio.rows("rope")
    studio.rewind()
    studio.get("keep-rope").click()
    assert "Move the playhead" in studio.notice().inner_text()
    studio.get("mode-compose").click()
    assert studio.get("bars").input_value() == "4" and studio.notice().inner_text() == ""
    takes = drawn(studio, seconds=2)
    studio.get("mode-compare").click()
    assert "mode" not in studio.page.url and not studio.get("piece").is_visible()
    assert studio.rows("rope") == compared and studio.get("seconds").input_value() == "2"
    assert studio.order() == ["vanilla", "relative", "rope"]
    studio.get("mode-compose").click()
    assert studio.order() == list(TAKES) and studio.get("seconds").input_value() == "2"
    cut = studio.page.evaluate("window.musictx.take.length")
    assert [row for row in studio.rows("B") if row[0] >= cut] == takes["B"]


def test_the_other_way_comes_back_with_its_primer_and_its_length_in_bars(
    open_studio: Open, place: Place
) -> None:
    studio = open_studio(place)
    studio.get("mode-compose").click()
    drawn(studio, seconds=2)
    studio.get("keep-A").click()  # the piece's end is the primer now
    studio.get("bars").fill("3")
    studio.get("bars").press("Tab")
    primer = studio.page.locator(".primer-title").first.inner_text()
    for way in ("compare", "compose"):
        studio.get(f"mode-{way}").click()
    assert studio.page.locator(".primer-title").first.inner_text() == primer
    assert studio.get("bars").input_value() == "3"
    studio.get("settings").click()
    studio.page.locator("#defaults").click()
    assert studio.get("bars").input_value() == "4"


def test_takes_are_steady_and_what_is_compared_is_not(open_studio: Open, place: Place) -> None:
    def manner() -> Any:
        return studio.page.evaluate("window.musictx.take.settings.shape")

    studio = open_studio(place)
    studio.get("mode-compose").click()
    drawn(studio)
    assert manner() == "steady" and "#" not in studio.page.url
    studio.get("settings").click()
    studio.get("steady").uncheck()
    studio.page.keyboard.press("Escape")
    assert studio.page.url.endswith("#shape=")
    drawn(studio)
    assert manner() == ""
    studio.get("mode-compare").click()
    studio.get("continue").click()
    studio.wait_done()
    assert manner() == "" and "#" not in studio.page.url
    studio.get("mode-compose").click()
    studio.get("settings").click()
    assert not studio.get("steady").is_checked()
    studio.page.locator("#defaults").click()
    assert studio.get("steady").is_checked()


def test_wishes_shape_the_takes_by_keyboard_and_the_address_keeps_them(
    open_studio: Open, place: Place
) -> None:
    studio = open_studio(place)
    assert not studio.get("shape-density").is_visible()
    studio.get("mode-compose").click()
    plain = drawn(studio)
    studio.get("seed").fill("1")
    studio.get("shape-volume").focus()
    studio.page.keyboard.press("ArrowDown")
    assert studio.get("shape-volume").input_value() == "softer"
    assert studio.page.url.endswith("#shape=softer,steady")
    softer = drawn(studio)
    loudness = [sum(row[3] for rows in takes.values() for row in rows) for takes in (plain, softer)]
    counts = [sum(map(len, takes.values())) for takes in (plain, softer)]
    assert loudness[1] / counts[1] < loudness[0] / counts[0]
    studio.leaves_runs = True
    studio.page.reload()
    studio.page.wait_for_selector(".mtx[data-ready=true]")
    assert studio.get("shape-volume").input_value() == "softer"
    studio.get("shape-volume").select_option("volume")
    assert "#" not in studio.page.url
    studio.get("seed").fill("1")
    assert drawn(studio) == plain
    studio.get("shape-pitch").select_option("higher")
    studio.get("mode-compare").click()
    assert "shape" not in studio.page.url  # it is a wish for what is composed


def test_a_piece_that_finds_no_room_stays_and_is_told(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("mode-compose").click()
    drawn(studio)
    studio.page.evaluate(
        """() => {
            const set = Storage.prototype.setItem;
            Storage.prototype.setItem = function (key, value) {
                if (key.startsWith("musictx.piece")) throw new DOMException("full", "QuotaExceededError");
                set.call(this, key, value);
            };
        }"""
    )
    studio.get("keep-A").click()
    assert "no room to keep the piece" in studio.notice().inner_text()
    # Another tab's piece is not this one, which is nowhere else.
    studio.page.evaluate("window.dispatchEvent(new StorageEvent('storage', { key: 'musictx.piece.1' }))")
    assert piece(studio)[1] == 1 and whole(studio)


def test_a_selection_of_the_piece_is_filled_in(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("mode-compose").click()
    drawn(studio, seconds=6)
    studio.get("keep-A").click()
    before = whole(studio)
    cut = studio.page.evaluate("window.musictx.take.length")
    studio.get("piece-fill").click()
    for edge, time in (("to", cut / 1000 + 3), ("from", cut / 1000 + 1), ("to", cut / 1000 + 3)):
        studio.get(f"piece-fill-{edge}").fill(str(time))
        studio.get(f"piece-fill-{edge}").press("Enter")
    studio.get("piece-fill-relative").click()
    wait_takes(studio, "piece-fill")
    studio.get("piece-fill-next").click()
    studio.get("piece-fill-keep").click()
    after = whole(studio)
    mark = (cut + 1000, cut + 3000)
    outside = [[row for row in rows if not mark[0] <= row[0] < mark[1]] for rows in (before, after)]
    assert moved(outside[0], 0) == moved(outside[1], 0) and before != after
    assert "filled in" in studio.get("piece").inner_text()
    studio.get("piece-undo").click()
    assert whole(studio) == before


def test_composing_fits_a_narrow_screen(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, viewport={"width": 390, "height": 844}, has_touch=True)
    studio.get("mode-compose").tap()
    takes = drawn(studio, seconds=4)
    room = studio.get("go-on").evaluate(
        """(button) => {
            const [frame, words] = [button, button.lastChild].map((each) => each.getBoundingClientRect());
            return frame.bottom - words.bottom;
        }"""
    )
    assert room >= 4, "three lines fill the button"
    cut = studio.page.evaluate("window.musictx.take.length")
    studio.get("loop").tap()  # without a Shift key its times say what is marked
    for edge, time in (("to", cut / 1000 + 3), ("from", cut / 1000 + 1)):
        studio.get(f"fill-{edge}").fill(str(time))
        studio.get(f"fill-{edge}").press("Enter")
    assert not studio.get("fill-relative").is_visible()
    assert studio.get("keep-A").inner_text().startswith("Keep 0:")
    kept = [row for row in takes["A"] if cut + 1000 <= row[0] < cut + 3000]
    studio.get("keep-A").tap()
    assert piece(studio) == (len(kept), 1)
    assert studio.page.evaluate("document.documentElement.scrollWidth") <= 390
    for testid in (
        "go-on",
        "keep-B",
        "piece-save",
        "piece-undo",
        "piece-zoom-in",
        "mode-compare",
        "compose-takes",
    ):
        box = studio.get(testid).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, testid
    kept_take = studio.page.locator("#piece .section").nth(1)
    before = kept_take.bounding_box()["width"]
    roll = studio.page.locator("#piece .roll")
    box = roll.bounding_box()
    roll.tap(position={"x": 0.95 * box["width"], "y": box["height"] / 2})
    studio.get("piece-zoom-in").tap()
    assert kept_take.bounding_box()["width"] > 1.4 * before  # its buttons have room


def four_bars() -> bytes:
    """An idea of four bars at 97 beats a minute, as a DAW writes it."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(97)))
    track.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
    for k in range(32):
        track.append(mido.Message("note_on", note=60 + (5 * k) % 12, velocity=80, time=60 if k else 0))
        track.append(
            mido.Message("note_off", note=60 + (5 * k) % 12, velocity=0, time=180)
        )  # before the beat
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def idea(studio: Any) -> None:
    """Bring four bars to compose with, two bars a take, on the beat."""
    studio.get("mode-compose").click()
    upload(studio, four_bars(), "four-bars.mid")
    studio.page.wait_for_function(
        "() => document.querySelector('.primer-title strong').textContent === 'four-bars.mid'"
    )
    assert studio.get("bars").input_value() == "4"
    studio.get("bars").fill("2")
    studio.get("beat").select_option("strict")


def takes_of_two_bars(studio: Any, testid: str, kept: str) -> None:
    studio.get(testid).click()
    studio.wait_done(TAKES)
    for take in kept:
        studio.get(f"keep-{take}").click()


def ticks_of(studio: Any) -> dict[str, list[int]]:
    """Onsets of the saved piece in ticks by the names of its tracks. Tempo and metre are the idea's."""
    saved = mido.MidiFile(file=io.BytesIO(download(studio, "piece-save")))
    metas = {message.type: message for message in saved.tracks[0]}
    assert metas["set_tempo"].tempo == mido.bpm2tempo(97) and metas["time_signature"].numerator == 4
    assert saved.ticks_per_beat == 480
    found: dict[str, list[int]] = {}
    for track in saved.tracks[1:]:
        now = 0
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                found.setdefault(track.name, []).append(now)
    return found


def all_of(tracks: dict[str, list[int]]) -> list[int]:
    return [tick for ticks in tracks.values() for tick in ticks]


def off_grid(ticks: dict[str, list[int]]) -> list[int]:
    return [tick for tick in all_of(ticks) if tick % 120]  # of sixteenths


BAR = 1920  # ticks


def test_a_piece_lies_on_the_bars_of_its_idea(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    idea(studio)
    takes_of_two_bars(studio, "continue", "A")
    takes_of_two_bars(studio, "go-on", "BC")  # two of one run, one after the other
    tracks = ticks_of(studio)
    primer, continuation = tracks
    assert primer == "Primer" and continuation.startswith("Continuation: ")
    assert ", seeds 1, 5, 6, musictx " in continuation
    assert off_grid(tracks) == []
    assert max(tracks[primer]) < 4 * BAR <= min(tracks[continuation])
    assert 8 * BAR <= max(tracks[continuation]) < 10 * BAR


def test_a_section_is_taken_out_of_the_piece(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    idea(studio)
    takes_of_two_bars(studio, "continue", "AB")
    takes_of_two_bars(studio, "go-on", "C")
    primer, before = ticks_of(studio).values()
    assert not studio.get("piece-remove-0").count()  # the rest begins with it
    studio.get("piece-remove-1").focus()
    studio.page.keyboard.press("Enter")
    assert "Undo brings it back" in studio.notice().inner_text()
    assert piece(studio)[1] == 2
    assert studio.page.evaluate("document.activeElement.dataset.testid") == "piece-remove-1"
    stayed, after = ticks_of(studio).values()
    gone = [tick for tick in before if tick < 6 * BAR]
    assert stayed == primer and gone
    assert after == [tick - 2 * BAR for tick in before if tick >= 6 * BAR]
    takes_of_two_bars(studio, "go-on", "A")  # from where the piece ends now
    tracks = ticks_of(studio)
    assert off_grid(tracks) == [] and 8 * BAR <= max(all_of(tracks)) < 10 * BAR
    for _ in range(2):
        studio.get("piece-undo").click()
    assert list(ticks_of(studio).values()) == [primer, before]


def test_a_section_comes_again_at_the_end(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    idea(studio)
    takes_of_two_bars(studio, "continue", "AB")
    primer, before = ticks_of(studio).values()
    assert max(primer) < 4 * BAR and max(before) < 8 * BAR
    first = [tick for tick in before if tick < 6 * BAR]
    studio.get("piece-repeat-1").click()  # A, after B
    assert "repeated at the end" in studio.notice().inner_text()
    assert piece(studio)[1] == 3
    stayed, after = ticks_of(studio).values()
    assert stayed == primer
    assert after == sorted([*before, *(tick + 4 * BAR for tick in first)])
    studio.get("piece-repeat-0").click()  # the idea itself
    again = all_of(ticks_of(studio))
    assert sorted(again) == sorted([*primer, *after, *(tick + 10 * BAR for tick in primer)])
    takes_of_two_bars(studio, "go-on", "C")  # from where the piece ends now
    tracks = ticks_of(studio)
    assert off_grid(tracks) == [] and 14 * BAR <= max(all_of(tracks)) < 16 * BAR
    studio.get("settings").click()
    studio.get("lead-in").fill("4")
    studio.get("continuation-only").check()
    studio.leaves_runs = True
    studio.page.reload()
    studio.page.wait_for_selector(".mtx[data-ready=true]")
    assert ticks_of(studio) == tracks
    fields = [studio.get(testid).input_value() for testid in ("bars", "beat", "lead-in")]
    assert fields == ["2", "strict", "4"] and studio.get("continuation-only").is_checked()
    for _ in range(3):
        studio.get("piece-undo").click()
    assert list(ticks_of(studio).values()) == [primer, before]


def test_a_bar_is_filled_in_on_the_beat(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    idea(studio)
    takes_of_two_bars(studio, "continue", "AB")
    before = all_of(ticks_of(studio))
    studio.get("piece-fill").click()  # the last bar that something follows
    times = [moment(studio, f"piece-fill-{edge}") for edge in ("from", "to")]
    assert times == [pytest.approx(bars * 4 * 60 / 97, abs=0.05) for bars in (6, 7)]
    for edge, bars in (("from", 5), ("to", 6)):  # a time in tenths means the bar line beside it
        studio.get(f"piece-fill-{edge}").fill(f"{bars * 4 * 60 / 97:.1f}")
        studio.get(f"piece-fill-{edge}").press("Enter")
    studio.get("piece-fill-relative").click()
    wait_takes(studio, "piece-fill")
    studio.get("piece-fill-keep").click()
    tracks = ticks_of(studio)
    after = all_of(tracks)
    inside = [[tick for tick in ticks if 5 * BAR <= tick < 6 * BAR] for ticks in (before, after)]
    assert inside[0] != inside[1] and inside[1] and off_grid(tracks) == []
    assert sorted({*before} - {*inside[0]}) == sorted({*after} - {*inside[1]})


def test_what_is_kept_is_a_choice_that_tune_reads(open_studio: Open, place: Place, tmp_path: Path) -> None:
    studio = open_studio(place)
    studio.get("mode-compose").click()
    assert studio.get("choices").inner_text() == "none so far, in this browser only"
    assert studio.get("choices-on").is_checked()
    takes = drawn(studio)
    studio.page.evaluate("window.musictx.take.heard.lanes = { A: 1, B: 5 }")
    studio.get("keep-B").click()
    assert studio.get("choices").inner_text().startswith("none so far")  # the others were not heard yet
    studio.get("piece-undo").click()
    studio.page.evaluate("window.musictx.take.heard.lanes = { A: 5, B: 5, C: 3 }")
    studio.get("keep-B").click()
    assert studio.get("choices").inner_text() == "1 choice (30 teach density or pitch), in this browser only"
    file = tmp_path / "choices.jsonl"
    file.write_bytes(download(studio, "choices-save"))
    (choice,) = read_choices(file)
    assert [len(choice.kept), len(choice.rejected)] == [1, 2] and choice.model
    kept = choice.kept[0].notes
    later = kept[kept["onset"] >= choice.cut - 0.001]
    assert later["pitch"].tolist() == [row[2] for row in takes["B"]]
    assert "run" in json.loads(file.read_text())
    studio.get("keep-A").click()
    assert len(read_choices_of(studio, file)[0].kept) == 2
    for _ in range(2):
        studio.get("piece-undo").click()
    studio.get("piece-redo").click()
    studio.get("choices-clear").click()
    studio.get("choices-on").uncheck()
    studio.get("keep-C").click()
    assert studio.get("choices").inner_text().startswith("none so far")


def read_choices_of(studio: Any, file: Path) -> Any:
    file.write_bytes(download(studio, "choices-save"))
    return read_choices(file)


MIDI = """
    window.sent = [];
    const port = { id: "out", name: "Synth", state: "connected" };
    port.send = (bytes, at) => {
        const { contextTime, performanceTime } = window.musictx.transport.sound.context.getOutputTimestamp();
        window.sent.push([...bytes, at, performanceTime - 1000 * contextTime]);
    };
    const access = new EventTarget();
    Object.assign(access, { outputs: new Map([["out", port]]), inputs: new Map() });
    navigator.requestMIDIAccess = async () => access;
    window.held = () => {
        const keys = new Set();
        const inTime = [...window.sent].sort((a, b) => a[3] - b[3]); // as the system sends them on
        for (const [status, pitch] of inTime) status === 0x90 ? keys.add(pitch) : keys.delete(pitch);
        return keys;
    };
    window.unplug = () => {
        port.state = "disconnected";
        access.outputs.delete("out");
        access.dispatchEvent(new Event("statechange"));
    };
"""


def with_instrument(open_studio: Open, place: Place) -> Any:
    """A page whose takes have played, and whose playback goes to a MIDI instrument."""
    studio = open_studio(place, script=MIDI)
    studio.get("settings").click()
    studio.get("midi-output-find").click()
    studio.get("midi-output").select_option("out")
    studio.page.keyboard.press("Escape")
    studio.run(seconds=6)
    studio.wait_done()
    return studio


def test_a_midi_instrument_plays_what_is_heard_until_it_is_gone(open_studio: Open, place: Place) -> None:
    studio = with_instrument(open_studio, place)
    studio.page.wait_for_function("() => window.sent.length > 20")
    studio.get("play").click()
    studio.page.wait_for_function("() => window.musictx.transport.state === 'stopped'")
    studio.page.wait_for_function("() => !window.held().size")  # every key has come up
    sent = studio.page.evaluate("window.sent")
    pitches = {row[2] for row in studio.rows("relative")}
    assert {pitch for status, pitch, *_ in sent if status == 0x90} <= pitches
    studio.get("play").click()
    studio.page.wait_for_function("() => window.musictx.transport.state === 'playing'")
    studio.page.evaluate("window.unplug()")
    assert studio.notice().inner_text().startswith("Synth is gone, so playback has stopped.")
    assert studio.page.evaluate("window.musictx.transport.state") == "stopped"


def test_a_midi_instrument_gets_every_note_at_its_time(open_studio: Open, endless_site: Place) -> None:
    """Each message carries the time at which the system is to send it: what a busy page does moves none.

    Where the sound itself lags behind by a buffer, as on a busy machine it may, the instrument stays with it.
    """
    studio = with_instrument(open_studio, endless_site)
    studio.page.evaluate(
        "() => { const { transport } = window.musictx; transport.stop(); window.sent = []; transport.play() }"
    )
    studio.page.wait_for_function("() => window.musictx.transport.state === 'stopped'")
    onsets, times, clock = defaultdict(list), defaultdict(list), []
    for on, _, pitch, _ in studio.rows(studio.page.evaluate("window.musictx.transport.heard")):
        onsets[pitch].append(on)
    for status, pitch, velocity, at, page_ahead_of_sound in studio.page.evaluate("window.sent"):
        clock.append(page_ahead_of_sound)
        if status == 0x90 and velocity:
            times[pitch].append(at)
    assert {pitch: len(each) for pitch, each in times.items()} == {p: len(each) for p, each in onsets.items()}
    late = np.array(
        [at - on for p in onsets for at, on in zip(sorted(times[p]), sorted(onsets[p]), strict=True)]
    )
    assert np.ptp(late) < np.ptp(clock) + 5


def test_a_lane_is_dragged_out_of_the_page_as_a_file(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=2)
    studio.wait_done()
    link, files = studio.page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            const button = document.querySelector("[data-testid=midi-rope]");
            button.dispatchEvent(new DragEvent("dragstart", { dataTransfer, bubbles: true }));
            return [dataTransfer.getData("DownloadURL"), [...dataTransfer.files].map(({ name }) => name)];
        }"""
    )
    kind, name, address = link.split(":", 2)
    assert kind == "audio/midi" and name.endswith("-rope.mid") and files == [name]
    content = studio.page.evaluate(
        "async (address) => [...new Uint8Array(await (await fetch(address)).arrayBuffer())]", address
    )
    assert bytes(content) == download(studio, "midi-rope")
