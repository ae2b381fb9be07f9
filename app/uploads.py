"""A visitor's MIDI file: read once, answered with its notes and forgotten. A program's: kept for a while."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from musictx.errors import MusictxError
from musictx.midi import inspect_midi, read_midi
from musictx.performance import Performance

from .payloads import metre_facts, note_rows, span_rows
from .shelf import NO_ROOM, Shelf

MAX_BYTES = 8 * 2**20
MAX_SHOWN = 40_000  # notes that a page can draw and cut without becoming slow
MAX_TRACKS = 64
ENDINGS = (".mid", ".midi", ".kar")

_reading = threading.BoundedSemaphore(2)  # files read at once, of pages and programs: each may take 100 MB


def describe_upload(content: bytes, name: str, tracks: Sequence[int] | None = None) -> dict[str, Any]:
    """Notes, pedal and tracks of an uploaded file, for the page's overview roll.

    Parameters
    ----------
    content : bytes
        The file, at most `MAX_BYTES`.
    name : str
        What the visitor calls it; only used in sentences.
    tracks : sequence of int, optional
        Read only these tracks (indices as in the answer's ``tracks``).

    Returns
    -------
    dict
        ``name``; ``notes`` and ``pedals`` in rows of milliseconds; ``metre``, bars and beats, or None;
        ``tracks``, each with ``index``,
        ``name``, ``notes``, ``drums`` and ``chosen``; ``remarks``, plain sentences.

    Raises
    ------
    MusictxError
        If there is nothing in the file to play.
    """
    if not content:
        raise MusictxError(f"{name} is empty; choose a MIDI file (.mid) with notes in it")
    with tempfile.TemporaryDirectory(prefix="musictx-") as folder:
        path = Path(folder) / "upload.mid"
        path.write_bytes(content)
        try:
            with _reading:
                every = inspect_midi(path)
                performance = read_midi(path, tracks=tracks)
        except MusictxError as error:
            raise MusictxError(str(error).replace(str(path), name)) from None
    performance, remarks = _shorten(performance)
    chosen = set(tracks) if tracks is not None else None
    return {
        "name": name,
        "notes": note_rows(performance.notes),
        "pedals": span_rows(performance.pedals),
        "metre": metre_facts(performance.metre),
        "tracks": [
            {
                "index": int(track.index),
                "name": track.name[:60],
                "notes": int(track.notes),
                "drums": bool(track.is_drum),
                "chosen": not track.is_drum and (chosen is None or track.index in chosen),
            }
            for track in every[:MAX_TRACKS]
        ],
        "remarks": [*performance.remarks, *remarks],
    }


async def keep_file(request: Request, shelf: Shelf) -> Response:
    """Keep the MIDI file that a program sends in a form, and answer with its path, as Gradio's route does."""
    place = None
    try:
        # `Gate` bounds both. What comes in chunks has no length, whatever stands beside it.
        known = "transfer-encoding" not in request.headers and request.headers.get("content-length", "")
        place = shelf.place(int(known) if known and known.isdecimal() else MAX_BYTES)
        async with request.form(max_files=1, max_fields=1) as form:
            file = form.get("files")
            if not isinstance(file, UploadFile):
                raise MusictxError("the form must hold one MIDI file, called files")
            path = place / _file_name(file.filename or "")
            await anyio.to_thread.run_sync(_copy, file, path)
        kept, place = path, None
        return JSONResponse([str(kept)])
    except (MusictxError, HTTPException, OSError) as error:
        said = error.detail if isinstance(error, HTTPException) else str(error)
        if isinstance(error, OSError):
            said = f"{NO_ROOM}: {error.strerror}"
        return JSONResponse({"error": said}, status_code=400)
    finally:
        if place:
            shelf.remove(place)


def _file_name(name: str) -> str:
    """A name for a file here: what the sender calls it, without what no name holds."""
    stem, dot, ending = name.replace("\\", "/").rpartition("/")[2].rpartition(".")
    if dot + ending.lower() not in ENDINGS:
        raise MusictxError(f"a file must be a MIDI file, with a name that ends in {', '.join(ENDINGS)}")
    stem = re.sub(r"[^\w ()+-]", "_", stem)[:60]
    return f"{stem or 'primer'}.{ending}"


def _copy(file: UploadFile, path: Path) -> None:
    with path.open("xb") as copy:
        shutil.copyfileobj(file.file, copy)


def read_primer(path: Path) -> Performance:
    """The file that a program has sent, read when others are not.

    Raises
    ------
    MusictxError
        It is too large, gone, or no MIDI file.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise MusictxError(f"the primer is larger than {MAX_BYTES // 2**20} MB; send a smaller MIDI file")
        with _reading:
            return read_midi(path)
    except OSError:
        raise MusictxError(f"{path.name} is not here; send it again") from None
    except MusictxError as error:  # the visitor knows the file by its name, not by its place on the server
        raise MusictxError(str(error).replace(str(path), path.name)) from None


def _shorten(performance: Performance) -> tuple[Performance, list[str]]:
    """Keep the first `MAX_SHOWN` notes."""
    if len(performance) <= MAX_SHOWN:
        return performance, []
    notes = performance.notes[:MAX_SHOWN]
    said = f"the piece has {len(performance):,} notes; the first {MAX_SHOWN:,} are shown"
    return replace(performance, notes=notes), [said]
