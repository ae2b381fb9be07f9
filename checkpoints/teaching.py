"""How many files does it take? A shipped model is taught a style, beside a model that begins from nothing.

    python checkpoints/teaching.py supra/train --others corpus/asap corpus/pop909 --output runs/teaching

The same pieces of the style are held out throughout; the model is taught some of the rest, with the rates of
`musictx train --from`, for a number of tokens (a quiet core learns 150,000 in a minute). The table
has the nats per token of the held-out pieces before and after, when they were predicted best, and what was
forgotten of other music: by the model as it was trained, and by one that lies `TeachingConfig.blend` of the
way from the model that it began with, as `musictx train` keeps it; and the nats of a model from nothing. A
run ends early when the held-out pieces have not come out better for a quarter of it, as there. Stop it at any
time: runs that are complete are kept, and one that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from musictx.checkpoint import find_model, load_model, read_config
from musictx.console.options import amount
from musictx.corpus import Corpus
from musictx.corpus.split import validation_name
from musictx.files import write_bytes
from musictx.lab.evaluation.loading import open_music, unit_numbers
from musictx.lab.kept import read_kept
from musictx.model.sizes import sized_config
from musictx.render.figures import OTHERS, png
from musictx.training import TEACHING_DROPOUT, Run, TeachingConfig, TrainingConfig
from musictx.training.run import blended
from musictx.training.source import make_validation


def split(music: Corpus, held: int, seed: int) -> tuple[Corpus, list[int]]:
    """Some pieces to judge by, and all others in an order drawn by the seed, a performance each."""
    units = unit_numbers(music)
    order = np.random.default_rng(seed).permutation(units.max() + 1)
    firsts = [int(np.flatnonzero(units == unit)[0]) for unit in order]
    return music.subset(firsts[:held]), firsts[held:]


def learn(
    folder: Path, train: Corpus, held: Corpus, tokens: int, start_from: str | None, changes: dict[str, Any]
) -> dict[str, Any]:
    """One run: the nats of held-out pieces at every look, and its best model's folder."""
    if start_from:
        model_config = replace(read_config(find_model(start_from)), dropout=TEACHING_DROPOUT)
        config: TrainingConfig = TeachingConfig(tokens=tokens, blend=1.0, **changes)
    else:
        model_config = sized_config("small", "relative")
        config = TrainingConfig(
            tokens=tokens,
            validate_every=20,
            validation_chunks=TeachingConfig.validation_chunks,
            patience=TeachingConfig.patience,
        )
    run = Run(folder, model_config, config, train, {"held": held}, start_from=start_from)
    run.fit(resume=True)
    if run.stopped:
        raise KeyboardInterrupt
    looks = [(look.step, look.losses["held"]) for look in run.metrics.looks()]
    best = min(looks, key=lambda look: look[1])
    return {"looks": looks, "best": best, "steps": run.step, "seconds": run.seconds}


def draw(kept: dict[str, dict[int, float]], before: float, forgotten: dict[str, dict[int, float]]) -> Figure:
    """What is gained and what is forgotten by number of files, a line for each length of the runs.

    `kept` are nats of the held-out pieces of the style, `forgotten` nats that other music costs more.
    """
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    colours = [OTHERS[i % len(OTHERS)] for i in range(len(kept))]
    for axis, lines in ((left, kept), (right, forgotten)):
        for colour, (tokens, points) in zip(colours, lines.items(), strict=True):
            axis.plot(list(points), list(points.values()), "o-", color=colour, label=f"{tokens} tokens")
        axis.set_xscale("log")
        axis.set_xticks(list(points), labels=[str(count) for count in points])
        axis.minorticks_off()
        axis.set_xlabel("files")
        axis.grid(alpha=0.3)
    left.axhline(before, color="#777777", linestyle="--", label="before")
    left.set_ylabel("held-out pieces of the style (nats per token)")
    right.axhline(0, color="#777777", linestyle="--")
    right.set_ylabel("other music (nats per token more)")
    left.legend(frameon=False)
    return figure


