"""Continue, and everything that can be done with what the lanes have played."""

from __future__ import annotations

import io
import struct
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import pytest

from .conftest import FIRST, MODELS, PATIENCE, Place, Server

Open = Callable[..., Any]


def download(studio: Any, testid: str) -> bytes:
    with studio.page.expect_download() as waiting:
        studio.get(testid).click()
    return Path(waiting.value.path()).read_bytes()


def pitches_of(content: bytes) -> list[int]:
    file = mido.MidiFile(file=io.BytesIO(content))
    return sorted(m.note for track in file.tracks for m in track if m.type == "note_on" and m.velocity)


def test_all_lanes_fill_while_the_models_play(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    before = {model: studio.lane(model).get_attribute("data-state") for model in MODELS}
    assert set(before.values()) == {"waiting"}
    studio.get("preset-chopin-black-keys").click()  # 8.39 s
    studio.run(seconds=12)
    studio.wait_done()
    for model in MODELS:
        count = int(studio.lane(model).get_attribute("data-notes"))
        rows = studio.rows(model)
        assert 0 < count < len(rows)
        assert rows == sorted(rows, key=lambda row: row[0])
        assert all(on < off for on, off, _, _ in rows)
        assert max(row[1] for row in rows) <= 8_390 + 12_000 + 10
    assert studio.page.get_by_test_id("comparison").is_visible()
    assert "events/s" in studio.lane("rope").inner_text()


def test_stop_keeps_what_is_there_and_ends_the_work(open_studio: Open, unhurried: Place) -> None:
    studio = open_studio(unhurried)
    studio.page.evaluate(
        """() => {
            window.counts = new Set();
            const lane = document.querySelector('[data-testid=lane-relative]');
            new MutationObserver(() => {
              if (lane.dataset.state === 'running') window.counts.add(lane.dataset.notes);
            }).observe(lane, { attributes: true });
        }"""
    )
    studio.run(seconds=180)
    # A lane's notes are shown, and counted, long before its end; once they are some, the models are stopped.
    studio.page.wait_for_function("() => window.counts.size > 3")
    studio.wait_notes("relative", 3)
    studio.get("stop").click()
    studio.wait_done()
    count = studio.lane("relative").get_attribute("data-notes")
    assert int(count) >= 3
    assert studio.get("stop").is_disabled()
    studio.run(seconds=2)  # a new run starts at once: the old one no longer holds the models
    studio.wait_done()


def test_a_run_that_is_stopped_or_left_at_once_ends_on_the_server_too(
    open_studio: Open, start_server: Callable[..., Server]
) -> None:
    own = start_server(visitors=1)  # where no visitor of another test is still leaving
    first, second = open_studio(own), open_studio(own)
    first.leaves_runs = True
    press = "document.querySelector('[data-testid=%s]').click();"
    for end in (press % "stop", "location.reload();"):
        first.get("seconds").fill("180")
        first.page.evaluate(press % "continue" + end)
        second.run(seconds=2)  # has its turn at once
        second.wait_done()
        assert "ahead" not in second.notice().inner_text()


def test_ten_clicks_are_one_run(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("seconds").fill("3")
    studio.page.evaluate(
        "() => { for (let k = 0; k < 10; k += 1) document.querySelector('[data-testid=continue]').click(); }"
    )
    studio.wait_done()
    assert studio.page.get_by_test_id("take-2").count() == 0
    assert int(studio.lane("vanilla").get_attribute("data-notes")) > 0


@pytest.mark.slow
def test_seed_and_settings_decide_the_music(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)

    def music(seed: int, **settings: float) -> list[list[int]]:
        studio.run(
            seconds=2,
            seed=seed,
            **{"temperature": 1, "top_k": 0, "top_p": 0.98, "min_p": 0, "theme": 0, **settings},
        )
        studio.wait_done()
        return studio.rows("relative")

    first = music(5)
    assert music(5) == first
    changes = (
        {"seed": 6},
        {"temperature": 0.3},
        {"top_k": 2},
        {"top_p": 0.2},
        {"min_p": 0.4},
        {"theme": 0.5},
    )
    for change in changes:
        assert music(**{"seed": 5, **change}) != first, change
    studio.get("take-1").click()
    assert studio.rows("relative") == first


def test_an_impossible_setting_is_told(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("seconds").fill("9999")
    studio.get("continue").click()
    assert studio.notice().inner_text() == "Length must be a whole number from 2 to 180."
    assert studio.lane("relative").get_attribute("data-state") == "waiting"


def test_more_goes_on_where_the_lane_ended_and_undo_takes_it_back(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=3)
    studio.wait_done()
    before = studio.rows("rope")
    others = studio.rows("vanilla")
    studio.get("more-rope").click()
    studio.wait_done()
    after = studio.rows("rope")
    end = max(row[1] for row in before)  # where what still sounds was cut, and sounds on
    ended = [row for row in before if row[1] < end - 10]
    assert ended and [row for row in after[: len(before)] if row[1] < end - 10] == ended
    assert [(row[0], *row[2:]) for row in after[: len(before)]] == [(row[0], *row[2:]) for row in before]
    assert len(after) > len(before)
    assert studio.rows("vanilla") == others
    studio.get("undo").click()
    assert studio.rows("rope") == before


def test_more_that_was_taken_back_can_be_asked_for_again(open_studio: Open, endless_server: Server) -> None:
    """The server has stopped the first one; the second is no part of it."""
    studio = open_studio(endless_server)
    studio.run(seconds=2)
    studio.wait_done()
    before = studio.rows("relative")
    for _ in range(2):
        studio.get("more-relative").click()
        studio.get("undo").click()  # while it plays
    assert studio.rows("relative") == before
    studio.get("more-relative").click()
    studio.wait_done()
    assert len(studio.rows("relative")) > len(before)
    studio.get("undo").click()
    studio.get("more-relative").click()
    studio.wait_done()
    assert len(studio.rows("relative")) > len(before)


def test_undo_after_a_variation_brings_back_the_seed_too(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=2, seed=8)
    studio.wait_done()
    studio.get("vary").click()
    studio.wait_done()
    assert studio.get("seed").input_value() == "9"
    studio.get("undo").click()
    assert studio.get("seed").input_value() == "8"


def test_a_lane_becomes_the_primer_and_undo_brings_the_old_one_back(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=3)
    studio.wait_done()
    count = len(studio.rows("vanilla"))
    studio.get("primer-vanilla").click()
    title = studio.page.locator("#primer .primer-title strong")
    assert "continued by Vanilla" in title.inner_text()
    studio.get("primer-start").fill("0")
    studio.get("primer-start").blur()
    studio.run(seconds=2)
    studio.wait_done()
    assert len(studio.rows("vanilla")) > count
    for _ in range(3):  # the second run, the selection, the new primer
        studio.get("undo").click()
    assert title.inner_text() == FIRST["title"]
    assert len(studio.rows("vanilla")) == count


def test_variation_is_another_take(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=3, seed=8)
    studio.wait_done()
    first = studio.rows("relative")
    studio.get("vary").click()
    studio.page.wait_for_selector("[data-testid=take-2]")
    studio.wait_done()
    assert studio.get("seed").input_value() == "9"
    assert studio.rows("relative") != first


def test_downloads_hold_the_primer_or_leave_it_out(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=3)
    studio.wait_done()
    rows = studio.rows("relative")
    assert pitches_of(download(studio, "midi-relative")) == sorted(row[2] for row in rows)
    sound = download(studio, "wav-relative")
    with wave.open(io.BytesIO(sound)) as file:
        assert file.getnframes() / file.getframerate() >= max(row[1] for row in rows) / 1000
        samples = file.readframes(file.getnframes())
        assert max(abs(s) for (s,) in struct.iter_unpack("<h", samples[: 2 * 44_100 * 4])) > 500
    studio.get("settings").click()
    studio.get("continuation-only").check()
    alone = pitches_of(download(studio, "midi-relative"))
    assert len(alone) == int(studio.lane("relative").get_attribute("data-notes"))


def test_nothing_is_left_in_the_temporary_folder(open_studio: Open, endless_server: Server) -> None:
    studio = open_studio(endless_server)
    studio.run(seconds=2)
    studio.wait_done()
    download(studio, "wav-rope")
    deadline = time.monotonic() + PATIENCE / 1000
    while left := list(endless_server.votes.parent.glob("musictx-*")):  # others may be saving something
        assert time.monotonic() < deadline, left
        studio.page.wait_for_timeout(20)


def test_a_link_gives_the_same_music_again(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("preset-greensleeves").click()
    studio.run(seconds=3, seed=21, temperature=0.9)
    studio.wait_done()
    studio.get("more-relative").click()
    studio.wait_done()
    wanted = {model: studio.rows(model) for model in MODELS}
    studio.get("share").click()
    studio.page.wait_for_function("() => document.querySelector('.notice').textContent.includes('link')")
    link = studio.page.evaluate("navigator.clipboard.readText()")
    other = open_studio(place, start=False)
    other.page.goto(link)
    other.page.wait_for_selector(".mtx[data-ready=true]")
    for model in MODELS:
        other.page.wait_for_function(
            """([model, count]) => {
                const score = window.musictx.transport.scores.get(model);
                return score?.complete && score.notes.length === count;
            }""",
            arg=[model, len(wanted[model])],
        )
    assert {model: other.rows(model) for model in MODELS} == wanted
    assert other.get("temperature").input_value() == "0.9"


def test_a_damaged_link_is_told(open_studio: Open, place: Place) -> None:
    studio = open_studio(place, start=False).open("#music=abcdef")
    assert "link is damaged" in studio.notice().inner_text()
    studio.run(seconds=2)
    studio.wait_done()


def test_a_reload_in_mid_run_keeps_the_primer_and_the_takes(open_studio: Open, unhurried: Place) -> None:
    studio = open_studio(unhurried)
    studio.get("preset-two-bar-loop").click()
    studio.get("primer-start").fill("2")
    studio.get("primer-start").blur()
    studio.run(seconds=120)
    studio.wait_notes("relative", 1)
    studio.open()
    assert studio.page.locator("#primer .primer-title strong").inner_text() == "Two-bar loop"
    assert studio.get("primer-start").input_value() == "0:02.0"
    assert studio.lane("relative").get_attribute("data-state") == "done"
    assert int(studio.lane("relative").get_attribute("data-notes")) >= 1
    studio.run(seconds=2)
    studio.wait_done()
