"""What a page may send: checked here before anything else looks at it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from musictx.errors import MusictxError
from musictx.metre import MAX_CHANGES, Metre
from musictx.performance import SPAN_DTYPE, Performance, make_notes
from musictx.sampling.beat import check_beat
from musictx.sampling.continuation import MAX_BARS
from musictx.sampling.primer import LATEST
from musictx.settings import SETTINGS, SamplingSettings

MAX_NOTES = 20_000
MAX_SECONDS = 3600.0  # no note of a page lies later than this
GAP_SECONDS = (
    0.1,
    15.0,
)  # how short and how long a selection can be that is filled in: in some 1.2 GB at most


class Malformed(MusictxError):
    """What no page sends: answered with status 400."""


@dataclass(frozen=True)
class Settings:
    """How to continue; every field is one control of the page."""

    seconds: float = 30.0
    seed: int = 0
    beat: str = "off"
    sampling: SamplingSettings = field(default_factory=SamplingSettings)


# name: (label in the page, lowest, highest)
LIMITS: dict[str, tuple[str, float, float]] = {
    "seconds": ("Length", 2, 180),
    **{name: (each.label, each.lowest, each.highest) for name, each in SETTINGS.items()},
    "seed": ("Seed", 0, 2**31 - 1),
}


def read_settings(sent: Any, *, labels: bool = True) -> Settings:
    """Settings from a page's JSON object; whatever it leaves out has its default.

    Sentences call a setting by its label in the page, or by the name that a program gives it.

    Raises
    ------
    MusictxError
        If a value is no number or outside `LIMITS`.
    """
    if not isinstance(sent, Mapping):
        raise Malformed("the settings did not arrive; reload the page and try again")
    values: dict[str, Any] = {}
    for name, (label, lowest, highest) in LIMITS.items():
        if sent.get(name) is None:
            continue
        label = label if labels else name
        value = read_number(sent[name], label)
        if not lowest <= value <= highest:
            raise MusictxError(f"{label} is {value:.10g}; choose a number from {lowest:g} to {highest:.10g}")
        values[name] = round(value) if name in ("top_k", "seed") else value
    if sent.get("beat") is not None:
        values["beat"] = sent["beat"]
        check_beat(values["beat"])
    shape = sent.get("shape") or ""
    if isinstance(shape, str):  # it is kept with votes: as short as it can be
        shape = ",".join(wish.strip() for wish in shape.split(","))
    sampling = SamplingSettings(
        **{name: values.pop(name) for name in SETTINGS if name in values}, shape=shape
    )
    return Settings(**values, sampling=sampling)


def read_bars(sent: Any, label: str = "Bars") -> int:
    """A length in bars; 0 if there is none."""
    bars = read_number(sent, label)
    if not 0 <= bars <= MAX_BARS or bars % 1:
        raise MusictxError(
            f"{label} is {bars:.10g}; choose a whole number from 1 to {MAX_BARS}, or 0 for seconds"
        )
    return int(bars)


def read_metre(sent: Any) -> Metre | None:
    """Bars and beats from a page: ``division``, ``tempos``, ``signatures`` as `Metre` has them.

    ``start`` (ms) is where in the file the music begins that is sent with it. Nothing means no bars.

    Raises
    ------
    MusictxError
        If its bars cannot be used.
    """
    if sent is None:
        return None
    try:
        tempos, signatures = (_whole(sent[name], width) for name, width in (("tempos", 2), ("signatures", 3)))
        division, start = sent["division"], read_number(sent.get("start", 0), "The metre's start") / 1000
        good = isinstance(division, int) and 1 <= division < 2**15 and 0 <= start <= LATEST
        good &= bool((tempos[:, 1] > 0).all() and np.isin(signatures[:, 2], 1 << np.arange(7)).all())
        good &= bool(((signatures[:, 1] > 0) & (signatures[:, 1] < 256)).all())
    except (TypeError, KeyError, ValueError, OverflowError):
        good = False
    if not good:
        raise MusictxError("the bars of this piece are damaged; reload the page and try again")
    metre = Metre.of(division, tempos.tolist(), signatures.tolist(), start)
    if fault := metre.fault():
        raise MusictxError(f"the bars of this piece cannot be used: {fault}")
    return metre


def _whole(rows: Any, columns: int) -> np.ndarray:
    """Rows of whole numbers of 31 bits, at most `MAX_CHANGES`."""
    table = np.array(rows if isinstance(rows, list) and len(rows) <= MAX_CHANGES else None, float)
    table = table.reshape(-1, columns)
    if not (np.isfinite(table) & (table >= 0) & (table < 2**31) & (table % 1 == 0)).all():
        raise ValueError
    return table.astype(np.int64)


def metre_facts(metre: Metre | None) -> dict[str, Any] | None:
    """The reverse of `read_metre`."""
    if metre is None:
        return None
    tables = {"tempos": metre.tempos.tolist(), "signatures": metre.signatures.tolist()}
    return {"division": metre.division, **tables, "start": round(1000 * metre.start)}


def read_notes(notes: Any, pedals: Any = ()) -> Performance:
    """A performance from a page's ``[[onset, offset, pitch, velocity], …]`` and ``[[down, up], …]``.

    Times are whole milliseconds, so that a page, a link and the server mean the same instant.

    Raises
    ------
    MusictxError
        If there are too many notes, or one that no piano could play.
    """
    table = _table(notes, 4, "notes")
    spans = _table(pedals, 2, "pedal marks")
    if len(table):
        pitch, velocity = table[:, 2], table[:, 3]
        if (pitch < 0).any() or (pitch > 127).any() or (velocity < 1).any() or (velocity > 127).any():
            raise MusictxError(
                "a note lies outside MIDI's range: pitches go from 0 to 127, velocities from 1 to 127"
            )
    pedal_array = np.empty(len(spans), SPAN_DTYPE)
    pedal_array["onset"], pedal_array["offset"] = spans[:, 0] / 1000, spans[:, 1] / 1000
    note_array = make_notes(
        table[:, 0] / 1000, table[:, 1] / 1000, table[:, 2].astype(int), table[:, 3].astype(int)
    )
    return Performance(note_array, pedal_array)


def read_length(length: Any) -> float:
    """Length of the primer in seconds, from whole milliseconds.

    Raises
    ------
    MusictxError
        If it is not between 0 and `MAX_SECONDS`.
    """
    seconds = read_number(length, "The primer's length") / 1000
    if not 0 < seconds <= MAX_SECONDS:
        raise MusictxError(f"the primer is {seconds:g} s long; choose a selection of up to {MAX_SECONDS:g} s")
    return seconds


def read_gap(gap: Any) -> tuple[float, float]:
    """Start and end (s) of a selection that is to be filled in, from whole milliseconds.

    Raises
    ------
    MusictxError
        If it is no selection, or not as long as `GAP_SECONDS` allow.
    """
    if not isinstance(gap, Mapping):
        raise Malformed("the selection did not arrive; reload the page and try again")
    start = read_number(gap.get("start"), "The start of the selection") / 1000
    end = read_number(gap.get("end"), "The end of the selection") / 1000
    shortest, longest = GAP_SECONDS
    if not (0 <= start <= MAX_SECONDS and shortest <= end - start <= longest):
        raise MusictxError(
            f"the selection goes from {start:g} s to {end:g} s; choose one of {shortest:g} to {longest:g} s "
            "inside the music"
        )
    return start, end


def note_rows(notes: np.ndarray) -> list[list[int]]:
    """The reverse of `read_notes`: rows of whole milliseconds, pitch and velocity."""
    table = np.column_stack(
        [
            np.rint(notes["onset"] * 1000),
            np.rint(notes["offset"] * 1000),
            notes["pitch"],
            notes["velocity"],
        ]
    )
    return table.astype(int).tolist()


def span_rows(spans: np.ndarray) -> list[list[int]]:
    """Pedal spans as rows of whole milliseconds."""
    return np.rint(np.column_stack([spans["onset"], spans["offset"]]) * 1000).astype(int).tolist()


def sentence(message: str) -> str:
    """An error as a sentence: a capital first, unless a file's name comes first; a full stop last."""
    message = message.strip()
    if re.match(r"[a-z]+[\s,]", message):
        message = message[:1].upper() + message[1:]
    return message if message.endswith((".", "!", "?")) else f"{message}."


