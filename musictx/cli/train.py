"""``musictx train``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musictx.console.options import Minutes, Resume, amount, given, run_options
from musictx.errors import MusictxError, require
from musictx.training_settings import TEACHING_DROPOUT, TeachingConfig, TrainingConfig

if TYPE_CHECKING:
    from musictx.corpus import Corpus

LITTLE = 5_000_000  # tokens of music from which alone a model learns little
FROM_NOTHING = (
    "training from scratch takes much music and hours; --from relative fine-tunes the shipped model on yours "
    "in minutes"
)
# What a model's card says by itself.
CARD_FACTS = {"command", "data", "musictx", "parameters", "sampling", "started_from", "steps", "tokens_seen"}
CARD_FACTS |= {"training", "validation_nll_while_training"}


@run_options(TrainingConfig, teaching=TeachingConfig)
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
        str | None, typer.Option(help="vanilla, learned, relative, rope, alibi or none. [default: relative]")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="tiny, small, medium or large: 0.2, 6, 28 or 90 million parameters. [default: small]"
        ),
    ] = None,
    context: Annotated[
        int | None, typer.Option(help="Tokens seen at once. [default: 1024; with --from the model's own]")
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from", help="Begin with the weights of a model (shipped, or a folder) and teach it your music."
        ),
    ] = None,
    repeats: Annotated[
        float | None,
        typer.Option(
            help="Share of windows in which a passage comes again, so that a model learns to bring it back. "
            "[default: 0]"
        ),
    ] = None,
    repeat_notes: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="LOW HIGH",
            help="Fewest and most notes in such a passage: 16 to 100 make themes, 60 to 600 whole sections, "
            "as far as they fit in the window. [default: 16 100]",
        ),
    ] = None,
    resume: Resume = False,
    minutes: Minutes = None,
    dropout: Annotated[
        float | None, typer.Option(help="For small corpora 0.1 to 0.3. [default: 0.1; with --from 0]")
    ] = None,
    card_facts: Annotated[
        list[str],
        typer.Option("--fact", help="KEY=TEXT for the model's card: licence, citation … Repeatable."),
    ] = [],  # noqa: B006
    **settings: Any,
) -> None:
    """Train a Music Transformer on folders of MIDI files.

    Stop it at any time; the same command with --resume continues exactly where it was.
    With --from a shipped model learns your music, in a fraction of the time that a new one needs.
    """
    from musictx.checkpoint import find_model, read_config
    from musictx.cli.runs import check_begin, fit, learned, origin
    from musictx.console.progress import (
        TrainingDisplay,
        about_corpora,
        console,
        corpora_progress,
        report_skipped,
    )
    from musictx.corpus import Augmentation, Repeats, training_and_validation
    from musictx.files import keep_inputs
    from musictx.model.positions import find_scheme
    from musictx.model.sizes import sized_config
    from musictx.training import Run
    from musictx.training.devices import open_devices, together

    texts = {"tokens": amount, "mix": _mix, "curriculum": _stages}
    settings = {name: texts.get(name, lambda x: x)(value) for name, value in given(**settings).items()}
    if not settings.keys() & {"steps", "tokens", "hours"}:
        settings["hours"] = 1.0
    if repeat_notes and not repeats:
        raise MusictxError("--repeat-notes says how long passages are that come again; give --repeats too")
    if "matrix_lr" in settings and settings.get("optimizer") == "adamw":
        raise MusictxError(
            "--matrix-lr is the learning rate of Muon; with --optimizer adamw there is --lr alone"
        )
    augmentation = Augmentation(repeats=Repeats(**given(share=repeats, notes=repeat_notes)))
    config = (TeachingConfig if start_from else TrainingConfig)(augmentation=augmentation, **settings)
    facts = dict(_fact(text) for text in card_facts)
    if start_from is not None:
        shape = {"--position": position, "--size": size}
        if fixed := [name for name, value in shape.items() if value is not None]:
            raise MusictxError(f"{fixed[0]} cannot be given with --from: the model {start_from} has its own")
        model_config = replace(read_config(find_model(start_from)), dropout=TEACHING_DROPOUT)
        if context is not None:
            model_config = find_scheme(model_config.position).for_context(model_config, context)
    else:
        require(config.blend == 1, "--blend", config.blend, "be 1 without --from")
        model_config = sized_config(**given(size=size, position=position, context_length=context))
    model_config = replace(model_config, **given(dropout=dropout))
    keep_inputs([output], [*midi, *validation, start_from and find_model(start_from)])
    check_begin(output, resume, minutes)

    fabric = open_devices(config)
    with together(fabric), corpora_progress() as progress, fabric.rank_zero_first():
        music = training_and_validation(  # the first process encodes it, the others find it
            midi, validation, place=output / "corpus", seed=config.seed, progress=progress
        )
    for remark in music.remarks:
        console.print(remark)
    if start_from is None and not resume and music.train.token_count < LITTLE:
        console.print(FROM_NOTHING)
    display = TrainingDisplay(*about_corpora(music.train, music.validation, model_config))
    report_skipped(music.train)
    held = {name: _size(corpus) for name, corpus in music.validation.items()}
    card = {**origin(), "data": {"training": _size(music.train), "validation": held}, **facts}
    corpora = music.train, music.validation
    run = Run(output, model_config, config, *corpora, card, start_from=start_from, fabric=fabric)
    fit(run, display, learned, resume=resume, minutes=minutes)


def _mix(text: str) -> str | tuple[float, ...]:
    """``folders``, ``tokens``, or a number for each folder."""
    if text in ("folders", "tokens"):
        return text
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise MusictxError(f"--mix is {text!r}; give folders, tokens, or numbers such as 3,1") from error


def _stages(text: str) -> tuple[tuple[int, float], ...]:
    """``1024:0.4,2048:0.3`` as pairs of tokens and share."""
    try:
        pairs = (part.split(":") for part in text.split(","))
        return tuple((int(tokens), float(share)) for tokens, share in pairs)
    except ValueError as error:
        raise MusictxError(
            f"--curriculum is {text!r}; give TOKENS:SHARE, such as 512:0.7 or 1024:0.4,2048:0.3"
        ) from error


def _size(corpus: Corpus) -> dict[str, int]:
    return {"pieces": len(corpus), "tokens": corpus.token_count}


def encode(
    midi: Annotated[list[Path], typer.Argument(help="Folders of MIDI files, searched recursively.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the encoded corpus.")],
) -> None:
    """Encode folders of MIDI files once, to train from on another machine."""
    from musictx.console.progress import console, corpus_progress, report_skipped
    from musictx.corpus import build_corpus
    from musictx.files import keep_inputs

    keep_inputs([output], midi)
    with corpus_progress() as progress:
        corpus = build_corpus(midi, output, progress=progress)
    report_skipped(corpus)
    console.print(f"{output}: {len(corpus)} pieces, {corpus.token_count:,} tokens")


def _fact(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise MusictxError(f"--fact is {text!r}; give KEY=TEXT, such as licence=CC0")
    if key in CARD_FACTS:
        raise MusictxError(f"--fact is {text!r}; the card has a {key} of its own, choose another name")
    return key, value
