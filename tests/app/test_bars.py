"""Bars, the beat and files in the page: Node runs its JavaScript, which is the library's twin."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from music_helpers import bar_lines

from musictx.app.downloads import render_midi
from musictx.app.head import STATIC
from musictx.app.payloads import metre_facts, note_rows, read_metre, read_notes
from musictx.app.uploads import describe_upload
from musictx.errors import MusictxError
from musictx.metre import Metre
from musictx.midi import midi_bytes, read_midi
from musictx.sampling.beat import Beat
from musictx.shipped import shipped_folder

METRES = [
    Metre.of(480, [(0, 500_000)], [(0, 4, 4)]),
    Metre.of(
        960, [(0, 631_579), (2880, 700_001), (9600, 400_000)], [(0, 1, 8), (480, 6, 8), (7000, 5, 4)], 1.234
    ),
    Metre.of(96, [(0, 1_500_000)], [(0, 3, 4)], 7.5),
    Metre.of(1000, [(0, 468_750)], [(0, 4, 4)]),  # places of the fine grid lie in the middle of two ticks
]
PAGE = """
const [metre, beat, write] = await Promise.all(process.argv.slice(1).map((path) => import(path)));
const cases = JSON.parse(await new Response(process.stdin).text());
const answers = cases.map(({ facts, times, onsets, cut, end, pull, strokes, rows, pedals, tracks }) => {
  const own = new metre.Metre(facts);
  const keeper = beat.Beat.of(own, onsets, cut, pull, end);
  return {
    ticks: times.map((time) => own.tick(time)),
    nearest: times.map((time) => own.nearest(time)),
    lines: own.barLines(20),
    ends: times.map((time) => own.barsAfter(time, 3)),
    fault: own.fault,
    parts: keeper.parts,
    moved: strokes.map(([on, off, pitch], index) => [
      keeper.move([{ index, on, pitch, velocity: 64 }])[0]?.on ?? null,
      keeper.move([{ index, off }])[0]?.off ?? null,
    ]),
    file: [...write.midiBytes(rows, pedals, { metre: facts, ...tracks })],
  };
});
console.log(JSON.stringify(answers));
"""
ROWS = [
    [0, 480, 60, 80],
    [250, 1200, 60, 90],
    [500, 700, 64, 1],
    [1500, 1501, 72, 127],
    [1737, 2400, 60, 5],
    [2000, 2600, 40, 64],
]
PEDALS = [[100, 900], [1600, 1900]]
TRACKS: list[dict[str, Any]] = [
    {},
    {"cut": 1500, "names": ["Primer", "Continuation: für alle, seed 3"]},
    {"cut": 0, "names": ["Primer", "Alone"]},
    {},
]


def facts_of(metre: Metre) -> dict[str, Any]:
    facts = metre_facts(metre)
    assert facts
    return facts


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    made = []
    for metre, tracks in zip(METRES, TRACKS, strict=True):
        on = np.sort(rng.integers(250, 2000, 80)) / 100
        strokes = np.column_stack([on, on + rng.integers(0, 90, 80) / 100, rng.integers(60, 64, 80)])
        made.append(
            {
                "facts": facts_of(metre),
                "times": (rng.integers(0, 20_000, 600) / 1000).tolist(),
                "onsets": [0.0, 0.25, 0.4] if tracks else [0.0, 1 / 6, 1 / 3, 2 / 3],
                "cut": 2.5,
                "end": 19.0,
                "pull": "loose" if tracks.get("cut") else "strict",
                "strokes": strokes.tolist(),
                "rows": ROWS,
                "pedals": PEDALS,
                "tracks": tracks,
            }
        )
    return made


@pytest.fixture(scope="module")
def answers(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node (18 or newer), which is not here")
    modules = [(STATIC / name).as_uri() for name in ("music/metre.js", "music/beat.js", "midi/write.js")]
    command = [node, "--input-type=module", "-e", PAGE, *modules]
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_the_pages_bars_are_the_librarys(cases: Any, answers: Any) -> None:
    for metre, case, found in zip(METRES, cases, answers, strict=True):
        times = np.array(case["times"])
        np.testing.assert_allclose(found["ticks"], metre.ticks(times), rtol=1e-12)
        assert found["nearest"] == metre.to_ticks(times).tolist()
        np.testing.assert_allclose(found["lines"], bar_lines(metre, 20.0), atol=1e-9)
        np.testing.assert_allclose(found["ends"], [metre.bars_after(t, 3) for t in case["times"]], atol=1e-9)
        assert found["fault"] == metre.fault() == ""


def test_the_page_keeps_the_beat_as_the_library_does(cases: Any, answers: Any) -> None:
    for metre, case, found in zip(METRES, cases, answers, strict=True):
        pull = {"strict": 1.0, "loose": 0.5}[case["pull"]]
        keeper = Beat(metre, np.array(case["onsets"]), case["cut"], pull, case["end"])
        assert found["parts"] == keeper.parts
        for index, ((on, off, pitch), moved) in enumerate(zip(case["strokes"], found["moved"], strict=True)):
            struck = keeper.strike(index, on, int(pitch))
            assert moved[0] == (struck and pytest.approx(struck[1], abs=1e-9))
            released = keeper.release(index, off)
            assert moved[1] == (released and pytest.approx(released[1], abs=1e-9))
        assert None in [off for _, off in found["moved"]]  # some meet the end


def test_the_pages_files_are_the_librarys_byte_for_byte(cases: Any, answers: Any) -> None:
    for case, found in zip(cases, answers, strict=True):
        sent = {"format": "mid", "notes": ROWS, "pedals": PEDALS, "metre": case["facts"], **case["tracks"]}
        assert bytes(found["file"]) == render_midi(sent)


def test_an_upload_tells_its_bars_and_a_download_has_them_again(tmp_path: Path) -> None:
    path = shipped_folder("primers") / "greensleeves.mid"
    upload = describe_upload(path.read_bytes(), "greensleeves.mid")
    sent = {"format": "mid", "notes": upload["notes"], "pedals": upload["pedals"], "metre": upload["metre"]}
    again = tmp_path / "again.mid"
    again.write_bytes(render_midi(sent))
    first, second = read_midi(path), read_midi(again)
    assert first.metre and second.metre
    assert second.metre.division == first.metre.division
    assert second.metre.tempos.tolist() == first.metre.tempos.tolist()
    assert second.metre.signatures.tolist() == first.metre.signatures.tolist()
    assert sorted(note_rows(second.notes)) == sorted(note_rows(first.notes))


def test_music_without_bars_is_written_as_ever() -> None:
    plain = {"format": "mid", "notes": ROWS, "pedals": PEDALS}
    pedals = np.array(PEDALS) / 1000
    music = read_notes(ROWS, PEDALS)
    assert len(pedals) == len(music.pedals)
    assert render_midi(plain) == midi_bytes(music)
    assert b"\xff\x58" not in midi_bytes(music)


@pytest.mark.parametrize(
    "spoiled",
    [
        [],
        {},
        {"division": 0},
        {"division": 480.5},
        {"tempos": [[0]]},
        {"tempos": [[0, 0]]},
        {"tempos": [[0, float("nan")]]},
        {"tempos": [[0, 500_000]] * 3000},
        {"signatures": [[0, 3, 5]]},
        {"signatures": [[0, 0, 4]]},
        {"signatures": "x"},
        {"start": -1},
        {"start": True},
        {"tempos": [[0, 50_000]]},
    ],
    ids=str,
)
def test_bars_that_nobody_can_count_are_refused(spoiled: Any) -> None:
    good = facts_of(METRES[0])
    assert read_metre(good) is not None and read_metre(None) is None
    assert read_metre({**good, "start": 5 * 3_600_000}) is not None  # a selection late in a long file
    with pytest.raises(MusictxError, match=r"bars|start"):
        read_metre({**good, **spoiled} if spoiled else spoiled)
