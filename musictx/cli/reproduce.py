"""``musictx reproduce``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from musictx.cli.options import AsJson
from musictx.cli.progress import console, on_output, working

reproduce = typer.Typer(no_args_is_help=True, help="Make a published table again, from the data up.")


@reproduce.callback()
def _group() -> None:
    """Keep `jsb` a command of its own though it is the only one."""


@reproduce.command()
def jsb(
    data: Annotated[Path, typer.Option(help="Folder that holds Jsb16thSeparated.json.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the runs, table and picture.")],
    row: Annotated[list[str], typer.Option(help="Only this row of the table, by its name; repeatable.")] = [],  # noqa: B006
    tokens: Annotated[
        str | None, typer.Option(help="Budget of each run. [default: 10M; 2.5M where something is left out]")
    ] = None,
    train: Annotated[bool, typer.Option(help="--no-train: only the table of what is complete.")] = True,
    precision: Annotated[str, typer.Option(help="auto, 32-true or bf16-mixed.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """The Music Transformer paper's table of Bach's chorales, every scheme at the same size.

    Stop it at any time; the same command goes on where it was.
    Example: musictx reproduce jsb --data jsb/ --output runs/jsb --row vanilla --row relative
    """
    import json

    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from musictx.cli.train import amount
    from musictx.lab.reproduce.jsb import reproduce_jsb

    said = time.monotonic()
    with working("chorales", total=1.0) as advance:

        def progress(name: str, share: float) -> None:
            nonlocal said
            advance(share)
            if not console.is_terminal and time.monotonic() - said > 60:
                said = time.monotonic()
                console.print(f"{name}: {100 * share:.0f} %", highlight=False)

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
    console.print(f"{output}: jsb.json, jsb.png", highlight=False)
