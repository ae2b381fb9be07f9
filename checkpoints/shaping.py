"""What does shaping do? Each wish beside what a model plays by itself, and the distance from real music.

    python checkpoints/shaping.py asap/validation pop909/validation --output shaping.json

Every model plays on from the first 15 s of held-out pieces, without a wish and with each of them, from the
same random numbers. Of each wish: how much further from plain its figure is on the same primers (with the
95 % interval of the mean), the same in the last quarter of the continuation, the distance from real music of
sampling.py, storms, and how much is stuck on a few keys. Go on with an output file that exists: what it holds
is not played again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sampling import choose, distances, figures, playing_parser, real_answer

from musictx.checkpoint import load_model
from musictx.lab.evaluation.degeneration import is_degenerate, stuck_share
from musictx.lab.evaluation.intervals import mean_interval
from musictx.lab.kept import PLAYING, read_kept
from musictx.lab.study.plan import StudyPrimer
from musictx.model import MusicTransformer
from musictx.performance import Performance, apply_pedal, slice_time
from musictx.sampling import NoteStream, continuation, prepare_primer
from musictx.sampling.primer import without_rest
from musictx.sampling.sampler import Sampler
from musictx.sampling.shaping import Shaping
from musictx.settings import STEADY, WISHES, SamplingSettings
from musictx.shipped import SHIPPED_MODELS

PLAIN, REAL = "plain", "real music"
SHAPES = {PLAIN: "", **{wish: wish for pair in (*WISHES, [STEADY]) for wish in pair}}
FIGURES = ("notes a second", "pitch", "velocity")  # of WISHES
Row = dict[str, Any]  # a continuation


def play(
    model: MusicTransformer, primer: StudyPrimer, seconds: float, seed: int, shapes: list[str]
) -> list[Performance]:
    """What the model plays on with each shape, all drawn side by side from the same random numbers."""
    ready = prepare_primer(model, primer.performance, end=primer.cut)
    streams = [NoteStream(ready, ready.cut + seconds) for _ in shapes]
    rngs = [np.random.default_rng([seed, 0]) for _ in shapes]
    tokens = ready.tokens.astype(np.int64)
    sampler = Sampler(model, tokens, SamplingSettings(allow_end=False), rngs)
    sampler.shape([Shaping(shape, without_rest(tokens)[0]) for shape in shapes])
    events: list[list[Any]] = [[] for _ in streams]
    while not all(stream.ended for stream in streams):
        for made, stream, token in zip(events, streams, sampler.draw().tolist(), strict=True):
            made += stream.push(token)
    wholes = [
        continuation._assemble(ready, [*made, *s.finish()]) for made, s in zip(events, streams, strict=True)
    ]
    return [slice_time(whole, ready.cut, ready.cut + seconds) for whole in wholes]


def judge(primer: Performance, answer: Performance, seconds: float) -> Row:
    """Figures of a continuation, and of its last quarter."""
    heard = apply_pedal(answer)
    row: Row = {"figures": figures(primer, answer, seconds)}
    for name, begin in (("all", 0.0), ("late", 0.75 * seconds)):
        notes = heard.notes[heard.notes["onset"] >= begin]
        means = [float(notes[key].mean()) if len(notes) else None for key in ("pitch", "velocity")]
        row[name] = [len(notes) / (seconds - begin), *means]
    row["storm"], row["stuck"] = is_degenerate(heard, seconds), stuck_share(heard, seconds)
    return row


def column(rows: list[Row], part: str, figure: int) -> np.ndarray:
    """A figure of each continuation; NaN where nothing was played."""
    return np.array([row[part][figure] for row in rows], float)


def show(label: str, rows: list[Row], plain: list[Row], real: list[Row]) -> None:
    """One line of the table."""
    line = f"{label:22}"
    for figure in range(len(FIGURES)):
        differences = column(rows, "all", figure) - column(plain, "all", figure)
        late = column(rows, "late", figure) - column(plain, "late", figure)
        low, high = mean_interval(differences[np.isfinite(differences)])
        line += f"{np.nanmean(column(rows, 'all', figure)):7.1f} ({np.nanmean(differences):+5.1f} "
        line += f"[{low:+5.1f}, {high:+5.1f}], late {np.nanmean(late):+5.1f})"
    apart = distances([row["figures"] for row in rows], [row["figures"] for row in real])
    line += f"{np.mean(list(apart.values())):9.3f}"
    line += f"{np.mean([row['storm'] for row in rows]):7.0%}{np.mean([row['stuck'] for row in rows]):7.1%}"
    print(line, flush=True)


def main() -> None:
    """Parse the command line, let the models play, print the table."""
    parser = playing_parser(__doc__, primers=8, seconds=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wish", nargs="+", choices=list(SHAPES)[1:], help="only these, beside plain")
    parser.add_argument("--steady", action="store_true", help="steady with every wish, as Compose plays it")
    parser.add_argument("--output", type=Path, required=True, help="JSON file for every figure")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seconds, always = arguments.seconds, STEADY if arguments.steady else ""
    wishes = [wish for wish in arguments.wish or list(SHAPES)[1:] if wish != always]
    shapes = {wish: ",".join(filter(None, (SHAPES[wish], always))) for wish in (PLAIN, *wishes)}
    primers = choose(arguments.music, arguments.primers, seconds)
    names = [primer.name for primer in primers]
    about = {"primers": names, "seconds": seconds, "seed": arguments.seed, "shapes": shapes}
    about["playing"] = PLAYING
    models = {name: load_model(name) for name in arguments.model or SHIPPED_MODELS}
    found = read_kept(arguments.output, about, models)
    real = [judge(p.performance, real_answer(p, seconds), seconds) for p in primers]
    columns = "".join(f"{figure + ' (beside plain, 95 %)':>44}" for figure in FIGURES)
    print(f"{'':22}{columns} distance storms  stuck")
    show(REAL, real, real, real)
    for name, model in models.items():
        every = found.setdefault("models", {})
        played: dict[str, list[Row]] = every.setdefault(name, {shape: [] for shape in shapes})
        for primer in primers[len(played[PLAIN]) :]:
            answers = play(model, primer, seconds, arguments.seed, list(shapes.values()))
            for rows, answer in zip(played.values(), answers, strict=True):
                rows.append(judge(primer.performance, answer, seconds))
            arguments.output.write_text(json.dumps(found, indent=1) + "\n")
        for shape, rows in played.items():
            show(f"{name}, {shape}", rows, played[PLAIN], real)


if __name__ == "__main__":
    main()
