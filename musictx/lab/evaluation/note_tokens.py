"""Which tokens belong to which note."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictx.events import (
    NOTE_OFF,
    PAD,
    STEP_SECONDS,
    TIME_SHIFT,
    note_pairs,
    tokens_to_table,
)
from musictx.events.table import clock_of
from musictx.sampling.takes import Take


@dataclass(frozen=True, eq=False)
class NoteTokens:
    """Tokens and the notes that they make.

    Every token belongs to at most one note. To its *strike* belong the NOTE_ON and the TIME_SHIFTs and the
    VELOCITY that stand between it and the note event before it; to its *release* the NOTE_OFF and the
    TIME_SHIFTs before it. To no note belong special tokens, time at the end, and the release of a note
    that was struck before the passage.

    Attributes
    ----------
    on : np.ndarray [shape=(notes,), dtype=int64]
        Place of each NOTE_ON among the tokens: notes are numbered as they are struck.
    onset : np.ndarray [shape=(notes,)]
        Seconds.
    pitch : np.ndarray [shape=(notes,), dtype=int64]
    owner : np.ndarray [shape=(n,), dtype=int64]
        The note that each token belongs to, -1 for none.
    striking : np.ndarray [shape=(n,), dtype=bool]
        Whether a token belongs to its note's strike.
    seconds : np.ndarray [shape=(n,)]
        The time that has come when each token has been said.
    """

    on: np.ndarray
    onset: np.ndarray
    pitch: np.ndarray
    owner: np.ndarray
    striking: np.ndarray
    seconds: np.ndarray

    def __len__(self) -> int:
        """Number of notes."""
        return len(self.on)

    def sums(self, values: np.ndarray, *, strike: bool = True, release: bool = True) -> np.ndarray:
        """Sum values of tokens over each note.

        Parameters
        ----------
        values : np.ndarray [shape=(…, m)]
            Of the first m tokens.
        strike, release : bool
            Which of a note's tokens count.

        Returns
        -------
        np.ndarray [shape=(…, notes), dtype=float64]
        """
        owner, striking = self.owner[: values.shape[-1]], self.striking[: values.shape[-1]]
        counted = (owner >= 0) & np.where(striking, strike, release)
        places = np.flatnonzero(counted)
        places = places[np.argsort(owner[places], kind="stable")]
        result = np.zeros((*values.shape[:-1], len(self)))
        if len(places):
            notes, first = np.unique(owner[places], return_index=True)
            result[..., notes] = np.add.reduceat(values[..., places], first, -1, dtype=np.float64)
        return result


def note_tokens(tokens: np.ndarray) -> NoteTokens:
    """Find out which tokens belong to which note.

    Parameters
    ----------
    tokens : np.ndarray [shape=(n,), dtype=integer]
        With or without specials.

    Returns
    -------
    NoteTokens

    Examples
    --------
    >>> from musictx.events import NOTE_OFF, NOTE_ON, TIME_SHIFT, VELOCITY
    >>> from musictx.lab.evaluation.note_tokens import note_tokens
    >>> found = note_tokens(np.array([VELOCITY + 16, NOTE_ON + 60, TIME_SHIFT + 49, NOTE_OFF + 60]))
    >>> found.owner.tolist(), found.striking.tolist()
    ([0, 0, 0, 0], [True, True, False, False])
    """
    tokens = np.asarray(tokens).astype(np.int64)
    table = tokens_to_table(tokens)
    event = np.flatnonzero(tokens < TIME_SHIFT)
    number = np.cumsum(table.is_on) - 1
    partner = note_pairs(table)
    of_event = np.where(table.is_on, number, np.where(partner >= 0, number[partner], -1))
    following = np.searchsorted(event, np.arange(len(tokens)))  # the note event that a token leads to
    owner = np.append(of_event, -1)[following]
    owner[tokens >= PAD] = -1
    clock = clock_of(tokens) * STEP_SECONDS
    on = event[table.is_on]
    return NoteTokens(
        on=on,
        onset=clock[on],
        pitch=tokens[on] % NOTE_OFF,
        owner=owner,
        striking=np.append(table.is_on, False)[following],
        seconds=clock,
    )


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
        Numbered as in `note_tokens`.
    queries : np.ndarray [shape=(m,), dtype=int64]
        The token before the NOTE_ON.
    """
    on = note_tokens(take.tokens).on
    first = 1 if primer else max(1, take.primer)
    notes = np.flatnonzero(on >= first)
    return notes, on[notes] - 1
