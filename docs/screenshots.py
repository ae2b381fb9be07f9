"""``python docs/screenshots.py [NAME …]``: pictures of the page, for the README and for links to the page.

A demo with the shipped models is started, and a Chromium uses it as a visitor does: the first card, the
page's own settings, seed 1. Let nothing else run meanwhile: how fast the models play is in the picture.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from musictx.lab.bench.app import open_chromium, running_demo, wait_done

APP = Path(__file__).resolve().parents[1] / "app"
SECONDS = 75  # the longest that the page chooses for a card


def play_on(page: Any, button: str) -> None:
    """Let the models play, all of it, and no sound run on."""
    page.get_by_test_id(button).click()
    wait_done(page, SECONDS)
    if page.evaluate("window.musictx.transport.state") == "playing":
        page.get_by_test_id("play").click()


def compare(page: Any) -> bytes:
    """One primer and three continuations, of which relative is heard past its training length."""
    play_on(page, "continue")
    page.get_by_test_id("beyond-relative").click()
    page.wait_for_timeout(2000)
    return page.screenshot()


def preview(page: Any) -> bytes:
    """The same, as large as a link's picture is."""
    page.set_viewport_size({"width": 1200, "height": 630})
    return compare(page)


def arcs(page: Any) -> bytes:
    """What each model listened to when it chose a note."""
    page.set_viewport_size({"width": 1280, "height": 1100})
    play_on(page, "continue")
    page.evaluate("window.musictx.transport.seek(40)")
    page.keyboard.press("l")
    page.wait_for_function("document.querySelectorAll('.roll-arcs path').length >= 30")
    return page.locator("#lanes").screenshot()


def compose(page: Any) -> bytes:
    """A piece with a take that was kept, and takes that go on from its end."""
    page.get_by_test_id("mode-compose").click()
    play_on(page, "continue")
    page.get_by_test_id("keep-B").click()
    play_on(page, "go-on")
    return page.screenshot()


PICTURES: dict[str, Callable[[Any], bytes]] = {
    "screenshots/wide-light.png": compare,
    "screenshots/arcs.png": arcs,
    "screenshots/compose-light.png": compose,
    "static/preview.png": preview,
}


def main(wanted: list[str]) -> None:
    """Take the pictures of these files, or all."""
    with running_demo(None) as (address, _), open_chromium() as browser:
        for name in wanted or PICTURES:
            page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
            page.goto(address)
            page.wait_for_selector(".mtx[data-ready=true]")
            picture = Image.open(io.BytesIO(PICTURES[name](page))).convert("RGB")
            picture.quantize(256, dither=Image.Dither.NONE).save(APP / name, optimize=True)
            page.close()
            print(APP / name)


if __name__ == "__main__":
    main(sys.argv[1:])
