"""The primers that come with musictx, as the page's cards show them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from musictx.midi import read_midi
from musictx.shipped import shipped_folder

from .payloads import metre_facts, note_rows, span_rows


@cache
def presets() -> list[dict[str, Any]]:
    """Every shipped primer: what it is, ``notes``, ``pedals``, ``metre``, and ``end`` (ms), its own end.

    Rows are those of `payloads.note_rows`.
    """
    folder = shipped_folder("primers")
    entries = json.loads((folder / "primers.json").read_text(encoding="utf-8"))
    found = []
    for entry in entries:
        performance = read_midi(folder / entry["file"])
        found.append(
            {
                **{
                    key: str(entry.get(key, ""))
                    for key in ("name", "title", "composer", "description", "source")
                },
                "end": round(1000 * float(entry.get("primer_end", performance.duration))),
                "notes": note_rows(performance.notes),
                "pedals": span_rows(performance.pedals),
                "metre": metre_facts(performance.metre),
            }
        )
    return found
