"""``Performance``: the one in-memory form of music, and pure functions on it.

Times are seconds from the start of the performance, pitches are MIDI note numbers (60 is middle
C) and velocities are MIDI velocities (1 to 127). A `Performance` is never changed in place: every
function here returns a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from musictx.errors import MusictxError
from musictx.metre import Metre

NOTE_DTYPE = np.dtype([("onset", "f8"), ("offset", "f8"), ("pitch", "u1"), ("velocity", "u1")])
SPAN_DTYPE = np.dtype([("onset", "f8"), ("offset", "f8")])
TEMPO_DTYPE = np.dtype([("time", "f8"), ("bpm", "f8")])


@dataclass(frozen=True, eq=False)
class Performance:
    """Notes in seconds, with the sustain pedal and the tempo map they came with.

    Parameters
    ----------
    notes : np.ndarray [shape=(n,), dtype=NOTE_DTYPE]
        Fields ``onset`` and ``offset`` (s), ``pitch`` and ``velocity``. Sorted here by onset,
        then pitch.
    pedals : np.ndarray [shape=(m,), dtype=SPAN_DTYPE]
        Spans (s) in which the sustain pedal is down. Sorted, not overlapping; two that touch are a
        pedal that was lifted and pressed again at once.
    tempos : np.ndarray [shape=(t,), dtype=TEMPO_DTYPE]
        Tempo changes: ``time`` (s) and ``bpm`` (quarter notes per minute). Only used to write files; the
        notes are in seconds already.
    remarks : tuple of str
        What reading the file left out or mended, in words for a musician.
    metre : Metre, optional
        Bars and beats of the file that it came from, if it has any: files are then written in the same
        ticks, with its tempo map and time signatures.

    Examples
    --------
    >>> from musictx import Performance, make_notes
    >>> music = Performance(make_notes(onset=[0, 0.5], offset=[0.5, 2], pitch=[60, 64]))
    >>> len(music), music.duration
    (2, 2.0)
    """

    notes: np.ndarray = field(default_factory=lambda: np.empty(0, NOTE_DTYPE))
    pedals: np.ndarray = field(default_factory=lambda: np.empty(0, SPAN_DTYPE))
    tempos: np.ndarray = field(default_factory=lambda: np.array([(0.0, 120.0)], TEMPO_DTYPE))
    remarks: tuple[str, ...] = ()
    metre: Metre | None = None

    def __post_init__(self) -> None:
        notes = np.asarray(self.notes, NOTE_DTYPE)
        order = np.lexsort((notes["offset"], notes["pitch"], notes["onset"]))
        object.__setattr__(self, "notes", notes[order])
        pedals = np.asarray(self.pedals, SPAN_DTYPE)
        object.__setattr__(self, "pedals", pedals[np.argsort(pedals["onset"], kind="stable")])
        object.__setattr__(self, "tempos", np.asarray(self.tempos, TEMPO_DTYPE))

    def __len__(self) -> int:
        """Number of notes."""
        return len(self.notes)

    @property
    def duration(self) -> float:
        """Time (s) at which the last note ends; 0 if there is none."""
        return float(self.notes["offset"].max()) if len(self.notes) else 0.0


def make_notes(
    onset: Sequence[float] | np.ndarray,
    offset: Sequence[float] | np.ndarray,
    pitch: Sequence[int] | np.ndarray,
    velocity: Sequence[int] | np.ndarray | int = 80,
) -> np.ndarray:
    """Build a note array from columns.

    Parameters
    ----------
    onset, offset : array_like [shape=(n,)]
        Seconds.
    pitch : array_like [shape=(n,)]
        MIDI note numbers, 0 to 127.
    velocity : array_like [shape=(n,)] or int
        1 to 127; one number serves for all notes.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=NOTE_DTYPE]

    Examples
    --------
    >>> from musictx import make_notes
    >>> make_notes([0, 0.5], [0.5, 2], [60, 64], velocity=70).tolist()
    [(0.0, 0.5, 60, 70), (0.5, 2.0, 64, 70)]
    """
    notes = np.empty(len(onset), NOTE_DTYPE)
    notes["onset"], notes["offset"] = onset, offset
    notes["pitch"], notes["velocity"] = pitch, velocity
    return notes


def resolve_overlaps(notes: np.ndarray) -> np.ndarray:
    """End each note where the same pitch is struck again, as a piano does.

    Of several notes with one pitch and one onset, the longest is kept.

    Parameters
    ----------
    notes : np.ndarray [shape=(n,), dtype=NOTE_DTYPE]

    Returns
    -------
    np.ndarray [shape=(m,), dtype=NOTE_DTYPE]
        At most one note of a pitch sounds at any time; sorted by onset, then pitch.

    Examples
    --------
    >>> from musictx.performance import make_notes, resolve_overlaps
    >>> resolve_overlaps(make_notes([0, 1], [3, 2], [60, 60]))["offset"].tolist()
    [1.0, 2.0]
    """
    kept, ends = separate(notes["onset"], notes["offset"], notes["pitch"])
    notes = notes[kept]
    notes["offset"] = ends
    return notes[np.lexsort((notes["pitch"], notes["onset"]))]


def separate(onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Notes such that a key is struck only when it is up.

    Of notes struck together the longest stays; a note that sounds when its key is struck again ends there.

    Parameters
    ----------
    onset, offset, pitch : np.ndarray [shape=(n,)]
        In seconds or in steps.

    Returns
    -------
    kept : np.ndarray [shape=(m,), dtype=int64]
        Which notes stay, by pitch and onset.
    ends : np.ndarray [shape=(m,)]
        Their offsets.
    """
    order = np.lexsort((-offset, onset, pitch))
    onset, offset, pitch = onset[order], offset[order], pitch[order]
    first = np.ones(len(order), bool)
    first[1:] = (pitch[1:] != pitch[:-1]) | (onset[1:] != onset[:-1])
    onset, offset, pitch = onset[first], offset[first], pitch[first]
    again = pitch[1:] == pitch[:-1]
    offset[:-1] = np.where(again, np.minimum(offset[:-1], onset[1:]), offset[:-1])
    return order[first], offset


