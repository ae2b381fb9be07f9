"""MIDI files for the tests, made with mido so that they are independent of musictx."""

from __future__ import annotations

import io
from collections.abc import Sequence

import mido


def midi_bytes(
    *tracks: Sequence[tuple[float, float, int]],
    names: Sequence[str] = (),
    drums: Sequence[int] = (),
    unended: Sequence[int] = (),
) -> bytes:
    """A type-1 file: for each track its notes as (onset s, length s, pitch).

    `drums` are the tracks that the drum channel plays, `unended` those whose notes have no end.
    """
    file = mido.MidiFile(ticks_per_beat=500)  # at 120 a minute one tick is a millisecond
    for index, notes in enumerate(tracks):
        track = mido.MidiTrack()
        file.tracks.append(track)
        if index < len(names):
            track.append(mido.MetaMessage("track_name", name=names[index]))
        channel = 9 if index in drums else index
        events = [(on, 1, pitch) for on, _, pitch in notes]
        if index not in unended:
            events += [(on + length, 0, pitch) for on, length, pitch in notes]
        now = 0
        for when, on, pitch in sorted(events):
            tick = round(when * 1000)
            kind = "note_on" if on else "note_off"
            track.append(
                mido.Message(kind, channel=channel, note=pitch, velocity=70 if on else 0, time=tick - now)
            )
            now = tick
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def scale(
    start: float = 0.0, count: int = 12, step: float = 0.25, lowest: int = 60
) -> list[tuple[float, float, int]]:
    """Rising notes, one after the other."""
    return [(start + k * step, step * 0.9, lowest + k) for k in range(count)]
