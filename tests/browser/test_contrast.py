"""Text can be read: its contrast with what lies behind it is at least 4.5, in light and dark colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import MODELS, Server

FAINT = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_lies_behind_it(
    open_studio: Callable[..., Any], quick_server: Server, scheme: str
) -> None:
    studio = open_studio(quick_server, color_scheme=scheme)
    assert studio.page.locator(".mtx").get_attribute("data-theme") == scheme
    studio.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert studio.page.evaluate(FAINT) == []
    studio.run(seconds=40, seed=1)
    studio.wait_done()
    assert studio.page.evaluate(FAINT) == []
    studio.get("blind").click()
    studio.run(seconds=2, seed=2)
    studio.wait_done(MODELS)
    assert studio.page.evaluate(FAINT) == []


def test_faint_text_is_found(open_studio: Callable[..., Any], quick_server: Server) -> None:
    studio = open_studio(quick_server)
    studio.page.evaluate("document.querySelector('#musictx h1').style.color = '#aaa'")
    assert studio.page.evaluate(FAINT)[0].startswith("Three models")
