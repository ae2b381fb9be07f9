"""Filling in: a passage of a performance is played again so that it leads into what follows.

A model plays from left to right and does not know what comes. So it plays many candidates for the passage,
and each is weighted by how likely it makes what follows: importance resampling, which comes the closer to
drawing from "the passage, given what is before and after it" the more candidates there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from musictx.errors import MusictxError, require
from musictx.events import MAX_SHIFT, NOTE_OFF, STEP_SECONDS, STEPS_PER_SECOND, TIME_SHIFT
from musictx.events.table import clock_of
from musictx.model import MusicTransformer
from musictx.performance import Performance, apply_pedal, resolve_overlaps
from musictx.sampling.cache import Cache
from musictx.sampling.continuation import MAX_VARIATIONS, continue_variations
from musictx.sampling.takes import take_tokens
from musictx.settings import SamplingSettings

CANDIDATES = 16
FOLLOWING = 64  # note events after the passage that a candidate must make likely: some three seconds
# A note belongs to the hundredth of a second that it is nearest to: one on a bar line belongs to its bar.
_EARLY = STEP_SECONDS / 2 + 1e-9


@dataclass(frozen=True, eq=False)
class Filling:
    """A performance with a passage played again.

    Attributes
    ----------
    performance : Performance
        The pedal is part of the note ends. Every note that begins outside the passage is as it was, but for
        one that sounds into it: it ends where its key is struck again.
    start, end : float
        The passage (s), on the 10 ms grid; a note belongs to the place on it that it is nearest to.
    nats : float
        How surprised the model is by what follows: nats of the next `FOLLOWING` note events.
    """

    performance: Performance
    start: float
    end: float
    nats: float

    @property
    def notes(self) -> np.ndarray:
        """The notes that begin in the passage."""
        onset = self.performance.notes["onset"] + _EARLY
        return self.performance.notes[(onset >= self.start) & (onset < self.end)]


def check_takes(takes: int, candidates: int) -> None:
    """Say that so many fillings cannot be chosen from so many candidates."""
    few = f"be at least 1 and at most {MAX_VARIATIONS}"
    require(1 <= candidates <= MAX_VARIATIONS, "candidates", candidates, few)
    require(
        1 <= takes <= candidates, "takes", takes, f"be at least 1 and at most the {candidates} candidates"
    )


def fill_in(
    model: MusicTransformer,
    performance: Performance,
    start: float,
    end: float,
    *,
    takes: int | None = 1,
    candidates: int = CANDIDATES,
    tokens: int | None = None,
    beat: str = "off",
    from_beginning: bool = True,
    seed: int = 0,
    on_progress: Callable[[float], None] | None = None,
    **settings: Any,
) -> list[Filling]:
    """Play a passage again so that it leads into what follows.

    Parameters
    ----------
    model : MusicTransformer
    performance : Performance
    start, end : float
        The passage (s). Notes that are struck in it are replaced; notes that sound into it stay until their
        key is struck again.
    takes : int, optional
        Different fillings. None: every candidate, in the order in which they were made.
    candidates : int
        How many to draw them from. With 1, the passage is a plain continuation of what is before it.
    tokens : int, optional
        Largest number of tokens of a candidate.
    beat : str
        off, loose or strict: as for `musictx.continue_variations`.
    from_beginning : bool
        Whether the performance is the beginning of a piece.
    seed : int
    on_progress : callable, optional
        Called with the seconds of the candidates made so far.
    **settings
        Fields of `musictx.sampling.SamplingSettings`, less ``allow_end``: the piece goes on. `theme` is 0
        by default.

    Returns
    -------
    list of Filling [length=takes]
        Drawn from the candidates, no one twice, in proportion to the probability of what follows.

    Raises
    ------
    MusictxError
        There is no such passage, nothing follows it, or fewer candidates than takes are asked for.

    Examples
    --------
    >>> fillings = fill_in(load_model("relative"), music, 12.0, 16.0, takes=3)   # doctest: +SKIP
    """
    check_takes(candidates if takes is None else takes, candidates)
    given = f"the passage goes from {start:g} s to {end:g} s"
    if not (0 <= start < np.inf and end < np.inf):
        raise MusictxError(f"{given}; it must lie within the piece, which begins at 0 s")
    start, end = (round(t * STEPS_PER_SECOND) / STEPS_PER_SECOND for t in (start, end))
    if not start < end:
        raise MusictxError(f"{given}; it must end {1 / STEPS_PER_SECOND} s or more after it starts")
    heard = apply_pedal(performance)
    onset = heard.notes["onset"] + _EARLY
    before, after = heard.notes[onset < start], heard.notes[onset >= end]
    if not len(after):
        raise MusictxError(
            f"no note begins after {end:g} s, so there is nothing to lead into; `musictx continue` plays on"
        )
    primer = replace(heard, notes=before)
    if not len(before):  # the model begins with the passage, where bars and beats lie as in the piece
        primer = Performance(metre=heard.metre and heard.metre.moved(start))
    cut = start if len(before) else 0.0
    made = continue_variations(
        model,
        primer,
        seconds=end - start,
        tokens=tokens,
        beat=beat,
        primer_end=start if len(before) else None,
        from_beginning=from_beginning,
        seed=seed,
        variations=candidates,
        on_progress=on_progress,
        # From the model itself, so that the weights of the candidates mean what they say.
        **{"theme": 0.0, **settings, "allow_end": False},
    )
    if on_progress:
        on_progress(end - start)  # what is left is to weigh them
    wholes = []
    for continuation in made:
        notes = continuation.performance.notes
        notes = notes[notes["onset"] + _EARLY >= cut].copy()
        if not len(before):
            notes["onset"], notes["offset"] = notes["onset"] + start, notes["offset"] + start
        notes["offset"] = np.minimum(notes["offset"], end)
        together = np.concatenate([before, notes, after])
        # What follows may begin a little before the end: a bar line lies between two hundredths.
        wholes.append(replace(heard, notes=resolve_overlaps(together)))
    int8 = SamplingSettings(**settings).int8
    costs = following_nats(model, wholes, start, end, from_beginning=from_beginning, int8=int8).sum(1)
    found = [Filling(whole, start, end, float(nats)) for whole, nats in zip(wholes, costs, strict=True)]
    if takes is None:
        return found
    rng = np.random.default_rng([seed % 2**64, 2**32])  # no variation has this stream
    return [found[k] for k in draw_likely(costs, rng)[:takes]]


def draw_likely(nats: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An order of candidates, drawn one by one with probabilities ``exp(-nats)``, no one twice.

    References
    ----------
    Yellott, "The relationship between Luce's choice axiom, Thurstone's theory of comparative judgment,
    and the double exponential distribution" (1977): the order of log-weights with Gumbel noise is this.
    """
    return np.argsort(nats - rng.gumbel(size=len(nats)))


