"""The votes of the blind mode: one row each in a local SQLite file, for a later study."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from musictx.errors import MusictxError

from .payloads import MODELS, note_rows, read_length, read_model_name, read_notes, read_settings

SCHEMA = """
CREATE TABLE IF NOT EXISTS votes (
    id INTEGER PRIMARY KEY,
    voted_at TEXT NOT NULL,       -- UTC, ISO 8601
    choice TEXT,                  -- the model chosen; NULL for "cannot tell"
    lane_order TEXT NOT NULL,     -- JSON list: the models behind A, B, C
    seed INTEGER NOT NULL,
    settings TEXT NOT NULL,       -- JSON object
    primer_name TEXT NOT NULL,
    primer_sha256 TEXT NOT NULL,  -- of the primer's notes, in milliseconds
    heard_seconds REAL            -- how long each visitor listened before voting
)
"""


def default_path() -> Path:
    """``MUSICTX_VOTES``, or ``musictx/votes.sqlite`` in the user's data folder."""
    if chosen := os.environ.get("MUSICTX_VOTES"):
        return Path(chosen)
    home = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(home) if home else Path.home() / ".local" / "share") / "musictx" / "votes.sqlite"


class VoteBook:
    """Writes votes to `path`, which is made with the first one.

    Parameters
    ----------
    path : Path or None
        None means `default_path`.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        self._lock = threading.Lock()

    def add(self, sent: Any) -> None:
        """Keep one vote as the page sends it.

        Raises
        ------
        MusictxError
            If the vote makes no sense, or the file cannot be written.
        """
        row = _row(sent)
        try:
            with self._lock:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with closing(sqlite3.connect(self.path, timeout=5)) as book, book:
                    book.execute(SCHEMA)
                    names = ", ".join(row)
                    book.execute(
                        f"INSERT INTO votes ({names}) VALUES ({', '.join('?' * len(row))})", [*row.values()]
                    )
        except (OSError, sqlite3.Error) as error:
            raise MusictxError(f"the vote could not be kept in {self.path.name}: {error}") from None

    def all(self) -> list[dict[str, Any]]:
        """Every vote so far, oldest first."""
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(self.path, timeout=5)) as book:
            book.row_factory = sqlite3.Row
            return [dict(row) for row in book.execute("SELECT * FROM votes ORDER BY id")]


def _row(sent: Any) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise MusictxError("the vote did not arrive; reload the page and try again")
    order = sent.get("order")
    if not isinstance(order, list) or sorted(map(str, order)) != sorted(MODELS):
        raise MusictxError("the vote must say which model was behind A, B and C")
    settings = read_settings(sent.get("settings"))
    primer = read_notes(sent.get("notes"), sent.get("pedals", ()))
    content = json.dumps([note_rows(primer.notes), read_length(sent.get("length"))])
    heard = sent.get("heard_seconds")
    return {
        "voted_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "choice": None if sent.get("choice") is None else read_model_name(sent["choice"]),
        "lane_order": json.dumps(order),
        "seed": settings.seed,
        "settings": json.dumps(settings.sampling()),
        "primer_name": str(sent.get("primer_name", ""))[:120],
        "primer_sha256": hashlib.sha256(content.encode()).hexdigest(),
        "heard_seconds": float(heard) if isinstance(heard, (int, float)) else None,
    }
