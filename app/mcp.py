"""MIDI files that come as text: the clients of MCP send a file as a ``data:`` address."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from musictx.errors import MusictxError

from .shelf import Shelf


def text_files(shelf: Shelf) -> Callable[[Any, list[list[str | int]]], Any]:
    """What takes the place of Gradio's own, whose files no one counts and no one removes.

    Parameters
    ----------
    shelf : Shelf
        Where the files are kept.

    Returns
    -------
    callable
        Called with the arguments of a tool, and the places in them where files are: a list of keys each.
    """

    def with_files(value: Any, places: list[list[str | int]], place: tuple[str | int, ...] = ()) -> Any:
        if isinstance(value, dict):
            return {key: with_files(each, places, (*place, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [with_files(each, places, (*place, k)) for k, each in enumerate(value)]
        return _kept(value, shelf) if isinstance(value, str) and list(place) in places else value

    return with_files


def _kept(text: str, shelf: Shelf) -> Any:
    head, comma, content = text.partition(",")
    if not (head.startswith("data:") and head.endswith(";base64") and comma):
        raise MusictxError("a MIDI file must be given as its content: data:audio/midi;base64,…")
    try:
        data = base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise MusictxError("the MIDI file did not arrive whole: it is no base64") from error
    path = shelf.place(len(data)) / "primer.mid"
    path.write_bytes(data)
    return {"path": str(path), "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}
