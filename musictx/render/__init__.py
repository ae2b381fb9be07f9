"""Sound and pictures of a `Performance`.

`audio` plays it on sampled piano notes (in `piano/`), `pianoroll` draws it.
"""

from musictx.render.audio import render_audio, write_wav
from musictx.render.pianoroll import draw_roll, draw_rolls

__all__ = ["draw_roll", "draw_rolls", "render_audio", "write_wav"]
