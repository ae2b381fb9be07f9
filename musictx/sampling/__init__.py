"""Playing on from a primer.

`primer` cuts and encodes it, `cache` keeps keys and values, `engine` and `kernels` do a step in machine
code, `filters` shape the distribution, `drawing` draws tokens, `streaming` turns them into notes,
`continuation` makes whole takes.
"""

from musictx.sampling.cache import Cache
from musictx.sampling.continuation import (
    Continuation,
    continue_performance,
    continue_variations,
    stream_notes,
)
from musictx.sampling.drawing import generate
from musictx.sampling.filters import SamplingSettings
from musictx.sampling.primer import Primer, prepare_primer
from musictx.sampling.streaming import NoteOff, NoteOn, NoteStream

__all__ = [
    "Cache",
    "Continuation",
    "NoteOff",
    "NoteOn",
    "NoteStream",
    "Primer",
    "SamplingSettings",
    "continue_performance",
    "continue_variations",
    "generate",
    "prepare_primer",
    "stream_notes",
]
