"""musictx: a Music Transformer that plays on from a primer.

What most programs need is here, imported when it is first used:

======================  ==============================================================================
`Performance`           music in memory: `notes` with onset and offset (s), pitch, velocity; pedals
`read_midi`             a MIDI file → `Performance`; `write_midi` goes back
`from_pretty_midi` …    a library's object ↔ `Performance`
`encode`, `decode`      `Performance` ↔ the tokens that a model reads
`load_model`            a shipped model by name, or your own by its folder
`continue_performance`  a primer played on; `stream_notes` hands out notes while they are made
`fill_in`               a passage played again, so that it leads into what follows
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

import lazy_loader

__version__ = "0.3.0"
_get, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # the names are in __init__.pyi


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562), so that ``import musictx`` takes no time."""
    if name not in __all__:
        raise AttributeError(f"module 'musictx' has no attribute {name!r}")
    return _get(name)
