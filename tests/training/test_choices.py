"""Choices on disk: what a page wrote is what a model learns from, and a line that is none says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musictx.errors import MusictxError
from musictx.events import encode
from musictx.performance import SPAN_DTYPE, Performance, make_notes, resolve_overlaps, slice_time
from musictx.training.choices import MAX_BYTES, Choice, of_model, read_choices

GOOD: dict[str, Any] = {
    "primer": [[0.0, 0.5, 60, 80], [0.5, 1.0, 64, 80]],
    "cut": 1.0,
    "kept": [[[1.0, 1.5, 67, 70]]],
    "rejected": [[[1.0, 1.1, 30, 120]], []],
}


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@given(
    st.lists(
        st.tuples(st.integers(0, 3000), st.integers(1, 2000), st.integers(21, 108), st.integers(1, 127)),
        min_size=1,
        max_size=30,
    )
)
def test_a_take_that_was_written_and_read_has_the_same_events(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, int, int]]
) -> None:
    onset, length, pitch, velocity = np.array(rows).T
    notes = resolve_overlaps(make_notes(onset / 1000, (onset + length) / 1000, pitch, velocity))
    whole, cut = Performance(notes), 1.5
    choice = Choice(slice_time(whole, 0, cut), cut, kept=(whole,), rejected=(Performance(notes[:1]),))
    file = tmp_path_factory.mktemp("choices") / "mine.jsonl"
    file.write_text(choice.line(when="today"))
    (read,) = read_choices(file)
    assert encode(read.kept[0]).tolist() == encode(whole).tolist()
    assert encode(read.primer).tolist() == encode(choice.primer).tolist()


def test_the_pedal_is_in_the_ends_of_the_notes(tmp_path: Path) -> None:
    pedal = np.array([(0.0, 2.0)], SPAN_DTYPE)
    primer = Performance(make_notes([0, 0.25, 0.5], [0.2, 0.45, 0.7], [60, 64, 67]), pedal)
    notes = make_notes([0, 0.25, 0.5, 1.0], [0.2, 0.45, 0.7, 1.1], [60, 64, 67, 72])
    take = Performance(notes, pedal)
    (tmp_path / "mine.jsonl").write_text(Choice(primer, 1.0, (take,), (take,)).line())
    (choice,) = read_choices(tmp_path)
    assert choice.kept[0].notes["offset"].tolist() == [2.0] * 4


def test_a_note_shorter_than_a_millisecond_can_be_read_again(tmp_path: Path) -> None:
    short = Performance(make_notes([0.5], [0.5003], [60]))
    (tmp_path / "mine.jsonl").write_text(Choice(short, 1.0, (short,), (short,)).line())
    assert read_choices(tmp_path)[0].primer.notes["offset"].tolist() == [0.501]


def test_a_note_of_the_primer_that_rings_on_ends_where_the_take_ends_it(tmp_path: Path) -> None:
    taken = {**GOOD, "kept": [[[0.5, 3.0, 64, 80], [1.0, 1.5, 67, 70]]]}
    (choice,) = read_choices(write(tmp_path / "mine.jsonl", taken))
    assert choice.kept[0].notes[["onset", "offset", "pitch"]].tolist() == [
        (0.0, 0.5, 60),
        (0.5, 3.0, 64),
        (1.0, 1.5, 67),
    ]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    write(tmp_path / "b.jsonl", {**GOOD, "model": "b"}, {**GOOD, "model": "c"})
    write(tmp_path / "more" / "d.jsonl", {**GOOD, "model": "d"})
    write(tmp_path / "a.jsonl", GOOD)
    (tmp_path / "notes.txt").write_text("no choice")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text('{"step": 1}')  # a run may lie below its choices
    found = read_choices(tmp_path)
    assert [choice.model for choice in found] == ["", "b", "c", "d"]
    assert [choice.model for choice in of_model(found, "c")] == ["", "c"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cut": 0}, "cut is 0"),
        ({"cut": True}, "cut is True"),
        ({"cut": float("nan")}, "cut is nan"),
        ({"cut": 1e999}, "cut is inf"),
        ({"cut": 10**400}, "cut is "),
        ({"kept": []}, "kept is []"),
        ({"kept": None}, "kept is None"),
        ({"rejected": [[]] * 101}, "it must be a list of 1 to 100 takes"),
        ({"kept": [[[1.0, 1.5, 67]]]}, "kept, take 1 has the note [1.0, 1.5, 67]"),
        ({"kept": [[[1.0, 0.5, 67, 70]]]}, "onset, offset, pitch, velocity"),
        ({"kept": [[[1.0, float("nan"), 67, 70]]]}, "has the note [1.0, nan, 67, 70]"),
        ({"kept": [[[1.0, 2.0, 67.5, 70]]]}, "has the note"),
        ({"kept": [[[1.0, 2.0, 128, 70]]]}, "a pitch from 0 to 127"),
        ({"kept": [[[1.0, 2.0, 67, 0]]]}, "a velocity from 1 to 127"),
        ({"kept": [[[1.0, 2.0, 10**400, 70]]]}, "has the note"),
        ({"kept": [[[1.0, 1e9, 67, 70]]]}, "times from 0 to 3600 s"),
        ({"primer": [[-1.0, 1.0, 67, 70]]}, "primer has the note"),
        ({"primer": {"a": 1}}, "primer is {'a': 1}"),
        ({"primer": [[0.0, 1.0, 60, 80]] * 20_001}, "at most 20,000 notes"),
        ({"model": 3}, "model is 3"),
        ({"model": "x" * 1000}, "model is 'xxx"),
        ({"from_beginning": 1}, "from_beginning is 1"),
    ],
)
def test_a_line_that_is_no_choice_is_named_with_what_it_holds(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    file = write(tmp_path / "mine.jsonl", GOOD, {**GOOD, **change})
    with pytest.raises(MusictxError) as found:
        read_choices(file)
    assert str(found.value).startswith(f"{file}, line 2: ") and message in str(found.value)
    assert "\n" not in str(found.value) and len(str(found.value)) < 500


@pytest.mark.parametrize("text", [b"{", b"[1, 2]", b'"kept"', b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_object_is_refused(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_bytes(b"\n" + text + b"\n")
    with pytest.raises(MusictxError, match=r"mine\.jsonl, line 2: "):
        read_choices(file)


def test_an_endless_line_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MusictxError, match="holds no choices"):
        read_choices(tmp_path)
    with pytest.raises(MusictxError, match="cannot be read"):
        read_choices(tmp_path / "missing.jsonl")
    (tmp_path / "long.jsonl").write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(MusictxError, match="line 1: it is longer than 16 MB"):
        read_choices(tmp_path)
