"""Sequences that grow side by side from one primer: cached steps, filters, the grammar mask."""

from __future__ import annotations

import numpy as np
import torch

from musictx.errors import MusictxError
from musictx.events import END, NOTE_OFF, PAD, START
from musictx.events.grammar import Grammar
from musictx.model import MusicTransformer
from musictx.sampling.cache import Cache
from musictx.sampling.contrast import ShortContext, contrast, log_probabilities
from musictx.sampling.filters import SamplingSettings, draw, filter_logits


class Draws:
    """Sequences that grow side by side from one primer, a token each at a time.

    Parameters
    ----------
    model : MusicTransformer
    primer : np.ndarray [shape=(n,), dtype=int64]
    settings : SamplingSettings
    streams : list of np.random.Generator
        The random numbers of each sequence.
    strength : float
        γ of `musictx.sampling.contrast.contrast`.
    remember : bool
        Have a short context even without contrast, for `fit`.

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
        *,
        strength: float = 0.0,
        remember: bool = False,
    ):
        rows = len(streams)
        self.model, self.settings, self.streams, self.strength = model, settings, streams, strength
        grammar = Grammar(1)
        for token in primer:
            grammar.advance(token[None])
        self.grammar = grammar.take(np.zeros(rows, np.int64))
        self.ended, self.begun = np.zeros(rows, bool), np.zeros(rows, bool)
        self.anything = np.ones(model.config.vocabulary, bool)
        self.anything[[PAD, START]] = False
        self.chosen: np.ndarray | None = None
        self.gain, self.notes, self.likelihood, self.tokens = np.zeros((4, rows))
        with torch.inference_mode():
            self.cache = Cache(model, 1, len(primer) + 256, int8=settings.int8)
            prefilled = self.cache.step(torch.from_numpy(primer)[None].to(model.device))[:, -1]
            self.logits = prefilled.expand(rows, -1)
            self.cache.repeat(rows)
            needed = strength > 0 or remember
            self.short = ShortContext(model, self.cache, primer, rows) if needed else None

    def draw(self) -> np.ndarray:
        """The next token of each sequence [shape=(rows,), dtype=int64]; PAD for those that have ended."""
        if self.chosen is not None:
            self._step(torch.from_numpy(self.chosen)[:, None])
        scores = whole = self._scores()
        if self.short:
            whole = log_probabilities(scores)
            short = np.where(np.isfinite(scores), self.short.logits.float().cpu().numpy(), -np.inf)
            short = log_probabilities(short)
            if self.strength:
                # In float32, as the browser has it.
                scores = contrast(whole, short, self.strength).astype(np.float32)
        uniform = np.array([stream.random() for stream in self.streams])
        chosen = np.where(self.ended, PAD, draw(filter_logits(scores, self.settings), uniform))
        if self.short:
            self._count(chosen, whole, short)
        self.ended |= chosen == END
        self.begun |= chosen < NOTE_OFF
        self.grammar.advance(chosen)
        self.chosen = chosen
        return chosen

    def fit(self) -> tuple[np.ndarray, np.ndarray]:
        """How each sequence has fitted since the last `keep`, if the short context is remembered.

        Returns
        -------
        gain : np.ndarray [shape=(rows,)]
            Nats per note that the whole context adds to the short one.
        likelihood : np.ndarray [shape=(rows,)]
            Nats per token.
        """
        return self.gain / np.maximum(self.notes, 1), self.likelihood / np.maximum(self.tokens, 1)

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these sequences [shape=(rows,)], any of them any number of times."""
        index = torch.from_numpy(rows)
        with torch.inference_mode():
            self.cache.keep(index)
            if self.short:
                self.short.keep(index)
        self.grammar = self.grammar.take(rows)
        self.ended, self.begun = self.ended[rows], self.begun[rows]
        self.chosen = None if self.chosen is None else self.chosen[rows]
        self.gain, self.notes, self.likelihood, self.tokens = np.zeros((4, len(rows)))

    def _count(self, chosen: np.ndarray, whole: np.ndarray, short: np.ndarray) -> None:
        """Add up what `fit` gives."""
        going = np.flatnonzero(~self.ended)
        drawn = going, chosen[going]
        self.likelihood[going] += whole[drawn]
        self.tokens[going] += 1
        is_note = chosen[going] < NOTE_OFF
        self.gain[going] += np.where(is_note, whole[drawn] - short[drawn], 0.0)
        self.notes[going] += is_note

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
        return np.where(allowed, logits, -np.inf)
