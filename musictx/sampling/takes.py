"""A take as the model had it: the tokens of its primer and of what was played on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from musictx.events import NOTE_OFF, START, STEP_SECONDS, TIME_SHIFT, encode, tokens_to_table
from musictx.model import MusicTransformer
from musictx.performance import Performance
from musictx.sampling.primer import in_milliseconds, prepare_primer, without_rest


class Take(NamedTuple):
    """Tokens of a take. Of a primer that is too long for the model, they have the last part only."""

    tokens: np.ndarray  # [shape=(n,), dtype=int64]
    primer: int  # how many of them are the primer, up to its last note event
    begins: float = 0.0  # seconds of the music before the first token
    skipped: int = 0  # notes of the music before the first token


def take_tokens(
    model: MusicTransformer, whole: Performance, cut: float, *, from_beginning: bool = True
) -> Take:
    """The tokens that a model read and wrote for a take.

    Parameters
    ----------
    model : MusicTransformer
        Of a primer that is too long for it, only the last part counts, as when it played on.
    whole : Performance
        Primer and continuation on one time axis.
    cut : float
        Where the continuation begins (s).
    from_beginning : bool
        Whether the primer is the beginning of a piece, and so has START before it.

    Returns
    -------
    Take
        Notes that sound to the end are closed there.

    Examples
    --------
    >>> from musictx import load_model, read_midi, shipped_primer
    >>> from musictx.sampling import take_tokens
    >>> music = read_midi(shipped_primer("ode-to-joy"))
    >>> take = take_tokens(load_model("relative"), music, 4.0)
    >>> len(take.tokens) > take.primer
    True
    """
    whole = in_milliseconds(whole)  # as primers are: a note on a bar line may lie just before the cut
    everything = encode(whole)
    if not (whole.notes["onset"] < cut).any():
        kept, events = np.array([START]), 0
    else:
        ready = prepare_primer(model, whole, end=cut, from_beginning=from_beginning)
        kept = ready.tokens
        events = len(tokens_to_table(encode(whole, until=ready.cut)).step)
    kept, _ = without_rest(kept)  # the time that leads over the cut is said with the first event after it
    at = int(np.flatnonzero(everything < TIME_SHIFT)[events - 1]) + 1 if events else 0
    begins = _seconds(everything[:at]) - _seconds(kept)
    skipped = int((everything[:at] < NOTE_OFF).sum()) - int((kept < NOTE_OFF).sum())
    tokens = np.concatenate([kept, everything[at:]]).astype(np.int64)[: model.positions.limit]
    return Take(tokens, min(len(kept), len(tokens)), begins, skipped)


def _seconds(tokens: np.ndarray) -> float:
    return tokens_to_table(tokens).end * STEP_SECONDS
