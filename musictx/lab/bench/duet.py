"""How soon a model answers in the duet of the web demo, once the player has paused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from musictx.errors import MusictxError

PHRASE = "adgkj"  # on the computer's keyboard
KEY_MS = 120  # that each of its keys is down
RANG_MS = 30  # a piano that sounded so shortly before the model's turn may be what is heard in it
MAX_SILENT = 5  # turns in a row without an answer, after which a model is given up


def answers_of(page: Any, models: Sequence[str], repetitions: int) -> dict[str, list[float]]:
    """Seconds from the end of the pause to the first sound of each model's answers.

    Parameters
    ----------
    page : playwright page
        The demo at rest, with the probe of `musictx.lab.bench.app` in it.
    models : sequence of str
    repetitions : int
        Answers of each model.

    Raises
    ------
    MusictxError
        A model does not answer.
    """
    page.get_by_test_id("piano").click()
    page.get_by_test_id("duet").click()
    measured: dict[str, list[float]] = {}
    for model in models:
        page.get_by_test_id(f"duet-{model}").click()
        passed: list[float] = measured.setdefault(model, [])
        silent = 0
        while len(passed) < repetitions:
            answer = _answer(page)
            silent = 0 if answer is not None else silent + 1
            if silent == MAX_SILENT:
                raise MusictxError(f"{model} does not answer in the measurement of the duet")
            if answer is not None:
                passed.append(answer)
    return measured


def _answer(page: Any) -> float | None:
    """One turn; None if the model has nothing to say, or the player's piano still rang at its turn."""
    page.evaluate("window.probe.sounds = []; window.musictx.duet.due = null")
    for key in PHRASE:
        page.keyboard.press(key, delay=KEY_MS)
    page.wait_for_function(
        """() => {
          const { due, begun, conversation } = window.musictx.duet;
          const sounds = begun && window.probe.sounds.some((at) => at > 1000 * due);
          return due !== null && (sounds || conversation.state === "listening");
        }""",
        timeout=60_000,
    )
    sounds, due = page.evaluate("[window.probe.sounds, 1000 * window.musictx.duet.due]")
    page.keyboard.press("a")  # takes the turn back; the next phrase goes on from there
    after = [at for at in sounds if at > due]
    rang = [at for at in sounds if due - RANG_MS < at <= due]
    return None if rang or not after else (after[0] - due) / 1000
