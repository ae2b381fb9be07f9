"""Drawing tokens: prefill, cached steps, filters, the grammar mask; sequences that grow side by side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from musictx.errors import MusictxError
from musictx.events import END, NOTE_OFF, PAD, START
from musictx.events.grammar import Grammar
from musictx.model import MusicTransformer
from musictx.sampling.cache import Cache
from musictx.sampling.contrast import ShortContext, contrast, contrast_strength
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
        Stop after this many; without it, when every variation has ended.

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
    if variations < 1:
        raise MusictxError(f"variations is {variations}; it must be at least 1")
    tokens = np.asarray(primer, np.int64)
    if model.positions.limit is not None:
        room = model.positions.limit - len(tokens)
        max_tokens = room if max_tokens is None else min(max_tokens, room)
    streams = [np.random.default_rng([seed % 2**64, i]) for i in range(variations)]
    draws = Draws(model, tokens, settings or SamplingSettings(), streams)
    made = 0
    while max_tokens is None or made < max_tokens:
        yield draws.draw()
        made += 1
        if draws.ended.all():
            return


class Draws:
    """Sequences that grow side by side from one primer, a token each at a time.

    Parameters
    ----------
    model : MusicTransformer
    primer : np.ndarray [shape=(n,), dtype=int64]
    settings : SamplingSettings
    streams : list of np.random.Generator
        The random numbers of each sequence.

    Attributes
    ----------
    ended : np.ndarray [shape=(rows,), bool]
        Sequences that have said END.
    """

    def __init__(
        self,
        model: MusicTransformer,
        primer: np.ndarray,
        settings: SamplingSettings,
        streams: list[np.random.Generator],
    ):
        rows = len(streams)
        self.model, self.settings, self.streams = model, settings, streams
        self.strength = contrast_strength(settings.theme)
        grammar = Grammar(1)
        for token in primer:
            grammar.advance(token[None])
        self.grammar = grammar.take(np.zeros(rows, np.int64))
        self.ended, self.begun = np.zeros(rows, bool), np.zeros(rows, bool)
        self.anything = np.ones(model.config.vocabulary, bool)
        self.anything[[PAD, START]] = False
        self.chosen: np.ndarray | None = None
        with torch.inference_mode():
            self.cache = Cache(model, 1, len(primer) + 256, int8=settings.int8)
            prefilled = self.cache.step(torch.from_numpy(primer)[None].to(model.device))[:, -1]
            self.logits = prefilled.expand(rows, -1)
            self.cache.repeat(rows)
            self.short = ShortContext(model, self.cache, primer, rows) if self.strength else None

    def draw(self) -> np.ndarray:
        """The next token of each sequence [shape=(rows,), dtype=int64]; PAD for those that have ended."""
        if self.chosen is not None:
            self._step(torch.from_numpy(self.chosen)[:, None])
        scores = self._scores()
        uniform = np.array([stream.random() for stream in self.streams])
        chosen = np.where(self.ended, PAD, draw(filter_logits(scores, self.settings), uniform))
        self.ended |= chosen == END
        self.begun |= chosen < NOTE_OFF
        self.grammar.advance(chosen)
        self.chosen = chosen
        return chosen

    def _step(self, tokens: torch.Tensor) -> None:
        with torch.inference_mode():
            self.logits = self.cache.step(tokens.to(self.model.device))[:, -1]
            if self.short:
                self.short.push(tokens)

    def _scores(self) -> np.ndarray:
        """Logits of what may come next, -inf elsewhere [shape=(rows, vocabulary)]."""
        rows = len(self.streams)
        allowed = self.grammar.allowed() if self.settings.grammar else np.tile(self.anything, (rows, 1))
        # A primer that is a whole piece asks for more: it does not end before a note was struck.
        allowed[:, END] &= self.settings.allow_end & self.begun
        logits = self.logits.float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise MusictxError("the model answers with no numbers: its weights are damaged")
        scores = np.where(allowed, logits, -np.inf)
        if self.short:
            scores = contrast(scores, self.short.logits.float().cpu().numpy(), self.strength)
        return scores
