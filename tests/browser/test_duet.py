"""The duet: whose turn it is, that the model answers and gives way, and that both become one recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Place
from .test_input import keys_down, play_letters

Open = Callable[..., Any]

# A conversation with a pause of 0.8 s: what it asks for, and its state in the end.
TALK = """
async (events) => {
  const { Conversation } = await import("/musictx/static/music/conversation.js");
  const said = [];
  const asks = (what) => [what, (due) => said.push(due === undefined ? what : `${what} ${due.toFixed(1)}`)];
  const talk = new Conversation(0.8, Object.fromEntries(["prepare", "drop", "answer", "silence"].map(asks)));
  for (const [what, ...about] of events) talk[what](...about);
  return [said, talk.state];
}
"""
NOTE: list[list[Any]] = [["press", 60], ["lift", 60, 1.0]]
CASES: dict[str, tuple[list[list[Any]], list[str], str]] = {
    "nobody has played": ([["tick", 9.0]], [], "listening"),
    "a gap between two notes": ([*NOTE, ["tick", 1.1], ["press", 62]], [], "listening"),
    "a pause that begins": ([*NOTE, ["tick", 1.2], ["tick", 1.3]], ["prepare"], "waiting"),
    "a pause that was none": (
        [*NOTE, ["tick", 1.2], ["press", 62], ["tick", 2.0]],
        ["prepare", "drop"],
        "listening",
    ),
    "a pause": ([*NOTE, ["tick", 1.2], ["tick", 1.9]], ["prepare", "answer 1.8"], "answering"),
    "a page that was busy": ([*NOTE, ["tick", 3.0]], ["prepare", "answer 1.8"], "answering"),
    "another key is held": ([["press", 64], *NOTE, ["tick", 9.0]], [], "listening"),
    "the pedal is held": ([["pedal", True, 0.5], *NOTE, ["tick", 9.0]], [], "listening"),
    "the pedal comes up last": (
        [["pedal", True, 0.5], *NOTE, ["pedal", False, 2.0], ["tick", 2.7], ["tick", 2.9]],
        ["prepare", "answer 2.8"],
        "answering",
    ),
    "a key takes the turn back": (
        [*NOTE, ["tick", 2.0], ["press", 62]],
        ["prepare", "answer 1.8", "silence"],
        "listening",
    ),
    "the pedal does not": (
        [*NOTE, ["tick", 2.0], ["pedal", True, 2.1], ["pedal", False, 2.2], ["tick", 9.0]],
        ["prepare", "answer 1.8"],
        "answering",
    ),
    "an answer is not answered": (
        [*NOTE, ["tick", 2.0], ["ended"], ["tick", 9.0]],
        ["prepare", "answer 1.8"],
        "listening",
    ),
    "the next turn": (
        [*NOTE, ["tick", 2.0], ["ended"], ["press", 62], ["lift", 62, 4.0], ["tick", 5.0]],
        ["prepare", "answer 1.8", "prepare", "answer 4.8"],
        "answering",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_conversation_takes_turns(page: Any, case: str) -> None:
    events, asked, state = CASES[case]
    assert page.evaluate(TALK, events) == [asked, state]


def begin(studio: Any) -> str:
    """Open the piano for a duet, play three notes, wait until the answer sounds; what the page says then."""
    studio.get("piano").click()
    studio.get("duet").click()
    return answer(studio)


def answer(studio: Any, notes: int = 1) -> str:
    """Play three notes and wait until so many of the answer have begun; what the page says at that moment.

    Until the answer has begun, the clock may still be that of the one before it, which rings out.
    """
    play_letters(studio, "adg")
    says: str = studio.page.wait_for_function(
        """(notes) => {
          const { begun, transport, score } = window.musictx.duet;
          const last = begun && score.notes[score.base + notes - 1];
          const sounds = last && transport.state === "playing" && transport.position > last.on;
          return sounds && document.querySelector("[data-testid=turn]").innerText;
        }""",
        arg=notes,
    ).json_value()
    return says


def recorded(studio: Any) -> list[list[int]]:
    rows: list[list[int]] = studio.page.evaluate("window.musictx.duet.piano.recorder.piece.notes")
    return rows


def test_a_model_answers_and_gives_way_to_the_first_key(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    assert begin(studio).startswith("Relative answers")
    assert studio.page.locator(".duet").get_attribute("data-state") == "answering"
    assert len(recorded(studio)) == 3
    studio.page.keyboard.down("k")
    assert studio.page.evaluate("window.musictx.duet.transport.state") == "stopped"
    assert studio.page.evaluate("window.musictx.player.playing") == []
    assert keys_down(studio) == [72]
    assert studio.get("turn").inner_text().startswith("Your turn")
    studio.page.keyboard.up("k")
    rows = recorded(studio)
    assert len(rows) >= 5  # three notes, some of the answer, and the key
    own = [row for row in rows if row[2] == 72][-1]
    assert rows == sorted(rows, key=lambda row: (row[0], row[2]))
    assert all(row[1] <= own[0] + 1 for row in rows[:-1])  # what was broken off ends there
    assert studio.page.locator("#primer .primer-title strong").inner_text() == "Played by you"
    studio.get("duet").click()
    assert studio.get("duet").get_attribute("aria-pressed") == "false"
    assert f"{len(rows)} notes" in studio.page.locator("#primer .primer-title .detail").inner_text()


def test_an_answer_ends_by_itself_and_the_duet_goes_on_from_it(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    begin(studio)
    studio.page.wait_for_selector(".duet[data-state=listening]")
    first = len(recorded(studio))
    assert first > 3
    studio.get("duet-rope").click()
    assert answer(studio, notes=2).startswith("RoPE answers")  # some of it is to be recorded
    studio.page.keyboard.press("k")
    assert len(recorded(studio)) > first + 4
    with studio.page.expect_download() as download:
        studio.get("duet-save").click()
    assert download.value.suggested_filename == "duet.mid"
    studio.get("duet").click()


def test_the_duet_ends_with_the_recording(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    begin(studio)
    studio.run(seconds=2)
    assert studio.get("duet").get_attribute("aria-pressed") == "false"
    assert studio.get("turn").inner_text() == ""
    studio.wait_done()
    assert len(studio.rows("rope")) > 3
    studio.get("duet").click()
    studio.get("preset-ode-to-joy").click()
    assert studio.get("duet").get_attribute("aria-pressed") == "false"
    assert studio.page.locator("#primer .primer-title strong").inner_text() != "Played by you"


def test_one_takes_turns_with_a_model_that_says_nothing(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("piano").click()
    assert not studio.get("duet-save").is_visible()  # there is nothing to save
    studio.get("duet").click()
    # The model ends at once, or cannot play: the turn comes back, with a word if something is wrong.
    studio.page.evaluate(
        """() => {
          window.musictx.player.start = (lane, request, on) =>
            on({ state: "error", notes: [], offs: [], at: 0, known: 0, error: "It cannot play." });
        }"""
    )
    play_letters(studio, "a")
    studio.page.wait_for_function("() => document.querySelector('.notice').textContent === 'It cannot play.'")
    studio.page.wait_for_selector(".duet[data-state=listening]")
    assert len(recorded(studio)) == 1 and studio.get("duet-save").is_visible()
