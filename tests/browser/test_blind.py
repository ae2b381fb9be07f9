"""What a blind vote is worth: it is asked for music alone whose names nobody has seen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import MODELS, Place, voted
from .music import midi_bytes, scale

Open = Callable[..., Any]

# How many different pictures the lanes show to the right of where the models begin, of those that show any.
PICTURES = """() => {
  const often = { willReadFrequently: true };
  const pictures = [...document.querySelectorAll(".lane")].map((lane) => {
    const canvas = lane.querySelector(".roll-notes");
    const { end, scores } = window.musictx.transport;
    const cut = Math.ceil((canvas.width * scores.get(lane.dataset.model).length) / end) + 4;
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", often);
    copy.drawImage(canvas, 0, 0);
    return new Uint32Array(copy.getImageData(cut, 0, canvas.width - cut, canvas.height).data.buffer);
  });
  return new Set(pictures.filter((picture) => new Set(picture).size > 1).map(String)).size;
}"""


# The next vote is lost: on its way to the server, or by a browser that stores nothing.
LOSE_A_VOTE = """() => {
  const [fetched, set] = [window.fetch, Storage.prototype.setItem];
  window.fetch = (address, ...rest) => {
    if (!String(address).endsWith("/vote")) return fetched(address, ...rest);
    window.fetch = fetched;
    return Promise.reject(new TypeError("no connection"));
  };
  Storage.prototype.setItem = function (key, value) {
    if (key !== "musictx.votes") return set.call(this, key, value);
    Storage.prototype.setItem = set;
    throw new DOMException("full", "QuotaExceededError");
  };
}"""


def vote_text(studio: Any) -> str:
    return str(studio.page.locator("#vote").inner_text())


def test_music_shown_with_its_names_is_not_asked_about(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.run(seconds=2, seed=31)
    studio.wait_done()
    assert studio.get("comparison").is_visible()
    studio.get("blind").click()
    assert studio.get("vote-a").count() == 0
    assert "cannot be judged blind" in vote_text(studio)
    told = studio.page.locator("section.listen").evaluate(
        """(listen) => {
          const copy = listen.cloneNode(true);
          copy.querySelector('#fill').remove(); // it names all models, and not whose lane is which
          return copy.textContent;
        }"""
    )
    assert not [name for name in MODELS if name in told.lower()]
    studio.run(seconds=2, seed=31)  # the same music again
    studio.wait_done()
    assert "cannot be judged blind" in vote_text(studio)
    for take in (3, 4, 5):  # each is shuffled anew, and the same lane is heard
        studio.get("vary").click()
        studio.page.wait_for_selector(f"[data-testid=take-{take}]")
        assert studio.page.evaluate("window.musictx.transport.heard") == studio.order()[0]
        assert studio.get(f"solo-{studio.order()[0]}").get_attribute("aria-pressed") == "true"
        studio.wait_done()
    assert studio.get("vote-a").is_visible()
    studio.get("take-1").click()
    assert studio.get("vote-a").count() == 0


def test_a_vote_is_read_out_keeps_the_focus_and_is_not_undone(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    place = studio.page.get_by_role("status").and_(studio.page.locator("#vote"))
    assert place.evaluate("(vote) => vote.checkVisibility() && !vote.textContent")  # there before it speaks
    studio.get("blind").click()
    studio.run(seconds=2, seed=32)
    studio.wait_done()
    order = studio.order()
    studio.get(f"more-{order[0]}").click()
    studio.wait_done()
    assert "keeps the thread best" in vote_text(studio)
    studio.hear_all()
    studio.get("vote-b").press("Enter")
    studio.get("reveal").wait_for()
    assert "You chose B" in vote_text(studio)
    assert studio.page.evaluate("document.activeElement.id") == "vote"
    studio.get("undo").click()  # the lane that went on, not the vote
    studio.get("blind").click()
    assert studio.get("vote-a").count() == 0
    assert "cannot be judged blind" in vote_text(studio)


def test_nothing_tells_what_a_hidden_lane_plays(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("blind").click()
    studio.run(seconds=4, seed=33)
    studio.wait_done()
    studio.page.wait_for_function(f"() => ({PICTURES})() === 1")  # whatever they play
    lane = studio.lane(studio.order()[0])
    assert not any(digit in lane.inner_text() for digit in "0123456789")
    assert lane.get_attribute("aria-label") == "A"
    assert "hidden until you vote" in lane.locator(".roll-notes").get_attribute("aria-label")
    studio.get("blind").click()
    studio.page.wait_for_function(f"() => ({PICTURES})() === {len(MODELS)}")
    lane.get_by_text(re.compile(r"\d note")).first.wait_for()


def test_a_vote_waits_until_every_lane_was_heard(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("blind").click()
    studio.run(seconds=2, seed=34)
    studio.wait_done()
    assert "seconds of what A, B and C play." in studio.get("to-hear").inner_text()
    for key in ("b", "0"):
        studio.page.keyboard.press(key)
    assert studio.get("vote-b").get_attribute("aria-disabled") == "true"
    assert "keeps the thread best" in vote_text(studio)
    studio.hear("b")
    assert "B" not in studio.get("to-hear").inner_text()
    assert studio.get("vote-b").is_disabled()
    order = studio.order()
    studio.leaves_runs = True
    studio.page.reload()
    studio.page.wait_for_selector(".mtx[data-ready=true]")
    assert studio.order() == order and studio.page.locator(".lanes h3").all_inner_texts() == ["A", "B", "C"]
    assert studio.page.evaluate("window.musictx.transport.heard") == order[0]
    assert "B" not in studio.get("to-hear").inner_text()  # it is still asked, and B was heard
    studio.hear_all()
    assert "heard them all" in studio.get("to-hear").inner_text()
    studio.page.evaluate(LOSE_A_VOTE)
    studio.page.keyboard.press("b")
    studio.page.wait_for_function("() => document.querySelector('.notice.bad')")
    assert [studio.get("reveal").count(), studio.get("vote-b").is_enabled()] == [0, True]
    assert studio.page.locator(".lanes h3").all_inner_texts() == ["A", "B", "C"]
    studio.page.keyboard.press("b")  # the same vote once more
    studio.get("reveal").wait_for()
    assert "You chose B" in vote_text(studio)


@pytest.mark.parametrize(
    ("key", "verdict", "said"),
    [
        ("0", "none", "none of them"),
        pytest.param("=", "alike", "equally good", marks=pytest.mark.slow),
    ],
)
def test_none_and_all_alike_are_kept(
    open_studio: Open, place: Place, key: str, verdict: str, said: str
) -> None:
    studio = open_studio(place)
    studio.get("blind").click()
    studio.run(seconds=2, seed=35)
    studio.wait_done()
    studio.hear_all()
    kept = voted(studio, place, lambda: studio.page.keyboard.press(key))
    assert said in vote_text(studio)
    assert (kept["choice"], kept["verdict"]) == (None, verdict)


def test_how_the_piece_goes_on_can_be_a_lane(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("blind").click()
    assert not studio.get("real").is_visible()  # the card is all that is known of the piece
    notes = scale(count=100, step=0.2, lowest=20)
    piece = {"name": "long.mid", "mimeType": "audio/midi", "buffer": midi_bytes(notes)}
    studio.get("upload").set_input_files(piece)
    studio.get("real").click()
    assert studio.page.locator(".lanes h3").all_inner_texts() == ["A", "B", "C", "D"]
    studio.run(seconds=2, seed=36)
    studio.wait_done()
    assert studio.page.locator(".lane-actions:visible").count() == 0  # the piece itself would have none
    rows = studio.page.evaluate("window.musictx.transport.scores.get('real').rows(true)")
    assert [row[2] for row in rows] == list(range(rows[0][2], rows[0][2] + len(rows))) and len(rows) >= 9
    studio.hear_all()
    letter = "abcd"[studio.order().index("real")]
    kept = voted(studio, place, studio.get(f"vote-{letter}").click)
    assert kept["choice"] == "real" and "real" in json.loads(kept["heard"])
    assert "The piece itself" in vote_text(studio)
    assert "real" in studio.order()
    studio.get("vary").click()
    studio.wait_done()
    assert "real" not in studio.order()


def test_a_link_opens_as_a_blind_test(open_studio: Open, place: Place) -> None:
    studio = open_studio(place)
    studio.get("preset-fur-elise").click()
    studio.get("primer-end").fill("4")
    studio.get("primer-end").press("Enter")
    studio.get("blind").click()
    studio.get("real").click()
    studio.run(seconds=2, seed=37)
    studio.wait_done()
    played = {model: studio.rows(model) for model in studio.order()}
    studio.get("share").click()
    studio.page.wait_for_function("() => location.hash !== ''")
    friend = open_studio(place, start=False).open(studio.page.evaluate("location.hash"))
    friend.page.wait_for_function(
        "() => document.querySelector('.notice').textContent.includes('blind test')"
    )
    assert friend.page.locator(".lanes h3").all_inner_texts() == ["A", "B", "C", "D"]
    assert friend.get("seed").input_value() == "37"
    friend.get("continue").click()
    friend.wait_done()
    assert {model: friend.rows(model) for model in friend.order()} == played
    assert "keeps the thread best" in vote_text(friend)
