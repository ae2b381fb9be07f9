"""How far back models listen: by head, and by place in the continuation.

A note is chosen by the token before its NOTE_ON; its attention is what counts. Heads put the attention that
they do not need on START; what is left out of it is shared out anew before distances are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from musictx.events import START
from musictx.lab.evaluation.attention_maps import STRONGEST, Listening
from musictx.lab.evaluation.note_tokens import choices
from musictx.model import MusicTransformer
from musictx.sampling.takes import Take

QUARTERS = 4


@dataclass(frozen=True)
class HeadFigures:
    """How far back a head listens, in the mean over notes.

    Attributes
    ----------
    layer, head : int
        From 0.
    seconds : float
        Mean distance of what it attends to.
    primer : float
        Share of its attention on the primer.
    start : float
        Share of all its attention on START.
    reach : float
        Distance times weight, summed over the `STRONGEST` events alone (s). A head that averages over
        everything listens far and reaches nowhere; one that looks back at something does both.
    """

    layer: int
    head: int
    seconds: float
    primer: float
    start: float
    reach: float


def listening_table(listening: Listening, primer: int, queries: np.ndarray) -> np.ndarray:
    """The figures of `HeadFigures` for some tokens in every head.

    Parameters
    ----------
    listening : Listening
    primer : int
        So many tokens are the primer.
    queries : np.ndarray [shape=(m,), dtype=int64]
        Places of tokens.

    Returns
    -------
    np.ndarray [shape=(4, layers, heads, m), dtype=float64]
        Seconds, share of the primer, share of START, and reach.
    """
    device = listening.model.device
    seconds = torch.from_numpy(listening.notes.seconds).to(device)
    counted = torch.from_numpy(listening.tokens != START).to(device)
    is_primer = counted & (torch.arange(len(counted), device=device) < primer)
    now = seconds[torch.from_numpy(queries).to(device)]
    layers = []
    for layer in range(listening.model.config.layers):
        weights = listening.layer_weights(layer, queries).double()
        start = (weights * ~counted).sum(-1)
        rest = (1 - start).clamp_min(1e-12)
        distance = now - (weights * (seconds * counted)).sum(-1) / rest
        strongest, places = (weights * counted).topk(min(STRONGEST, weights.shape[-1]))
        reach = (strongest * (now[:, None] - seconds[places])).sum(-1)
        layers.append(torch.stack([distance, (weights * is_primer).sum(-1) / rest, start, reach]))
    return torch.stack(layers, 1).cpu().numpy()


def _ranked(means: np.ndarray) -> list[HeadFigures]:
    """Heads by distance, from means [shape=(4, layers, heads)]."""
    found = [
        HeadFigures(layer, head, *means[:, layer, head].tolist())
        for layer, head in np.ndindex(*means.shape[1:])
    ]
    return sorted(found, key=lambda figures: -figures.seconds)


def measure_heads(listening: Listening, primer: int, queries: np.ndarray) -> list[HeadFigures]:
    """Heads by how far back they listen in one take, the farthest first.

    Parameters
    ----------
    listening : Listening
    primer : int
        So many tokens are the primer.
    queries : np.ndarray [shape=(m,), dtype=int64]
        Places of the tokens that count, one at least: see `musictx.sampling.takes.choices`.

    Returns
    -------
    list of HeadFigures
    """
    return _ranked(listening_table(listening, primer, queries).mean(-1))


def looking_back(heads: Sequence[HeadFigures], count: int = 4) -> list[HeadFigures]:
    """The heads that look back farthest at something, whose arcs are worth to be seen.

    Parameters
    ----------
    heads : sequence of HeadFigures
    count : int
        Largest number.

    Returns
    -------
    list of HeadFigures
        By falling `reach`.
    """
    return sorted(heads, key=lambda head: -head.reach)[:count]


def describe_listening(model: MusicTransformer, take: Take, cut: float, end: float) -> dict[str, Any]:
    """How far back a model listens in a take, by quarter of the continuation and by head.

    Parameters
    ----------
    model : MusicTransformer
    take : Take
    cut, end : float
        Where the continuation begins and ends (s).

    Returns
    -------
    dict
        ``listening_seconds``, the mean distance of what is attended to when a note is chosen, and
        ``listening_primer``, the share of the attention on the primer: means over notes and heads, four of
        each, None where no note was struck. ``heads``: the fields of `HeadFigures`, the farthest first.
    """
    notes, queries = choices(take)
    figures: list[list[float | None]] = [[None] * QUARTERS, [None] * QUARTERS]
    heads: list[dict[str, Any]] = []
    if len(queries):
        listening = Listening(model, take.tokens)
        table = listening_table(listening, take.primer, queries)
        heads = [asdict(h) for h in _ranked(table.mean(-1))]
        onset = take.begins + listening.notes.onset[notes]
        quarter = np.searchsorted(np.linspace(cut, end, QUARTERS + 1)[1:-1], onset, side="right")
        for row, values in zip(figures, table[:2].mean((1, 2)), strict=True):
            for k in range(QUARTERS):
                row[k] = float(values[quarter == k].mean()) if (quarter == k).any() else None
    return {"listening_seconds": figures[0], "listening_primer": figures[1], "heads": heads}
