"""What a blind vote is worth: it is asked for music alone whose names nobody has seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Open = Callable[..., Any]


def vote_text(studio: Any) -> str:
    return str(studio.page.locator("#vote").inner_text())


def test_music_shown_with_its_names_is_not_asked_about(open_studio: Open) -> None:
    studio = open_studio()
    studio.run(seconds=2, seed=31)
    studio.wait_done()
    assert studio.get("comparison").is_visible()
    studio.get("blind").click()
    assert studio.get("vote-a").count() == 0
    assert "cannot be judged blind" in vote_text(studio)
    told = studio.page.locator("section.listen").evaluate("(listen) => listen.textContent").lower()
    assert not [name for name in ("vanilla", "relative", "rope") if name in told]
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


def test_a_vote_is_read_out_keeps_the_focus_and_is_not_undone(open_studio: Open) -> None:
    studio = open_studio()
    place = studio.page.get_by_role("status").and_(studio.page.locator("#vote"))
    assert place.evaluate("(vote) => vote.checkVisibility() && !vote.textContent")  # there before it speaks
    studio.get("blind").click()
    studio.run(seconds=2, seed=32)
    studio.wait_done()
    order = studio.order()
    studio.get(f"more-{order[0]}").click()
    studio.wait_done()
    assert "keeps the tune best" in vote_text(studio)
    studio.get("vote-b").press("Enter")
    assert "You chose B" in vote_text(studio)
    assert studio.page.evaluate("document.activeElement.id") == "vote"
    studio.get("undo").click()  # the lane that went on, not the vote
    studio.get("blind").click()
    assert studio.get("vote-a").count() == 0
    assert "cannot be judged blind" in vote_text(studio)
