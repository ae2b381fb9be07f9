"""The page cuts primers and applies the pedal by itself, to show and play them: as the library does."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from music_helpers import random_performance

from musictx.app.head import STATIC
from musictx.app.payloads import note_rows, read_notes, span_rows
from musictx.performance import apply_pedal, resolve_overlaps, slice_time

RULES = """
const { cutRows, pedalledRows } = await import(process.argv[1]);
const cases = JSON.parse(await new Response(process.stdin).text());
console.log(JSON.stringify(cases.map(([notes, pedals, start, end]) => [
  pedalledRows(notes, pedals), cutRows(notes, pedals, start, end),
])));
"""

CUTS = """
const { preparePrimer } = await import(process.argv[1].replace("music/score", "engine/primer"));
const cases = JSON.parse(await new Response(process.stdin).text());
const model = { context_length: 1024, limit: null };
const music = { notes: [{ on: 0, off: 0.05, pitch: 60, velocity: 64 }], pedals: [] };
console.log(JSON.stringify(cases.map((end) => preparePrimer(music, end, model, true).cut)));
"""

KEYS = """
const { MidiInput } = await import(process.argv[1].replace("music/score", "io/midi-input"));
const heard = [];
const say = (what) => (value) => heard.push([what, value]);
const input = new MidiInput({ noteOn: say("on"), noteOff: say("off"), pedal: say("pedal") });
const held = { pitches: new Set(), pedal: false };
for (const bytes of JSON.parse(await new Response(process.stdin).text())) input.receive(bytes, held);
console.log(JSON.stringify(heard));
"""

FILLED = """
const { Score } = await import(process.argv[1]);
const cases = JSON.parse(await new Response(process.stdin).text());
console.log(JSON.stringify(cases.map(([notes, start, end]) => {
  const score = Score.finished(notes, 1);
  const filled = score.filled({ start, end }, [[start, end, 60, 64], [start + 10, end, 62, 64]]);
  return [score.rows(), filled.rows(), filled.continuationCount];
})));
"""


@pytest.fixture(scope="module")
def cases() -> list[tuple[Any, Any, int, int]]:
    """Music as the page has it, and a selection of it: rows of whole milliseconds."""
    made = []
    for seed in range(40):
        music = random_performance(seed, 60, 8.0)
        music = read_notes(note_rows(music.notes), span_rows(music.pedals))
        start, end = sorted(np.random.default_rng(seed).choice(8000, 2, replace=False).tolist())
        made.append((note_rows(music.notes), span_rows(music.pedals), start, end))
    return made


def answer(script: str, cases: Any) -> Any:
    """What a script says of the cases, with the page's rules for music."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node (18 or newer), which is not here")
    module = (STATIC / "music" / "score.js").as_uri()
    command = [node, "--input-type=module", "-e", script, module]
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def page(cases: Any) -> Any:
    """What the page's own rules make of the cases."""
    return answer(RULES, cases)


def test_the_page_applies_the_pedal_as_the_library_does(cases: Any, page: Any) -> None:
    for (notes, pedals, _, _), (pedalled, _) in zip(cases, page, strict=True):
        assert sorted(pedalled) == sorted(note_rows(apply_pedal(read_notes(notes, pedals)).notes))


def test_of_two_strokes_at_once_the_page_shows_the_one_that_a_model_reads() -> None:
    notes, pedals = [[0, 100, 60, 30], [0, 200, 60, 110], [2000, 2100, 60, 64]], [[50, 1000]]
    ((pedalled, _),) = answer(RULES, [[notes, pedals, 0, 3000]])
    assert pedalled == note_rows(apply_pedal(read_notes(notes, pedals)).notes)


def test_the_page_cuts_as_the_library_does_and_lets_sound_on_what_sounds_at_the_end(
    cases: Any, page: Any
) -> None:
    for (notes, pedals, start, end), (_, cut) in zip(cases, page, strict=True):
        wanted = slice_time(read_notes(notes, pedals), start / 1000)
        rows, spans = note_rows(wanted.notes), span_rows(wanted.pedals)
        assert sorted(cut["notes"]) == sorted(row for row in rows if row[0] < end - start)
        assert sorted(cut["pedals"]) == sorted(span for span in spans if span[0] < end - start)


def test_a_primer_ends_on_the_hundredth_of_a_second_that_python_means() -> None:
    """A product of a count and 0.01 is a little more than 1.89, so that a note there came before the cut."""
    ends = [step / 100 for step in range(10, 4000)]
    assert answer(CUTS, ends) == ends


def test_a_midi_keyboard_that_is_reset_lets_everything_go() -> None:
    messages = [[0xB0, 64, 127], [0x90, 60, 80], [0x91, 64, 80], [0xB0, 121, 0], [0xB0, 123, 0], [0xB0, 1, 9]]
    down = [["pedal", True], ["on", 60], ["on", 64]]
    assert answer(KEYS, messages) == [*down, ["pedal", False], ["off", 60], ["off", 64]]
    assert answer(KEYS, [[0x90, 60, 80], [0xB0, 120, 0], [0xB0, 120, 0]]) == [["on", 60], ["off", 60]]


def test_what_never_ends_ends_within_what_the_server_takes() -> None:
    ((_, cut),) = answer(RULES, [[[[500, 7_200_000, 60, 64]], [[600, 7_200_000]], 0, 10_000]])
    read = read_notes(cut["notes"], cut["pedals"])
    assert (read.notes["offset"].max(), read.pedals["offset"].max()) == (3600.0, 3600.0)


def test_a_score_with_a_selection_filled_in_is_the_same_around_it_but_for_keys_struck_again(
    cases: Any,
) -> None:
    selections = [(notes, 1000 + start, 1100 + end) for notes, _, start, end in cases]
    for (notes, start, end), (before, filled, count) in zip(
        selections, answer(FILLED, selections), strict=True
    ):
        new = [[start, end, 60, 64], [start + 10, end, 62, 64]]
        # A note belongs to the hundredth of a second that it is nearest to.
        outside = [row for row in notes if not start <= row[0] + 5 < end]
        assert sorted(before) == sorted(notes)
        assert filled == note_rows(resolve_overlaps(read_notes(outside + new).notes))
        assert count == len(filled) - sum(row[0] < 1000 for row in notes)
