"""Playing on from a primer.

`primer` cuts and encodes it, `cache` keeps keys and values, `engine` and `kernels` do a step in machine
code, `filters`, `contrast` and `shaping` change the distribution, `sampler` draws tokens from it and
`generate` one after the other, `streaming` turns them into notes and `beat` moves those to a grid,
`continuation` makes whole takes, `takes` gives their tokens back, `filling` plays a passage again.
"""

from musictx.sampling.cache import Cache
from musictx.sampling.continuation import (
    Continuation,
    continue_performance,
    continue_variations,
    stream_notes,
)
from musictx.sampling.filling import Filling, fill_in
from musictx.sampling.generate import generate
from musictx.sampling.primer import Primer, prepare_primer
from musictx.sampling.streaming import NoteOff, NoteOn, NoteStream
from musictx.sampling.takes import Take, take_tokens
from musictx.settings import SamplingSettings

__all__ = [
    "Cache",
    "Continuation",
    "Filling",
    "NoteOff",
    "NoteOn",
    "NoteStream",
    "Primer",
    "SamplingSettings",
    "Take",
    "continue_performance",
    "continue_variations",
    "fill_in",
    "generate",
    "prepare_primer",
    "stream_notes",
    "take_tokens",
]
