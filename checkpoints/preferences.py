"""Choices by a written taste, to tune a model for form with `musictx tune`.

    python checkpoints/preferences.py runs/grand corpus/train --copies corpus/train --output choices
    musictx tune runs/grand choices --output runs/tuned

The model plays several takes after the beginnings of training pieces. A take is judged by its structure at
three spans and the primer's motif, by how near it stays to how the piece really goes on (notes a second,
register, notes at once), and by what it must not do: degenerate, stay on a few keys, copy. The best two
are kept, the worst two rejected. Each primer is drawn, and each take played, by its number and the seed
alone; each worker is a process with one thread and has a file of its own. Stop it at any time: the same
command goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from musictx.checkpoint import load_model, weights_hash
from musictx.corpus import Corpus
from musictx.events import decode
from musictx.files import write_bytes
from musictx.lab.evaluation.chance import motif_recurrence
from musictx.lab.evaluation.copies import CopyIndex
from musictx.lab.evaluation.degeneration import is_degenerate, stuck_share
from musictx.lab.evaluation.loading import open_copy_index, open_music, unit_numbers
from musictx.lab.evaluation.similarity import structureness
from musictx.lab.evaluation.structure import mean_polyphony
from musictx.lab.kept import PLAYING, read_kept
from musictx.performance import Performance, apply_pedal, slice_time
from musictx.sampling import Continuation, continue_variations
from musictx.training.choices import Choice

OTHERS = 12  # primers of other pieces, whose motifs are what chance gives
ENOUGH = {"middle": 0.45, "long": 0.4}  # structure that real music seldom passes: more is a loop


@dataclass(frozen=True)
class Piece:
    """A primer and how its piece goes on."""

    name: str
    primer: Performance
    real: Performance  # both, on one time axis


def pieces(corpus: Corpus, seed: int, primer_seconds: float, seconds: float) -> Iterator[Piece]:
    """Beginnings of pieces that are long enough, each composition once, in an order drawn by the seed."""
    rng = np.random.default_rng(seed)
    units = unit_numbers(corpus)
    for unit in rng.permutation(units.max() + 1):
        i = int(rng.choice(np.flatnonzero(units == unit)))
        piece = decode(corpus.piece(i))
        piece = slice_time(piece, float(piece.notes["onset"][0]))
        if piece.duration >= primer_seconds + seconds:
            real = slice_time(piece, 0, primer_seconds + seconds)
            yield Piece(corpus.names[i], slice_time(piece, 0, primer_seconds), real)


def away(made: float, real: float) -> float:
    """How many doublings or halvings lie between two rates."""
    return abs(float(np.log2((made + 0.1) / (real + 0.1))))


def judge(
    piece: Piece, whole: Performance, cut: float, others: list[Performance], index: CopyIndex | None
) -> dict[str, float]:
    """What a take is worth, and what that is made of."""
    alone, real = (apply_pedal(slice_time(x, cut)) for x in (whole, piece.real))
    seconds = piece.real.duration - cut
    if len(alone) < 2:
        return {"worth": -100.0}
    structure, known = structureness(whole), structureness(piece.real)
    motif = motif_recurrence([piece.primer, *others], alone, seconds)
    told = {
        "long": structure["long"] or 0.0,
        "middle": structure["middle"] or 0.0,
        "short": abs((structure["short"] or 0.0) - (known["short"] or 0.0)),
        "motif": float(motif[0] - motif[1:].mean()),
        "density": away(len(alone) / seconds, len(real) / seconds),
        "polyphony": away(*(mean_polyphony(x.notes, 0.0, seconds) for x in (alone, real))),
        "register": abs(float(np.median(alone.notes["pitch"])) - float(np.median(real.notes["pitch"]))) / 12,
        "storm": float(is_degenerate(alone, seconds)),
        "stuck": stuck_share(alone, seconds),
        "copied": index.check(alone).shared if index else 0.0,
    }
    worth = (
        4 * min(told["long"], ENOUGH["long"])
        + 2 * min(told["middle"], ENOUGH["middle"])
        - told["short"]
        + 2 * told["motif"]
        - 0.5 * (told["density"] + told["polyphony"] + told["register"])
        - 2 * told["storm"]
        - 3 * told["stuck"]
        - 2 * told["copied"]
    )
    return {"worth": worth, **told}


def choose(takes: list[Continuation], worth: list[float], kept: int) -> tuple[list[Performance], ...]:
    """The best takes and the worst ones."""
    order = np.argsort(worth)[::-1]
    best, worst = order[:kept].tolist(), order[len(order) - kept :].tolist()
    return [takes[i].performance for i in best], [takes[i].performance for i in worst]


def written(file: Path) -> list[str]:
    """Primers that a file has already, in order; a line that was cut off is taken out."""
    if not file.is_file():
        return []
    lines = [line for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    write_bytes(file, b"".join(lines))
    return [json.loads(line)["name"] for line in lines]


def work(
    part: int, arguments: argparse.Namespace, corpus: Corpus, index: CopyIndex | None, done: set[str]
) -> None:
    """One worker: every so-many-th primer, each to a line of its file."""
    torch.set_num_threads(1)
    began, file = time.monotonic(), arguments.output / f"part-{part}.jsonl"
    model = load_model(arguments.model)
    name = weights_hash(model)
    drawn = pieces(corpus, arguments.seed, arguments.primer_seconds, arguments.seconds)
    first = list(islice(drawn, OTHERS + 1))
    for number, piece in enumerate(islice(chain(first, drawn), arguments.primers)):
        if time.monotonic() - began > 60 * arguments.minutes:
            return
        if number % arguments.workers != part or piece.name in done:
            continue
        takes = continue_variations(
            model,
            piece.primer,
            seconds=arguments.seconds,
            primer_end=arguments.primer_seconds,
            variations=arguments.takes,
            seed=arguments.seed + number,
            allow_end=False,
            **arguments.sampling,
        )
        cut = takes[0].cut
        beside = [other.primer for other in first if other is not piece][:OTHERS]
        told = [judge(piece, t.performance, cut, beside, index) for t in takes]
        worth = [t["worth"] for t in told]
        kept, rejected = choose(takes, worth, arguments.kept)
        choice = Choice(takes[0].primer, cut, tuple(kept), tuple(rejected), name)
        facts: dict[str, Any] = {"name": piece.name, "number": number, "takes": told}
        with file.open("a") as stream:
            stream.write(choice.line(**facts))
        print(f"{number}: {piece.name}: worth {min(worth):.2f} to {max(worth):.2f}", flush=True)


def main() -> None:
    """Parse the command line and start the workers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="who plays: a shipped model, or a folder")
    parser.add_argument("music", type=Path, help="training music: MIDI files, or an encoded corpus")
    parser.add_argument("--output", type=Path, required=True, help="folder for the choices")
    parser.add_argument("--copies", type=Path, help="music that must not be copied: usually the same")
    parser.add_argument("--primers", type=int, default=1000)
    parser.add_argument("--takes", type=int, default=6)
    parser.add_argument("--kept", type=int, default=2, help="best takes that are kept; as many are rejected")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--primer-seconds", type=float, default=15.0)
    parser.add_argument("--sampling", type=json.loads, default={}, help="instead of the card's (JSON)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    arguments = parser.parse_args()
    if arguments.takes < 2 * arguments.kept:
        parser.error("--takes must be at least twice --kept")
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    corpus = open_music(arguments.music)
    index = open_copy_index(arguments.copies) if arguments.copies else None
    counted = ("takes", "kept", "seconds", "primer_seconds", "sampling", "seed")
    about = {name: getattr(arguments, name) for name in counted}
    about |= {"music": corpus.fingerprint(), "playing": PLAYING}
    place = arguments.output / "about.json"
    kept = read_kept(place, about, {"the model": load_model(arguments.model)})
    write_bytes(place, (json.dumps(kept) + "\n").encode())
    done = set().union(*map(written, arguments.output.glob("part-*.jsonl")))
    shared = (arguments, corpus, index, done)
    if arguments.workers == 1:
        work(0, *shared)
        return
    start = multiprocessing.get_context("fork").Process  # they share the corpus and the index
    workers = [start(target=work, args=(part, *shared)) for part in range(arguments.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
