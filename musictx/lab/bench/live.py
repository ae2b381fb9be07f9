"""``musictx bench live``: how soon a model answers in the duet over MIDI, once the player has paused."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from musictx.checkpoint import find_model, load_model, read_card, usual_settings
from musictx.errors import MusictxError
from musictx.lab.bench.common import Progress, check_at_least, machine, silent, spread
from musictx.live import Duet
from musictx.shipped import SHIPPED_MODELS

if TYPE_CHECKING:
    import mido

PHRASE = (60, 64, 67, 72, 71, 67, 64, 62)
KEY, HELD = 0.25, 0.2  # seconds from key to key, and that each is down
LISTENS = 1.0  # seconds of an answer, before the next phrase
MAX_WAIT = 30.0  # seconds for an answer


class PlayedPorts:
    """Ports of somebody who plays a phrase, listens to how it is answered, and plays it again."""

    def __init__(self) -> None:
        import mido

        self._message = mido.Message
        self.due: list[tuple[float, mido.Message]] = []
        self.answered = 0.0  # when the first note of the last answer sounded; 0: not yet

    def phrase(self) -> None:
        """Begin to play."""
        now, self.answered = time.perf_counter(), 0.0
        for k, pitch in enumerate(PHRASE):
            self.due.append((now + KEY * k, self._message("note_on", note=pitch, velocity=70)))
            self.due.append((now + KEY * k + HELD, self._message("note_off", note=pitch)))

    def check(self, _: float) -> None:
        """These ports are always there."""

    def messages(self) -> list[mido.Message]:
        """What was played since the last call."""
        now = time.perf_counter()
        played = [message for at, message in self.due if at <= now]
        self.due = [each for each in self.due if each[0] > now]
        return played

    def send(self, kind: str, **_: int) -> None:
        """Listen to the answer."""
        if kind == "note_on" and not self.answered:
            self.answered = time.perf_counter()


def answers(name: str, repetitions: int) -> list[float]:
    """Seconds from the end of each pause to the first note of a model's answer."""
    ports: Any = PlayedPorts()
    duet = Duet(load_model(name), ports, seed=1, **usual_settings(read_card(find_model(name))))
    begun = time.perf_counter()
    ports.phrase()

    def done() -> bool:
        nonlocal begun
        now = time.perf_counter()
        if now - begun > MAX_WAIT:
            raise MusictxError(f"{name} did not answer for {MAX_WAIT:g} s")
        if not ports.answered or now - ports.answered < LISTENS:
            return False
        if len(duet.latencies) >= repetitions:
            return True
        begun = now
        ports.phrase()
        return False

    duet.run(done)
    return duet.latencies


def bench_live(
    models: Sequence[str] = SHIPPED_MODELS, *, repetitions: int = 5, progress: Progress = silent
) -> dict[str, Any]:
    """Let models answer a phrase in a duet, in real time; what is played and sent goes to no device.

    Parameters
    ----------
    models : sequence of str
    repetitions : int
        Answers of each model, after a first one that does not count.
    progress : callable

    Returns
    -------
    dict
        ``rows``: ``model``, and ``seconds`` from the end of the pause to the answer's first note with the
        ``worst``.

    Raises
    ------
    MusictxError
        A model does not answer.
    """
    check_at_least(1, repetitions=repetitions)
    facts, rows = machine(), []
    for name in models:
        progress(name)
        found = answers(name, repetitions + 1)[1:]
        rows.append({"model": name, "seconds": spread(found), "worst": round(max(found), 4)})
    return {"bench": "live", "machine": facts, "rows": rows}
