"""A link that anybody can have made: what it holds is within what a page can show, or it is damaged."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from musictx.app.head import STATIC

READ = """
const { readLink, writeLink } = await import(process.argv[1]);
const cases = JSON.parse(await new Response(process.stdin).text());
const packed = async (content) => {
  const spaces = typeof content === "string" && " ".repeat(Number(content));
  const text = spaces ? `[${spaces}]` : JSON.stringify(content);
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return Buffer.from(await new Response(stream).arrayBuffer()).toString("base64url");
};
const answer = async (content) => readLink(`#music=${await packed(content)}`).catch(({ message }) => message);
console.log(JSON.stringify(await Promise.all(cases.map(answer))));
"""
METRE = {"division": 480, "tempos": [[0, 500_000]], "signatures": [[0, 3, 4]], "start": 0}
GOOD: dict[str, Any] = {
    "v": 1, "t": "A piece", "n": [0, 500, 60, 64, 250, 100, 127, 127], "d": [10, 900],
    "k": METRE, "a": 0, "b": 1000, "s": {"seed": 4, "theme": 0.5, "shape": "denser", "beat": "loose"},
    "m": {"rope": [None, 3.5]},
}  # fmt: skip


def read(*contents: Any) -> list[Any]:
    """What the page makes of links with such contents; a number as text is that many spaces."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node (18 or newer), which is not here")
    command = [node, "--input-type=module", "-e", READ, (STATIC / "io" / "link.js").as_uri()]
    done = subprocess.run(command, input=json.dumps(contents), capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


def test_a_good_link_is_read_whole() -> None:
    (found,) = read(GOOD)
    assert found["notes"] == [[0, 500, 60, 64], [250, 350, 127, 127]] and found["pedals"] == [[10, 900]]
    assert found["metre"] == METRE and found["selection"] == {"start": 0, "end": 1000}
    assert found["settings"] == {"form": 0, **GOOD["s"]} and found["more"] == GOOD["m"]


def test_what_no_page_could_show_is_damaged() -> None:
    changes: list[dict[str, Any]] = [
        {"b": 9e15}, {"a": 1000}, {"a": -1}, {"n": [0, 500, 128, 64]}, {"n": [0, 500, 60, 0]},
        {"n": [0, 1e12, 60, 64]}, {"n": [0, 1, 60, 64] * 20_001}, {"n": [0.5, 1, 60, 64]}, {"d": [900, 10]},
        {"d": [5]}, {"v": 2},
    ]  # fmt: skip
    for change, found in zip(changes, read(*({**GOOD, **change} for change in changes)), strict=True):
        assert "The link is damaged" in found, change
    assert "The link is damaged" in read(str(2**26))[0]  # a few letters that unpack to 64 MB


def test_what_is_wrong_beside_the_music_is_left_out() -> None:
    """Bars that cannot be, settings that are none, lanes that would go on for ever."""
    damaged = (
        {"division": 1e12}, {"division": 0.5}, {"signatures": [[0, 0, 4]]}, {"signatures": [[0, 4, 3]]},
        {"tempos": [[0, 1]]}, {"signatures": [[k, 4, 4] for k in range(2001)]},
    )  # fmt: skip
    for change, found in zip(damaged, read(*({**GOOD, "k": {**METRE, **c}} for c in damaged)), strict=True):
        assert found["metre"] is None, change
    odd = {"shape": 1, "seed": [1], "beat": {"a": 1}, "theme": 0.25, "seconds": None}
    more = {"vanilla": 4_294_967_295, "relative": [None] * 1000, "rope": [-1, "x", 2.5]}
    (found,) = read({**GOOD, "s": odd, "m": more})
    assert found["settings"] == {"theme": 0.25, "form": 0}
    assert {model: len(parts) for model, parts in found["more"].items()} == {
        "vanilla": 30,
        "relative": 30,
        "rope": 3,
    }
    assert found["more"]["rope"] == [None, None, 2.5]
