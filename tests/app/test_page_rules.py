"""The page cuts primers and applies the pedal by itself, to show and play them: as the library does."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from music_helpers import random_performance

from app.payloads import note_rows, read_notes, span_rows
from musictx.performance import apply_pedal, slice_time
from musictx.shipped import shipped_folder

RULES = """
const { cutRows, pedalledRows } = await import(process.argv[1]);
const cases = JSON.parse(await new Response(process.stdin).text());
console.log(JSON.stringify(cases.map(([notes, pedals, start, end]) => [
  pedalledRows(notes, pedals), cutRows(notes, pedals, start, end),
])));
"""


@pytest.fixture(scope="module")
def cases() -> list[tuple[Any, Any, int, int]]:
    """Music as the page has it, and a stretch of it: rows of whole milliseconds."""
    made = []
    for seed in range(40):
        music = random_performance(seed, 60, 8.0)
        music = read_notes(note_rows(music.notes), span_rows(music.pedals))
        start, end = sorted(np.random.default_rng(seed).choice(8000, 2, replace=False).tolist())
        made.append((note_rows(music.notes), span_rows(music.pedals), start, end))
    return made


@pytest.fixture(scope="module")
def page(cases: Any) -> Any:
    """What the page's own rules make of the cases."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node (18 or newer), which is not here")
    module = (Path(shipped_folder("app")) / "static" / "music" / "score.js").as_uri()
    command = [node, "--input-type=module", "-e", RULES, module]
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def test_the_page_applies_the_pedal_as_the_library_does(cases: Any, page: Any) -> None:
    for (notes, pedals, _, _), (pedalled, _) in zip(cases, page, strict=True):
        assert sorted(pedalled) == sorted(note_rows(apply_pedal(read_notes(notes, pedals)).notes))


def test_the_page_cuts_as_the_library_does(cases: Any, page: Any) -> None:
    for (notes, pedals, start, end), (_, cut) in zip(cases, page, strict=True):
        wanted = slice_time(read_notes(notes, pedals), start / 1000, end / 1000)
        assert sorted(cut["notes"]) == sorted(note_rows(wanted.notes))
        assert sorted(cut["pedals"]) == sorted(span_rows(wanted.pedals))