def apply_pedal(performance: Performance) -> Performance:
    """Lengthen notes to what is heard: the sustain pedal becomes part of the note ends.

    A note whose key is released, or already held, while the pedal is down rings until the pedal
    comes up, or until its pitch is struck again.

    Parameters
    ----------
    performance : Performance

    Returns
    -------
    Performance
        Without pedals; at most one note of a pitch sounds at any time.

    References
    ----------
    Oore et al., "This time with feeling" (2018), section 3.1.

    Examples
    --------
    >>> from musictx import Performance, apply_pedal, make_notes
    >>> from musictx.performance import SPAN_DTYPE
    >>> pedal = np.array([(0.5, 4.0)], SPAN_DTYPE)
    >>> apply_pedal(Performance(make_notes([0], [1], [60]), pedal)).notes["offset"].tolist()
    [4.0]
    """
    notes, pedals = performance.notes.copy(), performance.pedals
    if len(pedals):
        span = np.searchsorted(pedals["onset"], notes["offset"], side="right") - 1
        held = (span >= 0) & (notes["offset"] < pedals["offset"][span])
        notes["offset"][held] = pedals["offset"][span[held]]
    return replace(performance, notes=resolve_overlaps(notes), pedals=np.empty(0, SPAN_DTYPE))


def slice_time(performance: Performance, start: float = 0.0, end: float = np.inf) -> Performance:
    """Cut out ``[start, end)``; what sounded at ``start`` or at ``end`` is cut there.

    Parameters
    ----------
    performance : Performance
    start, end : float
        Seconds.

    Returns
    -------
    Performance
        Times count from ``start``. Notes struck before ``start`` are left out: a listener who comes in
        at ``start`` does not hear their attack.

    Examples
    --------
    >>> from musictx import Performance, make_notes, slice_time
    >>> scale = Performance(make_notes([0, 1, 2], [1, 2, 3], [60, 62, 64]))
    >>> slice_time(scale, 1, 2.5).notes[["onset", "offset", "pitch"]].tolist()
    [(0.0, 1.0, 62), (1.0, 1.5, 64)]
    """
    if not end > start:
        raise MusictxError(f"the end of the passage ({end:g} s) must come after its start ({start:g} s)")
    notes = performance.notes
    notes = notes[(notes["onset"] >= start) & (notes["onset"] < end)].copy()
    notes["onset"] -= start
    notes["offset"] = np.minimum(notes["offset"], end) - start
    pedals = performance.pedals
    pedals = pedals[(pedals["offset"] > start) & (pedals["onset"] < end)].copy()
    for name in ("onset", "offset"):
        pedals[name] = np.clip(pedals[name], start, end) - start
    tempos = performance.tempos
    first = max(0, int(np.searchsorted(tempos["time"], start, side="right")) - 1)
    last = max(first + 1, int(np.searchsorted(tempos["time"], end)))
    tempos = tempos[first:last].copy()
    tempos["time"] = np.maximum(tempos["time"] - start, 0.0)
    metre = performance.metre and performance.metre.moved(start)
    return replace(performance, notes=notes, pedals=pedals, tempos=tempos, metre=metre)


