"""What does keeping the beat do? Onsets on the grid of the primer's file, and distance from real music.

    python checkpoints/beat.py --seconds 15 --output beat.json
    python checkpoints/beat.py --real asap/validation pop909/validation --output beat.json

The models play on from the primers that come with musictx, whose files have bars; the same notes are then
kept on the beat in each way. Of each: the share of onsets within 20 ms of the grid (sixteenths or triplets,
as the primer has them), the same of the primer itself, and how many notes there are: two that meet on one key
are one. With `--real`, how far the answers are from real continuations, by the figures of sampling.py.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from agreement import cards
from sampling import choose, distances, figures, real_answer

from musictx.checkpoint import load_model
from musictx.performance import Performance, make_notes
from musictx.sampling import Continuation, continue_variations
from musictx.sampling.beat import BEATS, Beat
from musictx.shipped import COMPARED_MODELS

NEAR = 0.020  # seconds


def in_time(made: Continuation, pull: float) -> tuple[Beat, Performance]:
    """The continuation, from 0 on, with its notes moved as far towards the grid."""
    music = made.performance
    early = music.notes["onset"] < made.cut - 0.0005
    assert music.metre
    beat = Beat(music.metre, music.notes["onset"][early], made.cut, pull)
    rows: dict[int, list[float]] = {}
    for k, (onset, offset, pitch, velocity) in enumerate(music.notes[~early].tolist()):
        if struck := beat.strike(k, onset, pitch):
            rows[struck[0]] = [struck[1], 0.0, pitch, velocity]
        number, end = beat.release(k, offset)
        rows[number][1] = max(rows[number][1], end)
    onset, offset, pitch, velocity = np.array(list(rows.values())).reshape(-1, 4).T
    pitches, velocities = pitch.astype(int), velocity.astype(int)
    return beat, Performance(make_notes(onset - made.cut, offset - made.cut, pitches, velocities))


def on_grid(beat: Beat, onsets: np.ndarray) -> float:
    """Share of onsets near the grid."""
    strict = Beat(beat.metre, np.empty(0), 0.0, 1.0)
    strict.parts = beat.parts
    return float(np.mean([abs(strict.place(onset) - onset) <= NEAR for onset in onsets.tolist()]))


def main() -> None:
    """Let the models play, move the notes, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--real", type=Path, nargs="*", default=[])
    parser.add_argument("--models", nargs="+", default=list(COMPARED_MODELS))
    parser.add_argument("--primers", type=int, default=13)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--count", type=int, default=8, help="Real pieces of each folder.")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in BEATS}
    for model in asked.models:
        player = load_model(model)
        for name, music, end in cards(asked.primers):
            options = {"seconds": asked.seconds, "primer_end": end, "allow_end": False}
            for seed in range(asked.seeds):
                (made,) = continue_variations(player, music, seed=seed, **options)
                row: dict[str, Any] = {"model": model, "primer": name, "seed": seed}
                for beat_name, pull in BEATS.items():
                    beat, answer = in_time(made, pull)
                    row[beat_name] = on_grid(beat, answer.notes["onset"] + made.cut)
                    row[f"{beat_name} notes"] = len(answer)
                    if asked.real:
                        told[beat_name].append(figures(made.primer, answer, asked.seconds))
                row["of the primer"] = on_grid(beat, made.primer.notes["onset"])
                row["grid"] = beat.parts
                rows.append(row)
                print(json.dumps(row), flush=True)
    result: dict[str, Any] = {"rows": rows}
    for key in ("of the primer", *BEATS):
        result[key] = float(np.mean([row[key] for row in rows]))
        print(f"{key}: {result[key]:.1%} of onsets within 20 ms of the grid")
    if asked.real:
        pieces = choose(asked.real, asked.count, asked.seconds)
        real = [figures(p.performance, real_answer(p, asked.seconds), asked.seconds) for p in pieces]
        for beat_name in BEATS:
            far = distances(told[beat_name], real)
            result[f"{beat_name} distance"] = float(np.mean(list(far.values())))
            distance = result[f"{beat_name} distance"]
            print(f"{beat_name}: {distance:.3f} deviations from {len(real)} real continuations")
    if asked.output:
        asked.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
