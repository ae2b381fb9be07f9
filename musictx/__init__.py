"""musictx: a Music Transformer that plays on from a primer.

What most programs need is here, imported when it is first used:

======================  ==============================================================================
`Performance`           music in memory: `notes` with onset and offset (s), pitch, velocity; pedals
`read_midi`             a MIDI file → `Performance`; `write_midi` goes back
`from_pretty_midi` …    a library's object ↔ `Performance`
`encode`, `decode`      `Performance` ↔ the tokens that a model reads
`load_model`            a shipped model by name, or your own by its folder
`continue_performance`  a primer played on; `stream_notes` hands out notes while they are made
`fill_in`               a stretch played anew, so that it leads into what follows
`render_audio` …        sound and pictures
======================  ==============================================================================

Examples
--------
>>> import musictx
>>> primer = musictx.read_midi(musictx.shipped_primer("chopin-black-keys"))
>>> model = musictx.load_model("relative")
>>> music = musictx.continue_performance(model, primer, primer_end=5, seconds=2, seed=1)
>>> round(music.duration)
7
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # "as" says to type checkers that the name is public
    from musictx.checkpoint import list_models as list_models
    from musictx.checkpoint import load_model as load_model
    from musictx.checkpoint import save_model as save_model
    from musictx.errors import MusictxError as MusictxError
    from musictx.events import decode as decode
    from musictx.events import encode as encode
    from musictx.midi import from_miditoolkit as from_miditoolkit
    from musictx.midi import from_pretty_midi as from_pretty_midi
    from musictx.midi import read_midi as read_midi
    from musictx.midi import to_miditoolkit as to_miditoolkit
    from musictx.midi import to_pretty_midi as to_pretty_midi
    from musictx.midi import write_midi as write_midi
    from musictx.model import ModelConfig as ModelConfig
    from musictx.model import MusicTransformer as MusicTransformer
    from musictx.performance import Performance as Performance
    from musictx.performance import apply_pedal as apply_pedal
    from musictx.performance import make_notes as make_notes
    from musictx.performance import merge as merge
    from musictx.performance import shift as shift
    from musictx.performance import slice_time as slice_time
    from musictx.performance import stretch as stretch
    from musictx.performance import transpose as transpose
    from musictx.render import draw_roll as draw_roll
    from musictx.render import draw_rolls as draw_rolls
    from musictx.render import render_audio as render_audio
    from musictx.render import write_wav as write_wav
    from musictx.sampling import continue_performance as continue_performance
    from musictx.sampling import continue_variations as continue_variations
    from musictx.sampling import fill_in as fill_in
    from musictx.sampling import stream_notes as stream_notes
    from musictx.shipped import shipped_primer as shipped_primer

__version__ = "0.2.0"

_HOMES = {
    "musictx.checkpoint": ("list_models", "load_model", "save_model"),
    "musictx.errors": ("MusictxError",),
    "musictx.events": ("decode", "encode"),
    "musictx.midi": (
        "from_miditoolkit",
        "from_pretty_midi",
        "read_midi",
        "to_miditoolkit",
        "to_pretty_midi",
        "write_midi",
    ),
    "musictx.model": ("ModelConfig", "MusicTransformer"),
    "musictx.performance": (
        "Performance",
        "apply_pedal",
        "make_notes",
        "merge",
        "shift",
        "slice_time",
        "stretch",
        "transpose",
    ),
    "musictx.render": ("draw_roll", "draw_rolls", "render_audio", "write_wav"),
    "musictx.sampling": ("continue_performance", "continue_variations", "fill_in", "stream_notes"),
    "musictx.shipped": ("shipped_primer",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562), so that ``import musictx`` takes no time."""
    if name not in _HOME:
        raise AttributeError(f"module 'musictx' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
