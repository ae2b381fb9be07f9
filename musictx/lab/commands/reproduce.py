"""``musictx reproduce``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from musictx.console.options import AsJson
from musictx.console.progress import console, on_output, working
from musictx.files import keep_inputs

reproduce = typer.Typer(no_args_is_help=True, help="Make a published table again, from the data up.")


@contextmanager
def _followed(what: str) -> Iterator[Callable[[str, float], None]]:
    """Show how far the runs are; where the output is no terminal, a line a minute."""
    said = time.monotonic()
    with working(what, total=1.0) as advance:

        def progress(name: str, share: float) -> None:
            nonlocal said
            advance(share)
            if not console.is_terminal and time.monotonic() - said > 60:
                said = time.monotonic()
                console.print(f"{name}: {100 * share:.0f} %")

        yield progress


@reproduce.command()
def jsb(
    data: Annotated[Path, typer.Option(help="Folder that holds Jsb16thSeparated.json.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the runs, table and picture.")],
    row: Annotated[
        list[str], typer.Option(help="Only this row of the table; an unknown name lists them. Repeatable.")
    ] = [],  # noqa: B006
    tokens: Annotated[
        str | None, typer.Option(help="Budget of each run. [default: 10M; 2.5M where something is left out]")
    ] = None,
    train: Annotated[bool, typer.Option(help="--no-train: only the table of what is complete.")] = True,
    precision: Annotated[str, typer.Option(help="auto, 32-true or bf16-mixed.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """The Music Transformer paper's table of Bach's chorales, its schemes at one size.

    Stop it at any time; the same command goes on where it was.
    Example: musictx reproduce jsb --data jsb/ --output runs/jsb --row vanilla --row relative
    """
    import json

    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from musictx.console.options import amount
    from musictx.lab.reproduce.jsb import reproduce_jsb

    keep_inputs([output], [data])
    with _followed("chorales") as progress:
        found = reproduce_jsb(
            data,
            output,
            rows=row,
            tokens=amount(tokens),
            train=train,
            precision=precision,
            progress=progress,
        )
    if as_json:
        print(json.dumps(found))
        return
    table = Table(title="Chorales, nats per token (convention jsb16)", title_justify="left", box=SIMPLE_HEAD)
    for name in ("", "seeds", "valid", "test", "spread", "by 16th", "min."):
        table.add_column(name, justify="right" if name else "left", max_width=11 if name else None)
    for name, nats in found["baselines"].items():
        table.add_row(name, "", "", f"{nats:.3f}")
    for name, nats in found["published"].items():
        table.add_row(name, "", f"{nats:.3f}", "", style="italic")
    for line in found["rows"]:
        phases = ", ".join(f"{x:.2f}" for x in line["by_phase"])
        spread = f"{line['spread']:.3f}" if line["seeds"] > 1 else ""
        nats = (f"{line[name]:.3f}" for name in ("valid", "test"))
        table.add_row(line["name"], str(line["seeds"]), *nats, spread, phases, f"{line['minutes']:.0f}")
    on_output.print(table)
    console.print(f"{output}: jsb.json, jsb.png")


@reproduce.command()
def maestro(
    data: Annotated[Path, typer.Option(help="Folder of MAESTRO: its csv, and the MIDI files.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the runs, table and picture.")],
    row: Annotated[list[str], typer.Option(help="Only vanilla, relative or rope; repeatable.")] = [],  # noqa: B006
    tokens: Annotated[str, typer.Option(help="Budget of each run.")] = "25M",
    size: Annotated[str, typer.Option(help="tiny, small, medium or large, the same for all.")] = "small",
    context: Annotated[int, typer.Option(help="Tokens in a window, in training and when measured.")] = 2048,
    batch: Annotated[int, typer.Option(help="Windows in a step.")] = 4,
    judged: Annotated[
        int | None, typer.Option(help="Measure this many performances of a part. [default: all]")
    ] = None,
    train: Annotated[bool, typer.Option(help="--no-train: only the table of what is complete.")] = True,
    precision: Annotated[str, typer.Option(help="auto, 32-true or bf16-mixed.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """MAESTRO, the paper's corpus: official split, windows of 2,048 events, three schemes of one size.

    Stop it at any time; the same command goes on where it was.
    Example: musictx reproduce maestro --data maestro-v3.0.0/ --output runs/maestro --tokens 100M --batch 16
    """
    import json

    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from musictx.console.options import amount
    from musictx.lab.reproduce.maestro import MaestroSettings, reproduce_maestro

    settings = MaestroSettings(
        size=size, context=context, batch=batch, tokens=amount(tokens) or 0, judged=judged
    )
    keep_inputs([output], [data])
    with _followed("MAESTRO") as progress:
        found = reproduce_maestro(
            data, output, settings=settings, rows=row, train=train, precision=precision, progress=progress
        )
    if as_json:
        print(json.dumps(found))
        return
    version, parts = found["data"].pop("version"), found["data"]
    title = f"{version}, windows of {context:,} events, nats per event"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in ("", "size", "tokens", "valid.", "a note", "test", "a note", "min."):
        table.add_column(name, justify="right" if name else "left")
    for entry, published in found["published"].items():
        table.add_row(entry, "", "", f"{published['nats']:.2f}", "", style="italic")
    for line in found["rows"]:
        figures = []
        for part in (line["validation"], line["test"]):
            figures += ["", ""] if part is None else [f"{part['nats']:.3f}", f"{part['per_note']:.2f}"]
        size = f"{line['parameters'] / 1e6:.2f} M"
        seen = f"{line['tokens'] / 1e6:.1f} M"
        table.add_row(line["name"], size, seen, *figures, f"{line['seconds'] / 60:.0f}")
    on_output.print(table)
    for name, published in found["published"].items():
        on_output.print(f"{name}: {published['differs']}", highlight=False)
    for name, part in parts.items():
        if part["here"] < part["published"]:
            on_output.print(
                f"{data} has {part['here']} of the {part['published']} performances of the {name} part",
                highlight=False,
            )
    console.print(f"{output}: maestro.json, maestro.png")
