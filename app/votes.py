"""The votes of the blind mode, as the page sends them; `musictx.lab.votes` keeps and reads them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from musictx.errors import MusictxError
from musictx.lab.votes.book import REAL, VERDICTS, add_row, default_path, read_rows

from .payloads import Malformed, note_rows, read_length, read_notes, read_settings

MAX_LANES = 6
MAX_SECONDS = 24 * 3600.0  # that anybody listens before a vote


class VoteBook:
    """Writes votes to `path`, which is made with the first one.

    Parameters
    ----------
    models : mapping of str to str
        The names of the lanes' models, each with the hash of its weights, which is kept with each vote. The
        real continuation can always stand in a lane.
    path : Path or None
        None means `default_path`.
    """

    def __init__(self, models: Mapping[str, str], path: Path | None = None) -> None:
        self.path = path or default_path()
        self.models = models
        self._lock = threading.Lock()

    def add(self, sent: Any) -> None:
        """Keep one vote as the page sends it.

        Raises
        ------
        MusictxError
            If the vote makes no sense, or the file cannot be written.
        """
        row = self._row(sent)
        try:
            with self._lock:
                add_row(self.path, row)
        except (OSError, sqlite3.Error) as error:
            raise MusictxError(f"the vote could not be stored in {self.path.name}: {error}") from None

    def all(self) -> list[dict[str, Any]]:
        """Every vote so far, oldest first."""
        return read_rows(self.path)

    def _row(self, sent: Any) -> dict[str, Any]:
        if not isinstance(sent, dict):
            raise Malformed("the vote did not arrive; reload the page and try again")
        order = self._order(sent.get("order"))
        choice, verdict = _answer(sent, order)
        settings = read_settings(sent.get("settings"))
        primer = read_notes(sent.get("notes"), sent.get("pedals", ()))
        content = json.dumps([note_rows(primer.notes), read_length(sent.get("length"))])
        visitor = sent.get("visitor")
        models = {name: self.models[name] for name in order if name in self.models}
        return {
            "voted_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "choice": choice,
            "lane_order": json.dumps(order),
            "seed": settings.seed,
            "settings": json.dumps(asdict(settings)),
            "primer_name": _text(sent.get("primer_name", ""), 120),
            "primer_sha256": hashlib.sha256(content.encode()).hexdigest(),
            "heard_seconds": _seconds(sent.get("heard_seconds")),
            "verdict": verdict,
            "visitor": _text(visitor, 64) if isinstance(visitor, str) and visitor else None,
            "heard": _heard(sent.get("heard"), order),
            "models": json.dumps(models) if models else None,
        }

    def _order(self, order: Any) -> list[str]:
        known = {*self.models, REAL}
        if (
            not isinstance(order, list)
            or not 2 <= len(order) <= MAX_LANES
            or not all(isinstance(name, str) and name in known for name in order)
            or len(set(order)) < len(order)
        ):
            raise Malformed("the vote must say what was behind each of the letters")
        return order


def _answer(sent: Mapping[str, Any], order: list[str]) -> tuple[str | None, str]:
    """The lane that was chosen, and the verdict."""
    choice, verdict = sent.get("choice"), sent.get("verdict")
    if choice is None:
        verdict = verdict or "unsure"
        if verdict not in VERDICTS[1:]:
            raise MusictxError(f"a vote for no lane says one of {', '.join(VERDICTS[1:])}")
        return None, verdict
    if choice not in order:
        raise MusictxError(f"{str(choice)[:40]!r} was in none of the lanes: {', '.join(order)}")
    return str(choice), "chosen"


def _text(value: Any, max_length: int) -> str:
    """As much of a text as is kept; half a pair of surrogates, which no file can hold, is replaced."""
    return str(value)[:max_length].encode("utf-8", "replace").decode()


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return None
    return float(min(max(value, 0), MAX_SECONDS))


def _heard(sent: Any, order: list[str]) -> str | None:
    """Seconds heard of each lane, as JSON."""
    if not isinstance(sent, dict):
        return None
    seconds = {name: _seconds(sent.get(name)) for name in order}
    return json.dumps({name: value or 0.0 for name, value in seconds.items()})