def main() -> None:
    """Parse the command line, teach, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("music", type=Path, help="a folder of one style")
    parser.add_argument("--others", nargs="*", type=Path, default=[], help="held-out music of other styles")
    parser.add_argument("--output", type=Path, required=True, help="folder for runs and figures")
    parser.add_argument("--model", default="relative")
    parser.add_argument("--pieces", nargs="+", type=int, default=(3, 10, 30, 100))
    parser.add_argument("--tokens", nargs="+", default=("300k", "1.5M"))
    parser.add_argument("--held", type=int, default=10, help="pieces of the style to judge by")
    parser.add_argument("--nothing", action="store_true", help="models that begin from nothing as well")
    parser.add_argument("--matrix-lr", type=float, default=TeachingConfig.matrix_lr)
    parser.add_argument("--lr", type=float, default=TeachingConfig.lr)
    parser.add_argument("--chunks", type=int, default=16, help="windows of each other folder")
    parser.add_argument("--figure", type=Path, help="PNG file for what is kept by number of files")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    place = arguments.output / "teaching.json"
    music = open_music(arguments.music)
    held, rest = split(music, arguments.held, seed=0)
    model = load_model(arguments.model)
    others = {validation_name(folder, ()): open_music(folder) for folder in arguments.others}
    about = {
        "model": arguments.model,
        "held": arguments.held,
        "chunks": arguments.chunks,
        "blend": TeachingConfig.blend,
        "music": [corpus.fingerprint() for corpus in (music, *others.values())],
    }
    found = read_kept(place, about, {arguments.model: model})
    if max(arguments.pieces) > len(rest):
        parser.error(f"{arguments.music} has {len(rest)} pieces besides the held-out ones")
    judge = make_validation(others | {"held": held}, model.config.context_length, arguments.chunks)
    known = judge(model)
    names = " / ".join(others) or "other music"
    rates = {"matrix_lr": arguments.matrix_lr, "lr": arguments.lr}
    kept = f"{100 * TeachingConfig.blend:g} % of the way"
    print(
        f"| files | tokens | before → best (step) → last | {kept} | from nothing | {names} | {kept} |",
        flush=True,
    )
    lines: dict[str, dict[str, dict[int, float]]] = {"held": {}, "others": {}}
    for count in arguments.pieces:
        train = music.subset(rest[:count])
        for tokens in arguments.tokens:
            row: dict[str, Any] = {}
            for start in (arguments.model, None)[: 1 + arguments.nothing]:
                condition = f"rates {arguments.matrix_lr:g} {arguments.lr:g}" if start else "from nothing"
                name = f"{arguments.music.parent.name}, {count} pieces, {tokens}, {condition}"
                folder = arguments.output / name.replace(", ", "-").replace(" ", "")
                if name not in found:
                    result = learn(folder, train, held, amount(tokens) or 0, start, rates)
                    if start:
                        learned = load_model(folder)
                        result["others"] = judge(learned)
                        weights = blended(model.state_dict(), learned.state_dict(), TeachingConfig.blend)
                        learned.load_state_dict(weights)
                        result["kept"] = judge(learned)
                    found[name] = result
                    write_bytes(place, (json.dumps(found, indent=1) + "\n").encode())
                row[condition if start is None else "taught"] = found[name]
            taught = row["taught"]
            lines["held"].setdefault(tokens, {})[count] = taught["kept"]["held"]
            worse = [taught["kept"][k] - known[k] for k in others]
            lines["others"].setdefault(tokens, {})[count] = float(np.mean(worse)) if worse else np.nan
            nothing = f"{row['from nothing']['best'][1]:.3f}" if "from nothing" in row else "not run"
            forgotten, less = (
                " / ".join(f"{taught[which][k] - known[k]:+.3f}" for k in others)
                for which in ("others", "kept")
            )
            print(
                f"| {count} | {tokens} | {taught['looks'][0][1]:.3f} → {taught['best'][1]:.3f} "
                f"({taught['best'][0]} of {taught['steps']}) → {taught['looks'][-1][1]:.3f} "
                f"| {taught['kept']['held']:.3f} | {nothing} | {forgotten} | {less} |",
                flush=True,
            )
    if arguments.figure:
        write_bytes(arguments.figure, png(draw(lines["held"], known["held"], lines["others"])))


if __name__ == "__main__":
    main()