def transpose(performance: Performance, semitones: int) -> Performance:
    """Move every pitch.

    Parameters
    ----------
    performance : Performance
    semitones : int

    Returns
    -------
    Performance
        Without the notes that would leave the pitches 0 to 127.

    Examples
    --------
    >>> from musictx import Performance, make_notes, transpose
    >>> fifth = transpose(Performance(make_notes([0, 0], [1, 1], [60, 125])), 7)
    >>> fifth.notes["pitch"].tolist()
    [67]
    """
    notes = performance.notes.copy()
    pitch = notes["pitch"].astype(int) + semitones
    inside = (pitch >= 0) & (pitch <= 127)
    notes = notes[inside]
    notes["pitch"] = pitch[inside]
    return replace(performance, notes=notes)


def stretch(performance: Performance, factor: float) -> Performance:
    """Play slower or faster.

    Parameters
    ----------
    performance : Performance
    factor : float
        Every time is multiplied by it: 2 plays at half the tempo.

    Returns
    -------
    Performance

    Raises
    ------
    MusictxError
        `factor` is not a positive number.

    Examples
    --------
    >>> from musictx import Performance, make_notes, stretch
    >>> slow = stretch(Performance(make_notes([0], [1], [60])), 2)
    >>> slow.duration, slow.tempos["bpm"].tolist()
    (2.0, [60.0])
    """
    if not (np.isfinite(factor) and factor > 0):
        raise MusictxError(f"the stretch factor must be a positive number, not {factor!r}")
    tempos = performance.tempos.copy()
    tempos["time"] *= factor
    tempos["bpm"] /= factor
    metre = performance.metre and performance.metre.stretched(factor)
    if metre and metre.fault():  # nobody counts quarter notes so long or so short
        metre = None
    return replace(retimed(performance, lambda time: time * factor), tempos=tempos, metre=metre)


def shift(performance: Performance, seconds: float) -> Performance:
    """Start everything later, or earlier if `seconds` is negative.

    Parameters
    ----------
    performance : Performance
    seconds : float

    Returns
    -------
    Performance
        The tempo that held at the start still does.

    Examples
    --------
    >>> from musictx import Performance, make_notes, shift
    >>> shift(Performance(make_notes([0], [1], [60])), 0.5).notes["onset"].tolist()
    [0.5]
    """
    tempos = performance.tempos.copy()
    tempos["time"][1:] = np.maximum(tempos["time"][1:] + seconds, 0.0)
    metre = performance.metre and performance.metre.moved(-seconds)
    return replace(retimed(performance, lambda time: time + seconds), tempos=tempos, metre=metre)


def retimed(performance: Performance, change: Callable[[np.ndarray], np.ndarray]) -> Performance:
    """The same notes and pedal with all of their times changed in one way."""
    notes, pedals = performance.notes.copy(), performance.pedals.copy()
    for array in (notes, pedals):
        for name in ("onset", "offset"):
            array[name] = change(array[name])
    return replace(performance, notes=notes, pedals=pedals)


def merge(performances: Sequence[Performance]) -> Performance:
    """Lay performances on top of one another; the first one's tempo map is kept.

    Parameters
    ----------
    performances : sequence of Performance

    Returns
    -------
    Performance
        Its pedal is down wherever any of theirs is: apply the pedals first (`apply_pedal`) if one
        performance's pedal must not lengthen another's notes.

    Examples
    --------
    >>> from musictx import Performance, make_notes, merge
    >>> right = Performance(make_notes([0, 1], [1, 2], [72, 74]))
    >>> left = Performance(make_notes([0], [2], [48]))
    >>> merge([right, left]).notes["pitch"].tolist()
    [48, 72, 74]
    """
    if not performances:
        return Performance()
    notes = np.concatenate([p.notes for p in performances])
    remarks = tuple(dict.fromkeys(remark for p in performances for remark in p.remarks))
    pedals = unite_spans(np.concatenate([p.pedals for p in performances]))
    return replace(performances[0], notes=notes, pedals=pedals, remarks=remarks)


def unite_spans(spans: np.ndarray) -> np.ndarray:
    """Unite spans that touch or overlap.

    Parameters
    ----------
    spans : np.ndarray [shape=(n,), dtype=SPAN_DTYPE]

    Returns
    -------
    np.ndarray [shape=(m,), dtype=SPAN_DTYPE]
        Sorted and disjoint.

    Examples
    --------
    >>> from musictx.performance import SPAN_DTYPE, unite_spans
    >>> unite_spans(np.array([(0, 2), (1, 3), (5, 6)], SPAN_DTYPE)).tolist()
    [(0.0, 3.0), (5.0, 6.0)]
    """
    if not len(spans):
        return spans
    spans = np.sort(spans, order="onset")
    reach = np.maximum.accumulate(spans["offset"])
    new = np.ones(len(spans), bool)
    new[1:] = spans["onset"][1:] > reach[:-1]
    starts = np.flatnonzero(new)
    united = np.empty(len(starts), SPAN_DTYPE)
    united["onset"] = spans["onset"][starts]
    united["offset"] = reach[np.append(starts[1:], len(spans)) - 1]
    return united
