"""How soon does a model learn a taste? A simulated listener chooses among takes, and the model is tuned.

    python checkpoints/listener.py corpus/train asap/validation pop909/validation --output runs/listener

The listener has one simple taste: denser music, higher music, or more of the primer's theme (melodic
alignment). After each of some beginnings of training pieces it hears three takes, keeps the one that it likes
best and rejects the others. After 10, 30, 100 such choices `musictx tune` makes a model of them, with its
defaults. It is judged on beginnings of held-out pieces, on which nobody chose: how much the listener likes
its takes, beside those of the model as it was (the same primers and seeds; Wilcoxon's signed ranks, and the
share of primers on which the tuned model is preferred); what it costs in the prediction of held-out music;
and how long it took. Stop it at any time: takes and models that are complete are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from preferences import pieces, written

from musictx.checkpoint import load_model, weights_hash
from musictx.corpus import Corpus
from musictx.corpus.split import validation_name
from musictx.files import write_bytes
from musictx.lab.evaluation.alignment import melodic_alignment
from musictx.lab.evaluation.intervals import paired_test
from musictx.lab.evaluation.loading import open_music
from musictx.lab.kept import PLAYING, read_kept
from musictx.model import MusicTransformer
from musictx.performance import Performance, apply_pedal, slice_time
from musictx.sampling import continue_variations
from musictx.shipped import shipped_folder
from musictx.training import TuningConfig
from musictx.training.choices import Choice, read_choices
from musictx.training.source import make_validation
from musictx.training.tuning import tuning_run

Taste = Callable[[Performance, Performance, float], float]  # of a primer, a take, and its seconds
TASTES: dict[str, Taste] = {
    "denser": lambda primer, take, seconds: len(take) / seconds,
    "higher": lambda primer, take, seconds: float(take.notes["pitch"].mean()) if len(take) else 0.0,
    "theme": lambda primer, take, seconds: melodic_alignment(primer.notes, take.notes, seconds) or 0.0,
}


def liking(taste: Taste, whole: Performance, cut: float, seconds: float) -> float:
    """What a taste makes of a take."""
    primer, take = slice_time(whole, 0, cut), slice_time(whole, cut, cut + seconds)
    return taste(apply_pedal(primer), apply_pedal(take), seconds)


def play(
    model: MusicTransformer, piece: Any, number: int, count: int, arguments: argparse.Namespace
) -> list[Any]:
    """Takes after the beginning of a piece."""
    return continue_variations(
        model,
        piece.primer,
        primer_end=arguments.primer_seconds,
        seconds=arguments.seconds,
        variations=count,
        seed=number,
        allow_end=False,
    )


def takes(model: MusicTransformer, corpus: Corpus, arguments: argparse.Namespace) -> Path:
    """A file with all takes of each training primer; they are the same for every taste."""
    file = arguments.output / "takes.jsonl"
    done = len(written(file))
    drawn = pieces(corpus, arguments.seed, arguments.primer_seconds, 2 * arguments.seconds)
    for number, piece in enumerate(islice(drawn, max(arguments.choices))):
        if number < done:
            continue
        made = play(model, piece, number, arguments.takes, arguments)
        wholes = tuple(take.performance for take in made)
        choice = Choice(made[0].primer, made[0].cut, wholes[:1], wholes[1:], weights_hash(model))
        with file.open("a") as stream:
            stream.write(choice.line(name=piece.name))
    return file


def chosen(file: Path, taste: Taste, count: int, arguments: argparse.Namespace) -> Iterator[Choice]:
    """What the listener keeps and rejects."""
    for choice in read_choices(file)[:count]:
        wholes = [*choice.kept, *choice.rejected]
        best = int(np.argmax([liking(taste, whole, choice.cut, arguments.seconds) for whole in wholes]))
        rejected = tuple(whole for i, whole in enumerate(wholes) if i != best)
        yield Choice(choice.primer, choice.cut, (wholes[best],), rejected, choice.model)


def judged(
    model: MusicTransformer, held: dict[str, Corpus], heard: list[Any], arguments: argparse.Namespace
) -> dict[str, Any]:
    """What every taste makes of a model's takes after held-out beginnings, and the nats of held-out music."""
    likes: dict[str, list[float]] = {name: [] for name in TASTES}
    for number, piece in enumerate(heard):
        made = play(model, piece, 10_000 + number, arguments.heard, arguments)
        for name, taste in TASTES.items():
            each = [liking(taste, take.performance, take.cut, arguments.seconds) for take in made]
            likes[name].append(float(np.mean(each)))
    return {
        "likes": likes,
        "nll": make_validation(held, model.config.context_length, arguments.chunks)(model),
    }


