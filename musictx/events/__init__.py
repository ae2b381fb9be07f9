"""`Performance` ↔ event tokens: what a model reads and writes.

`vocabulary` numbers the events, `velocity` quantises loudness, `table` holds note events on the 10 ms
grid, `encoding` and `decoding` go there and back, `grammar` says which event may follow which,
and `loops` which key must rest.
"""

from musictx.events.decoding import decode
from musictx.events.encoding import encode
from musictx.events.grammar import Grammar, is_grammatical
from musictx.events.table import EventTable, note_pairs, separate_notes, table_to_tokens, tokens_to_table
from musictx.events.velocity import level_to_velocity, velocity_to_level
from musictx.events.vocabulary import (
    DEFAULT_VELOCITY_LEVEL,
    END,
    EVENTS,
    MAX_SHIFT,
    NOTE_OFF,
    NOTE_ON,
    PAD,
    START,
    STEP_SECONDS,
    STEPS_PER_SECOND,
    TIME_SHIFT,
    VELOCITY,
    VELOCITY_LEVELS,
    VOCABULARY_SIZE,
)

__all__ = [
    "DEFAULT_VELOCITY_LEVEL",
    "END",
    "EVENTS",
    "MAX_SHIFT",
    "NOTE_OFF",
    "NOTE_ON",
    "PAD",
    "START",
    "STEPS_PER_SECOND",
    "STEP_SECONDS",
    "TIME_SHIFT",
    "VELOCITY",
    "VELOCITY_LEVELS",
    "VOCABULARY_SIZE",
    "EventTable",
    "Grammar",
    "decode",
    "encode",
    "is_grammatical",
    "level_to_velocity",
    "note_pairs",
    "separate_notes",
    "table_to_tokens",
    "tokens_to_table",
    "velocity_to_level",
]
