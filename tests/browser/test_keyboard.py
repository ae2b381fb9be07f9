"""The whole of the main job with keys alone, and what a screen reader is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import FIRST, Place

Open = Callable[..., Any]

# Where the focus is, whether it can be seen there, and whether anything covers it.
FOCUS = """() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  const shown = element.type === 'file' ? element.closest('label') : element;
  const { left, top, width, height } = shown.getBoundingClientRect();
  const above = document.elementFromPoint(left + width / 2, top + height / 2);
  return {
    name: element.dataset.testid ?? element.id,
    ring: getComputedStyle(shown).outline,
    free: shown.contains(above) || Boolean(above?.contains(shown)),
  };
}"""

# Every text that comes into a place that is read out.
READ_OUT = """() => {
  window.readOut = [];
  const places = '[role=status], [role=alert], [aria-live]';
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const place = (target.closest ? target : target.parentElement)?.closest(places);
      const text = place?.textContent.trim();
      if (text && place.getAttribute('aria-live') !== 'off') window.readOut.push(text);
    }
  }).observe(document.querySelector('.mtx'), { subtree: true, childList: true, characterData: true });
}"""


@pytest.fixture
def studio(open_studio: Open, place: Place) -> Any:
    return open_studio(place)


def go(studio: Any, testid: str, key: str = "Tab", max_steps: int = 60) -> int:
    """Press Tab until the focus is there; how often. It can be seen at every stop, and nothing covers it."""
    for count in range(1, max_steps + 1):
        studio.page.keyboard.press(key)
        focus = studio.page.evaluate(FOCUS)
        if focus is None:
            continue  # past the page's end, and to its beginning
        assert "solid 2px" in focus["ring"] and focus["free"], focus
        if focus["name"] == testid:
            return count
    raise AssertionError(f"{testid} was not reached")


def press(studio: Any, *keys: str) -> None:
    for key in keys:
        studio.page.keyboard.press(key)


def state(studio: Any) -> str:
    return str(studio.page.evaluate("window.musictx.transport.state"))


def test_choose_continue_hear_mark_save_and_stop(open_studio: Open, unhurried: Place) -> None:
    studio = open_studio(unhurried)
    card = f"preset-{FIRST['name']}"
    assert go(studio, card) <= 6
    press(studio, "ArrowRight", "Enter")
    chosen = studio.page.evaluate("document.activeElement.dataset.testid")
    assert chosen != card and studio.get(chosen).get_attribute("aria-pressed") == "true"
    assert go(studio, "seconds") <= 16
    press(studio, "ControlOrMeta+a", "6")
    go(studio, "continue", "Shift+Tab")
    press(studio, "Enter")
    studio.wait_done()
    if state(studio) != "stopped":
        go(studio, "play")
        press(studio, "Space")
    go(studio, "position")
    press(studio, "Home", *(["PageUp"] * 5), "[", *(["PageUp"] * 3), "]")
    loop = studio.page.evaluate("window.musictx.transport.loop")
    end = studio.page.evaluate("window.musictx.transport.end")
    assert loop["from"] == pytest.approx(0.5 * end, abs=0.5)
    assert loop["to"] == pytest.approx(0.8 * end, abs=0.5)
    assert studio.get("loop").get_attribute("aria-pressed") == "true"
    go(studio, "loop")
    press(studio, "Enter")
    assert studio.page.evaluate("window.musictx.transport.loop") is None
    go(studio, "solo-rope")
    press(studio, "Enter")
    assert state(studio) != "stopped"
    assert studio.page.evaluate("window.musictx.transport.heard") == "rope"
    press(studio, "1")
    assert studio.page.evaluate("window.musictx.transport.heard") == "vanilla"
    go(studio, "midi-rope")
    with studio.page.expect_download() as waiting:
        press(studio, "Enter")
    assert waiting.value.suggested_filename.endswith("-rope.mid")
    go(studio, "seconds", "Shift+Tab")
    press(studio, "ControlOrMeta+a", *"180", "Enter")  # in a field Enter continues
    studio.page.wait_for_selector("[data-testid=lane-relative][data-state=running]")
    go(studio, "stop")
    press(studio, "Enter")
    assert studio.lane("relative").get_attribute("data-state") == "done"


@pytest.mark.slow
def test_judge_blind(studio: Any) -> None:
    go(studio, "blind")
    press(studio, "Space")
    assert studio.get("blind").get_attribute("aria-pressed") == "true"
    studio.run(seconds=2, lead_in=0)
    studio.wait_done()
    studio.page.wait_for_function(
        "() => window.musictx.transport.state === 'stopped'"
    )  # the first one was heard
    for model in studio.order()[1:]:
        go(studio, f"solo-{model}")
        press(studio, "Enter")
        studio.page.wait_for_function("() => window.musictx.transport.state === 'stopped'")
    assert "heard them all" in studio.get("to-hear").inner_text()
    press(studio, "b")
    studio.get("reveal").wait_for()
    assert "You chose B" in studio.page.locator("#vote").inner_text()


@pytest.mark.slow
def test_play_a_duet(studio: Any) -> None:
    go(studio, "piano")
    press(studio, "Enter")
    go(studio, "duet")
    press(studio, "Space")
    assert "Your turn" in studio.get("turn").inner_text()
    press(studio, "a", "d", "g")
    studio.page.wait_for_selector("[data-turn=model]")
    assert "Relative answers" in studio.get("turn").inner_text()
    press(studio, "k")
    assert "Your turn" in studio.get("turn").inner_text()
    press(studio, "Space")  # the switch still has the focus
    assert studio.get("turn").inner_text() == ""


def test_tab_leads_through_the_page_and_out_of_it(studio: Any) -> None:
    studio.get("piano").click()
    studio.get("inside").click()
    studio.page.evaluate(
        """() => {
            document.body.tabIndex = -1;
            document.body.focus();
            document.body.removeAttribute("tabindex");
        }"""
    )
    seen: list[str] = []
    for _ in range(120):
        studio.page.keyboard.press("Tab")
        focus = studio.page.evaluate(FOCUS)
        if focus is None:
            break
        assert "solid 2px" in focus["ring"] and focus["free"], focus
        seen.append(focus["name"])
    else:
        raise AssertionError("there is no way out of the page")
    wanted = ["skip", f"preset-{FIRST['name']}", "upload", "piano", "record", "key-60", "duet", "primer-play"]
    wanted += ["handle-start", "handle-end", "continue", "seconds", "seed", "settings", "play", "position"]
    wanted += ["inside", "blind", "share"]
    assert [name for name in seen if name in wanted] == wanted  # in the order of the page, and each once


def test_a_screen_reader_is_told_names_roles_and_states(studio: Any) -> None:
    page = studio.page.locator(".mtx")
    assert page.get_by_role("heading", name="Three models play on from one primer", level=1).is_visible()
    card = FIRST["title"].split(",")[0]
    expect(page).to_match_aria_snapshot(
        f"""
        - link "Skip to Continue"
        - region "Choose a primer":
          - toolbar /Primers that come with musictx/:
            - button /{card}/ [pressed]
            - button "Listen to {card}"
          - button "Upload a MIDI file"
          - button "Play it yourself"
        - region "Continue":
          - button "Listen to the primer"
          - slider "Start of the primer"
          - slider "End of the primer"
          - button "Continue three models play on"
          - spinbutton /Length/
          - spinbutton /Seed/
          - button "New seed"
          - button "Stop" [disabled]
        - region "Listen and compare":
          - button "Play"
          - slider "Position in the music"
          - slider "Volume"
          - 'article "Vanilla: 0 notes"':
            - heading "Vanilla" [level=3]
            - button "Listen to Vanilla"
        """
    )
    studio.run(seconds=2)
    studio.wait_done()
    studio.get("play").click()
    expect(page).to_match_aria_snapshot(
        r"""
        - region "Listen and compare":
          - group "Arrangement":
            - button "Lanes in rows" [pressed]
          - 'article /RoPE: \d+ notes/':
            - button "Listen to RoPE"
            - 'button "More: RoPE"'
            - 'button ".mid: RoPE"'
            - 'img /Piano roll of RoPE: \d+ notes after the primer/'
          - table
        """
    )
    table = studio.page.get_by_role("table")
    assert table.get_by_role("columnheader", name="RoPE").is_visible()
    assert table.get_by_role("rowheader", name="Notes per second").is_visible()


def test_what_happens_is_read_out_once_and_not_every_second(studio: Any) -> None:
    studio.page.evaluate("window.musictx.ready")
    studio.page.evaluate(READ_OUT)
    studio.run(seconds=10)
    studio.wait_done()
    said = [text for text in studio.page.evaluate("window.readOut") if "Vanilla" in text]
    assert said == [studio.get("outcome").text_content()]
    assert all(name in said[0] for name in ("Relative", "RoPE"))
    before = len(studio.page.evaluate("window.readOut"))
    studio.get("position").fill("0")
    studio.page.wait_for_function("() => window.musictx.transport.position > 2.5")
    assert len(studio.page.evaluate("window.readOut")) == before
