"""Filling in for a page: checked, done in a thread of its own, and told of while it is being done."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict

from musictx.errors import MusictxError
from musictx.model import MusicTransformer
from musictx.performance import Performance
from musictx.sampling.contrast import STRIDES
from musictx.sampling.filling import CANDIDATES, Filling, fill_in

from .payloads import Settings

TAKES = 4  # that a visitor can choose from
MAX_TOKENS_A_SECOND = 150  # of a candidate: twice as many as dense music has

_TELL_SECONDS = 0.25


class _Left(Exception):
    """Nobody waits for the fillings any more."""


def stream_filling(
    model: MusicTransformer,
    performance: Performance,
    gap: tuple[float, float],
    settings: Settings,
    *,
    from_beginning: bool,
) -> Iterator[float | list[Filling]]:
    """Fill in a selection, and tell several times a second how much of it is played; the fillings come last.

    Whoever stops asking ends the work.

    Parameters
    ----------
    model : MusicTransformer
    performance : Performance
    gap : tuple of float
        Start and end of the selection (s).
    settings : Settings
        Of these, `seconds`, `theme` and `form` say nothing here.
    from_beginning : bool
        Whether the performance is the beginning of a piece.

    Yields
    ------
    float or list of Filling
        From 0 to 1, what is played of all candidates; at the end the fillings.
    """
    if not len(performance):
        raise MusictxError("there is no note around this selection; choose one inside the music")
    start, end = gap
    made, left = 0.0, False

    def note(seconds: float) -> None:
        nonlocal made
        if left:
            raise _Left
        made = min(1.0, max(0.0, seconds / (end - start)))

    def work() -> list[Filling]:
        return fill_in(
            model,
            performance,
            start,
            end,
            takes=TAKES,
            candidates=CANDIDATES,
            tokens=round(MAX_TOKENS_A_SECOND * (end - start)) + MAX_TOKENS_A_SECOND,
            beat=settings.beat,
            from_beginning=from_beginning,
            seed=settings.seed,
            on_progress=note,
            **asdict(settings.sampling) | dict.fromkeys(STRIDES, 0.0),
        )

    pool = ThreadPoolExecutor(1)
    done = pool.submit(work)
    try:
        while not done.done():
            wait([done], _TELL_SECONDS)
            yield made
        yield done.result()
    finally:
        left = True
        pool.shutdown(wait=False)  # a page that goes is told from the event loop, which must not wait
