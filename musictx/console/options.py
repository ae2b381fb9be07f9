"""Options that several commands have, each with one name, help and kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from musictx.errors import MusictxError

Model = Annotated[str, typer.Option(help="grand, vanilla, relative, rope, or a folder of your own.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Temperature = Annotated[
    float, typer.Option(help="Above 1 bolder, below 1 tamer; 0 always takes the likeliest.")
]
TopK = Annotated[int, typer.Option(help="Draw from the k likeliest tokens only; 0: all.")]
TopP = Annotated[
    float, typer.Option(help="Draw from the likeliest tokens that together have this probability.")
]
MinP = Annotated[float, typer.Option(help="Leave out tokens less likely than this share of the likeliest.")]
Theme = Annotated[
    float, typer.Option(help="How much is made of what was played before, 0 to 1; 0: the model as it is.")
]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same music. [default: a new one]")]
Int8 = Annotated[bool, typer.Option(help="Decode with 8-bit weights: 1.5 times as fast as float32.")]
Audio = Annotated[Path | None, typer.Option(help="WAV file to write as well.")]
Roll = Annotated[Path | None, typer.Option(help="Piano-roll picture (PNG) to write as well.")]
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
