"""A take as the model had it: the tokens of its primer and of what was played on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from musictx.events import START, TIME_SHIFT, VELOCITY, encode, note_tokens, tokens_to_table
from musictx.model import MusicTransformer
from musictx.performance import Performance
from musictx.sampling import prepare_primer


class Take(NamedTuple):
    """Tokens of a take."""

    tokens: np.ndarray  # [shape=(n,), dtype=int64]
    primer: int  # so many of them are the primer, up to its last note event


def take_tokens(model: MusicTransformer, whole: Performance, cut: float) -> Take:
    """The tokens that a model read and wrote for a take.

    Parameters
    ----------
    model : MusicTransformer
        Of a primer that is too long for it, only the last part counts, as when it played on.
    whole : Performance
        Primer and continuation on one time axis.
    cut : float
        Where the continuation begins (s).

    Returns
    -------
    Take
        Notes that sound to the end are closed there.
    """
    everything = encode(whole)
    if cut <= 0:
        kept, events = np.array([START]), 0
    else:
        ready = prepare_primer(model, whole, end=cut)
        kept = ready.tokens
        events = len(tokens_to_table(encode(whole, until=ready.cut)).step)
    # The time that leads over the cut is said once: with the first event after it.
    while len(kept) and TIME_SHIFT <= kept[-1] < VELOCITY:
        kept = kept[:-1]
    drawn = everything[_after_events(everything, events) :]
    tokens = np.concatenate([kept, drawn]).astype(np.int64)[: model.positions.limit]
    return Take(tokens, min(len(kept), len(tokens)))


def _after_events(tokens: np.ndarray, count: int) -> int:
    """Place after so many note events."""
    return int(np.flatnonzero(tokens < TIME_SHIFT)[count - 1]) + 1 if count else 0


def choices(take: Take, *, primer: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Notes of a take, and the token after which the model chose each of them.

    Parameters
    ----------
    take : Take
    primer : bool
        The primer's notes as well, which the model did not choose, but would have to.

    Returns
    -------
    notes : np.ndarray [shape=(m,), dtype=int64]
        Numbered as in `musictx.events.note_tokens`.
    queries : np.ndarray [shape=(m,), dtype=int64]
        The token before the NOTE_ON.
    """
    on = note_tokens(take.tokens).on
    first = 1 if primer else max(1, take.primer)
    notes = np.flatnonzero(on >= first)
    return notes, on[notes] - 1
