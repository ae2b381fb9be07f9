"""What the tests of MIDI reading share."""

from __future__ import annotations

from typing import Any

from musictx.performance import Performance

Rows = list[tuple[float, float, int, int]]
END = b"\x00\xff\x2f\x00"  # the end of a track, as bytes


def rows(music: Performance) -> Rows:
    """Notes as tuples: onset, offset, pitch, velocity."""
    return [(round(on, 6), round(off, 6), *rest) for on, off, *rest in music.notes.tolist()]


def times(music: Performance) -> list[tuple[float, float, int]]:
    """Notes as tuples: onset, offset, pitch."""
    return [row[:3] for row in rows(music)]


def pedals(music: Performance) -> list[tuple[float, float]]:
    """Pedal spans as tuples."""
    return [(round(on, 6), round(off, 6)) for on, off in music.pedals.tolist()]


def note(start: int, end: int, pitch: int, velocity: int = 64, channel: int = 0) -> list[tuple[Any, ...]]:
    """Note-on and note-off for the `midi_file` fixture."""
    return [(start, "on", pitch, velocity, channel), (end, "off", pitch, channel)]
