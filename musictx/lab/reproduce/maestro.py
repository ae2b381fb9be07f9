"""``musictx reproduce maestro``: the paper's corpus of performances, three schemes of one size.

Huang et al. (2018) trained on windows of 2,048 events of piano competitions, transposed by up to three
semitones and stretched by up to 5 %. Here every scheme has the same number of parameters and the same
batches, the split is the official one of MAESTRO's csv, the best model is chosen on validation, and what
is left of the test part is measured once, at the end. Convention ``perf388``: see
`musictx.lab.evaluation.nll`.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from musictx.checkpoint import load_model
from musictx.corpus import NO_AUGMENTATION, Augmentation, Corpus, build_corpus, consecutive_chunks
from musictx.errors import MusictxError
from musictx.events import NOTE_OFF
from musictx.files import write_bytes
from musictx.lab.evaluation.intervals import ratio_figure
from musictx.lab.evaluation.loading import unit_numbers
from musictx.lab.reproduce.rows import Row, complete_runs, curve_of
from musictx.losses import chunk_losses
from musictx.model import sized_config
from musictx.render.figures import png
from musictx.training import Run, TrainingConfig

SCHEMES = ("vanilla", "relative", "rope")
PARTS = ("train", "validation", "test")
LOOKS = 10  # at the validation part, in a run
# Other versions of MAESTRO, other splits, sizes and budgets: to be read beside ours, not against them.
PUBLISHED: dict[str, tuple[float, str]] = {
    "Music Transformer, relative": (1.84, "MAESTRO 1.0, validation, as others quote it; another size"),
    "gwinndr, relative": (1.92, "MAESTRO 2.0, test, on which the best epoch was chosen too"),
    "gwinndr, absolute": (1.99, "MAESTRO 2.0, test, on which the best epoch was chosen too"),
}


@dataclass(frozen=True)
class MaestroSettings:
    """What makes one run differ from another."""

    position: str = "relative"
    size: str = "small"
    context: int = 2048
    batch: int = 4  # windows a step
    seed: int = 0
    tokens: int = 25_000_000
    judged: int | None = None  # performances of each part that the figures are of, spread over it; None: all

    def training_config(self, precision: str) -> TrainingConfig:
        """The published augmentation; optimiser, schedule and dropout are musictx's own."""
        published = Augmentation(
            transpose=(-3, 3),
            stretch=Augmentation.stretch,
            louder=0,
            bare=0.0,
            longest=NO_AUGMENTATION.longest,
        )
        steps = max(1, self.tokens // (self.batch * self.context))
        return TrainingConfig(
            tokens=self.tokens,
            batch=self.batch,
            seed=self.seed,
            augmentation=published,
            validate_every=max(1, steps // LOOKS),
            validation_chunks=64,
            precision=precision,
        )


@dataclass(frozen=True)
class Maestro:
    """MAESTRO, or what there is of it.

    Attributes
    ----------
    version : str
        Name of the csv.
    parts : dict of str to Corpus
        ``train``, ``validation`` and ``test``, as far as there are performances of them.
    published : dict of str to int
        Performances that the csv names, by part.
    """

    version: str
    parts: dict[str, Corpus]
    published: dict[str, int]

    def shares(self) -> dict[str, dict[str, int]]:
        """Performances here and in the csv, and tokens, by part."""
        return {
            name: {
                "here": len(self.parts[name]) if name in self.parts else 0,
                "published": self.published[name],
                "tokens": self.parts[name].token_count if name in self.parts else 0,
            }
            for name in PARTS
        }


def read_maestro(data: Path, place: Path, *, progress: Callable[[int, int], None] | None = None) -> Maestro:
    """Encode MAESTRO and split it as its csv says.

    Parameters
    ----------
    data : path
        Folder with ``maestro-v….csv`` and the MIDI files, below it as the csv names them
        (``2018/….midi``), or each part in a folder of its name (``train/2018/….midi``). Files that are not
        there are left out.
    place : path
        Folder for the encoded corpus.
    progress : callable, optional
        Called with the files encoded and their number.

    Raises
    ------
    MusictxError
        The csv is missing or another one, or there is nothing to train on or to validate by.
    """
    tables = sorted(data.glob("maestro-v*.csv"))
    if not tables:
        raise MusictxError(f"{data} has no maestro-v….csv, the table of MAESTRO that names each part's files")
    part_of, published = {}, dict.fromkeys(PARTS, 0)
    try:
        with tables[-1].open(encoding="utf-8", newline="") as lines:
            for line in csv.DictReader(lines):
                part, name = line["split"], line["midi_filename"]
                published[part] += 1
                part_of[name] = part_of[f"{part}/{name}"] = part
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise MusictxError(f"{tables[-1]} is not MAESTRO's table of performances ({error!r})") from error
    corpus = build_corpus([data], place, progress=progress)
    chosen = defaultdict(list)
    for i, name in enumerate(corpus.names):
        if name in part_of:
            chosen[part_of[name]].append(i)
    for part in ("train", "validation"):
        if not chosen[part]:
            raise MusictxError(f"{data} has none of the {published[part]} performances of the {part} part")
    return Maestro(tables[-1].stem, {p: corpus.subset(i) for p, i in chosen.items() if i}, published)


def all_rows(settings: MaestroSettings | None = None) -> tuple[Row, ...]:
    """A row for each scheme."""
    return tuple(Row(name, replace(settings or MaestroSettings(), position=name)) for name in SCHEMES)


def part_nll(run: Run, corpus: Corpus, settings: MaestroSettings) -> dict[str, Any]:
    """Nats per token, with its interval over pieces, and per note, under a run's best model.

    Returns
    -------
    dict
        ``nats``, ``low``, ``high``, ``per_note``, ``performances``, ``pieces``, ``tokens``.
    """
    if settings.judged is not None and settings.judged < len(corpus):
        corpus = corpus.subset(np.linspace(0, len(corpus) - 1, settings.judged).round().astype(int))
    model = load_model(run.folder / "model", device=run.fabric.device)
    unit = unit_numbers(corpus)
    sums = np.zeros((3, unit.max() + 1))  # nats, tokens, notes
    chunks = consecutive_chunks(corpus, settings.context)
    for chunk, losses in chunk_losses(model, chunks, tokens_at_once=4 * settings.context):
        notes = (chunk.targets < NOTE_OFF).sum()
        sums[:, unit[chunk.piece]] += losses.sum(dtype=np.float64), len(losses), notes
    return {
        **ratio_figure(sums[0], sums[1]),
        "per_note": float(sums[0].sum() / sums[2].sum()),
        "performances": len(corpus),
        "pieces": sums.shape[1],
        "tokens": int(sums[1].sum()),
    }


def reproduce_maestro(
    data: Path,
    output: Path,
    *,
    settings: MaestroSettings | None = None,
    rows: Sequence[str] = (),
    train: bool = True,
    precision: str = "auto",
    progress: Callable[[str, float], None] = lambda *_: None,
) -> dict[str, Any]:
    """Train what is not trained yet, and make the table of all that is.

    Parameters
    ----------
    data : path
        As for `read_maestro`.
    output : path
        Folder for the corpus, the runs, ``maestro.json`` and ``maestro.png``. A run that is complete is not
        run again, one that was stopped goes on.
    settings : MaestroSettings, optional
        Of all rows, but for their scheme.
    rows : sequence of str
        Names of the rows to train; all by default.
    train : bool
        If false, the table is made of what is complete.
    precision : str
    progress : callable
        Called with a run's name and the share of it that is done.

    Returns
    -------
    dict
        ``data`` (version, and performances here and in the csv), ``published``, and ``rows``: ``name``,
        ``parameters``, ``tokens``, ``validation`` and ``test`` (as of `part_nll`; test is None where there
        is none), ``curve``, ``seconds``, ``machine``.

    Raises
    ------
    MusictxError
        The data is not MAESTRO, or what `complete_runs` raises.
    KeyboardInterrupt
        After Ctrl-C, or a signal to terminate; the run that it stopped can go on.
    """
    music = read_maestro(
        data, output / "corpus", progress=lambda done, files: progress("encoding", done / files)
    )

    def begin(row: MaestroSettings, folder: Path) -> Run:
        config = sized_config(row.size, row.position, row.context)
        held = {"validation": music.parts["validation"]}
        return Run(folder, config, row.training_config(precision), music.parts["train"], held)

    def measure(run: Run, row: MaestroSettings) -> dict[str, Any]:
        test = music.parts.get("test")
        return {
            "parameters": run.model.parameter_count(),
            "tokens": run.tokens,
            "seconds": round(run.seconds, 1),
            "curve": curve_of(run, "validation"),
            "validation": part_nll(run, music.parts["validation"], row),
            "test": None if test is None else part_nll(run, test, row),
        }

    complete = complete_runs(
        all_rows(settings),
        output,
        wanted=rows,
        train=train,
        begin=begin,
        measure=measure,
        progress=progress,
        music={part: corpus.fingerprint() for part, corpus in music.parts.items()},
        of_measuring=("judged",),
    )
    found = {
        "convention": "perf388",
        "data": {"version": music.version, **music.shares()},
        "published": {
            name: {"nats": nats, "differs": differs} for name, (nats, differs) in PUBLISHED.items()
        },
        "rows": [{"name": name, **run} for name, runs in complete.items() for run in runs],
    }
    write_bytes(output / "maestro.json", (json.dumps(found, indent=1) + "\n").encode())
    write_bytes(output / "maestro.png", draw(found))
    return found


def draw(found: dict[str, Any]) -> bytes:
    """The picture: validation loss by tokens seen, beside what is published (PNG)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for row in found["rows"]:
        tokens, nats = np.array(row["curve"]).reshape(-1, 2).T
        axes.plot(tokens / 1e6, nats, marker=".", label=row["name"])
    for (name, entry), style in zip(found["published"].items(), (":", "--", "-."), strict=True):
        axes.axhline(
            entry["nats"], color="0.4", linewidth=1, linestyle=style, label=f"{name}: {entry['nats']}"
        )
    axes.set(xlabel="million tokens seen in training", ylabel="nats per token (validation)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    return png(figure)
