"""MIDI files to `Performance`."""

from __future__ import annotations

from os import PathLike, fspath

import numpy as np
import symusic

from musictx.errors import MusictxError
from musictx.performance import NOTE_DTYPE, SPAN_DTYPE, TEMPO_DTYPE, Performance, unite_spans

_SUSTAIN = 64


def read_midi(path: str | PathLike[str], *, pedal_threshold: int = 64) -> Performance:
    """Read a MIDI file.

    Parameters
    ----------
    path : path
    pedal_threshold : int
        The sustain pedal is down where controller 64 has at least this value.

    Returns
    -------
    Performance
        All tracks but the drums, merged on one time axis.

    Raises
    ------
    MusictxError
        The file cannot be read as MIDI.
    """
    name = fspath(path)
    try:
        score = symusic.Score(name, ttype="tick")
    except Exception as error:
        raise MusictxError(f"{name} cannot be read as a MIDI file: {error}") from error
    tempos = score.tempos.numpy()
    order = np.argsort(tempos["time"], kind="stable")
    ticks, beat = tempos["time"][order].astype("f8"), tempos["mspq"][order] * 1e-6
    if not len(ticks) or ticks[0] > 0:
        ticks, beat = np.append(0.0, ticks), np.append(0.5, beat)
    per_quarter = score.ticks_per_quarter
    seconds = np.append(0.0, np.cumsum(np.diff(ticks) * beat[:-1] / per_quarter))

    def at(tick: np.ndarray) -> np.ndarray:
        place = np.searchsorted(ticks, tick, side="right") - 1
        return seconds[place] + (tick - ticks[place]) * beat[place] / per_quarter

    tempo_map = np.empty(len(ticks), TEMPO_DTYPE)
    tempo_map["time"], tempo_map["bpm"] = seconds, 60 / beat
    notes, pedals, remarks = [], [], []
    drums = 0
    for track in score.tracks:
        if track.is_drum:
            drums += len(track.notes)
            continue
        columns = track.notes.numpy()
        start = columns["time"].astype("i8")
        these = np.empty(len(start), NOTE_DTYPE)
        these["onset"], these["offset"] = at(start), at(start + columns["duration"])
        these["pitch"], these["velocity"] = columns["pitch"], columns["velocity"]
        notes.append(these)
        controls = track.controls.numpy()
        sustain = controls["number"] == _SUSTAIN
        down = controls["value"][sustain] >= pedal_threshold
        time = at(controls["time"][sustain].astype("i8"))
        change = np.flatnonzero(np.diff(np.append(False, down).astype("i1")))
        spans = np.empty((len(change) + 1) // 2, SPAN_DTYPE)
        spans["onset"] = time[change[::2]]
        spans["offset"][: len(change) // 2] = time[change[1::2]]
        spans["offset"][len(change) // 2 :] = np.inf
        pedals.append(spans)
    if drums:
        remarks.append(f"{drums} drum notes left out")
    all_notes = np.concatenate(notes) if notes else np.empty(0, NOTE_DTYPE)
    if not len(all_notes):
        raise MusictxError(f"{name} has no notes to play" + (" besides drums" if drums else ""))
    spans = unite_spans(np.concatenate(pedals))
    spans["offset"] = np.minimum(spans["offset"], max(all_notes["offset"].max(), spans["onset"].max(initial=0)))
    return Performance(all_notes, spans[spans["offset"] > spans["onset"]], tempo_map, tuple(remarks))
