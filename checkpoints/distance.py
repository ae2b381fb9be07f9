"""How far is what models play from how the pieces go on? By the figures of sampling.py, of a study.

    python checkpoints/distance.py STUDY [STUDY ...]

STUDY is a folder that `musictx study` has written. Each figure gives one number a continuation; how far a
model's numbers are distributed from those of the real continuations is a Wasserstein distance, in standard
deviations of the real ones. Of each study, model and seed: the mean over the figures, and the farthest ones.
Two samples of the same kind are apart as well, the more the fewer they are: *by chance* is the mean where
model and real music change places at random for each primer. At last the differences of all of them, over the
primers that they share, with 95 % intervals (primers drawn anew).
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from sampling import distances, figures

from musictx.lab.evaluation.intervals import bootstrap_interval
from musictx.lab.study.comparison import REAL
from musictx.midi import read_midi
from musictx.performance import slice_time

DRAWS = 500

Figures = dict[str, dict[str, Any]]  # of each primer


def read_study(folder: Path) -> tuple[dict[str, Figures], Figures]:
    """The figures of each model and seed, and of how the pieces really go on; those that have notes."""
    study = json.loads((folder / "study.json").read_text())
    found: dict[str, Figures] = {}
    for row in study["rows"]:
        music = read_midi(folder / "continuations" / row["primer"] / row["file"])
        cut, seconds = row["cut"], row["measured"]["seconds"]
        primer, answer = slice_time(music, 0, cut), slice_time(music, cut, cut + seconds)
        seed = study["settings"]["seed"] + row["seed"]
        name = REAL if row["model"] == REAL else f"{folder.name}, {row['model']}, seed {seed}"
        if told := figures(primer, answer, seconds):
            found.setdefault(name, {})[row["primer"]] = told
    real = found.pop(REAL, {})
    return found, real


def mean_distance(made: list[dict[str, Any]], real: list[dict[str, Any]]) -> float:
    """`distances` of all figures, their mean."""
    return fmean(distances(made, real).values())


def less(first: Figures, second: Figures, real: Figures, primers: list[str]) -> float:
    """How much farther from real music the first is than the second, over some primers."""
    theirs = [real[p] for p in primers]
    return mean_distance([first[p] for p in primers], theirs) - mean_distance(
        [second[p] for p in primers], theirs
    )


def main() -> None:
    """Parse the command line, read what was played, print a line for each model and each two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", nargs="+", type=Path)
    every: dict[str, tuple[Figures, Figures]] = {}
    lengths = set()
    for folder in parser.parse_args().study:
        settings = json.loads((folder / "study.json").read_text())["settings"]
        lengths.add((settings["seconds"], settings["primer_seconds"]))
        if len(lengths) > 1:
            parser.error(f"{folder} has primers or continuations of another length than the one before it")
        models, real = read_study(folder)
        if not real:
            parser.error(f"{folder} has no real continuation to compare with")
        every |= {name: (made, real) for name, made in models.items()}
    rng = np.random.default_rng(0)
    for name, (made, real) in every.items():
        both = [primer for primer in made if primer in real]
        pairs = [(made[p], real[p]) for p in both]
        far = distances([m for m, _ in pairs], [r for _, r in pairs])
        chance = []
        for _ in range(DRAWS):
            mixed = [
                pair[::-1] if swap else pair
                for pair, swap in zip(pairs, rng.random(len(pairs)) < 0.5, strict=True)
            ]
            chance.append(mean_distance([m for m, _ in mixed], [r for _, r in mixed]))
        farthest = sorted(far, key=lambda figure: -far[figure])[:3]
        told = ", ".join(f"{figure} {far[figure]:.2f}" for figure in farthest)
        print(f"{name:32} {fmean(far.values()):.3f}  by chance {fmean(chance):.3f}  ({told})")
    for one, other in combinations(every, 2):
        (first, real), (second, _) = every[one], every[other]
        both = [primer for primer in first if primer in second and primer in real]
        drawn = []
        for _ in range(DRAWS):
            some = [both[k] for k in rng.integers(len(both), size=len(both))]
            drawn.append(less(first, second, real, some))
        low, high = bootstrap_interval(np.array(drawn))
        print(f"{one} less {other}: {less(first, second, real, both):+.3f} ({low:.3f} … {high:.3f})")


if __name__ == "__main__":
    main()