def read_number(value: Any, label: str) -> float:
    """A finite number; `label` is what a sentence calls it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Malformed(f"{label} must be a number")
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise Malformed(f"{label} must be a number")
    return number


def _table(rows: Any, columns: int, what: str) -> np.ndarray:
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise Malformed(f"the {what} did not arrive; reload the page and try again")
    if len(rows) > MAX_NOTES:
        raise MusictxError(f"{len(rows):,} {what} are too many; choose a part with at most {MAX_NOTES:,}")
    # Looked at one by one: of a long text among numbers NumPy would make as many long texts.
    good = all(isinstance(row, (list, tuple)) and len(row) == columns for row in rows)
    try:
        if not good or not all(type(value) in (int, float) for row in rows for value in row):
            raise TypeError
        table = np.array(rows, float).reshape(-1, columns)
    except (TypeError, OverflowError):  # the second: a whole number of hundreds of digits
        raise Malformed(f"the {what} are damaged; reload the page and try again") from None
    times = table[:, :2]
    if not np.isfinite(table).all() or (times < 0).any() or (times > MAX_SECONDS * 1000).any():
        raise MusictxError(f"the {what} must lie between 0 and {MAX_SECONDS:g} seconds")
    if (times[:, 1] < times[:, 0]).any():
        raise MusictxError(f"one of the {what} ends before it begins")
    return table
