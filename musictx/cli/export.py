"""``musictx export`` and ``musictx site``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from musictx.cli.places import check_place
from musictx.cli.progress import console


def export(
    model: Annotated[str, typer.Argument(help="vanilla, relative, rope, or a folder of your own.")],
    output: Annotated[Path, typer.Argument(help="ONNX file to write.")],
    capacity: Annotated[int, typer.Option(help="Tokens that fit: a primer and what is played on.")] = 2048,
) -> None:
    """Write a model as ONNX, for DAW plug-ins, C++, phones. Needs `pip install 'musictx[onnx]'`.

    Example: musictx export relative relative.onnx
    """
    from musictx.checkpoint import load_model
    from musictx.export.onnx_model import export_onnx

    check_place(output, (".onnx",))
    loaded = load_model(model)
    with console.status("exporting"):
        difference = export_onnx(loaded, output, capacity=capacity)
    size = output.stat().st_size / 1e6
    console.print(
        f"{output}: {size:.1f} MB, room for {capacity} tokens, logits within {difference:.0e} of the model's",
        highlight=False,
    )


def site(
    folder: Annotated[Path, typer.Argument(help="Folder to write: new, empty, or an earlier site.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="vanilla, relative, rope, or a folder of your own. Repeatable. [default: all three]"
        ),
    ] = None,
) -> None:
    """Write the web demo as files for any web host: the models play in the visitor's browser.

    Example: musictx site public && python -m http.server -d public
    """
    from app.site import write_site
    from musictx.checkpoint import SHIPPED_MODELS

    def tell(text: str) -> None:
        console.print(text, highlight=False)

    sizes = write_site(folder, model or SHIPPED_MODELS, told=tell)
    tell(f"{folder}: {len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB")
