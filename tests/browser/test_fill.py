"""Filling in: a marked selection is played anew, one chooses among its takes, and all around it stays."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import mido

from .conftest import MODELS, Place
from .test_input import play_letters
from .test_lanes import download

Open = Callable[..., Any]
Rows = Sequence[Sequence[int]]


def rows_of(content: bytes) -> Rows:
    """The notes of a saved file: [onset ms, offset ms, pitch, velocity]."""
    rows, sounding, now = [], {}, 0.0
    for message in mido.MidiFile(file=io.BytesIO(content)):
        now += message.time
        if message.type == "note_on" and message.velocity:
            sounding[message.note] = (round(1000 * now), message.velocity)
        elif message.type in ("note_on", "note_off"):
            onset, velocity = sounding.pop(message.note)
            rows.append([onset, round(1000 * now), message.note, velocity])
    return sorted(rows)


def outside(rows: Rows, start: float, end: float) -> Rows:
    return [row for row in rows if not 1000 * start <= row[0] < 1000 * end]


def staying(rows: Rows, take: Rows, start: float, end: float) -> Rows:
    """What begins outside, which ends where a take strikes its key again."""
    struck = [(row[0], row[2]) for row in take]
    return [
        [on, min([off, *(at for at, key in struck if key == pitch and at > on)]), pitch, velocity]
        for on, off, pitch, velocity in outside(rows, start, end)
    ]


def move(studio: Any, edge: str, time: float) -> None:
    """Type a time (s) into a field."""
    studio.get(edge).fill(str(time))
    studio.get(edge).press("Enter")


def mark(studio: Any, start: float, end: float) -> None:
    """Mark a selection of the lanes (s)."""
    studio.get("loop").click()
    for edge, time in (("to", end), ("from", start), ("to", end)):
        move(studio, f"fill-{edge}", time)


def wait_takes(studio: Any, name: str = "fill") -> None:
    studio.page.wait_for_selector(f"[data-testid={name}-keep]:visible")


def finished(studio: Any, seconds: float = 8) -> float:
    """Let the models play, and stop the sound; where the primer ends (s)."""
    studio.get("preset-chopin-black-keys").click()
    studio.run(seconds=seconds, seed=5)
    studio.wait_done()
    if studio.page.evaluate("window.musictx.transport.state") != "stopped":
        studio.get("play").click()
    return float(studio.page.evaluate("window.musictx.take.length")) / 1000


def test_a_selection_is_filled_in_and_all_around_it_stays(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    start = finished(studio) + 2
    end = start + 2
    mark(studio, start, end)
    before = {model: studio.rows(model) for model in MODELS}
    saved = rows_of(download(studio, "midi-rope"))
    studio.get("fill-rope").press("Enter")
    studio.page.wait_for_function(  # how far it is
        "() => /^[0-9]+ %$/.test(document.querySelector('[data-testid=fill-made]').textContent)"
    )
    wait_takes(studio)
    assert studio.get("fill-status").inner_text().startswith("RoPE, take 1 of 4: ")
    assert "4 of 16 attempts, drawn at random" in studio.get("fill-hint").inner_text()
    takes = [studio.rows("rope")]
    for _ in range(3):
        studio.get("fill-next").click()
        takes.append(studio.rows("rope"))
    assert len({str(take) for take in takes}) == 4
    for take in takes:
        assert outside(take, start, end) == staying(before["rope"], take, start, end)
    studio.page.wait_for_function("(at) => window.musictx.transport.position > at", arg=start)  # it is heard
    studio.get("fill-keep").click()
    filled = rows_of(download(studio, "midi-rope"))
    assert filled != saved and outside(filled, start, end) == staying(saved, filled, start, end)
    assert studio.get("take-2").get_attribute("aria-label") == "Take 2, seed 5, filled in"
    assert [studio.rows(model) for model in MODELS[:2]] == [before[model] for model in MODELS[:2]]
    studio.get("take-1").click()
    assert studio.rows("rope") == before["rope"]


def test_a_filling_can_be_stopped_and_taken_back(open_studio: Open, unhurried: Place) -> None:
    studio = open_studio(unhurried)
    start = finished(studio, seconds=6)
    mark(studio, start, start + 3)
    before = studio.rows("relative")
    studio.get("fill-relative").press("Enter")
    studio.get("fill-stop").press("Enter")  # which has the focus now
    assert studio.rows("relative") == before and studio.get("take-2").count() == 0
    studio.get("fill-relative").click()
    wait_takes(studio)
    assert studio.rows("relative") != before
    studio.get("fill-undo").click()
    assert studio.rows("relative") == before and studio.get("take-2").count() == 0
    assert studio.get("fill-relative").is_enabled()  # what was marked still is
    move(studio, "fill-from", start - 2)
    assert studio.get("fill-hint").inner_text().startswith("This selection begins in the primer.")
    move(studio, "fill-from", start)
    move(studio, "fill-to", start + 60)
    assert studio.get("fill-hint").inner_text().startswith("There is no music after this selection")
    assert studio.get("fill-relative").is_disabled()
    studio.get("blind").click()
    assert studio.get("fill-hint").inner_text() == "Selections can be filled in after the vote."


def test_a_filling_gives_way_to_an_answer_and_to_five_takes(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    start = finished(studio)
    mark(studio, start, start + 2)
    studio.get("piano").click()
    studio.get("duet").click()
    studio.page.evaluate(
        """() => {
            const { player } = window.musictx;
            const start = player.start.bind(player);
            window.lost = true;
            player.start = (lane, request, on) => {
                window.on = on;
                if (request.gap) return; // it takes long
                if (window.lost) queueMicrotask(() => on({ state: "error", error: `${lane} was lost.` }));
                else start(lane, request, on);
            };
        }"""
    )
    studio.get("fill-rope").click()
    assert studio.get("fill-stop").is_visible()
    assert studio.get("fill-status").inner_text() == "RoPE makes attempts …"
    studio.page.evaluate("window.on({ state: 'waiting', place: 2 })")
    assert "2 visitors are ahead of you" in studio.get("fill-status").inner_text()
    studio.get("series").click()
    assert not studio.get("fill-stop").is_visible() and studio.get("fill-rope").is_enabled()
    assert studio.notice().inner_text() == "vanilla was lost."
    assert studio.get("series").inner_text() == "Five takes"
    studio.page.evaluate("window.lost = false")
    studio.get("fill-rope").click()
    assert studio.get("fill-stop").is_visible()
    studio.get("duet").focus()
    play_letters(studio, "adg")
    studio.page.wait_for_selector(".duet[data-state=answering]")
    assert not studio.get("fill-stop").is_visible() and studio.get("fill-rope").is_enabled()
    studio.get("duet").click()


def test_the_primer_is_filled_in_where_its_piece_goes_on(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    move(studio, "primer-start", 2)
    move(studio, "primer-end", 4)
    studio.get("primer-fill").click()
    title = studio.page.locator("#primer .primer-title strong").inner_text()
    studio.get("primer-fill-vanilla").click()
    wait_takes(studio, "primer-fill")
    assert (
        studio.page.locator("#primer .primer-title strong").inner_text() == f"{title}, filled in by Vanilla"
    )
    studio.get("primer-fill-keep").click()
    studio.run(seconds=2)
    studio.wait_done()
    (primer,) = {str([row for row in studio.rows(model) if row[0] < 2000]) for model in MODELS}
    studio.get("undo").click()
    studio.get("undo").click()
    assert studio.page.locator("#primer .primer-title strong").inner_text() == title
    studio.run(seconds=2)
    studio.wait_done()
    assert str([row for row in studio.rows("rope") if row[0] < 2000]) != primer
