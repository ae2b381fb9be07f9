"""Sequences that grow side by side from one primer: cached steps, filters, the grammar mask."""

from __future__ import annotations

import copy

import numpy as np
import torch

from musictx.errors import MusictxError
from musictx.events import END, NOTE_OFF, PAD, START
from musictx.events.grammar import Grammar
from musictx.model import MusicTransformer
from musictx.sampling.cache import Cache
from musictx.sampling.contrast import STRIDES, ShortContext, contrast, log_probabilities
from musictx.sampling.filters import draw, filter_logits
from musictx.sampling.primer import without_rest
from musictx.sampling.shaping import Shaping
from musictx.settings import SamplingSettings


class Sampler:
    """Sequences that grow side by side from one primer, a token each at a time.

    Parameters
    ----------
    model : MusicTransformer
    primer : np.ndarray [shape=(n,), dtype=int64]
        If it ends with time, what is drawn first leads on from the last event, by so much or more.
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
        rows, (primer, wait) = len(streams), without_rest(primer)
        self.model, self.settings, self.streams = model, settings, streams
        grammar = Grammar()
        for token in primer.tolist():
            grammar.advance(token)
        grammar.wait = wait
        self.grammars = [copy.deepcopy(grammar) for _ in streams]
        self.ended, self.begun = np.zeros(rows, bool), np.zeros(rows, bool)
        self.anything = np.ones(model.config.vocabulary, bool)
        self.anything[[PAD, START]] = False
        self.chosen: np.ndarray | None = None
        self.shaping: list[Shaping] = []
        if settings.shape:
            self.shape([Shaping(settings.shape, primer) for _ in streams])
        with torch.inference_mode():
            self.cache = Cache(model, 1, len(primer) + 256, int8=settings.int8)
            prefilled = self.cache.step(torch.from_numpy(primer)[None].to(model.device))[:, -1]
            self.logits = prefilled.expand(rows, -1)
            self.cache.repeat(rows)
            strides = [(getattr(settings, name), stride) for name, stride in STRIDES.items()]
            self.shorts = [(g, ShortContext(model, self.cache, primer, rows, n)) for g, n in strides if g]

    def shape(self, shaping: list[Shaping]) -> None:
        """Go on with these wishes, one's for each sequence."""
        self.shaping = shaping
        for grammar, each in zip(self.grammars, shaping, strict=True):
            grammar.max_note, grammar.max_rest = each.max_note, each.max_rest

    def draw(self) -> np.ndarray:
        """The next token of each sequence [shape=(rows,), dtype=int64]; PAD for those that have ended."""
        if self.chosen is not None:
            self._step(torch.from_numpy(self.chosen)[:, None])
        scores = self._scores()
        if self.shorts:
            strength = sum(g for g, _ in self.shorts)
            short = np.sum([g / strength * self._likely(short, scores) for g, short in self.shorts], 0)
            mixed = contrast(log_probabilities(scores), short, strength)
            scores = mixed.astype(np.float32)  # as the browser has it
        if self.shaping:
            scores = np.stack([each.shaped(row) for each, row in zip(self.shaping, scores, strict=True)])
        uniform = np.array([stream.random() for stream in self.streams])
        chosen = np.where(self.ended, PAD, draw(filter_logits(scores, self.settings), uniform))
        self.ended |= chosen == END
        self.begun |= chosen < NOTE_OFF
        for row, token in enumerate(chosen.tolist()):
            self.grammars[row].advance(token)
            if self.shaping:
                self.shaping[row].advance(token)
        self.chosen = chosen
        return chosen

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these sequences only."""
        self.grammars = [self.grammars[row] for row in rows]
        self.ended, self.begun, self.logits = self.ended[rows], self.begun[rows], self.logits[rows]
        self.streams = [self.streams[row] for row in rows]
        self.shaping = [self.shaping[row] for row in rows] if self.shaping else []
        self.chosen = None if self.chosen is None else self.chosen[rows]
        self.cache.keep(rows)
        for _, short in self.shorts:
            short.keep(rows)

    def _step(self, tokens: torch.Tensor) -> None:
        with torch.inference_mode():
            self.logits = self.cache.step(tokens.to(self.model.device))[:, -1]
            for _, short in self.shorts:
                short.push(tokens)

    def _likely(self, short: ShortContext, scores: np.ndarray) -> np.ndarray:
        """Log probabilities after a short context of what `scores` allow."""
        return log_probabilities(np.where(np.isfinite(scores), short.logits.float().cpu().numpy(), -np.inf))

    def _scores(self) -> np.ndarray:
        """Logits of what may come next, -inf elsewhere [shape=(rows, vocabulary)]."""
        obeys = self.settings.grammar
        allowed = np.stack([g.allowed() if obeys or g.wait else self.anything for g in self.grammars])
        # A primer that is a whole piece asks for more: it does not end before a note was struck.
        allowed[:, END] &= self.settings.allow_end & self.begun
        logits = self.logits.float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise MusictxError("the model answers with no numbers: its weights are damaged")
        return np.where(allowed, logits, -np.inf)