def following_nats(
    model: MusicTransformer,
    performances: Sequence[Performance],
    start: float,
    end: float,
    count: int = FOLLOWING,
    *,
    from_beginning: bool = True,
    int8: bool = False,
) -> np.ndarray:
    """How surprised a model is by what follows a passage, after each way of playing the passage.

    It is taken as given that the passage is over: how likely the rest up to its end is has already decided
    which candidates there are.

    Parameters
    ----------
    model : MusicTransformer
    performances : sequence of Performance
        Alike outside the passage, and nothing that begins in it ends after it.
    start, end : float
        The passage (s), on the 10 ms grid; what is before it is what the model listens to as a primer.
    count : int
        So many note events after the passage.
    from_beginning : bool
        As in `fill_in`.
    int8 : bool
        As in `musictx.sampling.SamplingSettings`: whether it is the model of 8 bits that is surprised.

    Returns
    -------
    np.ndarray [shape=(performances, count), dtype=float64]
        Nats of each event, with the time and the velocity that are said before it; 0 after the last one.
        With the first come the ends of notes that are cut where the passage ends.
    """
    sequences, places, rests = [], [], []
    for performance in performances:
        take = take_tokens(model, performance, start, from_beginning=from_beginning)
        tokens, border = take.tokens, round((end - take.begins) * STEPS_PER_SECOND)
        clock = clock_of(tokens)
        over = int((clock < border).sum())  # the token with which the passage is over
        rests.append(border - int(clock[over - 1]))
        # The ends of what is cut there are not counted: all candidates lead into as many events.
        after = np.flatnonzero((tokens < TIME_SHIFT) & (clock >= border + (tokens >= NOTE_OFF)))[:count]
        places.append(np.append(over, after + 1))
        sequences.append(tokens[: places[-1][-1]])
    result = np.zeros((len(performances), count))
    costs = _nats_from(model, sequences, [int(place[0]) for place in places], rests, int8)
    for row, nats, place in zip(result, costs, places, strict=True):
        row[: len(place) - 1] = np.diff(np.append(0.0, np.cumsum(nats))[place - place[0]])
    return result


@torch.inference_mode()
def _nats_from(
    model: MusicTransformer, sequences: list[np.ndarray], starts: list[int], rests: list[int], int8: bool
) -> Iterator[np.ndarray]:
    """Nats of the tokens from each start on, the first of which is known to be a shift by the rest or more.

    What is before and alike in all is read once.
    """
    before = np.stack([tokens[: min(starts) - 1] for tokens in sequences])
    alike = int((before == before[0]).all(0).cumprod().sum())
    cache = Cache(model, 1, max(len(tokens) for tokens in sequences), int8=int8)
    if alike:
        cache.step(torch.from_numpy(before[:1, :alike]).to(model.device))
    for tokens, start, rest in zip(sequences, starts, rests, strict=True):
        cache.length = alike
        following = torch.from_numpy(tokens[alike:]).to(model.device)
        if start < len(tokens):
            logits = cache.step(following[None, :-1])[0, start - 1 - alike :].float()
            logits[0, : TIME_SHIFT + rest - 1] = logits[0, TIME_SHIFT + MAX_SHIFT :] = -torch.inf
            nats = F.cross_entropy(logits, following[start - alike :], reduction="none")
            yield nats.double().cpu().numpy()
        else:
            yield np.zeros(0)  # positions end before what follows
