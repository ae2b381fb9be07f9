"""The votes in a local SQLite file: one row each."""

from __future__ import annotations

import json
import math
import os
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from musictx.errors import MusictxError

SCHEMA = """
CREATE TABLE IF NOT EXISTS votes (
    id INTEGER PRIMARY KEY,
    voted_at TEXT NOT NULL,       -- UTC, ISO 8601
    choice TEXT,                  -- what was chosen, by the name of its lane; NULL: see verdict
    lane_order TEXT NOT NULL,     -- JSON list: what was behind A, B, C …
    seed INTEGER NOT NULL,
    settings TEXT NOT NULL,       -- JSON object
    primer_name TEXT NOT NULL,
    primer_sha256 TEXT NOT NULL,  -- of the primer's notes, in milliseconds
    heard_seconds REAL            -- how long the visitor listened before the vote, in all
)
"""
# Columns that came later: rows from before them, and files that were made before them, have NULL there.
ADDED = {
    "verdict": "TEXT",  # chosen, none, alike or unsure; NULL: chosen or, without a choice, unsure
    "visitor": "TEXT",  # a random number that the visitor's browser keeps
    "heard": "TEXT",  # JSON object: seconds heard of each lane, by its name
    "models": "TEXT",  # JSON object: hash of the weights behind each lane, by its name
}
NUMBER = (int, float)
KINDS: dict[str, Any] = {
    "id": int,
    "seed": int,
    "voted_at": str,
    "primer_name": str,
    "primer_sha256": str,
    "settings": str,
    "visitor": str | None,
    "heard_seconds": float | int | None,
}
SIGNATURE = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html
MAX_BYTES = 200 << 20  # of a file of votes: some two hundred thousand, more than any test needs
MAX_STEPS = 20_000  # of 100,000 instructions of SQLite's each: a million votes take a hundredth
VERDICTS = ("chosen", "none", "alike", "unsure")
LETTERS = "ABCDEFGH"  # of the lanes
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
REAL = "real"  # the lane of how the piece really goes on


def default_path() -> Path:
    """``MUSICTX_VOTES``, or ``musictx/votes.sqlite`` in the user's data folder.

    Examples
    --------
    >>> from musictx.lab.votes import default_path
    >>> default_path().suffix
    '.sqlite'
    """
    if chosen := os.environ.get("MUSICTX_VOTES"):
        return Path(chosen)
    home = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(home) if home else Path.home() / ".local" / "share") / "musictx" / "votes.sqlite"


@dataclass(frozen=True)
class Vote:
    """One answer to "Which one keeps the thread best?".

    Attributes
    ----------
    lanes : tuple of str
        What was behind the letters A, B, C …
    verdict : {"chosen", "none", "alike", "unsure"}
        ``none``: none of them is good; ``alike``: all are alike; ``unsure``: the visitor could not tell.
    choice : str or None
        The lane that was chosen, if one was.
    visitor : str or None
        An anonymous number; None if it is not known.
    primer, primer_sha256 : str
        Name, and hash of the notes.
    seed : int
    settings : mapping
        How the takes were made.
    heard : mapping of str to float or None
        Seconds heard of each lane, if known.
    heard_seconds : float or None
        In all, if known.
    models : mapping of str to str or None
        Hash of the weights behind each lane, if known.
    id : int
    voted_at : str
        UTC, ISO 8601.
    """

    lanes: tuple[str, ...]
    verdict: str = "chosen"
    choice: str | None = None
    visitor: str | None = None
    primer: str = ""
    primer_sha256: str = ""
    seed: int = 0
    settings: Mapping[str, Any] | None = None
    heard: Mapping[str, float] | None = None
    heard_seconds: float | None = None
    models: Mapping[str, str] | None = None
    id: int = 0
    voted_at: str = ""

    @property
    def letter(self) -> int | None:
        """Place of the chosen lane, 0 for A; None if none was chosen."""
        return None if self.choice is None else self.lanes.index(self.choice)


