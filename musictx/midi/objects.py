"""Objects of `pretty_midi` and `miditoolkit` to `Performance` and back.

Both libraries give every instrument its own controllers, so an instrument is what a sustain pedal
acts on here; drums are left out, as when files are read.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from musictx.errors import MusictxError
from musictx.midi.notes import SUSTAIN, Part, assemble, counted, sustain_moves
from musictx.midi.tempo_map import TempoMap
from musictx.midi.write import check_notes, midi_bytes, note_ticks, pedal_moves
from musictx.performance import TEMPO_DTYPE, Performance, make_notes

if TYPE_CHECKING:  # imported only where they are used: training needs neither
    import miditoolkit
    import pretty_midi


def from_pretty_midi(midi: pretty_midi.PrettyMIDI, *, pedal_threshold: int = 64) -> Performance:
    """Convert a `pretty_midi.PrettyMIDI` object.

    Parameters
    ----------
    midi : pretty_midi.PrettyMIDI
    pedal_threshold : int, optional
        The sustain pedal is down where controller 64 has at least this value.

    Returns
    -------
    Performance
        All instruments but the drums.

    Raises
    ------
    MusictxError
        There are no notes besides drums, or a note is none that MIDI knows.

    Examples
    --------
    >>> import pretty_midi
    >>> from musictx import from_pretty_midi, read_midi, shipped_primer
    >>> midi = pretty_midi.PrettyMIDI(str(shipped_primer("ode-to-joy")))
    >>> len(from_pretty_midi(midi)) == len(read_midi(shipped_primer("ode-to-joy")))
    True
    """
    times, bpm = midi.get_tempo_changes()
    tempos = np.empty(len(times), TEMPO_DTYPE)
    tempos["time"], tempos["bpm"] = times, bpm

    return _from_instruments(midi.instruments, np.asarray, tempos, pedal_threshold)


def to_pretty_midi(performance: Performance) -> pretty_midi.PrettyMIDI:
    """Convert to a `pretty_midi.PrettyMIDI` object with one piano.

    Parameters
    ----------
    performance : Performance

    Returns
    -------
    pretty_midi.PrettyMIDI
        Times of notes and pedal are exactly those of the performance.

    Examples
    --------
    >>> from musictx import Performance, make_notes, to_pretty_midi
    >>> to_pretty_midi(Performance(make_notes([0], [0.5], [60]))).instruments[0].notes
    [Note(start=0.000000, end=0.500000, pitch=60, velocity=80)]
    """
    import pretty_midi

    check_notes(performance.notes)
    # pretty_midi takes a tempo map only from a file.
    frame = midi_bytes(Performance(tempos=performance.tempos))
    midi = pretty_midi.PrettyMIDI(io.BytesIO(frame))
    piano = pretty_midi.Instrument(program=0, name="Piano")
    piano.notes = [
        pretty_midi.Note(velocity, pitch, onset, offset)
        for onset, offset, pitch, velocity in performance.notes.tolist()
    ]
    piano.control_changes = [
        pretty_midi.ControlChange(SUSTAIN, value, time)
        for span in performance.pedals.tolist()
        for value, time in zip((127, 0), span, strict=True)
    ]
    midi.instruments = [piano]
    return midi


def from_miditoolkit(midi: miditoolkit.MidiFile, *, pedal_threshold: int = 64) -> Performance:
    """Convert a `miditoolkit.MidiFile` object.

    Parameters
    ----------
    midi : miditoolkit.MidiFile
    pedal_threshold : int, optional
        The sustain pedal is down where controller 64 has at least this value.

    Returns
    -------
    Performance
        All instruments but the drums, in seconds by the object's tempo changes.

    Raises
    ------
    MusictxError
        There are no notes besides drums, or a note is none that MIDI knows.

    Examples
    --------
    >>> import miditoolkit
    >>> from musictx import from_miditoolkit, read_midi, shipped_primer
    >>> midi = miditoolkit.MidiFile(str(shipped_primer("ode-to-joy")))
    >>> len(from_miditoolkit(midi)) == len(read_midi(shipped_primer("ode-to-joy")))
    True
    """
    changes = np.array([(c.time, 60e6 / c.tempo) for c in midi.tempo_changes]).reshape(-1, 2)
    tempo_map = TempoMap.from_ticks(changes, midi.ticks_per_beat)

    return _from_instruments(midi.instruments, tempo_map.to_seconds, tempo_map.tempos(), pedal_threshold)


def to_miditoolkit(performance: Performance) -> miditoolkit.MidiFile:
    """Convert to a `miditoolkit.MidiFile` object with one piano.

    Parameters
    ----------
    performance : Performance

    Returns
    -------
    miditoolkit.MidiFile
        In ticks fine enough to keep seconds within a quarter of a millisecond.

    Examples
    --------
    >>> from musictx import Performance, make_notes, to_miditoolkit
    >>> to_miditoolkit(Performance(make_notes([0], [0.5], [60]))).instruments[0].notes[0].pitch
    60
    """
    import miditoolkit

    check_notes(performance.notes)
    tempo_map = TempoMap.for_writing(performance.tempos)
    notes = performance.notes
    on, off = note_ticks(notes, tempo_map)
    moves, values = pedal_moves(performance.pedals, tempo_map)
    midi = miditoolkit.MidiFile(ticks_per_beat=int(tempo_map.division))
    midi.tempo_changes = [
        miditoolkit.TempoChange(60e6 / micros, tick)
        for tick, micros in zip(tempo_map.ticks.tolist(), tempo_map.micros.tolist(), strict=True)
    ]
    piano = miditoolkit.Instrument(program=0, name="Piano")
    piano.notes = [
        miditoolkit.Note(velocity, pitch, start, end)
        for velocity, pitch, start, end in zip(
            notes["velocity"].tolist(), notes["pitch"].tolist(), on.tolist(), off.tolist(), strict=True
        )
    ]
    piano.control_changes = [
        miditoolkit.ControlChange(SUSTAIN, value, tick)
        for tick, value in zip(moves.tolist(), values.tolist(), strict=True)
    ]
    midi.instruments = [piano]
    midi.max_tick = int(max(off.max(initial=0), moves.max(initial=0))) + 1
    return midi


def _from_instruments(
    instruments: list[Any], seconds: Callable[[np.ndarray], np.ndarray], tempos: np.ndarray, threshold: int
) -> Performance:
    """The music of a library's instruments, whose times `seconds` turns into seconds."""

    def part(instrument: Any) -> Part:
        notes = _notes((n.start, n.end, n.pitch, n.velocity) for n in instrument.notes)
        notes["onset"], notes["offset"] = seconds(notes["onset"]), seconds(notes["offset"])
        controls = [(c.time, c.number, c.value) for c in instrument.control_changes]
        time, value = sustain_moves(np.array(controls, float).reshape(-1, 3))
        return Part(notes, seconds(time), value)

    drums = sum(len(i.notes) for i in instruments if i.is_drum)
    remarks = [f"{counted(drums, 'drum note')} left out"] if drums else []
    parts = [part(instrument) for instrument in instruments if not instrument.is_drum]
    for checked in parts:
        check_notes(checked.notes)
    performance = assemble(parts, tempos, remarks, threshold)
    if not len(performance):
        raise MusictxError("the MIDI object has only drums" if drums else "the MIDI object has no notes")
    return performance


def _notes(rows: Iterable[tuple[float, float, int, int]]) -> np.ndarray:
    table = np.array(list(rows), float).reshape(-1, 4)
    table = table[table[:, 3] > 0]  # a note of velocity 0 is silence
    wrong = ~((table[:, 2:] >= 0) & (table[:, 2:] <= 127)).all(axis=1)
    if wrong.any():
        pitch, velocity = table[int(np.argmax(wrong)), 2:]
        raise MusictxError(f"a note has pitch {pitch:g} and velocity {velocity:g}; MIDI has 0 to 127")
    return make_notes(*table.T)
