"""What each choice of the recipe gives: short matched runs from nothing, one change at a time.

    python checkpoints/recipe.py corpus/train corpus/asap corpus/pop909 --output runs/recipe

The corpora are those that `musictx encode` made. Each run sees 2 M tokens in windows of 1024, those of the
last rows 6 M, and is judged by its mean validation loss over the same full chunks. Changes that could
favour one way of telling order (the learning rates, the optimiser) are tried for all three shipped models,
the others for relative alone. Stop it at any time: runs that are complete are kept, one that was stopped
goes on. The table and recipe.json are made of all that is complete. Two rows of the published table, QK
norm and averaged weights, were made with parts that the package does not have any more, and stand as they
were measured.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from musictx.console.options import amount
from musictx.corpus import open_corpus
from musictx.corpus.augmentation import NO_AUGMENTATION, Augmentation
from musictx.corpus.repeats import Repeats
from musictx.files import write_bytes
from musictx.lab.bench.common import machine
from musictx.lab.kept import read_kept
from musictx.model.sizes import sized_config
from musictx.training import Run
from musictx.training_settings import TrainingConfig

POSITIONS = ("vanilla", "relative", "rope")


@dataclass(frozen=True)
class Change:
    """One row of the table: what is other than in the base."""

    name: str
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    positions: tuple[str, ...] = ("relative",)
    seeds: tuple[int, ...] = (0,)
    against: str = "base"  # the row that it is compared with (itself: with none)


def rates(factor: float) -> dict[str, Any]:
    """The base's learning rates, multiplied."""
    return {"matrix_lr": 0.02 * factor, "lr": 3e-3 * factor}


def repeats(share: float) -> dict[str, Any]:
    """Windows in which a passage comes again, beside the base's augmentation."""
    return {"augmentation": Augmentation(repeats=Repeats(share=share))}


# The shipped models' way of training, at a tenth of its length.
LONGER, LONG = "6 M tokens, windows of 512 first (80 %)", {"tokens": 6_000_000, "curriculum": ((512, 0.8),)}
BASE = Change("base", positions=POSITIONS, seeds=(0, 1))
CHANGES = (
    BASE,
    *(Change(f"rates x {k}", training=rates(k), positions=POSITIONS) for k in (0.5, 2, 4)),
    Change("AdamW alone, 0.001", training={"optimizer": "adamw", "lr": 1e-3}, positions=POSITIONS),
    Change("AdamW alone, 0.003", training={"optimizer": "adamw", "lr": 3e-3}, positions=POSITIONS),
    Change("batch of 4 windows", training={"batch": 4}),
    Change("batch of 16 windows", training={"batch": 16}),
    Change(
        "windows of 512 first (80 %)",
        training={"curriculum": ((512, 0.8),)},
        positions=("vanilla", "relative"),
    ),
    Change("rates fall in the last 40 %", training={"decay": 0.4}),
    Change("weight decay 0.1", training={"weight_decay": 0.1}),
    Change("dropout 0.1", model={"dropout": 0.1}),
    Change("no augmentation", training={"augmentation": NO_AUGMENTATION}),
    Change("folders equally often", training={"mix": "folders"}),
    Change("GELU", model={"activation": "gelu"}),
    Change("SwiGLU", model={"activation": "swiglu"}),
    Change("RMS norm", model={"norm": "rms"}),
    Change("8 heads of 32", model={"heads": 8}),
    Change("2 heads of 128", model={"heads": 2}),
    Change(LONGER, training=LONG, positions=POSITIONS, against=LONGER),
    *(
        Change(f"rates x {k} of that", training=LONG | rates(k), positions=POSITIONS, against=LONGER)
        for k in (0.5, 2)
    ),
    *(
        Change(f"{name}, of that length", model, LONG | training, against=LONGER)
        for name, model, training in (
            ("SwiGLU", {"activation": "swiglu"}, {}),
            ("rates fall in the last 40 %", {}, {"decay": 0.4}),
            ("batch of 4 windows", {}, {"batch": 4}),
            ("weight decay 0.1", {}, {"weight_decay": 0.1}),
        )
    ),
    *(
        Change(f"repeats in {share:.0%} of that", training=LONG | repeats(share), against=LONGER)
        for share in (0.3, 0.6)
    ),
)


