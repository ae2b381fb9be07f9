"""Choose the default sampling: which temperature and filters play most like real music goes on.

    python checkpoints/sampling.py asap/validation pop909/validation --output sampling.json

Every model plays on from the first 15 s of held-out pieces with each setting, for 40 s. Each figure below
gives one number an answer; how far the models' numbers are distributed from those of the real
continuations is a Wasserstein distance, in standard deviations of the real ones. The mean over the figures
and over the models is what a setting is judged by: lower is better. Beside it, what answers.py checks.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from answers import PRIMER_SECONDS, judge
from matplotlib.figure import Figure
from scipy.stats import entropy, wasserstein_distance

from musictx.checkpoint import find_model, load_model, read_card, usual_settings
from musictx.lab.evaluation.similarity import structureness
from musictx.lab.evaluation.structure import describe_continuation, mean_polyphony, pitch_classes
from musictx.lab.study.plan import StudyPrimer, StudySettings, choose_primers
from musictx.performance import Performance, apply_pedal, slice_time
from musictx.render.audio import render_audio
from musictx.sampling import continue_variations
from musictx.sampling.filters import SamplingSettings
from musictx.shipped import COMPARED_MODELS

TRIED = tuple(
    SamplingSettings(temperature=temperature, top_p=top_p, min_p=min_p, theme=0, allow_end=False)
    for temperature, top_p, min_p in (
        (1.0, 1.0, 0.0),
        (1.0, 0.98, 0.0),
        (1.0, 0.95, 0.0),
        (1.0, 0.9, 0.0),
        (1.0, 1.0, 0.02),
        (1.0, 1.0, 0.05),
        (0.95, 1.0, 0.0),
        (0.95, 0.98, 0.0),
        (0.95, 0.95, 0.0),
        (0.95, 1.0, 0.02),
        (0.9, 1.0, 0.0),
        (0.9, 0.98, 0.0),
    )
)


def figures(primer: Performance, answer: Performance, seconds: float) -> dict[str, float | None]:
    """What an answer is like, one number each."""
    notes = apply_pedal(answer).notes
    if len(notes) < 2:
        return {}
    told = describe_continuation(primer, answer, start=0.0, end=seconds)
    gaps = np.diff(notes["onset"])
    gaps = np.log2(np.clip(gaps[gaps > 0.03], 0.03, 4.0))
    early, late = (notes["onset"] < seconds / 4).sum(), (notes["onset"] >= 3 * seconds / 4).sum()
    return {
        "notes per second": float(np.log2(len(notes) / seconds)),
        "notes at once": float(np.log2(max(mean_polyphony(notes, 0.0, seconds), 0.1))),
        "length of notes": float(np.median(np.log2(np.maximum(notes["offset"] - notes["onset"], 0.01)))),
        "densest second": float(np.histogram(notes["onset"], np.arange(0, seconds + 1))[0].max()),
        "growth of density": float(np.log2((late + 1) / (early + 1))),
        "register": float(np.median(notes["pitch"])),
        "range of pitches": float(np.std(notes["pitch"])),
        "variety of pitch classes": float(entropy(pitch_classes(notes), base=2)),
        "variety of gaps": (
            float(entropy(np.histogram(gaps, np.arange(-5.25, 2.5, 0.25))[0], base=2)) if len(gaps) else 0.0
        ),
        "loudness": float(np.mean(notes["velocity"])),
        "range of loudness": float(np.std(notes["velocity"])),
        "drift of pitch classes": told["pitch_class_drift"][-1],
        "motif recurrence": told["motif_recurrence"],
        "structure, 3 to 8 s": structureness(answer)["short"],
    }


def real_answer(primer: StudyPrimer, seconds: float) -> Performance:
    """How the piece goes on after the primer."""
    assert primer.real is not None
    return slice_time(primer.real, primer.cut, primer.cut + seconds)


def distances(made: list[dict[str, Any]], real: list[dict[str, Any]]) -> dict[str, float]:
    """How far the figures of `made` are distributed from those of `real`, in deviations of the latter.

    A figure that none of one side has (short answers have no structure) is left out.
    """
    result = {}
    for name in dict.fromkeys(name for told in real for name in told):
        ours, theirs = ([f[name] for f in x if f.get(name) is not None] for x in (made, real))
        if not (ours and theirs):
            continue
        spread = float(np.std(theirs)) or 1.0
        result[name] = float(wasserstein_distance(ours, theirs)) / spread
    return result


def choose(paths: list[Path], count: int, seconds: float) -> list[StudyPrimer]:
    """Primers whose pieces are long enough, evenly from each folder."""
    settings = StudySettings(seconds=seconds, primer_seconds=PRIMER_SECONDS)
    found = [p for path in paths for p in choose_primers([path], settings, count)[0] if p.real]
    if not found:
        sys.exit(f"no piece there lasts {PRIMER_SECONDS + seconds:g} s")
    return found


def draw(names: list[str], played: dict[str, list[Performance]], seconds: float, path: Path) -> None:
    """Rolls of what was played, a row for each primer, a column for each that played (PNG)."""
    figure = Figure(figsize=(5 * len(played), 1.7 * len(names)), layout="constrained")
    grid = figure.subplots(len(names), len(played), sharex=True, sharey=True, squeeze=False)
    for column, (who, answers) in enumerate(played.items()):
        for row, answer in enumerate(answers):
            notes, axes = answer.notes, grid[row, column]
            shades = [(0.05, 0.15, 0.5, 0.3 + 0.7 * v / 127) for v in notes["velocity"]]
            axes.hlines(notes["pitch"], notes["onset"], notes["offset"], colors=shades, linewidth=1.2)
            axes.set(xlim=(0, seconds), ylim=(21, 108), yticks=range(24, 109, 12))
            axes.tick_params(labelsize=6)
            axes.set_title(f"{names[row]}: {who}, {len(notes)} notes", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("seconds", fontsize=7)
    figure.savefig(path, dpi=80)


def playing_parser(doc: str | None, *, primers: int, seconds: float) -> argparse.ArgumentParser:
    """The command line of a script in which models play on from held-out pieces, with its defaults."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", nargs="+", type=Path, help="folders of held-out pieces")
    parser.add_argument("--model", action="append", help="repeatable; by default those that are compared")
    parser.add_argument("--primers", type=int, default=primers, help="of each folder")
    parser.add_argument("--seconds", type=float, default=seconds)
    return parser


