"""Settings of the sampler: temperature and the filters on the distribution of the next token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictx.errors import require


@dataclass(frozen=True)
class SamplingSettings:
    """How tokens are drawn. All filters apply, one after the other, to the same distribution.

    Attributes
    ----------
    temperature : float
        Logits are divided by it; 0 always takes the likeliest token.
    top_k : int
        Keep the k likeliest tokens; 0 keeps all.
    top_p : float
        Keep the likeliest tokens that together have this probability (nucleus); 1 keeps all.
    min_p : float
        Keep tokens with at least this share of the likeliest one's probability; 0 keeps all.
    grammar : bool
        Draw only events that can follow (see `musictx.events.grammar`).
    allow_end : bool
        Let the model end the piece before the length is reached.
    int8 : bool
        Decode with weights of 8 bits, quicker than in float32; where no engine does the steps
        (see `musictx.sampling.engine.engine_for`) it changes nothing.
    theme : float
        0 to 1: how much is made of what the music so far makes likelier than its last few tokens
        would alone (see `musictx.sampling.contrast`); 0 is the model as it is. Above 0.6, continuations
        are drawn side by side, too, and the best goes on (see `musictx.sampling.candidates`).

    Examples
    --------
    >>> from musictx.sampling import SamplingSettings
    >>> SamplingSettings(temperature=0.9, top_p=1).top_k
    0
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.98
    min_p: float = 0.0
    grammar: bool = True
    allow_end: bool = True
    int8: bool = True
    theme: float = 0.5

    def __post_init__(self) -> None:
        require(0 <= self.temperature <= 10, "temperature", self.temperature, "lie between 0 and 10")
        require(self.top_k >= 0, "top-k", self.top_k, "be 0 (off) or more")
        require(0 < self.top_p <= 1, "top-p", self.top_p, "be greater than 0 and at most 1")
        require(0 <= self.min_p <= 1, "min-p", self.min_p, "lie between 0 and 1")
        require(0 <= self.theme <= 1, "theme", self.theme, "lie between 0 (off) and 1")


def filter_logits(logits: np.ndarray, settings: SamplingSettings) -> np.ndarray:
    """Probabilities after temperature, top-k, top-p and min-p.

    Parameters
    ----------
    logits : np.ndarray [shape=(rows, vocabulary)]
        Forbidden tokens are -inf.
    settings : SamplingSettings

    Returns
    -------
    np.ndarray [shape=(rows, vocabulary), dtype=float64]

    References
    ----------
    Holtzman et al., "The curious case of neural text degeneration" (2019) for top-p;
    Nguyen et al., "Turning up the heat: min-p sampling" (2024).
    """
    p = logits.astype(np.float64)
    p -= p.max(-1, keepdims=True)
    if settings.temperature == 0:
        return (np.arange(p.shape[-1]) == p.argmax(-1)[:, None]).astype(np.float64)
    if settings.temperature != 1:
        p /= settings.temperature
    np.exp(p, out=p)
    p /= p.sum(-1, keepdims=True)
    unlikely = p < settings.min_p * p.max(-1, keepdims=True) if settings.min_p else None
    if settings.top_k or settings.top_p < 1:
        order = np.argsort(-p, -1, kind="stable")
        place = (np.arange(len(p))[:, None], order)
        ranked = p[place]
        before = np.cumsum(ranked, -1) - ranked
        if settings.top_p < 1:  # up to and with the token that reaches top_p
            ranked[before >= settings.top_p] = 0.0
        if settings.top_k:
            ranked[:, settings.top_k :] = 0.0
        p[place] = ranked
    if unlikely is not None:
        p[unlikely] = 0.0
    p /= p.sum(-1, keepdims=True)
    return p


def draw(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Draw a token for each row by inverting the cumulative distribution.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(rows, vocabulary)]
    uniform : np.ndarray [shape=(rows,)]
        In [0, 1).

    Returns
    -------
    np.ndarray [shape=(rows,), dtype=int64]
        Never a token of probability 0.
    """
    cumulative = np.cumsum(probabilities, -1)
    return (cumulative <= (uniform * cumulative[:, -1])[:, None]).sum(-1)
