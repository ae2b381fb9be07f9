"""How surprised a model is by each note of a take, and by the primer when it comes again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictx.corpus import Chunk
from musictx.errors import MusictxError
from musictx.events import PAD, START, VELOCITY
from musictx.lab.evaluation.note_tokens import NoteTokens, note_tokens
from musictx.losses import chunk_losses
from musictx.model import MusicTransformer
from musictx.sampling.takes import Take


@dataclass(frozen=True, eq=False)
class Surprise:
    """Negative log-likelihood of a take, in nats, shared out among its notes.

    ``strike.sum() + release.sum() + rest`` is the whole NLL, as `musictx.lab.evaluation.nll` counts it in one
    chunk.

    Attributes
    ----------
    tokens : np.ndarray [shape=(n,), dtype=float64]
        Of each token; 0 for the first one, which nothing predicts.
    strike : np.ndarray [shape=(notes,)]
        Of each note that it comes, then, so loud: its NOTE_ON with the VELOCITY and TIME_SHIFTs before it.
    release : np.ndarray [shape=(notes,)]
        Of each note that it ends then.
    rest : float
        Of what belongs to no note.
    notes : NoteTokens
    """

    tokens: np.ndarray
    strike: np.ndarray
    release: np.ndarray
    rest: float
    notes: NoteTokens

    @property
    def total(self) -> float:
        """Nats in all."""
        return float(self.tokens.sum())


def token_nats(model: MusicTransformer, tokens: np.ndarray) -> np.ndarray:
    """Nats of each token after all before it [shape=(n,), dtype=float64]; 0 for the first one."""
    tokens = np.asarray(tokens, np.int64)
    limit = model.positions.limit
    if limit is not None and len(tokens) > limit + 1:
        raise MusictxError(
            f"the take has {len(tokens)} tokens; this model knows {limit} positions and no more"
        )
    nats = np.zeros(len(tokens))
    if len(tokens) > 1:
        ((_, losses),) = chunk_losses(model, [Chunk(0, tokens[:-1], tokens[1:])])
        nats[1:] = losses
    return nats


def surprise(model: MusicTransformer, tokens: np.ndarray) -> Surprise:
    """How surprised a model is by each note.

    Parameters
    ----------
    model : MusicTransformer
    tokens : np.ndarray [shape=(n,), dtype=integer]
        As the model had them: see `musictx.sampling.takes.take_tokens`.

    Returns
    -------
    Surprise

    Raises
    ------
    MusictxError
        There are more tokens than the model has positions.
    """
    nats, notes = token_nats(model, tokens), note_tokens(tokens)
    return Surprise(
        tokens=nats,
        strike=notes.sums(nats, release=False),
        release=notes.sums(nats, strike=False),
        rest=float(nats[notes.owner < 0].sum()),
        notes=notes,
    )


@dataclass(frozen=True, eq=False)
class PrimerAgain:
    """What a primer costs when it comes again after the take, in nats.

    Attributes
    ----------
    first, second : np.ndarray [shape=(notes,)]
        Of each note of the primer, at the beginning and after the take: strike and release. The first
        VELOCITY counts in neither: whether it has to be said depends on what came before.
    second_strike : np.ndarray [shape=(notes,)]
        Of the second, what the strike costs.
    """

    first: np.ndarray
    second: np.ndarray
    second_strike: np.ndarray

    @property
    def gain(self) -> float:
        """By how much a note is less surprising the second time (nats per note)."""
        return float((self.first - self.second).mean())


def primer_again(model: MusicTransformer, take: Take) -> PrimerAgain:
    """Set the primer again after the take, and compare what it costs with the first time.

    Parameters
    ----------
    model : MusicTransformer
    take : Take

    Returns
    -------
    PrimerAgain

    Raises
    ------
    MusictxError
        The primer has no notes, or there are more tokens than the model has positions.
    """
    is_event = take.tokens[: take.primer] != START
    primer = take.tokens[: take.primer][is_event]
    notes = note_tokens(primer)
    if not len(notes):
        raise MusictxError("the primer has no notes that could come again")
    levels, spoken = (x[(x >= VELOCITY) & (x < PAD)] for x in (primer, take.tokens))
    counted, said = np.ones((2, len(primer)), bool)
    if len(levels):
        at = int(np.argmax(primer == levels[0]))
        counted[at] = False
        said[at] = spoken[-1] != levels[0]  # a level that holds is not said again
    nats = token_nats(model, np.concatenate([take.tokens, primer[said]]))
    first, second = nats[: take.primer][is_event], np.zeros(len(primer))
    second[said] = nats[len(take.tokens) :]
    second *= counted
    strike = notes.sums(second, release=False)
    return PrimerAgain(notes.sums(first * counted), notes.sums(second), strike)
