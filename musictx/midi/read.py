"""MIDI files to `Performance`.

What is read: all tracks of types 0 and 1 on one time axis; of a type 2 file, whose tracks are
pieces of their own, the first that has notes. Drums (channel 10) are left out. The sustain pedal
belongs to its channel, wherever in the file it is written: see `musictx.midi.notes.assemble`.
Damaged files are read up to the damage. ``Performance.remarks`` says what was left out or
mended; if nothing is usable, `MusictxError` is raised.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import PathLike, fspath

import numpy as np

from musictx.errors import MusictxError, reason
from musictx.metre import Metre
from musictx.midi.notes import PairedNotes, Part, assemble, counted, pair_notes, sustain_moves
from musictx.midi.smf import CONTROL, DRUM_CHANNEL, NOTE_ON, MidiEvents, parse_smf
from musictx.midi.tempo_map import TempoMap
from musictx.performance import Performance, make_notes

MAX_BYTES = 24 << 20  # a day of piano with its pedal takes 12 MB
MAX_NOTES = 1_000_000  # eleven a second, day and night; what more cost in time and memory nobody expects

StrPath = str | PathLike[str]
TrackChoice = int | str | Iterable[int | str]


@dataclass(frozen=True)
class TrackSummary:
    """One track of a file: the notes of one channel in one track chunk.

    Parameters
    ----------
    index : int
        Its number, as the `tracks` option of `read_midi` takes it.
    name : str
        Empty if the file gives none.
    is_drum : bool
    notes : int
        Number of notes.
    """

    index: int
    name: str
    is_drum: bool
    notes: int


@dataclass(frozen=True)
class _Voice:
    """The notes of one channel in one track chunk, in ticks."""

    name: str
    chunk: int
    port: int
    channel: int
    notes: PairedNotes

    @property
    def is_drum(self) -> bool:
        return self.channel == DRUM_CHANNEL


def read_midi(path: StrPath, *, tracks: TrackChoice | None = None, pedal_threshold: int = 64) -> Performance:
    """Read a MIDI file.

    Parameters
    ----------
    path : path
        A Standard MIDI File of type 0, 1 or 2.
    tracks : int, str, or several of them, optional
        Tracks to read, by number (as `inspect_midi` counts them) or by name (capitals do not matter).
        All but the drums if not given; of a type 2 file the first one with notes.
    pedal_threshold : int, optional
        The sustain pedal is down where controller 64 has at least this value (1 to 127).

    Returns
    -------
    Performance
        Notes (s), sustain pedal, tempo map, and remarks on what was left out or mended.

    Raises
    ------
    MusictxError
        The file does not exist, is no MIDI, is too large, or has no notes besides drums; there is
        no such track; the threshold is impossible.

    See Also
    --------
    inspect_midi : Which tracks there are.

    Examples
    --------
    >>> from musictx import read_midi, shipped_primer
    >>> read_midi(shipped_primer("ode-to-joy")).notes["pitch"][:5].tolist()
    [66, 66, 67, 69, 69]
    """
    name = fspath(path)
    midi = _parse(path)
    voices = _voices(midi)
    wanted = voices if tracks is None else _choose(voices, tracks, name)
    played = [v for v in wanted if not v.is_drum]
    if midi.format == 2 and tracks is None:
        played = [v for v in played if v.chunk == played[0].chunk]
    if not played:
        lack = "only drums; a track with pitched notes is needed" if wanted else "no notes"
        raise MusictxError(f"{name} has {lack}")

    drums = sum(len(v.notes.onset) for v in wanted if v.is_drum)
    remarks = [f"{counted(drums, 'drum note')} left out"] if drums else []
    if midi.format == 2 and len({v.chunk for v in voices}) > 1:
        remarks.append("the file holds several separate pieces (type 2)")
    if midi.tracks_left_out:
        remarks.append(
            f"{counted(midi.tracks_left_out, 'track')} beyond the first {len(midi.tracks)} left out"
        )
    if unended := sum(int(v.notes.unended.sum()) for v in played):
        remarks.append(
            f"{counted(unended, 'note')} without an end ended at the next strike or the end of the track"
        )
    maps = _tempo_maps(midi)
    if any(t.damaged for t in midi.tracks):
        last = max(float(maps[i].to_seconds(np.array(t.end))) for i, t in enumerate(midi.tracks) if t.damaged)
        remarks.append(f"the file is damaged or cut short: a track breaks off after {last:.1f} s")

    metre = _metre(midi)
    if metre and (fault := metre.fault()):
        metre = None
        remarks.append(f"the file's tempo map gives no usable bars ({fault}), so times are in seconds")
    parts = _parts(midi, played, maps)
    performance = assemble(parts, maps[played[0].chunk].tempos(), remarks, pedal_threshold)
    if not len(performance):
        raise MusictxError(f"{name} has no notes in its first 24 hours")
    return replace(performance, metre=metre)


def inspect_midi(path: StrPath) -> list[TrackSummary]:
    """List the tracks of a MIDI file.

    Parameters
    ----------
    path : path

    Returns
    -------
    list of TrackSummary
        Tracks without notes are not listed; there may be none at all.

    Raises
    ------
    MusictxError
        The file does not exist, is no MIDI, or is too large.

    Examples
    --------
    >>> from musictx import shipped_primer
    >>> from musictx.midi import inspect_midi
    >>> [(track.name, track.notes) for track in inspect_midi(shipped_primer("fur-elise"))]
    [('Piano', 53)]
    """
    voices = _voices(_parse(path))
    return [TrackSummary(i, v.name, v.is_drum, len(v.notes.pitch)) for i, v in enumerate(voices)]


def _parse(path: StrPath) -> MidiEvents:
    name = fspath(path)
    if os.path.isdir(name):
        raise MusictxError(f"{name} is a folder; a MIDI file is needed")
    try:
        with open(name, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise MusictxError(f"{name} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise MusictxError(f"{name!r} cannot be read: {reason(error)}") from error
    if len(data) > MAX_BYTES:
        raise MusictxError(f"{name} is larger than {MAX_BYTES >> 20} MB, the most that is read as MIDI")
    if not data:
        raise MusictxError(f"{name} is empty; a MIDI file is needed")
    try:
        midi = parse_smf(data)
    except MusictxError as error:
        raise MusictxError(f"{name} {error}") from None
    messages = (track.messages for track in midi.tracks)
    notes = sum(int(np.count_nonzero((m.status & 0xF0 == NOTE_ON) & (m.data2 > 0))) for m in messages)
    if notes > MAX_NOTES:
        raise MusictxError(f"{name} holds {notes:,} notes, more than the {MAX_NOTES:,} that are read")
    return midi


def _voices(midi: MidiEvents) -> list[_Voice]:
    """Tracks with notes, in file order."""
    voices = []
    for chunk, track in enumerate(midi.tracks):
        if not len(track.messages.tick):
            continue
        notes = pair_notes(track)
        channels = np.flatnonzero(np.bincount(notes.channel, minlength=16))
        for channel in channels.tolist():
            name = track.name
            if len(channels) > 1:
                name = f"{name} (channel {channel + 1})" if name else f"channel {channel + 1}"
            voices.append(_Voice(name, chunk, track.port, channel, notes.of(channel)))
    return voices


def _choose(voices: list[_Voice], tracks: TrackChoice, path: str) -> list[_Voice]:
    """Pick the tracks asked for, in file order."""
    asked = [tracks] if isinstance(tracks, int | str) else list(tracks)
    names = [v.name.casefold() for v in voices]
    chosen: set[int] = set()
    for ask in asked:
        if isinstance(ask, str):
            found = [i for i, name in enumerate(names) if name == ask.strip().casefold()]
        else:
            found = [ask] if 0 <= ask < len(voices) else []
        if not found:
            there = ", ".join(f"{i} ({v.name or 'no name'})" for i, v in enumerate(voices[:20]))
            raise MusictxError(f"{path} has no track {ask!r} with notes; it has {there or 'none'}")
        chosen.update(found)
    if not chosen:
        raise MusictxError(f"no track of {path} was chosen; leave the choice out to read them all")
    return [voices[i] for i in sorted(chosen)]


def _parts(midi: MidiEvents, voices: list[_Voice], maps: list[TempoMap]) -> list[Part]:
    """Notes and pedal of each channel in seconds."""
    played: dict[tuple[int, int, int], list[np.ndarray]] = {}
    for v in voices:
        onset, offset = (maps[v.chunk].to_seconds(ticks) for ticks in (v.notes.onset, v.notes.offset))
        piece = v.chunk if midi.format == 2 else -1  # in type 2 each track has channels of its own
        notes = make_notes(onset, offset, v.notes.pitch, v.notes.velocity)
        played.setdefault((piece, v.port, v.channel), []).append(notes)
    parts = []
    for (piece, port, channel), notes_of_it in played.items():
        moves = []
        for chunk, track in enumerate(midi.tracks):
            if track.port == port and piece in (-1, chunk):
                moved = track.messages.where(track.messages.status == CONTROL | channel)
                moves.append(np.stack([maps[chunk].to_seconds(moved.tick), moved.data1, moved.data2], 1))
        parts.append(Part(np.concatenate(notes_of_it), *sustain_moves(np.concatenate(moves))))
    return parts


def _tempo_maps(midi: MidiEvents) -> list[TempoMap]:
    """Tempo map of each track: one for all, except in type 2."""
    if midi.ticks_per_second:
        return [TempoMap.steady(midi.ticks_per_second)] * len(midi.tracks)
    if midi.format == 2:
        return [TempoMap.from_ticks(t.tempos, midi.division) for t in midi.tracks]
    tempos = np.concatenate([t.tempos for t in midi.tracks])
    return [TempoMap.from_ticks(tempos, midi.division)] * len(midi.tracks)


def _metre(midi: MidiEvents) -> Metre | None:
    """Bars and beats, of a file that states a time signature; a recording's tempo alone says nothing."""
    signatures = np.concatenate([track.signatures for track in midi.tracks])
    if midi.ticks_per_second or midi.format == 2 or not len(signatures):
        return None
    tempos = np.concatenate([track.tempos for track in midi.tracks])
    return Metre.of(midi.division, tempos.tolist(), signatures.tolist())
