"""MIDI ports by name, through mido and python-rtmidi (``pip install 'musictx[live]'``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musictx.errors import MusictxError

if TYPE_CHECKING:
    import mido

NAME = "musictx"
LOOK_SECONDS = 1.0  # between two looks whether the ports are still there


def _mido() -> Any:
    try:
        import mido

        mido.backend.load()
    except ImportError as error:
        raise MusictxError(
            "playing live needs mido and python-rtmidi: pip install 'musictx[live]'"
        ) from error
    return mido


def _named(kind: str) -> list[str]:
    module = _mido()
    try:
        return list(module.get_input_names() if kind == "input" else module.get_output_names())
    except Exception as error:  # rtmidi raises its own kinds where the system has no MIDI at all
        raise MusictxError(f"this system offers no MIDI ports: {error}") from error


def port_names() -> tuple[list[str], list[str]]:
    """Names of the MIDI inputs and outputs that are there.

    Raises
    ------
    MusictxError
        mido or python-rtmidi is missing, or the system has no MIDI.

    Examples
    --------
    >>> from musictx.live import port_names
    >>> port_names()  # doctest: +SKIP
    (['Digital Piano'], ['Digital Piano'])
    """
    return _named("input"), _named("output")


@dataclass
class Ports:
    """An open input and output.

    Attributes
    ----------
    input, output : mido port
    names : tuple of str, optional
        By which they are watched; ports of musictx's own are always there.
    """

    input: Any
    output: Any
    names: tuple[str, str] | None = None
    _looked: float = 0.0

    def messages(self) -> Iterator[mido.Message]:
        """What has come in since the last call."""
        try:
            yield from self.input.iter_pending()
        except (OSError, ValueError) as error:
            raise MusictxError(f"the MIDI input has gone: {error}") from error

    def send(self, kind: str, **values: int) -> None:
        """Send one message; one that cannot be sent any more is left out once the port is closed."""
        if self.output.closed:
            return
        try:
            self.output.send(_mido().Message(kind, **values))
        except (OSError, ValueError) as error:
            with suppress(Exception):
                self.output.close()
            raise MusictxError(f"the MIDI output has gone: {error}") from error

    def check(self, at: float) -> None:
        """See now and then whether both ports are still there.

        Raises
        ------
        MusictxError
            One was unplugged, or its program has ended.
        """
        if self.names is None or at - self._looked < LOOK_SECONDS:
            return
        self._looked = at
        for kind, name in zip(("input", "output"), self.names, strict=True):
            if name not in _named(kind):
                raise MusictxError(f"the MIDI {kind} {name!r} has gone")

    def close(self) -> None:
        """Close both."""
        for port in (self.input, self.output):
            with suppress(Exception):
                port.close()


def open_ports(input_name: str | None = None, output_name: str | None = None) -> Ports:
    """Open ports by their names or a part of them that only one has; without names, ports of our own.

    Raises
    ------
    MusictxError
        No port has such a name, or several have; only one name is given; or the system has no MIDI.

    Examples
    --------
    >>> from musictx.live import open_ports
    >>> ports = open_ports("digital piano", "digital piano")  # doctest: +SKIP
    """
    module = _mido()
    if (input_name is None) != (output_name is None):
        raise MusictxError("give both --input and --output, or neither for ports named musictx")
    try:
        if input_name is None or output_name is None:
            return Ports(module.open_input(NAME, virtual=True), module.open_output(NAME, virtual=True))
        names = _find("input", input_name), _find("output", output_name)
        return Ports(module.open_input(names[0]), module.open_output(names[1]), names)
    except MusictxError:
        raise
    except Exception as error:
        raise MusictxError(f"the MIDI ports cannot be opened: {error}") from error


def _find(kind: str, wanted: str) -> str:
    names = _named(kind)
    found = [name for name in names if name == wanted] or [
        name for name in names if wanted.lower() in name.lower()
    ]
    if len(set(found)) != 1:
        there = ", ".join(repr(name) for name in found or names) or "none"
        which = "several inputs or outputs have" if found else f"no MIDI {kind} has"
        raise MusictxError(f"{which} {wanted!r} in the name; there are: {there}")
    return found[0]
