"""How often a model would break the grammar of events if nothing stopped it."""

from __future__ import annotations

import numpy as np
import torch

from musictx.events import START
from musictx.events.grammar import Grammar
from musictx.losses import computing_in
from musictx.model import MusicTransformer


def forbidden_share(
    model: MusicTransformer, tokens: np.ndarray, start: int = 0, *, precision: str = "float32"
) -> dict[str, float | None]:
    """Probability that a model gives to events that may not follow: what the grammar mask removes.

    That a note ends within ten seconds is one of its rules; those against loops and long rests are not
    counted. At temperature 1 and without the mask this is the expected share of grammar-breaking tokens,
    given that all before were grammatical; it needs no sampling, and so has no noise of its own.

    Parameters
    ----------
    model : MusicTransformer
    tokens : np.ndarray [shape=(n,)]
        Event tokens of a primer and a continuation; cut where learned positions end.
    start : int
        Where the continuation begins.
    precision : {"float32", "bfloat16"}

    Returns
    -------
    dict
        ``all``, and the same ``inside`` and ``beyond`` the training length; None where nothing lies.
    """
    stream = np.concatenate([[START], tokens]).astype(np.int64)[: model.positions.limit]
    grammar = Grammar(max_rest=2**62, loop_rules=())
    allowed = np.empty((len(stream), model.config.vocabulary), bool)
    for i, token in enumerate(stream.tolist()):
        grammar.advance(token)
        allowed[i] = grammar.allowed()
    with torch.inference_mode(), computing_in(precision, model.device):
        p = model(torch.from_numpy(stream)[None].to(model.device))[0].float().softmax(-1).cpu().numpy()
    forbidden = np.where(allowed, 0.0, p).sum(-1)
    context = model.config.context_length
    parts = {
        "all": forbidden[start:],
        "inside": forbidden[start:context],
        "beyond": forbidden[max(start, context) :],
    }
    return {name: float(part.mean()) if len(part) else None for name, part in parts.items()}
