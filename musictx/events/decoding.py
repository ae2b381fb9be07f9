"""Event tokens → `Performance`."""

from __future__ import annotations

import numpy as np

from musictx.errors import MusictxError
from musictx.events.table import tokens_to_table
from musictx.events.velocity import level_to_velocity
from musictx.events.vocabulary import STEPS_PER_SECOND, VOCABULARY_SIZE
from musictx.performance import Performance, make_notes


def decode(tokens: np.ndarray) -> Performance:
    """Turn event tokens into music; any sequence of tokens decodes.

    A NOTE_ON of a sounding pitch ends the note before it, a NOTE_OFF of a silent pitch is ignored,
    and notes still open at the end are closed there (10 ms later if they were just struck).

    Parameters
    ----------
    tokens : np.ndarray [shape=(n,), dtype=integer]

    Returns
    -------
    Performance
        Without pedals.

    Raises
    ------
    MusictxError
        If a token is outside the vocabulary.

    Examples
    --------
    >>> from musictx import decode
    >>> decode([375, 60, 305, 188]).notes.tolist()
    [(0.0, 0.5, 60, 78)]
    """
    tokens = np.asarray(tokens)
    if tokens.size and not (int(tokens.min()) >= 0 and int(tokens.max()) < VOCABULARY_SIZE):
        raise MusictxError(
            f"tokens must lie between 0 and {VOCABULARY_SIZE - 1}; found {tokens.min()} to {tokens.max()}"
        )
    table = tokens_to_table(tokens)
    order = np.argsort(table.pitch, kind="stable")  # by pitch, then as played
    step, is_on, pitch = table.step[order], table.is_on[order], table.pitch[order]
    on = np.flatnonzero(is_on)
    following = np.append(step[1:], table.end)
    ends_here = np.append(pitch[1:] == pitch[:-1], False)
    onset = step[on]
    off = np.where(ends_here[on], following[on], np.maximum(table.end, onset + 1))
    keep = off > onset  # struck and released, or struck twice, in one step: nothing to hear
    velocity = level_to_velocity(table.level[order][on])
    notes = make_notes(
        onset[keep] / STEPS_PER_SECOND, off[keep] / STEPS_PER_SECOND, pitch[on][keep], velocity[keep]
    )
    return Performance(notes)
