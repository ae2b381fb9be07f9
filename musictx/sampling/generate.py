"""Drawing tokens one at a time, for several variations at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from musictx.errors import require
from musictx.events import PAD
from musictx.model import MusicTransformer
from musictx.sampling.primer import without_rest
from musictx.sampling.sampler import Sampler
from musictx.settings import SamplingSettings

DROPPED = 0.25  # when so many of the sequences have ended, the others go on without them


def generate(
    model: MusicTransformer,
    primer: np.ndarray,
    *,
    settings: SamplingSettings | None = None,
    seed: int = 0,
    variations: int = 1,
    max_tokens: int | None = None,
    enough: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Draw tokens one at a time, for several variations at once.

    Parameters
    ----------
    model : MusicTransformer
    primer : np.ndarray [shape=(n,), dtype=integer]
        At least one token (START for nothing). Time at its end is a rest: what is drawn first leads on from
        the last event, by so much or more.
    settings : SamplingSettings, optional
    seed : int
        Variation i draws from the stream (seed, i): it is the same music alone or among others.
    variations : int
    max_tokens : int, optional
        Stop after this many; without it, when every variation has ended.
    enough : np.ndarray [shape=(variations,), dtype=bool], optional
        Looked at after each token: variations to end there, which cost nothing any more.

    Yields
    ------
    np.ndarray [shape=(variations,), dtype=int64]
        The next token of each; PAD for those that have ended.

    Examples
    --------
    >>> from musictx import load_model
    >>> from musictx.events import START, is_grammatical
    >>> from musictx.sampling import generate
    >>> drawn = [int(token[0]) for token in generate(load_model("relative"), [START], max_tokens=8)]
    >>> len(drawn), is_grammatical(drawn, closed=False)
    (8, True)
    """
    require(variations >= 1, "variations", variations, "be at least 1")
    tokens = np.asarray(primer, np.int64)
    if model.positions.limit is not None:
        room = model.positions.limit - len(without_rest(tokens)[0])
        max_tokens = room if max_tokens is None else min(max_tokens, room)
    settings = settings or SamplingSettings()
    streams = [np.random.default_rng([seed % 2**64, i]) for i in range(variations)]
    sampler, rows, made = Sampler(model, tokens, settings, streams), np.arange(variations), 0
    while max_tokens is None or made < max_tokens:
        drawn = np.full(variations, PAD)
        drawn[rows] = sampler.draw()
        yield drawn
        made += 1
        if enough is not None:
            sampler.ended |= enough[rows]
        if sampler.ended.all():
            return
        if sampler.ended.mean() >= DROPPED:
            left = np.flatnonzero(~sampler.ended)
            sampler.keep(left)
            rows = rows[left]
