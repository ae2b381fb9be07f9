"""What a visitor takes away: one lane as MIDI or as sound, rendered from the notes that the page sends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from musictx.errors import MusictxError
from musictx.midi import midi_bytes
from musictx.performance import Performance
from musictx.render.audio import wav_pieces

from .payloads import MAX_SECONDS, Malformed, read_metre, read_notes

MAX_WAV_SECONDS = 900.0
MEDIA_TYPES = {"mid": "audio/midi", "wav": "audio/wav"}


def render_midi(sent: Any) -> bytes:
    """A MIDI file for the page's download buttons.

    Parameters
    ----------
    sent : object
        ``notes`` and ``pedals`` as in `payloads.read_notes`, ``metre`` as in `payloads.read_metre`, and
        ``cut`` (ms), where a second track begins, with ``names``, those of the two: the last three may be
        missing.

    Raises
    ------
    MusictxError
        If the request makes no sense, or there is nothing to render.
    """
    return midi_bytes(replace(_music(sent), metre=read_metre(sent.get("metre"))), **_tracks(sent))


def _tracks(sent: dict[str, Any]) -> dict[str, Any]:
    """Where the second track begins, and what the two are called."""
    if sent.get("cut") is None:
        return {}
    names = sent.get("names")
    if not (isinstance(names, list) and len(names) == 2 and all(isinstance(name, str) for name in names)):
        raise Malformed("the two tracks have no names; reload the page and try again")
    first, second = (name.encode("utf-8", "replace").decode()[:100] for name in names)
    cut = sent["cut"]
    if isinstance(cut, bool) or not isinstance(cut, (int, float)) or not 0 <= cut <= 1000 * MAX_SECONDS:
        raise Malformed("the continuation begins nowhere; reload the page and try again")
    return {"cut": cut / 1000, "names": (first, second)}


def render_sound(sent: Any) -> tuple[int, Iterator[bytes]]:
    """A WAV file for the page's download buttons: its size, and its pieces, each made when it is asked for.

    Parameters
    ----------
    sent : object
        ``notes`` and ``pedals`` as for `render_midi`.

    Raises
    ------
    MusictxError
        If the request makes no sense, there is nothing to render, or it lasts too long.
    """
    performance = _music(sent)
    if performance.duration > MAX_WAV_SECONDS:
        raise MusictxError(
            f"the music lasts {performance.duration:.0f} s; a .wav can hold {MAX_WAV_SECONDS:.0f} s here, "
            "a .mid any length"
        )
    return wav_pieces(performance)


def wanted_format(sent: Any) -> str:
    """Which file is asked for: "mid" or "wav"."""
    kind = sent.get("format") if isinstance(sent, dict) else None
    if not isinstance(kind, str) or kind not in MEDIA_TYPES:
        raise Malformed("a download is either a .mid or a .wav file")
    return kind


def _music(sent: Any) -> Performance:
    performance = read_notes(sent.get("notes"), sent.get("pedals", ()))
    if not len(performance):
        raise MusictxError("there is nothing to download yet; press Continue first")
    return performance