def add_row(path: Path, row: Mapping[str, Any]) -> None:
    """Write a row; the file, its folder and columns that it lacks are made.

    Parameters
    ----------
    path : path
    row : mapping
        By the names of `SCHEMA` and `ADDED`.

    Raises
    ------
    OSError, sqlite3.Error
        The file cannot be written, or is as large as it may become.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > MAX_BYTES:
        raise OSError(f"{path} holds {MAX_BYTES >> 20} MB of votes; move it away to go on")
    with closing(sqlite3.connect(path, timeout=10)) as book, book:
        book.execute(SCHEMA)
        present = {column[1] for column in book.execute("PRAGMA table_info(votes)")}
        for name, kind in ADDED.items():
            if name not in present:
                book.execute(f"ALTER TABLE votes ADD COLUMN {name} {kind}")
        marks = ", ".join("?" * len(row))
        book.execute(f"INSERT INTO votes ({', '.join(row)}) VALUES ({marks})", [*row.values()])


def keep_books(output: Path) -> None:
    """Say that a table would be written over votes, whether those are read or not.

    Raises
    ------
    MusictxError
    """
    begins = b""
    with suppress(OSError, ValueError), output.open("rb") as file:
        begins = file.read(len(SIGNATURE))
    if begins.startswith((SIGNATURE, b"[")):
        raise MusictxError(f"{output} holds votes, or a database; choose another name for the table")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Every row so far, oldest first; none if there is no file yet. A page without a server saves JSON."""
    if not path.exists():
        return []
    if path.suffix == ".json":
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return rows
    with closing(sqlite3.connect(path, timeout=5)) as book:
        book.row_factory = sqlite3.Row
        # A view could compute for ever, and so could a generated column.
        kind = book.execute("SELECT type FROM sqlite_master WHERE name = 'votes' COLLATE NOCASE").fetchone()
        if kind is not None and kind[0] != "table":
            raise sqlite3.DatabaseError(f"votes is a {kind[0]} there, not a table")
        steps = iter(range(MAX_STEPS))
        book.set_progress_handler(lambda: next(steps, None) is None, 100_000)
        return [dict(row) for row in book.execute("SELECT * FROM votes ORDER BY id")]


def read_votes(path: str | os.PathLike[str]) -> list[Vote]:
    """Votes from a file that the web demo has written, oldest first.

    Parameters
    ----------
    path : path

    Returns
    -------
    list of Vote

    Raises
    ------
    MusictxError
        There is no such file, or it holds no votes that can be read.

    Examples
    --------
    >>> import contextlib, sqlite3
    >>> from musictx.lab.votes import read_votes
    >>> with contextlib.closing(sqlite3.connect("empty.sqlite")) as book:
    ...     _ = book.execute("CREATE TABLE votes (id INTEGER)")
    >>> read_votes("empty.sqlite")
    []
    """
    path = Path(path)
    if not path.is_file():
        raise MusictxError(f"there is no file {path}; `musictx app` keeps votes in {default_path()}")
    try:
        return [_vote({name: _plain(value) for name, value in row.items()}) for row in read_rows(path)]
    except RecursionError as error:
        raise MusictxError(f"{path} cannot be read as votes of the blind test: nested too deeply") from error
    except (OSError, sqlite3.Error, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise MusictxError(f"{path} cannot be read as votes of the blind test: {reason}") from error


def _plain(value: Any) -> Any:
    """A text without control characters, which move a terminal's cursor; all else as it is."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value


def _vote(row: Mapping[str, Any]) -> Vote:
    """A vote whose parts are what they should be; ValueError, TypeError or KeyError otherwise."""
    lanes, choice = tuple(json.loads(row["lane_order"])), row["choice"]
    verdict = row.get("verdict") or ("unsure" if choice is None else "chosen")
    named = all(isinstance(lane, str) for lane in lanes) and len({*lanes}) == len(lanes)
    if not named or not 0 < len(lanes) <= len(LETTERS):
        raise ValueError(f"vote {row['id']} does not say what was behind the letters")
    if verdict not in VERDICTS or (verdict == "chosen") != (choice in lanes):
        raise ValueError(f"vote {row['id']} has the choice {shown(choice)} and the verdict {shown(verdict)}")

    def each_lanes(name: str, kind: Any) -> dict[str, Any] | None:
        table = json.loads(row[name]) if row.get(name) else None
        if table is not None:
            _check(row, name, table, dict)
            for value in table.values():
                _check(row, name, value, kind)
        return table

    for name, kind in KINDS.items():
        _check(row, name, row.get(name), kind)
    vote = Vote(
        lanes=lanes,
        verdict=verdict,
        choice=choice,
        visitor=row.get("visitor"),
        primer=row["primer_name"],
        primer_sha256=row["primer_sha256"],
        seed=row["seed"],
        settings=json.loads(row["settings"]),
        heard=each_lanes("heard", NUMBER),
        heard_seconds=row["heard_seconds"],
        models=each_lanes("models", str),
        id=row["id"],
        voted_at=row["voted_at"],
    )
    try:
        json.dumps(asdict(vote), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"vote {row['id']} has a text with half a character") from error
    return vote


def _check(row: Mapping[str, Any], name: str, value: Any, kind: Any) -> None:
    """Say that a part of a row is of another kind, or a number that is none."""
    if not isinstance(value, kind) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"vote {row['id']} has {shown(value)} as its {name}")
