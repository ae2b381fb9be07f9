"""``musictx train``."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musictx import __version__
from musictx.errors import MusictxError

if TYPE_CHECKING:
    from musictx.corpus import Corpus
    from musictx.training import Run


def amount(text: str | None) -> int | None:
    """``25M``, ``300k`` or ``1000`` as a number."""
    if text is None:
        return None
    units = {"k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}
    try:
        scale = units.get(text[-1:].lower(), 1)
        return int(float(text[:-1]) * scale) if scale > 1 else int(text)
    except (ValueError, OverflowError) as error:
        raise MusictxError(f"--tokens is {text!r}; give a number such as 25M or 300000") from error


def train(
    midi: Annotated[
        list[Path],
        typer.Argument(help="Folders of MIDI files (searched recursively), or one encoded corpus."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the run: model, state, metrics, samples.")
    ],
    validation: Annotated[
        list[Path],
        typer.Option(help="Folder held out for validation; repeatable. Without it, a tenth of the pieces."),
    ] = [],  # noqa: B006  (typer's way)
    position: Annotated[
        str | None,
        typer.Option(
            help="vanilla, learned, relative (the default), rope, musical, alibi or none.", show_default=False
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="tiny, small (the default), medium or large: 0.3, 6, 27 or 90 million parameters.",
            show_default=False,
        ),
    ] = None,
    context: Annotated[
        int | None,
        typer.Option(help="Tokens that the model sees at once; 1024 by default.", show_default=False),
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from", help="Begin with the weights of a model (shipped, or a folder) and teach it your music."
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Stop after so many steps.")] = None,
    tokens: Annotated[str | None, typer.Option(help="Stop after so many tokens, such as 25M.")] = None,
    hours: Annotated[float | None, typer.Option(help="Stop after so many hours.")] = None,
    batch: Annotated[int, typer.Option(help="Windows of music in a step, over all devices.")] = 8,
    micro_batch: Annotated[
        int | None, typer.Option(help="Windows at once on a device: fewer need less memory.")
    ] = None,
    mix: Annotated[
        str,
        typer.Option(
            help="folders: draw from each folder equally often; tokens: from each by how much it holds."
        ),
    ] = "folders",
    curriculum: Annotated[
        float, typer.Option(help="First share of the budget on windows of half the context.")
    ] = 0.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on exactly where a killed or stopped run was.")
    ] = False,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Save and stop after so many minutes, to be resumed.")
    ] = None,
    devices: Annotated[int, typer.Option(help="GPUs, or processes on a CPU.")] = 1,
    precision: Annotated[str, typer.Option(help="auto, 32-true or bf16-mixed.")] = "auto",
    seed: Annotated[int, typer.Option(help="The same seed gives the same batches and first weights.")] = 0,
    optimizer: Annotated[str, typer.Option(help="muon or adamw.")] = "muon",
    matrix_lr: Annotated[float, typer.Option(help="Peak learning rate of Muon.")] = 0.02,
    lr: Annotated[float, typer.Option(help="Peak learning rate of AdamW.")] = 3e-3,
    dropout: Annotated[float, typer.Option(help="For small corpora 0.1 to 0.3.")] = 0.1,
    warmup: Annotated[int, typer.Option(help="First steps, in which the rates rise.")] = 100,
    decay: Annotated[
        float, typer.Option(help="Last share of the budget in which the rates fall to 0.")
    ] = 0.4,
    compile: Annotated[
        bool, typer.Option("--compile", help="Use torch.compile (needs a C++ compiler).")
    ] = False,
    card_facts: Annotated[
        list[str],
        typer.Option("--fact", help="KEY=TEXT for the model's card: licence, citation … Repeatable."),
    ] = [],  # noqa: B006
) -> None:
    """Train a Music Transformer on folders of MIDI files.

    Kill it at any time; the same command with --resume goes on exactly where it was.
    With --from it does not begin from nothing: a shipped model learns your music in a fraction of the time.
    """
    from musictx.checkpoint import find_model, read_config
    from musictx.cli.progress import TrainingDisplay, console
    from musictx.model.sizes import sized_config
    from musictx.training import Run, TrainingConfig

    if steps is None and tokens is None and hours is None:
        hours = 1.0
    config = TrainingConfig(
        steps=steps,
        tokens=amount(tokens),
        hours=hours,
        batch=batch,
        micro_batch=micro_batch,
        mix=mix,
        curriculum=curriculum,
        optimizer=optimizer,
        matrix_lr=matrix_lr,
        lr=lr,
        warmup=warmup,
        decay=decay,
        seed=seed,
        precision=precision,
        devices=devices,
        compile=compile,
    )
    facts = dict(_fact(text) for text in card_facts)
    if start_from:
        shape = {"--position": position, "--size": size, "--context": context}
        if given := [name for name, value in shape.items() if value is not None]:
            raise MusictxError(f"{given[0]} cannot be given with --from: the model {start_from} has its own")
        model_config = replace(read_config(find_model(start_from)), dropout=dropout)
    else:
        model_config = sized_config(
            "small" if size is None else size,
            "relative" if position is None else position,
            1024 if context is None else context,
            dropout=dropout,
            activation="relu_squared",
        )
    for folder in [*midi, *validation]:
        if output.resolve() == folder.resolve():
            raise MusictxError(f"{output} holds the music; choose another --output for the run")
    if resume and not (output / "state.pt").is_file():
        console.print(f"{output} holds no run to go on with: a new one begins")
    if (output / "state.pt").is_file() and not resume:
        raise MusictxError(
            f"{output} holds a run already; add --resume to go on with it, or choose another --output"
        )

    everything, held = _open_music(midi, validation, output, seed)
    display = TrainingDisplay(everything, held, model_config, config)
    command = shlex.join(["musictx", *sys.argv[1:]])
    card = {
        "command": command,
        "musictx": __version__,
        "data": {
            "training": {"pieces": len(everything), "tokens": everything.token_count},
            "validation": {name: {"pieces": len(c), "tokens": c.token_count} for name, c in held.items()},
        },
        **facts,
    }
    run = Run(output, model_config, config, everything, held, card, start_from=start_from)
    with display:
        run.fit(
            resume=resume,
            on_progress=display.update,
            on_checkpoint=display.sampler(output),
            stop_after=None if minutes is None else 60 * minutes,
        )
    _say_outcome(run)
    if run.stopped:
        raise typer.Exit(130)


def _open_music(
    midi: list[Path], validation: list[Path], output: Path, seed: int
) -> tuple[Corpus, dict[str, Corpus]]:
    """The music to train on and the music held out, which are never the same."""
    from musictx.cli.progress import console, corpus_progress
    from musictx.corpus import build_corpus, open_corpus, split_sources
    from musictx.corpus.grouping import group_pieces

    def corpus(folders: list[Path], name: str, without: Sequence[Path] = ()) -> Corpus:
        if len(folders) == 1 and (folders[0] / "index.json").is_file():
            return open_corpus(folders[0])
        for folder in folders:
            if (folder / "index.json").is_file():
                raise MusictxError(
                    f"{folder} is an encoded corpus, which must be given alone; "
                    "`musictx encode` makes one of several folders of MIDI files"
                )
        with corpus_progress(f"encoding {name}") as progress:
            return build_corpus(folders, output / "corpus" / name, without=without, progress=progress)

    everything = corpus(midi, "train", validation)
    if not validation:
        everything, rest = split_sources(everything, group_pieces(everything), 0.1, seed)
        return everything, {"validation": rest} if len(rest) else {}
    held: dict[str, Corpus] = {}
    for folder in validation:
        name = _name(folder, ("train", *held))
        held[name] = corpus([folder], name)
        if any(folder.resolve().is_relative_to(place.resolve()) for place in midi):
            console.print(f"{folder} is held out: nothing below it is trained on")
    fresh = everything.without(held.values())
    if len(fresh) < len(everything):
        console.print(f"{len(everything) - len(fresh)} copies of held-out pieces are not trained on")
    return fresh, held


def _say_outcome(run: Run) -> None:
    """What has become of a run, and what comes next."""
    from musictx.cli.progress import console

    share = run.config.progress(run.step, run.tokens_a_step, run.seconds)
    judged = f", validation {run.best:.3f}" if run.best < math.inf else ""
    if share < 1:
        going_on = "the same command with --resume goes on"
        console.print(f"stopped at step {run.step}, {100 * share:.1f} % of the budget: {going_on}")
    elif run.begun_at == run.step:
        console.print(f"the budget was used up already at step {run.step}: a larger one lets it go on")
    else:
        console.print(f"done, {run.step} steps{judged}: what it plays is in {run.folder / 'samples'}")
    console.print(
        f"to hear it: musictx continue primer.mid -o out.mid --model {shlex.quote(str(run.folder))}"
    )


def encode(
    midi: Annotated[list[Path], typer.Argument(help="Folders of MIDI files, searched recursively.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the encoded corpus.")],
) -> None:
    """Encode folders of MIDI files once, to train from on a machine without MIDI libraries."""
    from musictx.cli.progress import console, corpus_progress, report_skipped
    from musictx.corpus import build_corpus

    with corpus_progress("encoding") as progress:
        corpus = build_corpus(midi, output, progress=progress)
    report_skipped(corpus)
    console.print(f"{output}: {len(corpus)} pieces, {corpus.token_count:,} tokens", highlight=False)


def _fact(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise MusictxError(f"--fact is {text!r}; give KEY=TEXT, such as licence=CC0")
    return key, value


def _name(folder: Path, taken: Sequence[str]) -> str:
    """Name of a validation folder: the last part that says more than "validation", and a number if needed."""
    parts = [p for p in folder.resolve().parts if p.lower() not in ("validation", "valid", "val", "test")]
    name = parts[-1] if len(parts) > 1 else folder.name
    numbers = (f"{name}-{i}" for i in count(2))
    return next(n for n in chain([name], numbers) if n not in taken)
