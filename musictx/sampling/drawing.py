"""Drawing tokens: prefill, cached steps, filters and the grammar mask."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from musictx.errors import MusictxError
from musictx.events import END, NOTE_OFF, PAD, START
from musictx.events.grammar import Grammar
from musictx.model import MusicTransformer
from musictx.sampling.cache import Cache
from musictx.sampling.filters import SamplingSettings, draw, filter_logits


def generate(
    model: MusicTransformer,
    primer: np.ndarray,
    *,
    settings: SamplingSettings | None = None,
    seed: int = 0,
    variations: int = 1,
    max_tokens: int | None = None,
) -> Iterator[np.ndarray]:
    """Draw tokens one at a time, for several variations at once.

    Parameters
    ----------
    model : MusicTransformer
    primer : np.ndarray [shape=(n,), dtype=integer]
        At least one token (START for nothing).
    settings : SamplingSettings, optional
    seed : int
        Variation i draws from the stream (seed, i): it is the same music alone or among others.
    variations : int
    max_tokens : int, optional
        Stop after so many; without it, until every variation has ended.

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
    settings = settings or SamplingSettings()
    if variations < 1:
        raise MusictxError(f"variations is {variations}; it must be at least 1")
    tokens = np.asarray(primer, np.int64)
    if model.positions.limit is not None:
        room = model.positions.limit - len(tokens)
        max_tokens = room if max_tokens is None else min(max_tokens, room)
    streams = [np.random.default_rng([seed % 2**64, i]) for i in range(variations)]
    grammar = Grammar(1)
    for token in tokens:
        grammar.advance(token[None])
    grammar = grammar.copy_rows(variations)
    ended, begun = np.zeros(variations, bool), np.zeros(variations, bool)
    anything = np.ones((variations, model.config.vocabulary), bool)
    anything[:, [PAD, START]] = False
    with torch.inference_mode():
        cache = Cache(model, 1, len(tokens) + 256, int8=settings.int8)
        rows = cache.step(torch.from_numpy(tokens)[None].to(model.device))[:, -1].expand(variations, -1)
        cache.repeat(variations)
    made = 0
    while max_tokens is None or made < max_tokens:
        allowed = grammar.allowed() if settings.grammar else anything.copy()
        # Who gives a whole piece wants to hear more: it does not end before a note was struck.
        allowed[:, END] &= settings.allow_end & begun
        logits = rows.float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise MusictxError("the model answers with no numbers: its weights are damaged")
        scores = np.where(allowed, logits, -np.inf)
        uniform = np.array([stream.random() for stream in streams])
        chosen = np.where(ended, PAD, draw(filter_logits(scores, settings), uniform))
        ended |= chosen == END
        begun |= chosen < NOTE_OFF
        grammar.advance(chosen)
        yield chosen
        made += 1
        if ended.all() or made == max_tokens:
            return
        with torch.inference_mode():
            rows = cache.step(torch.from_numpy(chosen)[:, None].to(model.device))[:, -1]
