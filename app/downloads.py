"""What a visitor takes away: one lane as MIDI or as sound, rendered from the notes that the page sends."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from musictx.errors import MusictxError
from musictx.midi import write_midi
from musictx.performance import Performance
from musictx.render.audio import write_wav

from .payloads import read_notes

MOST_WAV_SECONDS = 900.0
MEDIA_TYPES = {"mid": "audio/midi", "wav": "audio/wav"}


def render_download(sent: Any) -> tuple[bytes, str]:
    """A file for the page's download buttons.

    Parameters
    ----------
    sent : object
        ``format`` ("mid" or "wav"), ``notes`` and ``pedals`` as in `payloads.read_notes`.

    Returns
    -------
    content : bytes
    media_type : str

    Raises
    ------
    MusictxError
        If the request makes no sense, or there is nothing to render.
    """
    kind = sent.get("format") if isinstance(sent, dict) else None
    if not isinstance(kind, str) or kind not in MEDIA_TYPES:
        raise MusictxError("a download is either a .mid or a .wav file")
    performance = read_notes(sent.get("notes"), sent.get("pedals", ()))
    if not len(performance):
        raise MusictxError("there is nothing to download yet; press Continue first")
    with tempfile.TemporaryDirectory(prefix="musictx-") as folder:
        path = Path(folder) / f"download.{kind}"
        if kind == "mid":
            write_midi(performance, path)
        else:
            _write_sound(performance, path)
        return path.read_bytes(), MEDIA_TYPES[kind]


def _write_sound(performance: Performance, path: Path) -> None:
    if performance.duration > MOST_WAV_SECONDS:
        raise MusictxError(
            f"the music lasts {performance.duration:.0f} s; a .wav can hold {MOST_WAV_SECONDS:.0f} s here, "
            "a .mid any length"
        )
    write_wav(performance, path)
