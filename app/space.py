"""The web demo as a Space of Hugging Face: one folder with everything that it needs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.metadata import version as version_of
from pathlib import Path

import musictx
from musictx.checkpoint import find_model, licence_of, load_model
from musictx.errors import MusictxError
from musictx.export.repository import (
    LARGE,
    card_to_write,
    code_licence,
    front_matter,
    licence_facts,
    model_files,
)
from musictx.files import check_folder, write_bytes
from musictx.shipped import SHIPPED_MODELS, shipped_folder

from .models import MAX_MODELS

ENTRY = "serve.py"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
_NUMBERS = {2: "two", 3: "three", 4: "four"}
_LEFT_OUT = {"__pycache__", "_shipped", "screenshots"}
_MARK = '"""Serves the page of musictx: written by `musictx space`."""\n'
_SERVE = """
import os
from pathlib import Path

from musictx.app import launch

FOLDER = Path(__file__).resolve().parent
MODELS = {models!r}  # folders of `models`; None: those that come with musictx

host = os.environ.get("SPACE_HOST")  # by which name the Space is known
launch(
    "0.0.0.0",
    models=MODELS and [FOLDER / "models" / name for name in MODELS],
    names=[host] if host else [],
    frames=["https://huggingface.co"],
)
"""
_README = """
# musictx

Give {count} a few seconds of piano music, a *primer*: you see and hear how it is played on.

| model | licence of the weights |
| --- | --- |
{table}

The music is made by this Space. Primers and uploads from the page are not kept; files that programs send
or get through the API are removed after ten minutes. Votes of the blind test are kept, without a name, until
the Space is restarted; where it has a disk of its own, name a file there in the variable `MUSICTX_VOTES`.

The code is MIT, the piano by Alexander Holm CC BY 3.0 (`musictx/render/piano/LICENSE.md`).
"""


def write_space(folder: str | os.PathLike[str], models: Sequence[str | Path] | None = None) -> dict[str, int]:
    """Write a folder to upload as a Gradio Space: the page, its models, and how they are started.

    Parameters
    ----------
    folder : path
        A new or empty one, or an earlier Space that is to be written again.
    models : sequence of str or path, optional
        One to four for the lanes: shipped models' names, checkpoint folders, or folders of training runs.
        Without them, all that come with musictx, as in the demo.

    Returns
    -------
    dict of str to int
        Bytes of every file by its path in the folder.

    Raises
    ------
    MusictxError
        A model cannot be loaded or comes twice, the folder holds other things, or cannot be written.
    """
    folder, shipped = Path(folder), models is None
    models = SHIPPED_MODELS if models is None else models
    if not 1 <= len(models) <= MAX_MODELS:
        raise MusictxError(f"{len(models)} models are given; the page has one to {MAX_MODELS} lanes")
    found = [find_model(model) for model in models]
    names = [
        Path(model).resolve().name if str(model) not in SHIPPED_MODELS else str(model) for model in models
    ]
    for k, name in enumerate(names):
        if name in names[:k]:
            raise MusictxError(f"two models are called {name}; each lane needs a name of its own")
        load_model(found[k])
    cards = [card_to_write(each) for each in found]
    files = {f"musictx/{path}": content for path, content in _package().items()}
    for name, source in zip(names, found, strict=True):
        place = f"{'musictx/_shipped/checkpoints' if shipped else 'models'}/{name}"
        files |= {f"{place}/{path}": content for path, content in model_files(source).items()}
    files[ENTRY] = (_MARK + _SERVE.format(models=None if shipped else names)).encode()
    files["requirements.txt"] = requirements().encode()
    files |= code_licence()
    files[".gitattributes"] = LARGE + b"*.flac filter=lfs diff=lfs merge=lfs -text\n"
    licences = [licence_of(card) for card in cards]
    table = "\n".join(
        f"| {n} | {licence or 'not stated'} |" for n, licence in zip(names, licences, strict=True)
    )
    count = "a Music Transformer" if len(names) == 1 else f"{_NUMBERS[len(names)]} Music Transformers"
    files["README.md"] = (_facts(set(licences)) + _README.format(count=count, table=table)).encode()
    _make_room(folder, {path.split("/")[0] for path in files})
    for path, content in files.items():
        write_bytes(folder / path, content)
    return {path: len(content) for path, content in files.items()}


def requirements() -> str:
    """What a Space installs: what musictx needs, PyTorch for processors only, Gradio as it is here."""
    try:
        needed = [line for line in distribution("musictx").requires or () if "extra ==" not in line]
    except PackageNotFoundError:
        raise MusictxError(
            "musictx is not installed, so what a Space needs is not known: pip install ."
        ) from None
    others = [line for line in needed if not line.startswith("gradio")]
    lines = [f"--extra-index-url {CPU_WHEELS}", *others, f"gradio[mcp]=={version_of('gradio')}"]
    return "\n".join(lines) + "\n"


def _facts(licences: set[str]) -> str:
    return front_matter(
        {
            "title": "musictx",
            "emoji": "🎹",
            "colorFrom": "indigo",
            "colorTo": "gray",
            "sdk": "gradio",
            "sdk_version": version_of("gradio"),
            "python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
            "app_file": ENTRY,
            "short_description": "Music Transformers play on from your piano music",
            "tags": ["music", "piano", "midi", "music-transformer", "mcp-server"],
            **licence_facts(licences),
        }
    )


def _package() -> dict[str, bytes]:
    """The files of the package as a wheel has them, without the shipped models."""
    folder = Path(musictx.__file__).parent
    files: dict[str, bytes] = {}
    for place, _, names in os.walk(folder, followlinks=True):  # in a clone, a link leads to the demo
        inside = Path(place).relative_to(folder)
        if not _LEFT_OUT & set(inside.parts):
            files |= {(inside / name).as_posix(): (Path(place) / name).read_bytes() for name in names}
    primers = shipped_folder("primers")
    for file in (*sorted(primers.glob("*.mid")), primers / "primers.json"):
        files[f"_shipped/primers/{file.name}"] = file.read_bytes()
    return files


def _make_room(folder: Path, names: set[str]) -> None:
    """Remove an earlier Space; say that the folder is no such one."""
    check_folder(folder, names, "a Space")
    inside = [folder / name for name in ("musictx", "models") if (folder / name).exists()]
    entry = folder / ENTRY
    if inside and not (entry.is_file() and entry.read_text("utf-8", "replace").startswith(_MARK)):
        raise MusictxError(f"{folder} holds other things ({inside[0].name}); choose a new or empty folder")
    for path in inside:
        shutil.rmtree(path)
