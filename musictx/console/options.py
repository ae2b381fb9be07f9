"""Options that several commands have, each with one name, help and kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from musictx.errors import MusictxError
from musictx.settings import SETTINGS, STEADY, WISHES, SamplingSettings
from musictx.training_settings import TrainingConfig, options

ModelName = Annotated[
    str, typer.Argument(help="grand, vanilla, relative, rope, or a folder of your own.", show_default=False)
]
Model = Annotated[str, typer.Option(help="grand, vanilla, relative, rope, or a folder of your own.")]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        help="A lane's model: grand, vanilla, relative, rope, or a folder of your own. Up to four times. "
        "[default: the three that are compared, and grand to make music with]",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Beat = Annotated[
    str,
    typer.Option(
        help="Move notes to the file's sixteenths or triplets: off, loose (half way), strict (all the way)."
    ),
]
Tracks = Annotated[
    list[str], typer.Option("--track", help="Use only this track (number or name). Repeatable.")
]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same music. [default: a new one]")]
Int8 = Annotated[bool, typer.Option(help="Decode with 8-bit weights: 1.5 times as fast as float32.")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on exactly where the run in --output was killed or stopped; if there is none, begin one.",
    ),
]
Minutes = Annotated[
    float | None, typer.Option(min=0, help="Save and stop after this many minutes, to be resumed.")
]
Audio = Annotated[Path | None, typer.Option(help="WAV file to write as well.")]
Roll = Annotated[Path | None, typer.Option(help="Piano-roll picture (PNG, SVG or PDF) to write as well.")]
CopyCheck = Annotated[
    Path | None,
    typer.Option(help="Training music (MIDI files, or an encoded corpus): say what was copied from it."),
]


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


def moment(text: str | float) -> float:
    """``75.3`` or ``1:15.3`` in seconds, as the page shows times."""
    minutes, _, seconds = str(text).rpartition(":")
    try:
        return 60 * int(minutes or 0) + float(seconds)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no time; give seconds, or minutes and seconds as 1:15.3"
        ) from error


def given(**options: Any) -> dict[str, Any]:
    """The options that were given; the library has the defaults of the others."""
    return {name: value for name, value in options.items() if value is not None}


def sampling_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `SamplingSettings`, all or these, in the place of its ``**settings``.

    With all of them come the wishes of ``shape``: each pair is one setting, by the name of its first. What
    is not given is None: models have defaults of their own (`musictx.checkpoint.usual_settings`).
    """
    own = "" if names else " [default: the model's own, else {}]"
    found = {f.name: f.default for f in fields(SamplingSettings) if f.name in (names or SETTINGS)}
    told = {name: SETTINGS[name].help + own.format(value) for name, value in found.items()}
    offered = [_option(n, type(x), told[n], x if names else None) for n, x in found.items()]
    if not names:
        for more, less in WISHES:
            help = f"{more.capitalize()} or {less} than the primer."
            offered.append(_option(more, bool, help, flags=(f"--{more}/--{less}",)))
        help = "Keep density, loudness, register, rests, repetition, time and key close to the primer's."
        help += " [default: the model's own]"
        offered.append(_option(STEADY, bool, help, flags=(f"--{STEADY}/--no-{STEADY}",)))
    return _with(offered)


def playing(model: str, settings: dict[str, Any]) -> dict[str, Any]:
    """How a model plays: as its card has it, but for the options of `sampling_options` that were given."""
    from musictx.checkpoint import find_model, read_card, usual_settings

    settings = usual_settings(read_card(find_model(model))) | given(**settings)
    wishes = {wish.strip() for wish in settings.get("shape", "").split(",")}
    for more, *less in (*WISHES, [STEADY]):
        if more in settings:  # it takes the place of what the card wishes for
            wishes -= {more, *less}
            wishes |= {more} if settings.pop(more) else set(less)
    return settings | {"shape": ",".join(sorted(wishes - {""}))}


def run_options(
    kind: type[TrainingConfig], *names: str, teaching: type[TrainingConfig] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a kind of run, all or these; those that are not given are None.

    Their help tells the defaults, and those for teaching a model where they are others.
    """
    defaults = {f.name: f.default for f in fields(kind)}
    others = {f.name: f.default for f in fields(teaching or kind)}
    chosen = {name: x for name, x in options(kind).items() if x.help and name in (names or defaults)}

    def told(name: str) -> str:
        value, other = defaults[name], others[name]
        if value is None or value is False or value == ():
            return chosen[name].help
        beside = "" if other == value else f"; with --from {other}"
        shown = f"{value:f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
        return f"{chosen[name].help} [default: {shown}{beside}]"

    return _with(_option(name, known.kind, told(name)) for name, known in chosen.items())


def _option(
    name: str, kind: type, text: str, default: Any = None, flags: tuple[str, ...] = ()
) -> inspect.Parameter:
    if kind is bool and not flags:
        flags = ("--" + name.replace("_", "-"),)  # without a --no-…
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind if default is not None else kind | None, typer.Option(*flags, help=text)],
    )


def _with(more: Iterable[inspect.Parameter]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        signature = signature.replace(parameters=[*own, *more])

        @wraps(command)
        def with_options(**given: Any) -> None:
            command(**given)

        with_options.__signature__ = signature  # type: ignore[attr-defined]
        with_options.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        return with_options

    return decorate
