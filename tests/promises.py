"""What `tests/PROMISES.md` promises: the tests that it names, and which of them were not run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).parent / "PROMISES.md"


def promised() -> dict[str, list[str]]:
    """For each promise the tests that show it, as pytest names them: ``tests/file.py::test``."""
    text = PAGE.read_text(encoding="utf-8")
    tables = re.findall(r"^\| promise \| test \|\n\| --- \| --- \|\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = [row.split("|") for table in tables for row in table.splitlines()]
    return {promise.strip(): re.findall(r"`(tests/[\w/]+\.py::\w+)`", tests) for _, promise, tests, _ in rows}


def unshown(outcomes: Mapping[str, str]) -> dict[str, str]:
    """Tests of promises that have not passed: name → ``skipped``, ``failed`` or ``not run``.

    Parameters
    ----------
    outcomes : mapping
        Each test's name with its parameters → ``passed``, ``skipped`` or ``failed``.
    """
    found: dict[str, set[str]] = {}
    for name, outcome in outcomes.items():
        found.setdefault(name.partition("[")[0], set()).add(outcome)
    worst = {
        name: next((x for x in ("failed", "passed", "skipped") if x in found.get(name, ())), "not run")
        for names in promised().values()
        for name in names
    }
    return {name: outcome for name, outcome in worst.items() if outcome != "passed"}
