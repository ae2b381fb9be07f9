"""Files and library objects ↔ `Performance`.

`smf` parses standard MIDI files, `tempo_map` turns ticks into seconds, `notes` pairs ons with offs and
gathers pedals, `read` and `write` are what others call, `objects` exchanges music with pretty_midi and
miditoolkit.
"""

from musictx.midi.objects import from_miditoolkit, from_pretty_midi, to_miditoolkit, to_pretty_midi
from musictx.midi.read import TrackSummary, inspect_midi, read_midi
from musictx.midi.write import midi_bytes, write_midi

__all__ = [
    "TrackSummary",
    "from_miditoolkit",
    "from_pretty_midi",
    "inspect_midi",
    "midi_bytes",
    "read_midi",
    "to_miditoolkit",
    "to_pretty_midi",
    "write_midi",
]
