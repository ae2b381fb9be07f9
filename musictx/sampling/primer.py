"""The primer as a model reads it: cut, pedal applied, encoded, and short enough.

Command line, endpoint, page and site prepare it here, or in this file's twin, `app/static/engine/primer.js`,
by the same three rules, so that one primer, seed and settings give one piece:

- It is read in whole milliseconds, as pages and links have it.
- It begins a piece, and has START before it, if nothing of the music was struck before it.
- A note that sounds at its end is open: the model releases it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from musictx.errors import MusictxError, require
from musictx.events import (
    START,
    STEP_SECONDS,
    STEPS_PER_SECOND,
    TIME_SHIFT,
    VELOCITY,
    encode,
    note_pairs,
    table_to_tokens,
    tokens_to_table,
)
from musictx.model import MusicTransformer
from musictx.performance import Performance, apply_pedal, retimed, slice_time

LATEST = 24 * 3600.0  # seconds: where music that is read from a file ends as well
LONG_REST = 4.0  # seconds of silence at a primer's end that are worth a remark
_HALF_MILLISECOND = 0.0005


class Primer(NamedTuple):
    """A primer as the model gets it."""

    performance: Performance  # cut, pedal applied
    tokens: np.ndarray  # with START where the piece begins
    cut: float  # seconds at which the continuation begins
    remarks: tuple[str, ...]


def _check_span(start: float, end: float | None) -> None:
    require(0 <= start < np.inf, "primer-start", start, "be 0 s or later")
    if not (end is None or start < end < np.inf):
        raise MusictxError(f"the primer must end after it starts; start is {start:g} s and end is {end} s")
    last = start if end is None else end
    if last > LATEST:
        raise MusictxError(f"the primer must lie within the first {LATEST:g} s; {last:g} s is too late")


def _heard(performance: Performance, start: float) -> Performance:
    """What is heard of the music from `start` on; a note belongs to the millisecond that it is nearest to."""
    if start > 0:
        early = performance.notes["onset"]
        notes = performance.notes.copy()
        notes["onset"] = np.where(early >= start - _HALF_MILLISECOND, np.maximum(early, start), early)
        performance = slice_time(replace(performance, notes=notes), start)
    return apply_pedal(performance)


def in_milliseconds(performance: Performance) -> Performance:
    """Times of notes and pedal rounded to whole milliseconds, which is how pages and links have them.

    Examples
    --------
    >>> from musictx import Performance, make_notes
    >>> from musictx.sampling.primer import in_milliseconds
    >>> in_milliseconds(Performance(make_notes([0.00049], [1.2345678], [60]))).notes.tolist()
    [(0.0, 1.235, 60, 80)]
    """
    return retimed(performance, lambda time: np.rint(time * 1000) / 1000)


def prepare_primer(
    model: MusicTransformer,
    performance: Performance,
    start: float = 0.0,
    end: float | None = None,
    *,
    from_beginning: bool | None = None,
) -> Primer:
    """Cut and encode a primer; of one that is too long the last part is kept.

    Too long is what fills more than three quarters of the model's context length: some room must
    stay in which the model was trained to play on.

    Parameters
    ----------
    model : MusicTransformer
    performance : Performance
    start, end : float
        The part of it that is the primer (s).
    from_beginning : bool, optional
        Whether the primer begins a piece. Without it, it does if no note comes before `start`.

    Raises
    ------
    MusictxError
        The primer ends before it starts, or the music has notes, but none there.

    Examples
    --------
    >>> from musictx import load_model, read_midi, shipped_primer
    >>> from musictx.sampling import prepare_primer
    >>> primer = prepare_primer(load_model("rope"), read_midi(shipped_primer("fur-elise")), end=4)
    >>> primer.cut, int(primer.tokens[0])  # START, since the piece begins here
    (4.0, 389)
    """
    _check_span(start, end)
    heard = _heard(performance, start)
    if from_beginning is None:
        from_beginning = not (performance.notes["onset"] < start - _HALF_MILLISECOND).any()
    # On the grid, so that a note belongs to the primer or comes after it for everyone.
    until = None if end is None else max(1, round((end - start) * STEPS_PER_SECOND)) / STEPS_PER_SECOND
    read = in_milliseconds(_heard(in_milliseconds(performance), start))
    tokens = encode(read, until=until)
    shown = heard if until is None else _until(heard, until)
    if len(performance) and not len(shown):
        place = f"after {start:g} s" if end is None else f"between {start:g} and {end:g} s"
        raise MusictxError(f"no note begins {place}; the music lasts {performance.duration:.1f} s")
    cut = tokens_to_table(tokens).end / STEPS_PER_SECOND  # 1.89, where a product is more
    remarks: tuple[str, ...] = ()
    if len(shown) and cut - shown.duration > LONG_REST:
        remarks = (f"the primer ends with {cut - shown.duration:.1f} s of silence",)
    limit = max(1, model.config.context_length * 3 // 4)
    if model.positions.limit is not None:
        limit = min(limit, model.positions.limit // 2)
    if len(tokens) < limit:
        # A passage from the middle of a piece has no START before it, as in training.
        head = [START] if from_beginning or not len(tokens) else []
        return Primer(shown, np.concatenate([head, tokens]).astype(np.uint16), cut, remarks)
    kept = last_events(tokens, limit)
    kept = kept if len(kept) else np.array([START], np.uint16)
    seconds = tokens_to_table(kept).end * STEP_SECONDS
    remark = (
        f"the primer is {cut:.1f} s long; the model reads its last {seconds:.1f} s "
        f"({len(kept)} of {len(tokens)} events)"
    )
    return Primer(shown, kept, cut, (*remarks, remark))


def _until(heard: Performance, until: float) -> Performance:
    """What begins before `until`, by the millisecond that it is nearest to, and ends there at the latest."""
    notes = heard.notes[heard.notes["onset"] < until - _HALF_MILLISECOND]
    return slice_time(replace(heard, notes=notes), 0.0, until)


def without_rest(tokens: np.ndarray) -> tuple[np.ndarray, int]:
    """What a model reads of a primer: tokens up to the last event, and the steps after it.

    Music is seldom cut exactly where an event is. The next one comes after that rest, or later; a model that
    read the rest as a time would have to play something right at the cut, since no time follows a short one.

    Parameters
    ----------
    tokens : np.ndarray [shape=(n,), dtype=integer]

    Returns
    -------
    tokens : np.ndarray [shape=(m,), dtype=int64]
        START if there is no event.
    rest : int
    """
    tokens = np.asarray(tokens, np.int64)
    end = int(np.flatnonzero((tokens < TIME_SHIFT) | (tokens >= VELOCITY)).max(initial=-1)) + 1
    return tokens[:end] if end else np.array([START]), tokens_to_table(tokens[end:]).end


def last_events(tokens: np.ndarray, limit: int) -> np.ndarray:
    """The last events of a sequence as a sequence of its own.

    The velocity is repeated, and offs of notes that were struck before are left out.

    Parameters
    ----------
    tokens : np.ndarray [shape=(n,)]
        Without specials.
    limit : int
        Largest number of tokens.

    Returns
    -------
    np.ndarray [shape=(m,), dtype=uint16]
    """
    table = tokens_to_table(tokens)
    partner = note_pairs(table)
    at = max(0, len(tokens) - limit)
    while True:
        before = tokens_to_table(tokens[:at])
        first = len(before.step)
        rows = first + np.flatnonzero(table.is_on[first:] | (partner[first:] >= first))
        since = replace(table, step=table.step - before.end, end=table.end - before.end)
        result = table_to_tokens(since.where(rows))
        if len(result) <= limit:
            return result
        at += 1  # one token more was needed, for the velocity
