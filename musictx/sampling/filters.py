"""The filters on the distribution of the next token, as `musictx.settings.SamplingSettings` sets them."""

from __future__ import annotations

import numpy as np

from musictx.settings import SamplingSettings


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
            ranked[:, int(settings.top_k) :] = 0.0
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
