# The names of `musictx` and where they live: for type checkers, and for `__init__.py`, which imports each of
# them when it is first used.
__version__: str

from .checkpoint import list_models as list_models
from .checkpoint import load_model as load_model
from .checkpoint import save_model as save_model
from .errors import MusictxError as MusictxError
from .events import decode as decode
from .events import encode as encode
from .midi import from_miditoolkit as from_miditoolkit
from .midi import from_pretty_midi as from_pretty_midi
from .midi import read_midi as read_midi
from .midi import to_miditoolkit as to_miditoolkit
from .midi import to_pretty_midi as to_pretty_midi
from .midi import write_midi as write_midi
from .model import ModelConfig as ModelConfig
from .model import MusicTransformer as MusicTransformer
from .performance import Performance as Performance
from .performance import apply_pedal as apply_pedal
from .performance import make_notes as make_notes
from .performance import merge as merge
from .performance import shift as shift
from .performance import slice_time as slice_time
from .performance import stretch as stretch
from .performance import transpose as transpose
from .render import draw_roll as draw_roll
from .render import draw_rolls as draw_rolls
from .render import render_audio as render_audio
from .render import write_wav as write_wav
from .sampling import continue_performance as continue_performance
from .sampling import continue_variations as continue_variations
from .sampling import fill_in as fill_in
from .sampling import stream_notes as stream_notes
from .shipped import shipped_primer as shipped_primer