def show(name: str, taste: str, count: int, found: dict[str, Any], before: dict[str, Any]) -> str:
    """One row of the table."""
    ours, theirs = (np.array(x["likes"][taste]) for x in (found, before))
    test = paired_test(ours, theirs)
    wins = ((ours > theirs).sum() + 0.5 * (ours == theirs).sum()) / len(ours)
    worse = " / ".join(f"{found['nll'][k] - before['nll'][k]:+.3f}" for k in found["nll"])
    return (
        f"| {taste} | {count} | {theirs.mean():.2f} → {ours.mean():.2f} | {test.difference:+.2f} "
        f"[{test.low:+.2f}, {test.high:+.2f}] | {test.p:.4f} | {wins:.0%} | {worse} "
        f"| {found['seconds'] / 60:.1f} min |"
    )


def main() -> None:
    """Parse the command line, let the listener choose, tune, judge, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("music", type=Path, help="training music, after whose beginnings is chosen")
    parser.add_argument("held", nargs="+", type=Path, help="folders of held-out music, to judge by")
    parser.add_argument("--output", type=Path, required=True, help="folder for takes, runs and figures")
    parser.add_argument("--model", default="relative")
    parser.add_argument("--taste", nargs="+", choices=tuple(TASTES), default=tuple(TASTES))
    parser.add_argument("--choices", nargs="+", type=int, default=(10, 30, 100))
    parser.add_argument("--takes", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--primer-seconds", type=float, default=10.0)
    parser.add_argument("--primers", type=int, default=32, help="held-out beginnings, from all folders")
    parser.add_argument("--heard", type=int, default=4, help="takes after each of them, whose mean counts")
    parser.add_argument("--chunks", type=int, default=16, help="windows of each folder for the nats")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--beta", type=float, default=TuningConfig.beta)
    parser.add_argument("--lr", type=float, default=TuningConfig.lr)
    parser.add_argument("--passes", type=float, default=TuningConfig.passes)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    model = load_model(arguments.model)
    held = {validation_name(folder, ()): open_music(folder) for folder in arguments.held}
    watched = {"primers": open_music(shipped_folder("primers"))}
    each = -(-arguments.primers // len(held))
    heard = [
        p
        for c in held.values()
        for p in islice(pieces(c, 0, arguments.primer_seconds, arguments.seconds), each)
    ]
    place = arguments.output / "listener.json"
    counted = ("takes", "seconds", "primer_seconds", "primers", "heard", "chunks", "seed")
    about = {name: getattr(arguments, name) for name in counted} | {
        "playing": PLAYING,
        "model": arguments.model,
    }
    music = open_music(arguments.music)
    about["music"] = [corpus.fingerprint() for corpus in (music, *held.values())]
    found = read_kept(place, about, {arguments.model: model})

    def keep(**results: Any) -> None:
        found.update(results)
        write_bytes(place, (json.dumps(found, indent=1) + "\n").encode())

    keep()  # before the first take: it says what the takes are of
    file = takes(model, music, arguments)
    if "before" not in found:
        keep(before=judged(model, held, heard, arguments))
    print(
        "| taste | choices | before → after | difference | p | preferred | nats / token | time |", flush=True
    )
    settings = f"beta {arguments.beta:g}, lr {arguments.lr:g}, passes {arguments.passes:g}"
    for taste in arguments.taste:
        for count in arguments.choices:
            name = f"{taste}, {count} choices, {settings}"
            if name not in found:
                config = TuningConfig(beta=arguments.beta, lr=arguments.lr, passes=arguments.passes)
                used = list(chosen(file, TASTES[taste], count, arguments))
                folder = arguments.output / name.replace(", ", "-").replace(" ", "")
                run = tuning_run(folder, arguments.model, used, watched, config=config)
                run.fit(resume=True)
                if run.stopped:
                    raise KeyboardInterrupt
                likes = judged(load_model(run.folder), held, heard, arguments)
                keep(**{name: {**likes, "seconds": run.seconds, "steps": run.step}})
            print(show(name, taste, count, found[name], found["before"]), flush=True)


if __name__ == "__main__":
    main()
