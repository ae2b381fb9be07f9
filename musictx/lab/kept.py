"""What an interrupted script goes on from: a JSON file that knows what its figures depend on."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musictx.checkpoint import weights_hash
from musictx.lab.bench.common import machine
from musictx.model import MusicTransformer
from musictx.performance import Performance

PLAYING = (
    2  # raise it when the same model, primer and settings would play otherwise: what is kept is played anew
)


def notes_hash(performance: Performance) -> str:
    """What tells music from other music."""
    return hashlib.sha256(performance.notes.tobytes()).hexdigest()


def read_kept(path: Path, about: Mapping[str, Any], models: Mapping[str, MusicTransformer]) -> dict[str, Any]:
    """The figures in a file, or none yet; a file of other arguments, or of other models, ends the script.

    Parameters
    ----------
    path : Path
    about : mapping
        Arguments that change the figures.
    models : mapping of str to MusicTransformer
        The file may hold others as well.

    Returns
    -------
    dict
        With ``machine``, ``about`` and ``weights``, the `weights_hash` of each model.
    """
    found: dict[str, Any] = {"machine": machine()}
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
    same = json.loads(json.dumps(about))
    if (known := found.setdefault("about", same)) != same:  # files of earlier versions say nothing
        differ = ", ".join(sorted(k for k in {*known, *same} if known.get(k) != same.get(k)))
        sys.exit(f"{path} was made with other arguments ({differ}); choose another file")
    for name, model in models.items():
        made = weights_hash(model)
        if found.setdefault("weights", {}).setdefault(name, made) != made:
            sys.exit(f"{path} holds figures of another {name}; choose another file")
    return found
