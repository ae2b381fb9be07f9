"""How well does music keep to what its primer does? Of a study's continuations, and of the real ones.

    python checkpoints/steady.py STUDY [STUDY ...]

STUDY is a folder that `musictx study` has written. For each model, and for real music, means over
continuations: for how much of the time steady music would be tilted, since the last second has far more notes
than the primer's densest one, more keys are held than ever in it, more of the music is a pattern that comes
again, or the last seconds are sparser or denser, lower or higher, softer or louder than ever in it; the
longest time in which no note is struck; how many notes last more than a second longer than steady music
lets them, and in how many continuations; how far register and loudness of the last quarter are from the
primer's; where a primer is in strict time, how often two gaps between its notes are equal, and two gaps of
what follows; and, where such a primer keeps to a scale, how many notes after it are outside. See
`musictx.sampling.steady` and `musictx.sampling.shaping`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from joined import read_rows

from musictx.events import MAX_SHIFT, STEPS_PER_SECOND, TIME_SHIFT, VELOCITY, encode, tokens_to_table
from musictx.midi import read_midi
from musictx.performance import Performance, apply_pedal, slice_time
from musictx.sampling.shaping import Shaping
from musictx.sampling.steady import STRICT, equal_gaps
from musictx.settings import STEADY

FIGURES = {  # and how each is written
    "a second too dense, of the time": "{:.1%}",
    "too many keys held, of the time": "{:.1%}",
    "too much of a pattern, of the time": "{:.1%}",
    "too sparse, of the time": "{:.1%}",
    "too low, of the time": "{:.1%}",
    "too soft, of the time": "{:.1%}",
    "too dense, of the time": "{:.1%}",
    "too high, of the time": "{:.1%}",
    "too loud, of the time": "{:.1%}",
    "longest time without a new note, s": "{:.1f}",
    "continuations in which it is over 5 s": "{:.0%}",
    "notes too long": "{:.2%}",
    "continuations with such a note": "{:.0%}",
    "the last quarter higher or lower, by semitones": "{:.1f}",
    "the last quarter louder or softer, by velocity": "{:.1f}",
    "two gaps equal, in primers in strict time": "{:.2f}",
    "two gaps equal, after them": "{:.2f}",
    "notes outside such a primer's scale": "{:.1%}",
}


def strays(music: Performance, cut: float, end: float) -> list[float]:
    """How far what follows a primer from `cut` to `end` (s) strays from it: `FIGURES`, NaN for none."""
    tokens = encode(music)
    times = np.where((tokens >= TIME_SHIFT) & (tokens < VELOCITY), tokens - TIME_SHIFT + 1, 0)
    begin = int(np.searchsorted(np.cumsum(times), cut * STEPS_PER_SECOND))
    shaping = Shaping(STEADY, tokens[:begin])
    steady, tilted = shaping.steady, np.zeros(9)  # for so many steps
    for token, steps in zip(tokens[begin:].tolist(), times[begin:].tolist(), strict=True):
        beyond = np.array([shaping.beyond(figure) for figure in range(3)])
        tilted += steps * (np.array([*steady.firmness(), *-beyond, *beyond]) > 0)
        shaping.advance(token)

    after = apply_pedal(slice_time(music, cut)).notes
    long = (after["offset"] - after["onset"]) * STEPS_PER_SECOND > steady.max_note + MAX_SHIFT
    too_long = float(long.mean()) if len(long) else np.nan

    onset = music.notes["onset"]
    rest = float(np.diff(onset[onset >= cut], prepend=cut, append=end).max())
    ends = music.notes[onset < cut], music.notes[onset >= (cut + 3 * end) / 4]
    away = [
        abs(float(ends[1][each].mean() - ends[0][each].mean())) if all(map(len, ends)) else np.nan
        for each in ("pitch", "velocity")
    ]

    table = tokens_to_table(tokens)
    step, pitch = table.step[table.is_on], table.pitch[table.is_on]
    follows = step >= cut * STEPS_PER_SECOND
    equal = [equal_gaps(step[~follows]), equal_gaps(step[follows])]
    if equal[0] <= STRICT:
        equal = [np.nan, np.nan]
    keeps = steady.in_scale == 1 and follows.any()
    outside = float(steady.outside[pitch[follows]].mean()) if keeps else np.nan
    return [
        *tilted / max(times[begin:].sum(), 1),
        rest,
        rest > 5,
        too_long,
        long.any(),
        *away,
        *equal,
        outside,
    ]


def main() -> None:
    """Parse the command line, read what was played, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", nargs="+", type=Path)
    found: dict[str, list[list[float]]] = {}
    for study, row in read_rows(parser.parse_args().study):
        music = read_midi(study / "continuations" / row["primer"] / row["file"])
        end = row["cut"] + row["measured"]["seconds"]
        found.setdefault(row["model"], []).append(strays(music, row["cut"], end))
    print(f"{'':46}" + "".join(f"{name:>14}" for name in found))
    for which, (figure, form) in enumerate(FIGURES.items()):
        columns = [[each[which] for each in every if np.isfinite(each[which])] for every in found.values()]
        told = [f"{form.format(np.mean(each))} ({len(each)})" if each else "–" for each in columns]
        print(f"{figure:46}" + "".join(f"{each:>14}" for each in told))


if __name__ == "__main__":
    main()
