"""Measure filling in: how surprising is what follows a passage, after each way of playing the passage?

    python checkpoints/filling.py asap/validation --output checkpoints/results/filling.json

From one performance of each of so many held-out pieces a passage is taken out and filled by a model. Then a
model, that one or another, is asked how surprised it is by the note events after the passage: the next ones,
by which candidates were weighted, and those after them, by which nothing was chosen.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from musictx.checkpoint import load_model
from musictx.events import decode
from musictx.lab.evaluation.intervals import holm, mean_interval, paired_test
from musictx.lab.evaluation.loading import open_music, unit_numbers
from musictx.model import MusicTransformer
from musictx.performance import Performance
from musictx.sampling.filling import FOLLOWING, draw_likely, fill_in, following_nats

VERSIONS = ("real passage", "silence", "continuation", "drawn by weight", "best of all")
WINDOWS = {"next": slice(0, FOLLOWING), "after them": slice(FOLLOWING, 2 * FOLLOWING)}


def pieces_of(folder: Path, count: int, min_seconds: float) -> dict[str, Performance]:
    """One performance of each of so many pieces, spread over those of at least some seconds."""
    corpus = open_music(folder)
    firsts = np.unique(unit_numbers(corpus), return_index=True)[1].tolist()
    music = {corpus.names[i]: decode(corpus.piece(i)) for i in firsts}
    names = [name for name, piece in music.items() if piece.duration >= min_seconds]
    chosen = np.unique(np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int))
    return {names[k]: music[names[k]] for k in chosen}


def without_ends(piece: Performance, start: float, end: float, *, empty: bool) -> Performance:
    """The piece with its passage as it is, or empty; notes that begin in the passage end with it."""
    notes = piece.notes.copy()
    inside = (notes["onset"] >= start) & (notes["onset"] < end)
    notes["offset"][inside] = np.minimum(notes["offset"][inside], end)
    return Performance(notes[~inside] if empty else notes)


def measure(
    player: MusicTransformer,
    judges: dict[str, MusicTransformer],
    piece: Performance,
    arguments: argparse.Namespace,
) -> dict[str, dict[str, dict[str, float]]]:
    """Nats per note event by judge, window and way."""
    start, end = arguments.start, arguments.start + arguments.seconds
    options = {"takes": None, "candidates": arguments.candidates, "seed": arguments.seed}
    found = fill_in(player, piece, start, end, **options)
    weights = np.array([f.nats for f in found])
    drawn = int(draw_likely(weights, np.random.default_rng(arguments.seed))[0])
    played = [without_ends(piece, start, end, empty=empty) for empty in (False, True)]
    played += [f.performance for f in found]
    result: dict[str, dict[str, dict[str, float]]] = {}
    for name, judge in judges.items():
        nats = following_nats(judge, played, start, end, 2 * FOLLOWING)
        result[name] = {}
        for window, part in WINDOWS.items():
            real, silent, *filled = nats[:, part].mean(1).tolist()
            values = (real, silent, np.mean(filled), filled[drawn], filled[int(np.argmin(weights))])
            result[name][window] = dict(zip(VERSIONS, map(float, values), strict=True))
    return result


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means with intervals, and each way against the plain continuation."""
    result: dict[str, Any] = {}
    tests = []
    for judge in rows[0]["nats"]:
        for window in WINDOWS:
            columns = {name: np.array([r["nats"][judge][window][name] for r in rows]) for name in VERSIONS}
            figures = {}
            for name, values in columns.items():
                low, high = mean_interval(values)
                figures[name] = {"nats": float(values.mean()), "low": low, "high": high}
                if name != "continuation":
                    test = paired_test(values, columns["continuation"])
                    figures[name] |= {
                        "change": test.difference,
                        "change_low": test.low,
                        "change_high": test.high,
                    }
                    figures[name]["p"] = test.p
                    tests.append(figures[name])
            result.setdefault(judge, {})[window] = figures
    for figures, p in zip(tests, holm([t["p"] for t in tests]), strict=True):
        figures["holm"] = p
    return result


def show(found: dict[str, Any]) -> None:
    """The table for a README."""
    for judge, windows in found.items():
        for window, figures in windows.items():
            print(f"\n{judge}, {window} {FOLLOWING} events: nats per note event")
            for name, f in figures.items():
                line = f"  {name:16} {f['nats']:.3f} [{f['low']:.3f}, {f['high']:.3f}]"
                if "p" in f:
                    line += f", {f['change']:+.3f} [{f['change_low']:+.3f}, {f['change_high']:+.3f}]"
                    line += f", p {f['holm']:.4f}"
                print(line)


def main() -> None:
    """Measure, write and show."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="held-out MIDI files, or an encoded corpus")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--model", default="relative")
    parser.add_argument("--judge", action="append", default=[], help="other models that are asked")
    parser.add_argument("--pieces", type=int, default=24)
    parser.add_argument("--candidates", type=int, default=16)
    parser.add_argument("--start", type=float, default=12.0)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    judges = {name: load_model(name) for name in (arguments.model, *arguments.judge)}
    rows = []
    for name, piece in pieces_of(
        arguments.folder, arguments.pieces, arguments.start + arguments.seconds + 15
    ).items():
        rows.append({"piece": name, "nats": measure(judges[arguments.model], judges, piece, arguments)})
        print(f"{len(rows)} {name}", flush=True)
        result = {
            **vars(arguments),
            "folder": arguments.folder.name,
            "output": arguments.output.name,
            "rows": rows,
        }
        if len(rows) > 1:
            arguments.output.write_text(json.dumps({**result, "summary": summary(rows)}, indent=1) + "\n")
    show(summary(rows))


if __name__ == "__main__":
    main()