def train(
    change: Change, position: str, seed: int, corpora: list[Any], folder: Path, tokens: int
) -> dict[str, Any]:
    """One run; its figures."""
    model = replace(sized_config("small", position, 1024, dropout=0.0), **change.model)
    config = TrainingConfig(
        tokens=tokens,
        batch=8,
        seed=seed,
        mix="tokens",
        decay=1.0,
        warmup=50,
        validate_every=10**6,
        validation_chunks=128,
    )
    config = replace(config, **change.training)
    run = Run(folder, model, config, corpora[0], {"asap": corpora[1], "pop909": corpora[2]})
    trained = run.fit(resume=True)
    if run.stopped:
        raise KeyboardInterrupt
    line = [x for x in run.metrics.read() if "validation" in x][-1]
    return {
        "change": change.name,
        "position": position,
        "seed": seed,
        "tokens": run.tokens,
        "parameters": trained.parameter_count(),
        **line["validation"],
        "seconds": round(run.seconds, 1),
        "machine": machine(),
    }


def table(results: list[dict[str, Any]]) -> str:
    """Loss on ASAP and POP909 by change and model, and the mean difference from the base (Markdown)."""
    cells: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for r in results:
        cells.setdefault((r["change"], r["position"]), []).append(r)

    def mean(runs: list[dict[str, Any]]) -> float:
        return float(np.mean([(r["asap"] + r["pop909"]) / 2 for r in runs]))

    def cell(change: Change, position: str) -> str:
        runs = cells.get((change.name, position))
        if not runs:
            return ""
        asap, pop = (np.mean([r[name] for r in runs]) for name in ("asap", "pop909"))
        first = [r for r in cells.get((change.against, position), []) if r["seed"] in change.seeds]
        if change.name == change.against or not first:
            return f"{asap:.3f} / {pop:.3f}"
        return f"{asap:.3f} / {pop:.3f} ({mean(runs) - mean(first):+.3f})"

    lines = ["| | " + " | ".join(POSITIONS) + " |", "| --- " * (len(POSITIONS) + 1) + "|"]
    for change in CHANGES:
        found = [cell(change, p) for p in POSITIONS]
        if any(found):
            lines.append(f"| {change.name} | " + " | ".join(found) + " |")
    spread = [
        max(map(mean, by_seed)) - min(map(mean, by_seed))
        for p in POSITIONS
        if len(by_seed := [[r] for r in cells.get((BASE.name, p), [])]) > 1
    ]
    if spread:
        lines.append(f"\nThe base's two seeds lie {min(spread):.3f} to {max(spread):.3f} apart.")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, train what is missing, print the table of what there is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "corpora", nargs=3, type=Path, help="encoded: training, ASAP's and POP909's validation"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tokens", type=amount, default=amount("2M"))
    parser.add_argument("--only", action="append", help="name of a change; repeatable")
    parser.add_argument(
        "--share", default="1/1", help="1/2 and 2/2: the halves of the runs, for two processes"
    )
    arguments = parser.parse_args()
    names = [change.name for change in CHANGES]
    if unknown := set(arguments.only or ()) - set(names):
        parser.error(f"there is no change {sorted(unknown)[0]!r}; there are: {'; '.join(names)}")
    corpora = [open_corpus(path) for path in arguments.corpora]
    wanted = [change for change in CHANGES if change.name in (arguments.only or names)]
    part, parts = map(int, arguments.share.split("/"))
    runs = [(c, p, s) for c in wanted for s in c.seeds for p in c.positions][part - 1 :: parts]
    results, place = arguments.output / "results", arguments.output / "about.json"
    about = {"tokens": arguments.tokens, "music": [corpus.fingerprint() for corpus in corpora]}
    write_bytes(place, (json.dumps(read_kept(place, about, {})) + "\n").encode())
    for change, position, seed in runs:
        name = (
            "-".join("".join(x for x in part if x.isalnum()) for part in (change.name, position)) + f"-{seed}"
        )
        path = results / f"{name}.json"
        if path.is_file():
            continue
        began = time.monotonic()
        found = train(change, position, seed, corpora, arguments.output / name, arguments.tokens)
        results.mkdir(parents=True, exist_ok=True)
        write_bytes(path, (json.dumps(found, indent=1) + "\n").encode())
        said = f"{change.name}, {position}, seed {seed}: {found['asap']:.4f} / {found['pop909']:.4f}"
        print(f"{said} ({(time.monotonic() - began) / 60:.1f} min)", flush=True)
    complete = [json.loads(path.read_text()) for path in sorted(results.glob("*.json"))]
    write_bytes(arguments.output / "recipe.json", (json.dumps(complete, indent=1) + "\n").encode())
    print(table(complete))


if __name__ == "__main__":
    main()
