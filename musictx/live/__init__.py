"""Playing live: a duet over MIDI ports, through one's own instrument and DAW.

`turns` says whose turn it is, `duet` listens and answers, `ports` finds and watches MIDI ports.
"""

from musictx.live.duet import Duet
from musictx.live.ports import Ports, open_ports, port_names
from musictx.live.turns import Turn

__all__ = ["Duet", "Ports", "Turn", "open_ports", "port_names"]
