"""A visitor's MIDI file: read once, answered with its notes and tracks, and forgotten."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from musictx.errors import MusictxError
from musictx.midi import inspect_midi, read_midi
from musictx.performance import Performance

from .payloads import metre_facts, note_rows, span_rows

MOST_BYTES = 8 * 2**20
MOST_SHOWN = 40_000  # notes that a page can draw and cut without becoming slow
MOST_TRACKS = 64


def describe_upload(content: bytes, name: str, tracks: Sequence[int] | None = None) -> dict[str, Any]:
    """Notes, pedal and tracks of an uploaded file, for the page's overview roll.

    Parameters
    ----------
    content : bytes
        The file, at most `MOST_BYTES`.
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
            summary = inspect_midi(path)
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
            for track in summary.tracks[:MOST_TRACKS]
            if track.notes
        ],
        "remarks": [*performance.remarks, *remarks],
    }


def _shorten(performance: Performance) -> tuple[Performance, list[str]]:
    """Keep the first `MOST_SHOWN` notes."""
    if len(performance) <= MOST_SHOWN:
        return performance, []
    notes = performance.notes[:MOST_SHOWN]
    said = f"the piece has {len(performance):,} notes; the first {MOST_SHOWN:,} are shown"
    return replace(performance, notes=notes), [said]
