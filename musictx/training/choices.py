"""Choices that a listener made among takes: JSON lines, which a page, a script or a person can write.

Each line is one choice, a JSON object::

    {"primer": [[0.0, 0.48, 60, 80], [0.5, 0.97, 64, 72]],
     "cut": 1.0,
     "kept": [[[1.0, 1.45, 67, 75], [1.5, 2.0, 72, 70]]],
     "rejected": [[[1.0, 1.1, 30, 120]], [[1.2, 1.3, 31, 120]]],
     "model": "9f86d081884c7d65…"}

``primer``
    Its notes: onset and offset in seconds, pitch, velocity. The sustain pedal is part of the offsets.
``cut``
    Where the takes begin (s), on the same clock.
``kept``, ``rejected``
    The takes that were preferred, and those that were not, at least one of each. A take is all notes that
    sound after ``cut``: a note of the primer that rings on stands in it once more, with the offset that the
    take gave it.
``model``
    Who played: `musictx.checkpoint.weights_hash`. May be missing or empty.
``from_beginning``
    False if the primer is a passage from the middle of a piece; true if it is missing.

Other keys are left alone, so that whoever writes a choice may add what else is known of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shown
from typing import Any, cast

import numpy as np

from musictx.errors import MusictxError, reason
from musictx.files import refusals
from musictx.performance import Performance, apply_pedal, make_notes, resolve_overlaps
from musictx.training.metrics import METRICS

ENDING = ".jsonl"
MAX_BYTES = 2**24  # of a line: some forty takes of two minutes
MAX_CHOICES = 100_000
MAX_TAKES = 100  # kept, and rejected, in one choice
MAX_NOTES = 20_000  # of a primer or a take
MAX_SECONDS = 3600.0
MAX_NUMBER = 1e6  # of any time, pitch or velocity: more is none, and may be too large to compute with


@dataclass(frozen=True, eq=False)
class Choice:
    """What was preferred to what, after one primer.

    Attributes
    ----------
    primer : Performance
    cut : float
        Where the takes begin (s).
    kept, rejected : tuple of Performance
        Primer and take on one time axis, at least one each.
    model : str
        `weights_hash` of the model that played; empty if it is not known.
    from_beginning : bool
        Whether the primer is the beginning of a piece.
    """

    primer: Performance
    cut: float
    kept: tuple[Performance, ...]
    rejected: tuple[Performance, ...]
    model: str = ""
    from_beginning: bool = True

    def line(self, **more: Any) -> str:
        """The choice as a line of a file, with more facts about it if there are any.

        Examples
        --------
        >>> from musictx import Performance, make_notes
        >>> from musictx.training.choices import Choice, read_choices
        >>> primer = Performance(make_notes([0, 0.5], [0.5, 1], [60, 64]))
        >>> up, down = (Performance(make_notes([0, 0.5, 1], [0.5, 1, 2], [60, 64, p])) for p in (67, 40))
        >>> with open("mine.jsonl", "w") as file:
        ...     _ = file.write(Choice(primer, 1.0, kept=(up,), rejected=(down,)).line(place="bar 2"))
        >>> read_choices("mine.jsonl")[0].kept[0].notes["pitch"].tolist()
        [60, 64, 67]
        """

        def take(whole: Performance) -> list[list[float]]:
            notes = apply_pedal(whole).notes
            return _rows(notes[notes["offset"] > self.cut])

        facts = {
            "primer": _rows(apply_pedal(self.primer).notes),
            "cut": round(self.cut, 3),
            "kept": [take(whole) for whole in self.kept],
            "rejected": [take(whole) for whole in self.rejected],
            "model": self.model,
            "from_beginning": self.from_beginning,
        }
        return json.dumps({**facts, **more}, separators=(",", ":"), allow_nan=False) + "\n"


def _rows(notes: np.ndarray) -> list[list[float]]:
    """Notes as rows, in whole milliseconds; none is without length."""
    rows = ((round(on, 3), off, int(p), int(v)) for on, off, p, v in notes.tolist())
    return [[on, round(max(off, on + 0.001), 3), pitch, velocity] for on, off, pitch, velocity in rows]


def read_choices(path: str | os.PathLike[str]) -> list[Choice]:
    """Read the choices of a file, or of all ``.jsonl`` files below a folder.

    Parameters
    ----------
    path : path

    Returns
    -------
    list of Choice
        In the order of the files' names and of their lines; at least one.

    Raises
    ------
    MusictxError
        A file cannot be read, or one of its lines is no choice; file and line are named.

    See Also
    --------
    Choice.line : Writes one; an example is there.
    """
    path = Path(path)
    files = [path]
    if os.path.isdir(path):
        found_files = (file for file in path.rglob(f"*{ENDING}") if file.is_file())
        files = sorted(file for file in found_files if file.name != METRICS)  # a run may lie below
    found: list[Choice] = []
    for file in files:
        for number, text in _lines(file):
            try:
                found.append(_read(text))
            except MusictxError as error:
                raise MusictxError(f"{file}, line {number}: {error}") from error
            if len(found) > MAX_CHOICES:
                raise MusictxError(f"{path} holds more than {MAX_CHOICES:,} choices; give fewer at once")
    if not found:
        raise MusictxError(f"{path} holds no choices; each is one line of a file that ends in {ENDING}")
    return found


def of_model(choices: Sequence[Choice], model: str) -> list[Choice]:
    """Choices among takes of a model, known by its `weights_hash`, and those that name no model.

    A model learns best from its own takes: those of another one may be far from anything that it would play.
    """
    return [choice for choice in choices if choice.model in ("", model)]


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Lines of a file that are not blank, with their numbers."""
    with refusals(file, "read"), open(file, "rb") as stream:
        number = 0
        while text := stream.readline(MAX_BYTES + 1):
            number += 1
            if len(text) > MAX_BYTES:
                limit = f"{MAX_BYTES >> 20} MB; a choice has one line"
                raise MusictxError(f"{file}, line {number}: it is longer than {limit}")
            if text.strip():
                yield number, text


