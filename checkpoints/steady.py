"""How well does music keep to what its primer does? Of a study's continuations, and of the real ones.

    python checkpoints/steady.py STUDY [STUDY ...]

STUDY is a folder that `musictx study` has written. Of each model, and of real music: for how much of the time
the last second has far more notes than the primer's densest one, more keys are held than ever in it, and more
of the music is a pattern that comes again; how many notes last more than a second longer than music that is
steady lets them (`musictx.sampling.steady`), and in how many continuations; where a primer is in strict time,
how often two gaps between its notes are equal, and two gaps of what follows; and, where such a primer keeps
to a scale, how many notes after it are outside.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from musictx.events import MAX_SHIFT, STEPS_PER_SECOND, TIME_SHIFT, VELOCITY, encode, tokens_to_table
from musictx.midi import read_midi
from musictx.performance import Performance, apply_pedal, slice_time
from musictx.sampling.steady import STRICT, Steady, equal_gaps


def strays(music: Performance, cut: float) -> tuple[np.ndarray, np.ndarray, list[float], float]:
    """Where what follows a primer that ends at `cut` (s) strays from it.

    Returns
    -------
    np.ndarray [shape=(steps, 3), dtype=bool]
        Whether it is too dense, whether too many keys are held, and whether a pattern comes too often.
    np.ndarray [shape=(notes,), dtype=bool]
        Whether a note is too long.
    list of float
        How often gaps are equal, in the primer and after it.
    float
        How many notes are outside the primer's scale; NaN where it keeps to none.
    """
    tokens = encode(music)
    times = np.where((tokens >= TIME_SHIFT) & (tokens < VELOCITY), tokens - TIME_SHIFT + 1, 0)
    begin = int(np.searchsorted(np.cumsum(times), cut * STEPS_PER_SECOND))
    steady, firm = Steady(tokens[:begin]), []
    for token, steps in zip(tokens[begin:].tolist(), times[begin:].tolist(), strict=True):
        firm += [steady.firmness()] * steps
        steady.advance(token)
    notes = apply_pedal(slice_time(music, cut)).notes
    long = (notes["offset"] - notes["onset"]) * STEPS_PER_SECOND > steady.max_note + MAX_SHIFT
    table = tokens_to_table(tokens)
    onset, end = table.step[table.is_on], cut * STEPS_PER_SECOND
    equal = [equal_gaps(part) for part in (onset[onset < end], onset[onset >= end])]
    outside = steady.outside[table.pitch[table.is_on][onset >= end]]
    wrong = float(outside.mean()) if steady.in_scale == 1 and len(outside) else np.nan
    return np.array(firm).reshape(-1, 3) > 0, long, equal, wrong


def main() -> None:
    """Parse the command line, read what was played, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", nargs="+", type=Path)
    found: dict[str, list[tuple[np.ndarray, np.ndarray, list[float], float]]] = {}
    for folder in parser.parse_args().study:
        for row in json.loads((folder / "study.json").read_text())["rows"]:
            music = read_midi(folder / "continuations" / row["primer"] / row["file"])
            found.setdefault(row["model"], []).append(strays(music, row["cut"]))
    print(
        f"{'':12}  too dense  too many keys  a pattern  notes too long (minutes)"
        "   gaps equal: primer, then   outside the scale"
    )
    for name, every in found.items():
        firm, long, equal, wrong = zip(*every, strict=True)
        dense, many, again = np.concatenate(firm).mean(0)
        some = np.mean([each.any() for each in long])
        strict = np.array([each for each in equal if each[0] > STRICT])
        print(
            f"{name:12} {dense:10.1%} {many:14.1%} {again:10.1%}"
            f" {np.concatenate(long).mean():11.2%} ({some:.0%})"
            f" {strict[:, 0].mean():20.2f}, {strict[:, 1].mean():.2f} ({len(strict)})"
            f" {np.nanmean(wrong):17.1%} ({np.isfinite(wrong).sum()})"
        )


if __name__ == "__main__":
    main()
