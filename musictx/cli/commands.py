"""The ``musictx`` command and its list of commands."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from musictx import __version__
from musictx.cli.export import export, publish, site, space
from musictx.cli.fill import fill
from musictx.cli.live import live
from musictx.cli.play import continue_primer, info, render, serve
from musictx.cli.train import encode, train
from musictx.cli.tune import tune
from musictx.errors import MusictxError
from musictx.lab.commands.bench import bench
from musictx.lab.commands.evaluate import evaluate, study
from musictx.lab.commands.reproduce import reproduce
from musictx.lab.commands.votes import votes

app = typer.Typer(
    name="musictx",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Give it a few seconds of music, and a Music Transformer plays on.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_MUSIC: dict[str, Callable[..., None]] = {
    "train": train,
    "tune": tune,
    "encode": encode,
    "continue": continue_primer,
    "fill": fill,
    "live": live,
    "render": render,
    "app": serve,
    "site": site,
    "export": export,
    "publish": publish,
    "space": space,
    "info": info,
}
for name, command in _MUSIC.items():
    app.command(name, rich_help_panel="Make music")(command)
_MEASURES: dict[str, Callable[..., None]] = {"evaluate": evaluate, "study": study, "votes": votes}
for name, command in _MEASURES.items():
    app.command(name, rich_help_panel="Measure")(command)
for name, commands in {"bench": bench, "reproduce": reproduce}.items():
    app.add_typer(commands, name=name, rich_help_panel="Measure")


def _version(asked: bool) -> None:
    if asked:
        print(f"musictx {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line: status 0 done, 1 the input or the run failed, 2 wrong usage, 130 Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files and music may hold what no terminal shows
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except MusictxError as error:
        print(f"musictx: {error}", file=sys.stderr)
    except MemoryError:
        print("musictx: out of memory", file=sys.stderr)
    except OSError as error:  # what the system refuses, wherever that was not foreseen
        name = "" if error.filename is None else f"{error.filename}: "
        print(f"musictx: {name}{error.strerror or error}", file=sys.stderr)
    else:
        return
    sys.exit(1)