def _read(text: bytes) -> Choice:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MusictxError(f"it is no JSON object: {reason(error)}") from error
    if not isinstance(told, dict):
        raise MusictxError(
            f"it is {shown(told)}; a choice is a JSON object with primer, cut, kept and rejected"
        )
    cut = cast(Any, told.get("cut"))
    model, beginning = told.get("model") or "", told.get("from_beginning", True)
    if not _is_number(cut) or not 0 < cut <= MAX_SECONDS:
        raise MusictxError(f"cut is {shown(cut)}; it must be above 0 s and at most {MAX_SECONDS:g} s")
    if not isinstance(model, str) or len(model) > 128:
        raise MusictxError(f"model is {shown(model)}; it must be the hash of a model, or empty")
    if not isinstance(beginning, bool):
        raise MusictxError(f"from_beginning is {shown(beginning)}; it must be true or false")
    primer = _notes(told.get("primer"), "primer")
    primer = primer[primer["onset"] < cut]
    takes = {name: _takes(told.get(name), name, primer, cut) for name in ("kept", "rejected")}
    return Choice(Performance(primer), float(cut), **takes, model=model, from_beginning=beginning)


def _takes(told: Any, name: str, primer: np.ndarray, cut: float) -> tuple[Performance, ...]:
    if not isinstance(told, list) or not 1 <= len(told) <= MAX_TAKES:
        raise MusictxError(f"{name} is {shown(told)}; it must be a list of 1 to {MAX_TAKES} takes")
    wholes = []
    for number, rows in enumerate(told, 1):
        notes = _notes(rows, f"{name}, take {number}")
        notes = notes[notes["offset"] > cut]
        # A note of the primer that rings on is the take's.
        anew = {(onset, pitch) for onset, _, pitch, _ in notes[notes["onset"] < cut].tolist()}
        keys = zip(primer["onset"].tolist(), primer["pitch"].tolist(), strict=True)
        before = primer[[key not in anew for key in keys]] if anew else primer
        wholes.append(Performance(resolve_overlaps(np.concatenate([before, notes]))))
    return tuple(wholes)


def _notes(rows: Any, name: str) -> np.ndarray:
    if not isinstance(rows, list) or len(rows) > MAX_NOTES:
        raise MusictxError(f"{name} is {shown(rows)}; it must be a list of at most {MAX_NOTES:,} notes")
    for row in rows:
        if not _is_note(row):
            raise MusictxError(
                f"{name} has the note {shown(row)}; it must be [onset, offset, pitch, velocity], with times "
                f"from 0 to {MAX_SECONDS:g} s, a pitch from 0 to 127 and a velocity from 1 to 127"
            )
    columns: Sequence[Sequence[float]] = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return make_notes(*(np.asarray(column) for column in columns))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < MAX_NUMBER


def _is_note(row: Any) -> bool:
    if not isinstance(row, list) or len(row) != 4 or not all(map(_is_number, row)):
        return False
    onset, offset, pitch, velocity = row
    whole = type(pitch) is int and type(velocity) is int
    return whole and 0 <= onset < offset <= MAX_SECONDS and 0 <= pitch <= 127 and 1 <= velocity <= 127
