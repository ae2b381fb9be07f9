"""MIDI files read and written in the browser: the library's notes, tracks, remarks, refusals and bytes."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictx.app.downloads import render_midi
from musictx.app.uploads import MAX_SHOWN, describe_upload
from musictx.errors import MusictxError
from musictx.shipped import shipped_folder

from .engine_files import serving

File = tuple[bytes, list[int] | None]


@pytest.fixture(scope="module")
def page(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("midi")
    (folder / "index.html").write_text("<!doctype html><title>midi</title>")
    with serving(folder) as address:
        page = chromium.new_page()
        page.goto(address)
        yield page
        page.close()


READ = """
async (files) => {
  const { describeUpload } = await import("/static/midi/read.js");
  return files.map(({ name, content, tracks }) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    try {
      return describeUpload(bytes, name, tracks);
    } catch (error) {
      return { error: error.constructor === Error ? error.message : error.stack };
    }
  });
}
"""


def _expected(content: bytes, tracks: list[int] | None) -> dict[str, Any]:
    try:
        return describe_upload(content, "file.mid", tracks)
    except MusictxError as error:
        return {"error": str(error)}


def _check(page: Any, files: list[File]) -> int:
    """Compare what the browser and the library make of files; answers how many are refused."""
    sent = [
        {"name": "file.mid", "content": base64.b64encode(content).decode(), "tracks": tracks}
        for content, tracks in files
    ]
    found = page.evaluate(READ, sent)
    expected = [_expected(content, tracks) for content, tracks in files]
    for k, (mine, right) in enumerate(zip(found, expected, strict=True)):
        assert mine == right, f"file {k}"
    return sum("error" in each for each in expected)


def _primers() -> list[bytes]:
    return [path.read_bytes() for path in sorted(shipped_folder("primers").glob("*.mid"))]


def test_the_shipped_primers(page: Any) -> None:
    assert _check(page, [(content, None) for content in _primers()]) == 0


@pytest.mark.slow
def test_files_of_the_shared_corpora(page: Any, shared_data: Path) -> None:
    paths = random.Random(0).sample(sorted(shared_data.rglob("*.mid")), 40)
    assert _check(page, [(path.read_bytes(), None) for path in paths]) == 0


def test_of_a_very_long_piece_the_beginning_is_kept(page: Any) -> None:
    track = b"".join(
        b"\x01\x90%c\x40\x01\x80%c\x40" % (60 + k % 12, 60 + k % 12) for k in range(MAX_SHOWN + 5)
    )
    head = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 0, 96])
    content = head + b"MTrk" + (len(track) + 4).to_bytes(4, "big") + track + b"\x00\xff\x2f\x00"
    assert _check(page, [(content, None)]) == 0
    assert "the first 40,000 are shown" in str(_expected(content, None)["remarks"])


def test_files_that_hold_far_too_much(page: Any) -> None:
    """One key struck over and over in a tick, thousands of channels, time signatures at every tick."""
    strokes = b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 200_000 + b"\x60\x3c\x00"
    crowd = b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 1_000_001
    bars = b"".join(b"\x01\xff\x58\x04%c\x02\x18\x08" % (1 + k % 9) for k in range(5000))
    ports = [
        b"\x00\xff\x21\x01%c" % (k % 256) + b"".join(b"\x00%c\x3c\x40" % (0x90 + c) for c in range(16))
        for k in range(600)
    ]
    files = [[strokes], [crowd], [bars + b"\x00\x90\x3c\x40\x60\x80\x3c\x40"], ports]
    contents = []
    for tracks in files:
        head = b"MThd" + bytes([0, 0, 0, 6, 0, 1, len(tracks) >> 8, len(tracks) & 255, 0, 96])
        ended = [track + b"\x00\xff\x2f\x00" for track in tracks]
        chunks = [b"MTrk" + len(track).to_bytes(4, "big") + track for track in ended]
        contents.append(head + b"".join(chunks))
    began = time.monotonic()
    assert _check(page, [(content, None) for content in contents]) == 1  # the one with a million notes
    assert time.monotonic() - began < 30
    assert "5,001 times" in str(_expected(contents[2], None)["remarks"])


def test_damaged_files(page: Any) -> None:
    """Bytes changed, cut off, put in front; some tracks chosen that may not be there."""
    rng = random.Random(1)
    files: list[File] = [(b"", None), (b"MThd", None), (b"no music", None)]
    for k in range(150):
        content = bytearray(rng.choice(_primers()))
        for _ in range(rng.choice([1, 1, 3, 20])):
            content[rng.randrange(len(content))] = rng.randrange(256)
        cut = content[: rng.randrange(len(content))] if k % 3 == 0 else content
        front = bytes(rng.randrange(200)) if k % 7 == 0 else b""
        files.append((front + bytes(cut), [rng.randrange(3)] if k % 5 == 0 else None))
    assert _check(page, files) > 10


def test_made_up_files_of_every_type_and_time_division(page: Any) -> None:
    rng = random.Random(2)
    files: list[File] = []
    for k in range(300):
        tracks = [_track(rng) for _ in range(rng.randrange(1, 4))]
        division = rng.choice([96, 480, 1, 0xE250, 0xE728, 0])
        numbers = (rng.choice([0, 1, 1, 2]), len(tracks), division)
        head = b"MThd" + (6).to_bytes(4, "big") + b"".join(number.to_bytes(2, "big") for number in numbers)
        wrong = [rng.choice([0] * 20 + [3, 100]) for _ in tracks]  # lengths that are not true
        chunks = [
            b"MTrk" + (len(t) + more).to_bytes(4, "big") + t for t, more in zip(tracks, wrong, strict=True)
        ]
        files.append((head + b"".join(chunks), None if k % 4 else [rng.randrange(3)]))
    assert _check(page, files) > 10


def _track(rng: random.Random) -> bytes:
    """Notes that overlap, have no end or no beginning, pedals, tempos, names, ports, system messages."""
    track = b""
    for _ in range(rng.randrange(60)):
        delta = rng.choice([0, 0, 1, 5, 100, 200, 20_000])
        long = bytes([0x80 | delta >> 14, 0x80 | delta >> 7 & 127, delta & 127])
        track += long if delta > 127 else bytes([delta])
        channel, pitch = rng.choice([0, 0, 0, 1, 9]), rng.randrange(58, 64)
        kinds = {
            "on": (40, bytes([0x90 | channel, pitch, rng.choice([0, 40, 90])])),
            "off": (20, bytes([0x80 | channel, pitch, 0])),
            "pedal": (
                10,
                bytes([0xB0 | channel, rng.choice([64, 64, 121, 7]), rng.choice([0, 63, 64, 127])]),
            ),
            "program": (5, bytes([0xC0 | channel, 5])),
            "tempo": (
                5,
                b"\xff\x51"
                + rng.choice([b"\x03", b"\x80\x03"])  # one length, written in two ways
                + bytes([rng.randrange(16), rng.randrange(256), 7]),
            ),
            "bars": (
                2,
                b"\xff\x58" + rng.choice([b"\x04", b"\x80\x04"]) + bytes([rng.randrange(7), 2, 24, 8]),
            ),
            "name": (5, b"\xff\x03\x05" + rng.choice([b"abcde", b"\xe4\xf6\xfc\0\0", b" a\tb\x07"])),
            "running": (5, bytes([pitch, rng.choice([0, 64])])),
            "port": (2, b"\xff\x21\x01" + bytes([rng.randrange(2)])),
            "exclusive": (3, b"\xf0\x03\x01\x02\xf7"),
            "system": (2, bytes([rng.choice([0xF1, 0xF2, 0xF3, 0xF8, 0xD0]), 1, 2][: rng.choice([2, 3])])),
            "end": (1, b"\xff\x2f\x00"),
        }
        weights, events = zip(*kinds.values(), strict=True)
        track += rng.choices(events, weights)[0]
    return track + (b"\x00\xff\x2f\x00" if rng.random() < 0.5 else b"")


WRITE = """
async (pieces) => {
  const { midiBytes } = await import("/static/midi/write.js");
  const write = ({ notes, pedals, ...tracks }) => midiBytes(notes, pedals, tracks);
  return pieces.map((piece) => btoa(String.fromCharCode(...write(piece))));
}
"""


def test_files_written_in_the_browser_are_the_librarys_byte_for_byte(page: Any) -> None:
    """Long gaps, pedals, notes without length, more notes of one pitch at once than there are channels."""
    rng = np.random.default_rng(0)
    pieces = []
    for k in range(60):
        count = int(rng.integers(1, 60))
        onset = rng.integers(0, (300, 5_000, 200_000)[k % 3], count)
        offset = onset + rng.integers(0, (2, 3_000)[k % 2], count)
        pitch = rng.integers(60, 60 + (1, 3, 40)[k % 3], count)
        notes = np.column_stack([onset, offset, pitch, rng.integers(1, 128, count)]).tolist()
        pedals = np.sort(rng.choice(20_000, 6, replace=False)).reshape(3, 2).tolist() if k % 2 else []
        tracks: dict[str, Any] = (
            {"cut": int(np.median(onset)), "names": ["Primer", "Continuation"]} if k % 4 > 1 else {}
        )
        if k % 5 == 0:  # coarse ticks, in which what was struck one after the other falls together
            metre = {"division": 24, "tempos": [[0, 900_000]], "signatures": [[0, 4, 4]], "start": 0}
            tracks["metre"] = metre
        pieces.append({"notes": notes, "pedals": pedals, **tracks})
    # An hour of silence is more ticks than a time between two messages can be.
    finest = {"division": 2**15 - 1, "tempos": [[0, 150_000]], "signatures": [[0, 4, 4]], "start": 0}
    pieces.append({"notes": [[0, 100, 60, 64], [3_599_000, 3_600_000, 62, 64]], "metre": finest})
    expected = [render_midi(piece) for piece in pieces]
    assert [base64.b64decode(text) for text in page.evaluate(WRITE, pieces)] == expected
