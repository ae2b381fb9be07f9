"""``musictx evaluate`` and ``musictx study``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musictx.console.options import AsJson, CopyCheck, sampling_options
from musictx.console.progress import console, corpus_progress, on_output, say_first, working
from musictx.errors import MusictxError, require
from musictx.files import keep_inputs, make_folder

if TYPE_CHECKING:
    import numpy as np

    from musictx.corpus import Corpus
    from musictx.model import MusicTransformer

_RESULTS = ("evaluation.json", "evaluation.csv", "evaluation.png")
_LINE_EVERY = 60.0  # seconds between lines of progress in a log


@contextmanager
def _progress(title: str) -> Iterator[Callable[[float, float], None]]:
    """A bar on a terminal, a line every minute in a log; call what it yields with work done and in all."""
    began = last = time.monotonic()
    with working(title, total=1.0) as advance:

        def report(done: float, total: float) -> None:
            nonlocal last
            share, now = done / total if total else 1.0, time.monotonic()
            advance(share)
            if not console.is_terminal and share > 0 and now - last > _LINE_EVERY:
                last = now
                left = (now - began) * (1 - share) / share
                console.print(f"{title}: {100 * share:.0f} %, {left / 60:.0f} min left")

        yield report


def evaluate(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL... MIDI_DIR",
            help="Models (grand, vanilla, relative, rope, or folders), then a folder of held-out MIDI files "
            "or an encoded corpus.",
        ),
    ],
    context: Annotated[
        list[int],
        typer.Option(
            help="Length of the chunks; repeatable. [default: 1, 2 and 4 training lengths, and 2048]"
        ),
    ] = [],  # noqa: B006
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for evaluation.json, .csv and .png."),
    ] = None,
    as_json: AsJson = False,
    repeats: Annotated[
        bool, typer.Option("--repeats", help="Measure what repeats cost, and shift sensitivity, as well.")
    ] = False,
    rules: Annotated[
        bool, typer.Option("--rules", help="Compare the rules past the training length as well.")
    ] = False,
    baselines: Annotated[
        Path | None,
        typer.Option(
            help="Music to fit the baselines on (training set). [default: other pieces of MIDI_DIR]"
        ),
    ] = None,
    pieces: Annotated[
        int | None,
        typer.Option(help="Only this many performances, spread over the folder: for a quick look."),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="float32, or bfloat16: about twice as fast on recent processors.")
    ] = "float32",
    tokens_at_once: Annotated[
        int, typer.Option(help="Tokens in a forward pass: more is faster, and needs more memory.")
    ] = 8192,
    device: Annotated[str, typer.Option(help="cpu, cuda, …")] = "cpu",
) -> None:
    """Measure how well models predict music that they have not seen (NLL, nats per token).

    Example: musictx evaluate vanilla relative rope my-midi/ --output results/
    """
    import json

    from musictx.lab.evaluation import compare
    from musictx.lab.evaluation.loading import open_models, open_music, unit_numbers

    if len(paths) < 2:
        raise typer.BadParameter("give at least one model, and then a folder of MIDI files")
    *names, folder = paths
    require(tokens_at_once >= 1, "--tokens-at-once", tokens_at_once, "be at least 1")
    if output:
        keep_inputs([output / name for name in _RESULTS], [*names, folder, baselines])
        make_folder(output)
    with corpus_progress() as encoding:
        corpus = open_music(Path(folder), pieces=pieces, progress=encoding)
        fit_on = open_music(baselines, progress=encoding) if baselines else None
    models, left_out = open_models(names, device=device)
    groups = unit_numbers(corpus)
    options: dict[str, Any] = {"tokens_at_once": tokens_at_once, "precision": precision}
    with _progress("evaluating") as progress:
        evaluation = compare.evaluate(
            models, corpus, groups, lengths=context or None, fit_on=fit_on, progress=progress, **options
        )
    evaluation.left_out[:0] = left_out + [f"{path}: {why}" for path, why in corpus.skipped.items()]
    evaluation.data["folder"] = folder
    result = evaluation.to_dict()
    if repeats:
        result |= _measure_repeats(models, corpus, groups, options, result["left_out"])
    if rules:
        result["length_rules"] = _measure_rules(models, corpus, groups, options)
    if as_json:
        print(json.dumps(result, allow_nan=False))
    else:
        _show(result)
    if output:
        _write(output, result)
    say_first("left out", result["left_out"], "the JSON")


def _measure_repeats(
    models: dict[str, MusicTransformer],
    corpus: Corpus,
    groups: np.ndarray,
    options: dict[str, Any],
    left_out: list[str],
) -> dict[str, Any]:
    """Repeats within the training length and beyond it, repeats after gaps, and shift sensitivity."""
    from musictx.lab.evaluation.repeats import GAPS, repeat_after_gaps, repeat_gain
    from musictx.lab.evaluation.shift import shift_sensitivity
    from musictx.lab.evaluation.variants import inside_size, passages

    gains: dict[str, dict[str, Any]] = {}
    after_gaps: dict[str, list[dict[str, Any]]] = {}
    shifts: dict[str, list[dict[str, Any]]] = {}
    lengths = {name: m.config.context_length for name, m in models.items()}
    context = min(lengths.values())
    if longer := [name for name, length in lengths.items() if length > context]:
        left_out.append(
            f"repeats within and beyond the training length are of {context:,} tokens, the shortest one; "
            f"{', '.join(longer)} learned in longer windows"
        )
    music = {
        "inside": passages(corpus, groups, inside_size(context)),
        "beyond": passages(corpus, groups, context),
    }
    short = passages(corpus, groups, context // 4)

    def attempt(label: str, measure: Callable[..., Any], *arguments: Any) -> Any:
        try:
            with _progress(label) as progress:
                return measure(*arguments, progress=progress, **options)
        except MusictxError as error:
            left_out.append(f"{label}: {error}")

    gaps = [round(gap * context) for gap in GAPS]
    for name, model in models.items():
        gains[name] = {}
        for where, found in music.items():
            label = f"{name}, second playing {where} the training length"
            if gain := attempt(label, repeat_gain, model, found):
                gains[name][where] = gain
        if rows := attempt(f"{name}, repeats after gaps", repeat_after_gaps, model, short, gaps):
            after_gaps[name] = rows
        if music["inside"]:
            places = [1, 17, context // 2, context]
            shifts[name] = shift_sensitivity(
                model, music["inside"][:16], places, precision=options["precision"]
            )
    return {
        "repeats": {name: found for name, found in gains.items() if found},
        "repeat_gaps": after_gaps,
        "shift": shifts,
    }


def _measure_rules(
    models: dict[str, MusicTransformer], corpus: Corpus, groups: np.ndarray, options: dict[str, Any]
) -> dict[str, Any]:
    from musictx.lab.evaluation.extrapolation import compare_rules

    compared = {}
    for name, model in models.items():
        with _progress(f"{name}, rules past the training length") as progress:
            compared[name] = compare_rules(model, corpus, groups, progress=progress, **options)
    return compared


def _write(folder: Path, result: dict[str, Any]) -> None:
    import json

    from musictx.files import write_bytes
    from musictx.lab.evaluation import report

    write_bytes(folder / "evaluation.json", (json.dumps(result, indent=1, allow_nan=False) + "\n").encode())
    write_bytes(folder / "evaluation.csv", report.to_csv(result).encode())
    write_bytes(folder / "evaluation.png", report.draw(result))
    console.print(f"{folder}: evaluation.json, evaluation.csv, evaluation.png")


def _show(result: dict[str, Any]) -> None:
    from musictx.lab.evaluation import report

    data = result["data"]
    on_output.print(
        f"{data['folder']}: {data['pieces']} performances of {data['units']} pieces, "
        f"{data['tokens']:,} tokens, {data['notes']:,} notes",
        highlight=False,
    )
    for name, model in result["models"].items():
        on_output.print(
            f"{name}: {model['position']} positions, {model['parameters'] / 1e6:.2f} M parameters, "
            f"trained at {model['context_length']}",
            highlight=False,
        )
    on_output.print(report.to_table(result))
    for part, table in (
        ("repeats", report.to_repeat_table),
        ("repeats", report.to_pitch_table),
        ("repeat_gaps", report.to_gap_table),
        ("shift", report.to_shift_table),
        ("length_rules", report.to_rule_table),
    ):
        if result.get(part):
            on_output.print(table(result[part]))


@sampling_options("temperature", "top_p", "theme", "form")
def study(
    primers: Annotated[
        list[Path],
        typer.Argument(
            metavar="MIDI_DIR...",
            help="Folders of MIDI files that the models have not seen; their beginnings are primers.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the page, the numbers and the continuations.")
    ],
    model: Annotated[
        list[str],
        typer.Option(
            help="grand, vanilla, relative, rope, or a folder; repeatable. "
            "[default: vanilla, relative and rope]"
        ),
    ] = [],  # noqa: B006
    count: Annotated[int, typer.Option("--primers", help="Largest number of primers.")] = 20,
    seeds: Annotated[int, typer.Option(help="Continuations for each primer and model.")] = 3,
    seconds: Annotated[float, typer.Option(help="Length of each continuation.")] = 60.0,
    tokens: Annotated[
        int | None, typer.Option(help="Length of each continuation in tokens, instead of seconds.")
    ] = None,
    primer_seconds: Annotated[float, typer.Option(help="Length of the primers.")] = 15.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same study.")] = 0,
    shape: Annotated[str, typer.Option(help="Wishes with commas, such as denser,steady.")] = "",
    copy_check: CopyCheck = None,
    as_json: AsJson = False,
    **drawn: Any,
) -> None:
    """Let models play on from the same primers, measure it all beside real music, and make one page of it.

    All play with the same settings, whatever their cards say (grand: --theme 0.3 --form 0.35 --shape steady).
    Stop it at any time; the same command goes on where it was.
    Example: musictx study my-midi/ more-midi/ --output study/ --primers 40 --seeds 2
    """
    import json

    from musictx.lab.evaluation.loading import open_copy_index, open_models
    from musictx.lab.study import StudySettings, choose_primers, run_study
    from musictx.lab.study.table import study_table
    from musictx.shipped import COMPARED_MODELS

    keep_inputs([output], [*primers, *model, copy_check])
    settings = StudySettings(
        seconds=seconds,
        tokens=tokens,
        primer_seconds=primer_seconds,
        seeds=seeds,
        seed=seed,
        shape=shape,
        **drawn,
    )
    with corpus_progress() as encoding:
        chosen, left_out = choose_primers(primers, settings, count, progress=encoding)
        index = open_copy_index(copy_check, progress=encoding) if copy_check else None
    models, unusable = open_models(model or COMPARED_MODELS)
    with _progress("playing on and measuring") as progress:
        result = run_study(
            models, chosen, output, settings, index=index, left_out=[*unusable, *left_out], progress=progress
        )
    say_first("left out", result["left_out"], "study.json")
    if as_json:
        print(json.dumps(result, allow_nan=False))
    else:
        on_output.print(study_table(result))
        console.print(f"{output / 'study.html'}: open it in a browser")
