"""``musictx tune``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musictx.console.options import Minutes, ModelName, Resume, given, run_options
from musictx.errors import MusictxError
from musictx.training_settings import TuningConfig


@run_options(
    TuningConfig, "passes", "beta", "likelihood", "tolerance", "lr", "batch", "validate_every", "seed"
)
def tune(
    model: ModelName,
    choices: Annotated[
        Path,
        typer.Argument(
            help="What was kept and what was rejected: a file of JSON lines, or a folder of them.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the run.")],
    music: Annotated[
        list[Path], typer.Option(help="Real music whose likelihood counts beside the choices. Repeatable.")
    ] = [],  # noqa: B006  (typer's way)
    validation: Annotated[
        list[Path],
        typer.Option(
            help="Music by which the model is watched. Without it a tenth of --music, or the shipped primers."
        ),
    ] = [],  # noqa: B006
    any_model: Annotated[
        bool, typer.Option("--any-model", help="Use choices among takes of other models as well.")
    ] = False,
    resume: Resume = False,
    minutes: Minutes = None,
    **settings: Any,
) -> None:
    """Teach a model your taste, from what you kept and what you rejected of its takes.

    The result is a model like any other: musictx continue --model DIR plays with it.
    """
    from musictx.checkpoint import find_model, load_model, weights_hash
    from musictx.cli.runs import check_begin, fit, origin, tuned
    from musictx.console.progress import TrainingDisplay, console, corpora_progress
    from musictx.corpus import Corpus, training_and_validation
    from musictx.corpus.split import encoded_corpus, validation_name
    from musictx.files import keep_inputs
    from musictx.shipped import shipped_folder
    from musictx.training.choices import of_model, read_choices
    from musictx.training.tuning import tuning_run

    config = TuningConfig(**given(**settings))
    keep_inputs([output], [choices, find_model(model), *music, *validation])
    check_begin(output, resume, minutes)
    everything = read_choices(choices)
    used = everything if any_model else of_model(everything, weights_hash(load_model(model)))
    if len(used) < len(everything):
        others = (
            f"{len(everything) - len(used)} of {len(everything)} choices were made among other models' takes"
        )
        if not used:
            raise MusictxError(f"{others}: --any-model uses them for {model}")
        console.print(f"{others} and are left out; --any-model uses them as well")

    held: dict[str, Corpus] = {}
    beside = None
    with corpora_progress() as progress:
        if music:
            split = training_and_validation(
                music, validation, place=output / "corpus", seed=config.seed, progress=progress
            )
            beside, held = split.train, dict(split.validation)
        for folder in () if held else validation or [shipped_folder("primers")]:
            name = validation_name(folder, tuple(held))
            held[name] = encoded_corpus([folder], output / "corpus" / name, progress=progress)
    watched = ", ".join(f"{name}: {len(corpus)} pieces" for name, corpus in held.items())
    display = TrainingDisplay(f"{len(used)} choices; watched by {watched}")
    card = {
        **origin(),
        "data": {"choices": len(used), "validation": {n: c.token_count for n, c in held.items()}},
    }
    run = tuning_run(output, model, used, held, music=beside, config=config, card=card)
    fit(run, display, tuned, resume=resume, minutes=minutes)
