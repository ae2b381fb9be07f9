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
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # the names are in __init__.pyi
