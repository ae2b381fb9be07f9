"""The primer as a model reads it: cut, pedal applied, encoded, and short enough."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from musictx.errors import MusictxError
from musictx.events import (
    START,
    STEP_SECONDS,
    STEPS_PER_SECOND,
    EventTable,
    encode,
    note_pairs,
    table_to_tokens,
    tokens_to_table,
)
from musictx.model import MusicTransformer
from musictx.performance import Performance, apply_pedal, slice_time

LATEST = 24 * 3600.0  # seconds: where music that is read from a file ends as well
LONG_REST = 4.0  # seconds of silence at a primer's end that are worth a remark


class Primer(NamedTuple):
    """A primer as the model gets it."""

    performance: Performance  # cut, pedal applied
    tokens: np.ndarray  # with START where the piece begins
    cut: float  # seconds at which the continuation begins
    remarks: tuple[str, ...]


def _heard(performance: Performance, start: float, end: float | None) -> Performance:
    if not 0 <= start < np.inf or not (end is None or start < end < np.inf):
        raise MusictxError(f"the primer must end after it starts; start is {start:g} s and end is {end} s")
    last = start if end is None else end
    if last > LATEST:
        raise MusictxError(f"the primer must lie within the first {LATEST:g} s; {last:g} s is too late")
    if start > 0:
        performance = slice_time(performance, start)
    return apply_pedal(performance)


def prepare_primer(
    model: MusicTransformer, performance: Performance, start: float = 0.0, end: float | None = None
) -> Primer:
    """Cut and encode a primer; of one that is too long the last part is kept.

    Too long is what fills more than three quarters of the model's context length: some room must
    stay in which the model was trained to play on.

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
    heard = _heard(performance, start, end)
    # On the grid, so that a note belongs to the primer or comes after it for everyone.
    until = None if end is None else max(1, round((end - start) * STEPS_PER_SECOND)) * STEP_SECONDS
    tokens = encode(heard, until=until)
    shown = heard if until is None else slice_time(heard, 0.0, until)
    if len(performance) and not len(shown):
        place = f"after {start:g} s" if end is None else f"between {start:g} and {end:g} s"
        raise MusictxError(f"no note begins {place}; the music lasts {performance.duration:.1f} s")
    cut = tokens_to_table(tokens).end * STEP_SECONDS
    remarks: tuple[str, ...] = ()
    if len(shown) and cut - shown.duration > LONG_REST:
        remarks = (f"the primer ends with {cut - shown.duration:.1f} s of silence",)
    limit = max(1, model.config.context_length * 3 // 4)
    if model.positions.limit is not None:
        limit = min(limit, model.positions.limit // 2)
    if len(tokens) < limit:
        # A passage from the middle of a piece has no START before it, as in training.
        head = [START] if start == 0 or not len(tokens) else []
        return Primer(shown, np.concatenate([head, tokens]).astype(np.uint16), cut, remarks)
    kept = last_events(tokens, limit)
    kept = kept if len(kept) else np.array([START], np.uint16)
    seconds = tokens_to_table(kept).end * STEP_SECONDS
    remark = (
        f"the primer is {cut:.1f} s long; the model reads its last {seconds:.1f} s "
        f"({len(kept)} of {len(tokens)} events)"
    )
    return Primer(shown, kept, cut, (*remarks, remark))


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
        kept = EventTable(
            table.step[rows] - before.end,
            table.is_on[rows],
            table.pitch[rows],
            table.level[rows],
            table.end - before.end,
        )
        result = table_to_tokens(kept)
        if len(result) <= limit:
            return result
        at += 1  # one token more was needed, for the velocity
