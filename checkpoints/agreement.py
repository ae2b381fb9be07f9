"""How often does the browser's engine play the notes of the library, from one primer, seed and settings?

    python checkpoints/agreement.py --seconds 20 --seeds 2 --output agreement.json

Both draw with the same weights of 8 bits and the same random numbers; the browser's engine also rounds what
goes through the model to 13 to 15 bits, so that a draw that hangs by a hair can fall the other way. It needs
Node.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from musictx.checkpoint import load_model
from musictx.midi import read_midi
from musictx.model import MusicTransformer
from musictx.performance import Performance
from musictx.sampling import continue_variations
from musictx.shipped import COMPARED_MODELS, shipped_folder

Rows = list[list[int]]
PLAY = """
import { readFileSync } from "node:fs";
const [engine, playing, wasm, given] = process.argv.slice(1);
const [{ Engine }, { play }] = [await import(engine), await import(playing)];
const { file, facts, requests } = JSON.parse(readFileSync(given));
const player = await Engine.make(readFileSync(new URL(wasm)));
player.open(new Uint8Array(readFileSync(file)));
for (const request of requests) {
  const [notes, offs] = [[], []];
  const hear = (message) => (notes.push(...message.notes), offs.push(...message.offs));
  await play(player, facts, request, hear, () => true);
  const off = Object.fromEntries(offs);
  console.log(JSON.stringify(notes.map(([on, pitch, velocity], k) => [on, off[k], pitch, velocity])));
}
"""


def cards(count: int) -> list[tuple[str, Performance, float]]:
    """Name, music and end (s) of the first primers that come with musictx."""
    folder = shipped_folder("primers")
    entries = json.loads((folder / "primers.json").read_text(encoding="utf-8"))[:count]
    return [(entry["name"], read_midi(folder / entry["file"]), entry["primer_end"]) for entry in entries]


def milliseconds(array: np.ndarray, *more: str) -> Rows:
    """Rows of onset and offset in whole milliseconds, and other fields."""
    times = [np.rint(1000 * array[name]) for name in ("onset", "offset")]
    rows: Rows = np.column_stack([*times, *(array[name] for name in more)]).astype(int).tolist()
    return rows


def request(music: Performance, end: float, settings: dict[str, Any]) -> dict[str, Any]:
    """What a page asks of a lane that is to play on from the first `end` seconds."""
    length = round(1000 * end)
    notes = [row for row in milliseconds(music.notes, "pitch", "velocity") if row[0] < length]
    sent = {"notes": notes, "pedals": milliseconds(music.pedals), "length": length, "begins": True}
    return {"run": "r.0", **sent, "settings": settings}


def in_browser(name: str, model: MusicTransformer, asked: list[dict[str, Any]]) -> list[Rows]:
    """What the page's own engine plays, run by Node."""
    from musictx.app.head import STATIC
    from musictx.app.web_model import model_facts, web_model

    engine = STATIC / "engine"
    modules = [(engine / file).as_uri() for file in ("engine.js", "playing.js", "engine.wasm")]
    content = web_model(model)
    with tempfile.TemporaryDirectory() as folder:
        file, given = Path(folder) / "model.bin", Path(folder) / "given.json"
        file.write_bytes(content)
        facts = model_facts(name, model, content)
        given.write_text(json.dumps({"file": str(file), "facts": facts, "requests": asked}))
        command = [shutil.which("node") or "node", "--input-type=module", "-e", PLAY, *modules, str(given)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return [sorted(json.loads(line)) for line in done.stdout.splitlines()]


def in_library(model: MusicTransformer, music: Performance, end: float, settings: dict[str, Any]) -> Rows:
    """What the library plays on from the same music."""
    (made,) = continue_variations(model, music, primer_end=end, **settings)
    rows = milliseconds(made.performance.notes, "pitch", "velocity")
    return sorted(row for row in rows if row[0] >= round(1000 * made.cut))


def parted(own: Rows, heard: Rows) -> int | None:
    """The first time (ms) at which a note begins or ends in one of the two only."""

    def events(rows: Rows) -> set[tuple[int, ...]]:
        return {event for on, off, *rest in rows for event in ((on, *rest), (off, rest[0]))}

    return min((time for time, *_ in events(own) ^ events(heard)), default=None)


def main() -> None:
    """Count how many pieces are the same to the last note."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--primers", type=int, default=10)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    for name in COMPARED_MODELS:
        model, primers = load_model(name), cards(asked.primers)
        for seed in range(1, asked.seeds + 1):
            options = {"seconds": asked.seconds, "seed": seed}
            sent = [request(music, end, options) for _, music, end in primers]
            for (primer, music, end), heard in zip(primers, in_browser(name, model, sent), strict=True):
                own = in_library(model, music, end, options)
                apart = parted(own, heard)
                row = {"model": name, "primer": primer, "seed": seed, "notes": len(own), "same": own == heard}
                found.append(row | {"apart after ms": apart and apart - round(1000 * end)})
                print(json.dumps(found[-1]), flush=True)
    print(f"{sum(row['same'] for row in found)} of {len(found)} pieces are the same to the last note")
    if asked.output:
        asked.output.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
