"""Numbers and tables of Python that the page's C and JavaScript need: written there, never typed there.

    python -m musictx.app.constants

writes both files; a test compares them with what would be written. After a change of the C file
``app/static/engine/build.sh`` compiles the engine again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from musictx.events import grammar, loops, vocabulary
from musictx.files import write_bytes
from musictx.model.config import ACTIVATIONS
from musictx.sampling import contrast, ostinato, shaping, steady
from musictx.sampling import filling as candidates
from musictx.sampling.continuation import SPARE_TOKENS, TOKENS_PER_SECOND
from musictx.settings import SETTINGS, STEADY, WISHES, SamplingSettings

from . import filling, lead, payloads

C_FILE, JS_FILE = "static/engine/constants.h", "static/music/constants.js"  # in this folder
_NOTE = "Written by `app/constants.py`, from the Python that says what each of them means."
_EVENTS = ["NOTE_ON", "NOTE_OFF", "TIME_SHIFT", "VELOCITY", "PAD", "START", "END"]
_SIZES = ["VOCABULARY_SIZE", "MAX_SHIFT"]
_TIMES = ["STEPS_PER_SECOND", "STEP_SECONDS"]
_LEVELS = ["VELOCITY_LEVELS", "VELOCITIES_PER_LEVEL", "DEFAULT_VELOCITY_LEVEL"]
_CONTRAST = ["STRIDES", "AGREED", "GROWTH", "HALF", "MIN_PROBABILITY"]
_SHAPING = [
    "ABOVE",
    "BACK_TILT",
    "BELOW",
    "BY",
    "TILT",
    "KINDS",
    "PRIMER_NOTES",
    "USUAL",
    "RECENT_SECONDS",
    "RECENT_NOTES",
    "SPARSEST",
]
_STEADY = [
    "DENSE_FROM",
    "NOTE_TILT",
    "DENSE",
    "DENSEST",
    "OPEN",
    "SHORTEST",
    "NOTE",
    "RELEASE_TILT",
    "REST",
    "HELD",
    "LONG_HELD",
    "LONGER",
    "LONG",
    "LOOSE",
    "STRICT",
    "STRICT_TEMPERATURE",
    "PATTERN_TILT",
    "PATTERN_FROM",
    "PATTERN_FULL",
    "PATTERN_LEAST",
    "PATTERN_MOST",
    "MAJOR",
    "SCALE_TILT",
    "SCALE_LOW",
    "SCALE_HIGH",
    "SCALE_EQUAL",
]
_OSTINATO = ["PATTERN_LOW", "PATTERN_HIGH", "PATTERN_MEMORY", "PATTERN_SLACK", "PATTERN_NOTES"]
_CANDIDATES = ["CANDIDATES", "FOLLOWING"]
_FILLING = ["TAKES", "MAX_TOKENS_A_SECOND"]
_WAITING = [
    "START_LEAD",
    "MAX_START_LEAD",
    "RESUME_LEAD",
    "MAX_RESUME_LEAD",
    "HOLD",
    "PACE_SHARE",
    "PACE_SECONDS",
]


def _taken(module: Any, names: list[str]) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names}


def c_constants() -> str:
    """The vocabulary, the grammar's tables and the activations' numbers, as a C header."""
    numbers = _taken(vocabulary, _EVENTS + _SIZES)
    numbers |= {"LOOP_RULES": len(loops.LOOP_RULES), "REMEMBERED": max(s.notes for s in loops.LOOP_RULES)}
    numbers["CHORD"] = loops.CHORD
    rows = ", ".join("{" + ", ".join(map(str, rule)) + "}" for rule in loops.LOOP_RULES)
    lines = [
        f"// {_NOTE}",
        "",
        "#pragma once",
        *(f"enum {{ {name} = {value} }};" for name, value in numbers.items()),
        f"enum {{ {', '.join(name.upper() for name in ACTIVATIONS)} }};",
        f"static const int loop_rules[LOOP_RULES][4] = {{{rows}}}; // {', '.join(loops.LoopRule._fields)}",
    ]
    return "\n".join(lines) + "\n"


def js_constants() -> str:
    """The vocabulary, the numbers of sampling and waiting, and the settings, as a module."""
    numbers = _taken(vocabulary, _EVENTS + _SIZES + _TIMES + _LEVELS) | _taken(contrast, _CONTRAST)
    numbers |= _taken(shaping, _SHAPING) | _taken(steady, _STEADY) | _taken(ostinato, _OSTINATO)
    numbers |= _taken(grammar, ["MAX_NOTE_STEPS", "MAX_REST_STEPS"])
    numbers |= {"WISHES": WISHES, "STEADY": STEADY} | _taken(lead, _WAITING)
    numbers |= {"TOKENS_PER_SECOND": TOKENS_PER_SECOND, "SPARE_TOKENS": SPARE_TOKENS}
    numbers |= _taken(candidates, _CANDIDATES) | _taken(filling, _FILLING) | _taken(payloads, ["GAP_SECONDS"])
    lines = [
        f"// {_NOTE}",
        "",
        *(f"export const {name} = {json.dumps(value)};" for name, value in numbers.items()),
    ]
    lines += ["", "/** What of drawing can be set, in the order of the page. */", "export const SETTINGS = ["]
    for name, setting in SETTINGS.items():
        shown = {"name": name, "label": setting.label, "value": getattr(SamplingSettings(), name)}
        shown |= {
            "min": setting.lowest,
            "max": setting.highest,
            "step": setting.step,
            "remark": setting.remark,
        }
        lines += ["  {", *(f"    {key}: {json.dumps(value)}," for key, value in shown.items()), "  },"]
    return "\n".join([*lines, "];"]) + "\n"


if __name__ == "__main__":
    for name, text in ((C_FILE, c_constants()), (JS_FILE, js_constants())):
        write_bytes(Path(__file__).parent / name, text.encode())
