"""``musictx votes``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from musictx.console.options import AsJson
from musictx.console.progress import console, on_output


def votes(
    book: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="File with the votes. [default: where `musictx app` keeps them]",
            show_default=False,
        ),
    ] = None,
    least_heard: Annotated[
        float, typer.Option(help="Leave out votes for which a lane was heard for fewer seconds; 0: none.")
    ] = 5.0,
    again: Annotated[
        bool, typer.Option("--again", help="Count a visitor's second vote on the same music as well.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="CSV file to write: one line for each vote.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed for the intervals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say what the votes of the blind test show, and whether it can be chance.

    Example: musictx votes --csv votes.csv
    """
    import json

    from musictx.files import keep_inputs, write_bytes
    from musictx.lab.votes import Rules, default_path, read_votes, report_votes
    from musictx.lab.votes.book import keep_books
    from musictx.lab.votes.report import to_csv, to_tables

    book = book or default_path()
    if csv:
        keep_inputs([csv], [book])
        keep_books(csv)
    found = read_votes(book)
    rules = Rules(least_heard=least_heard, once=not again)
    if csv:
        write_bytes(csv, to_csv(found, rules).encode())
    report = report_votes(found, rules, seed=seed)
    if as_json:
        print(json.dumps(report, allow_nan=False))
    else:
        for part in to_tables(report):
            on_output.print(part, highlight=False)
    if csv:
        console.print(f"{csv}: {len(found)} votes")
