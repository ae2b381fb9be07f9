"""Contrast: what the whole context makes likelier than its last tokens alone would.

What a model says after the last few tokens is any music that goes on smoothly; what all that was played
adds to it is this piece. Weighing that up lets a theme come back more often. It is weighed up most where it
says most: there a theme is under way, which the last few tokens do not know, and goes on. After one or two
seconds, as ``theme`` has it, what is added is also what was played just before, which then comes again and
again; after some ten seconds, as ``form`` has it, only what is further back.

References
----------
Malkin et al., "Coherence boosting: when your language model is not paying enough attention" (2022), for the
contrast; Wang et al., "AdaCAD: adaptively decoding to balance conflicts between contextual and parametric
knowledge" (2024), for a strength that follows how far the two differ.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from musictx.model import MusicTransformer
from musictx.sampling.cache import Cache

# A short context begins anew after so many tokens, and holds so many to nearly twice as many.
STRIDES = {"theme": 32, "form": 256}
AGREED = 0.5  # share of the strength where both contexts agree
GROWTH = 1.0  # by how much that share grows where the whole context tells most
HALF = 0.5  # nats told at which half of it is reached
MIN_PROBABILITY = 0.001  # under the whole context; below it no token is drawn. Loops end by unlikely ones


def short_start(length: int, stride: int) -> int:
    """Where a short context begins at a length: at the start at first, then one to two strides back.

    It depends on nothing else, so that the music is the same however it is asked for.
    """
    return max(0, (length // stride - 1) * stride)


class ShortContext:
    """The logits of a model that remembers the last tokens only.

    Exactly: after n tokens those of the model itself, uncached, given the tokens from
    `short_start(n, stride)` on. A token costs a step over a short cache, and its share of a prefill.

    Parameters
    ----------
    model : MusicTransformer
    cache : Cache
        Of the whole context; its engine's weights are shared.
    tokens : np.ndarray [shape=(n,)]
        What was played so far, the same for all sequences.
    rows : int
        Sequences.
    stride : int
        One of `STRIDES`.

    Attributes
    ----------
    logits : Tensor [shape=(rows, vocabulary)]
        Of the next token.
    """

    def __init__(self, model: MusicTransformer, cache: Cache, tokens: np.ndarray, rows: int, stride: int):
        self.model, self.length, self.stride = model, len(tokens), stride
        self.tokens = torch.from_numpy(np.tile(tokens[short_start(self.length, stride) :], (rows, 1)))
        self.cache = cache.sibling(rows, 2 * stride)
        self.logits = self._prime()

    def _prime(self) -> Tensor:
        """Begin the cache anew."""
        self.cache.length = 0
        return self.cache.step(self.tokens.to(self.model.device))[:, -1]

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these sequences only."""
        self.tokens, self.logits = self.tokens[rows], self.logits[rows]
        self.cache.keep(rows)

    def push(self, tokens: Tensor) -> None:
        """Take the next token of each sequence [shape=(rows, 1)] and give new `logits`."""
        before, self.length = short_start(self.length, self.stride), self.length + 1
        dropped = short_start(self.length, self.stride) - before
        self.tokens = torch.cat([self.tokens[:, dropped:], tokens], 1)
        if dropped:
            self.logits = self._prime()
        else:
            self.logits = self.cache.step(tokens.to(self.model.device))[:, -1]


def contrast(whole: np.ndarray, short: np.ndarray, strength: float) -> np.ndarray:
    """Logits that favour what the whole context makes likelier.

    ``(1 + g) · log p(all) - g · log p(short)`` with ``g = γ (1/2 + d / (d + 1/2))``, where d is what
    the whole context tells, in nats: the Kullback-Leibler divergence of p(all) from p(short). For the tokens
    of at least `MIN_PROBABILITY` under the whole context and the likeliest one; the others cannot be drawn.

    Parameters
    ----------
    whole, short : np.ndarray [shape=(rows, vocabulary)]
        Log probabilities after the whole and the short context, or the mean of several of those; -inf where a
        token is forbidden.
    strength : float
        γ; at 0 nothing but the threshold has an effect.

    Returns
    -------
    np.ndarray [shape=(rows, vocabulary)]
    """
    added = np.subtract(whole, short, out=np.zeros_like(whole), where=np.isfinite(whole))
    told = (np.exp(whole) * added).sum(-1, keepdims=True)
    kept = (whole > np.log(MIN_PROBABILITY)) | (whole == whole.max(-1, keepdims=True))
    return np.where(kept, whole + strength * (AGREED + GROWTH * told / (told + HALF)) * added, -np.inf)


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Logits as log probabilities [shape=(rows, vocabulary), dtype=float64]; -inf stays."""
    moved = logits.astype(np.float64)
    moved -= moved.max(-1, keepdims=True)
    moved -= np.log(np.exp(moved).sum(-1, keepdims=True))
    return moved