def main() -> None:
    """Parse the command line, let the models play with every setting, print the table."""
    parser = playing_parser(__doc__, primers=12, seconds=40.0)
    parser.add_argument("--default", action="store_true", help="only the default, or what a model's card has")
    parser.add_argument("--output", type=Path, help="JSON file for every figure")
    parser.add_argument("--rolls", type=Path, help="PNG file for what the first setting played")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seconds = arguments.seconds
    primers = choose(arguments.music, arguments.primers, seconds)
    answers = [(p, real_answer(p, seconds)) for p in primers]
    played = {"real music": [answer for _, answer in answers]}
    real = [figures(p.performance, answer, seconds) for p, answer in answers]
    found: dict[str, Any] = {"primers": [p.name for p in primers], "seconds": seconds, "real": real}
    found["settings"] = []
    # How far apart two halves of real music are; of half as many pieces, which alone makes it more.
    found["baseline"] = float(np.mean(list(distances(real[::2], real[1::2]).values())))
    names = arguments.model or COMPARED_MODELS
    models = {name: load_model(name) for name in names}
    own = {name: usual_settings(read_card(find_model(name))) if arguments.default else {} for name in names}
    print(f"{len(primers)} primers, {seconds:g} s; real music's two halves are {found['baseline']:.3f} apart")
    print(f"{'':32}" + "".join(f"{name:>12}" for name in models) + f"{'mean':>8}{'not degen.':>10}")
    for settings in (SamplingSettings(allow_end=False),) if arguments.default else TRIED:
        row: dict[str, Any] = {**asdict(settings), "models": {}}
        for name, model in models.items():
            made, judged = [], []
            for primer in primers:
                how = asdict(settings) | own[name]
                (made_of,) = continue_variations(
                    model, primer.performance, seconds=seconds, primer_end=primer.cut, **how
                )
                answer = made_of.alone
                if not found["settings"]:
                    played.setdefault(name, []).append(answer)
                made.append(figures(primer.performance, answer, seconds))
                peak = float(np.abs(render_audio(answer)).max()) if arguments.default else None
                judged.append({**judge(primer.performance, answer, seconds), "peak": peak})
            apart = distances(made, real)
            row["models"][name] = {
                "distance": float(np.mean(list(apart.values()))),
                "distances": apart,
                "no_storm": float(np.mean([j["no_storm"] for j in judged])),
                "figures": made,
                "judged": judged,
            }
        found["settings"].append(row)
        apart = [m["distance"] for m in row["models"].values()]
        sound = np.mean([m["no_storm"] for m in row["models"].values()])
        label = f"T {settings.temperature:g}, top-p {settings.top_p:g}, min-p {settings.min_p:g}"
        print(
            f"{label:32}" + "".join(f"{d:12.3f}" for d in apart) + f"{np.mean(apart):8.3f}{sound:10.0%}",
            flush=True,
        )
        if arguments.output:
            arguments.output.write_text(json.dumps(found, indent=1) + "\n")
    if arguments.rolls:
        draw([p.title for p in primers], played, seconds, arguments.rolls)


if __name__ == "__main__":
    main()
