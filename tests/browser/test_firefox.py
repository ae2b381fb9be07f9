"""The page as a folder of files in Firefox."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import MODELS, Place, free_port
from .firefox import Firefox, find_firefox, open_firefox

PLAYED = "[...document.querySelectorAll('.lane')].every((lane) => /done|error/.test(lane.dataset.state))"
NOTES = "[...document.querySelectorAll('.lane')].map((lane) => Number(lane.dataset.notes))"


def _play(firefox: Firefox, place: Place) -> None:
    """Open the page, let all lanes play, and see that they did."""
    firefox.goto(place.address)
    firefox.wait_for("Boolean(document.querySelector('.mtx[data-ready=true]'))")
    firefox.evaluate("document.querySelector('[data-testid=seconds]').value = 4")
    firefox.evaluate("document.querySelector('[data-testid=continue]').click()")
    firefox.wait_for(PLAYED)
    errors = firefox.evaluate(
        "[...document.querySelectorAll('.lane-error')].map((e) => e.textContent).join('')"
    )
    assert errors == ""
    notes = firefox.evaluate(NOTES)
    assert len(notes) == len(MODELS) and min(notes) > 0


NOTHING_KEPT = {"dom.serviceWorkers.enabled": False, "dom.caches.enabled": False}


@pytest.mark.parametrize("kept", [True, False], ids=["as it is", "without service workers and caches"])
def test_the_site_plays_in_firefox(endless_site: Place, tmp_path: Path, kept: bool) -> None:
    program = find_firefox()
    if program is None:
        pytest.skip("needs Firefox")
    with open_firefox(program, tmp_path, free_port(), {} if kept else NOTHING_KEPT) as firefox:
        _play(firefox, endless_site)
        assert firefox.evaluate("'serviceWorker' in navigator") == kept
        assert firefox.evaluate("window.musictx.player.workers.size") == len(MODELS)
