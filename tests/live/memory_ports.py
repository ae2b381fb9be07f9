"""A mido backend whose ports are lists: a MIDI system for the tests, with ports that come and go."""

from __future__ import annotations

from typing import Any

import mido
from mido.ports import BaseInput, BaseOutput

DEVICES: dict[str, list[mido.Message]] = {}  # name → what is waiting at its input, or was sent to its output


def get_devices(**_: Any) -> list[dict[str, Any]]:
    return [{"name": name, "is_input": "in" in name, "is_output": "out" in name} for name in DEVICES]


class Input(BaseInput):
    def _receive(self, block: bool = True) -> None:
        while DEVICES.get(self.name):
            self._messages.append(DEVICES[self.name].pop(0))


class Output(BaseOutput):
    def _send(self, message: mido.Message) -> None:
        if self.name not in DEVICES:
            raise OSError("no such device")
        DEVICES[self.name].append(message)
