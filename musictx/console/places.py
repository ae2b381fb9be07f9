"""Files that a command writes: that they can be written is checked before the work starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from musictx.errors import MusictxError
from musictx.files import is_device, keep_inputs, place_of, refusals

if TYPE_CHECKING:
    from musictx.performance import Performance

PICTURES = (".png", ".svg", ".pdf")


class Places(NamedTuple):
    """Where a take goes as MIDI, as sound and as a picture; of several takes, the names are numbered."""

    midi: Path
    audio: Path | None = None
    roll: Path | None = None

    def of(self, number: int, takes: int) -> Places:
        """Of one of several takes."""
        if takes == 1:
            return self
        named = (p.with_stem(f"{p.stem}-{number}") if p and p.name else p for p in self)
        return Places(*named)  # type: ignore[arg-type]

    def write(self, music: Performance, title: str, primer_end: float | None = None, **midi: Any) -> None:
        """Write the files that have a place; `midi` are options of `write_midi`."""
        from musictx.midi import write_midi
        from musictx.render import draw_roll, write_wav

        write_midi(music, self.midi, **midi)
        if self.audio:
            write_wav(music, self.audio)
        if self.roll:
            draw_roll(music, self.roll, primer_end=primer_end, title=title)


def check_places(places: Places, variations: int, inputs: Sequence[str | Path | None]) -> None:
    """Say that a result could not be written, or would be written over something that is read or another one.

    Parameters
    ----------
    places : Places
    variations : int
    inputs : sequence of path
        What is read.
    """
    taken = set()
    for number in range(1, variations + 1):
        for place, endings in zip(places.of(number, variations), ((), (".wav",), PICTURES), strict=True):
            if place is None:
                continue
            check_place(place, endings)
            real = os.path.realpath(place)
            if real in taken and not is_device(place):
                raise MusictxError(f"{place} is an output already; choose another name")
            taken.add(real)
            keep_inputs([place], inputs)


def check_place(path: Path, endings: tuple[str, ...]) -> None:
    """Say that a file could not be written, or that its name has a wrong ending."""
    place = place_of(path)
    with refusals(path, "written"), suppress(FileNotFoundError):
        os.stat(path)  # too long a name
    if not os.access(place if os.path.exists(place) else place.parent, os.W_OK):
        raise MusictxError(f"{path} cannot be written: permission denied")
    if endings and not is_device(path) and path.suffix.lower() not in endings:
        raise MusictxError(f"{path} must end in {', '.join(endings)}")
