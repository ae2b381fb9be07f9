"""How far is what models play from how the pieces go on? By the figures of sampling.py, of a study.

    python checkpoints/distance.py STUDY [STUDY ...]

STUDY is a folder that `musictx study` has written. Each figure gives one number a continuation; how far a
model's numbers are distributed from those of the real continuations is a Wasserstein distance, in standard
deviations of the real ones. Of each study and model: the mean over the figures, and the farthest of them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import fmean
from typing import Any

from sampling import distances, figures

from musictx.midi import read_midi
from musictx.performance import slice_time


def main() -> None:
    """Parse the command line, read what was played, print a line for each model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", nargs="+", type=Path)
    for folder in parser.parse_args().study:
        study = json.loads((folder / "study.json").read_text())
        found: dict[str, list[dict[str, Any]]] = {}
        for row in study["rows"]:
            music = read_midi(folder / "continuations" / row["primer"] / row["file"])
            cut, seconds = row["cut"], study["settings"]["seconds"]
            primer, answer = slice_time(music, 0, cut), slice_time(music, cut, cut + seconds)
            found.setdefault(row["model"], []).append(figures(primer, answer, seconds))
        real = [each for each in found.pop("real music") if each]
        for name, every in found.items():
            far = distances([each for each in every if each], real)
            farthest = sorted(far, key=lambda figure: -far[figure])[:3]
            told = ", ".join(f"{figure} {far[figure]:.2f}" for figure in farthest)
            print(f"{folder.name:16} {name:12} {fmean(far.values()):.3f}  ({told})")


if __name__ == "__main__":
    main()
