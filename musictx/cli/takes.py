"""A folder of takes that `musictx continue` makes, with a page to hear them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import chain, count
from pathlib import Path

from musictx.console.places import Places
from musictx.files import check_folder, make_folder, write_bytes

PAGE = Path(__file__).with_name("takes.html").read_text(encoding="utf-8")
TAKE = """<h2>Take {number}</h2>
<img src="{roll}" alt="Piano roll of take {number}">
<audio controls preload="none" src="{audio}"></audio>
<p>{words} <a href="{midi}">MIDI file</a></p>
"""


def folder_of_takes(folder: Path | None, name: str) -> Places:
    """Make a folder for takes: this one, or the first of name-takes, name-takes-2, … that is not there yet.

    Returns
    -------
    Places
        Where the files of the takes go.

    Raises
    ------
    MusictxError
        The folder holds other things, such as earlier takes, or cannot be made.
    """
    if folder is None:
        names = chain([f"{name}-takes"], (f"{name}-takes-{k}" for k in count(2)))
        folder = next(path for path in map(Path, names) if not path.exists() or _is_empty(path))
    check_folder(folder, set(), "--takes")
    make_folder(folder)
    return Places(folder / "take.mid", folder / "take.wav", folder / "take.png")


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def write_page(folder: Path, title: str, takes: Sequence[tuple[int, Places, str]]) -> None:
    """Write ``index.html`` beside takes: number, places and a sentence of each."""
    parts = []
    for number, places, words in takes:
        names = {key: escape(path.name) for key, path in places._asdict().items()}
        parts.append(TAKE.format(number=number, words=escape(words), **names))
    page = PAGE.format(title=escape(title), takes="".join(parts))
    write_bytes(folder / "index.html", page.encode("utf-8", "replace"))
