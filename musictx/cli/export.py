"""``musictx export``, ``site``, ``space`` and ``publish``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musictx.console.options import ModelName, Models
from musictx.console.places import check_place
from musictx.console.progress import console
from musictx.files import keep_inputs, read_json


def export(
    model: ModelName,
    output: Annotated[Path, typer.Argument(help="ONNX file to write.")],
    capacity: Annotated[int, typer.Option(help="Tokens that fit: a primer and what is played on.")] = 2048,
) -> None:
    """Write a model as ONNX, for DAW plug-ins, C++, phones. Needs `pip install 'musictx[onnx]'`.

    Example: musictx export relative relative.onnx
    """
    from musictx.checkpoint import find_model, load_model
    from musictx.export.onnx_model import export_onnx

    check_place(output, (".onnx",))
    keep_inputs([output], [find_model(model)])
    loaded = load_model(model)
    with console.status("exporting"):
        difference = export_onnx(loaded, output, capacity=capacity)
    size = output.stat().st_size / 1e6
    console.print(
        f"{output}: {size:.1f} MB, room for {capacity} tokens, logits within {difference:.0e} of the model's"
    )


def site(
    folder: Annotated[Path, typer.Argument(help="Folder to write: new, empty, or an earlier site.")],
    model: Models = None,
) -> None:
    """Write the web demo as files for any web host: the models play in the visitor's browser.

    Example: musictx site public && python -m http.server -d public
    """
    from musictx.app.site import write_site

    sizes = write_site(folder, model or None, told=console.print)
    console.print(f"{folder}: {len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB")
    console.print(f"See it: python -m http.server -d {folder}")


def space(
    folder: Annotated[Path, typer.Argument(help="Folder to write: new, empty, or an earlier Space.")],
    model: Models = None,
) -> None:
    """Write the web demo as a Hugging Face Space, to upload as it is.

    Example: musictx space my-space --model runs/mine --model relative
    """
    from musictx.app.space import write_space

    sizes = write_space(folder, model or None)
    console.print(f"{folder}: {len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB")
    for card in sorted(folder.rglob("card.json")):
        _tell_command(read_json(card), card)
    console.print(f"Upload it: hf upload USER/NAME {folder} . --repo-type space")


def _tell_command(card: dict[str, Any], place: Path) -> None:
    """Say that a card that is going to be public tells a command, in which names of folders stand."""
    if card.get("command"):
        console.print(f"{place} tells the command of the training: {card['command']}")


def publish(
    model: ModelName,
    folder: Annotated[Path, typer.Argument(help="Folder to write: new, empty, or an earlier repository.")],
) -> None:
    """Write a model as a repository for the Hugging Face Hub: its files, and its card as a README.

    Example: musictx publish runs/mine my-model
    """
    from musictx.checkpoint import licence_of
    from musictx.export.repository import publish_model

    card = publish_model(model, folder)
    licence = licence_of(card)
    console.print(
        f"{folder}: {f'licence {licence}' if licence else 'no licence is stated; state one in README.md'}"
    )
    _tell_command(card, folder / "card.json")
    console.print(f"Upload it: hf upload USER/NAME {folder}")
