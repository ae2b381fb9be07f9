"""What C and JavaScript know of vocabulary, grammar and settings is what Python wrote for them."""

from __future__ import annotations

import re

import pytest

from musictx.app.constants import C_FILE, JS_FILE, c_constants, js_constants
from musictx.app.head import STATIC
from musictx.settings import SETTINGS


@pytest.mark.parametrize(("file", "text"), [(C_FILE, c_constants()), (JS_FILE, js_constants())])
def test_the_files_of_the_page_are_what_python_writes(file: str, text: str) -> None:
    assert (STATIC.parent / file).read_text("utf-8") == text


def test_no_other_file_of_the_page_says_them_again() -> None:
    own = {STATIC.parent / name for name in (C_FILE, JS_FILE)}
    others = [path for kind in ("*.js", "*.c", "*.h") for path in STATIC.rglob(kind) if path not in own]
    assert len(others) > 50
    numbers = re.compile(r"\b(?:356|388|389|390|391|0\.98)\b")
    assert [path.name for path in others if numbers.search(path.read_text("utf-8"))] == []


def test_each_setting_is_offered_within_what_makes_sense() -> None:
    for name, setting in SETTINGS.items():
        assert setting.allows(setting.lowest) and setting.allows(setting.highest), name
