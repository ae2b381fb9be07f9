"""The files that `musictx continue` makes of a take, and a folder of takes with a page to hear them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from musictx.console.places import numbered
from musictx.errors import MusictxError
from musictx.files import write_bytes
from musictx.labels import track_names
from musictx.sampling import Continuation

PAGE = Path(__file__).with_name("takes.html").read_text(encoding="utf-8")
TAKE = """<h2>Take {number}</h2>
<img src="{roll}" alt="Piano roll of take {number}">
<audio controls preload="none" src="{audio}"></audio>
<p>{words} <a href="{midi}">MIDI file</a></p>
"""


class Places(NamedTuple):
    """Where the files of a take go; of several, the names are numbered."""

    midi: Path
    audio: Path | None = None
    roll: Path | None = None

    def of(self, number: int, takes: int) -> Places:
        """Of one of several takes."""
        midi, *others = (path and numbered(path, number, takes) for path in self)
        assert midi
        return Places(midi, *others)


def folder_of_takes(folder: Path) -> Places:
    """Make a folder for takes, if it is not there, and say where their files go.

    Raises
    ------
    MusictxError
        The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MusictxError(f"{folder} cannot be made: {error.strerror}") from error
    return Places(folder / "take.mid", folder / "take.wav", folder / "take.png")


def save_take(
    made: Continuation, places: Places, model: str, seed: int, title: str, *, alone: bool, joined: bool
) -> None:
    """Write the files of a take: MIDI, and sound and picture where a place is given.

    Parameters
    ----------
    made : Continuation
    places : Places
    model : str
    seed : int
    title : str
        Of the picture.
    alone : bool
        Leave the primer out.
    joined : bool
        Primer and continuation in one track of the MIDI file.
    """
    from musictx.midi import write_midi

    music, cut = (made.alone, None) if alone else (made.performance, made.cut)
    names = track_names(model, seed)
    # Without a primer before it, everything is the continuation.
    write_midi(music, places.midi, cut=None if joined else cut or 0.0, names=names)
    if places.audio:
        from musictx.render.audio import write_wav

        write_wav(music, places.audio)
    if places.roll:
        from musictx.render.pianoroll import draw_roll

        draw_roll(music, places.roll, primer_end=cut, title=title)


def write_page(folder: Path, title: str, takes: Sequence[tuple[int, Places, str]]) -> None:
    """Write ``index.html`` beside takes: number, places and a sentence of each."""
    parts = []
    for number, places, words in takes:
        names = {key: escape(path.name) for key, path in places._asdict().items()}
        parts.append(TAKE.format(number=number, words=escape(words), **names))
    page = PAGE.format(title=escape(title), takes="".join(parts))
    write_bytes(folder / "index.html", page.encode("utf-8", "replace"))
