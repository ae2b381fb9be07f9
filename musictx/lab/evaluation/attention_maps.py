"""What a model listens to: the weights of its attention, computed for a take as it stands.

`Listening` reads a take once, in one pass without a cache, and keeps the queries and keys of every layer.
After that the weights of any one token cost a row of attention in each layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from musictx.errors import MusictxError
from musictx.lab.evaluation.note_tokens import note_tokens
from musictx.model import MusicTransformer
from musictx.model.attention import attend

STRONGEST = 10


class _Heard:
    """A layer's memory that keeps the queries and keys that it compares [shape=(H, n, d)]."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor, start: int, **options: Any) -> Tensor:
        self.queries = q[0] * q.shape[-1] ** -0.5
        self.keys = k[0].repeat_interleave(q.shape[1] // k.shape[1], 0)
        return attend(q, k, v, **options)


class Listening:
    """A take that a model has read, ready to say what it attended to.

    Parameters
    ----------
    model : MusicTransformer
    tokens : np.ndarray [shape=(n,), dtype=integer]
        As the model had them: see `musictx.sampling.takes.take_tokens`.

    Attributes
    ----------
    notes : NoteTokens
        Which token belongs to which note.

    Raises
    ------
    MusictxError
        There are no tokens, or more than the model has positions.

    Examples
    --------
    >>> listening = Listening(load_model("relative"), take.tokens)            # doctest: +SKIP
    >>> listening.arcs(120)                                                   # doctest: +SKIP
    [Arc(note=64, weight=0.21), Arc(note=119, weight=0.08), …]
    """

    def __init__(self, model: MusicTransformer, tokens: np.ndarray):
        limit = model.positions.limit
        if not len(tokens) or (limit is not None and len(tokens) > limit):
            maximum = "" if limit is None else f" and at most {limit}"
            raise MusictxError(f"the take has {len(tokens)} tokens; it must have at least one{maximum}")
        self.model, self.tokens = model, np.asarray(tokens, np.int64)
        self.notes = note_tokens(self.tokens)
        self._layers = [_Heard() for _ in model.layers]
        with torch.inference_mode():
            heard = torch.from_numpy(self.tokens)[None].to(model.device)
            terms = model.positions.terms(0, heard.shape[1])
            model.logits(heard, terms, self._layers)
        self._bias = terms.bias

    def layer_weights(self, layer: int, queries: np.ndarray) -> Tensor:
        """Weights of some tokens in one layer over all tokens.

        Parameters
        ----------
        layer : int
        queries : np.ndarray [shape=(m,), dtype=int64]
            Places of tokens.

        Returns
        -------
        Tensor [shape=(heads, m, n)]
            Each row sums to 1; 0 after the query, and before the window if the model has one.
        """
        config = self.model.config
        with torch.inference_mode():
            keys = self._layers[layer].keys
            at = torch.from_numpy(np.asarray(queries, np.int64)).to(keys.device)
            q = self._layers[layer].queries[:, at]
            distance = at[:, None] - torch.arange(keys.shape[1], device=keys.device)
            logits = q @ keys.mT
            table = self.model.positions.table(layer)
            if table is not None:
                rows = distance.clamp(0, table.shape[1] - 1).expand(len(q), -1, -1)
                logits += (q @ table.mT).gather(-1, rows)
            if self._bias is not None:
                logits += self._bias[:, distance.clamp_min(0)]
            hidden = distance < 0
            if config.window is not None:
                hidden |= distance >= config.window
            return logits.masked_fill_(hidden, float("-inf")).softmax(-1)

    def weights(self, query: int) -> np.ndarray:
        """Weights of one token over itself and all tokens before it.

        Parameters
        ----------
        query : int
            Place of the token, from 0.

        Returns
        -------
        np.ndarray [shape=(layers, heads, query + 1), dtype=float32]
        """
        if not 0 <= query < len(self.tokens):
            raise MusictxError(f"there is no token {query}; the take has tokens 0 to {len(self.tokens) - 1}")
        at = np.array([query])
        rows = [self.layer_weights(layer, at)[:, 0, : query + 1] for layer in range(len(self._layers))]
        return torch.stack(rows).float().cpu().numpy()

    def note_weights(self, note: int) -> np.ndarray:
        """Weights over the notes, when a note was chosen: of the token before its NOTE_ON.

        Parameters
        ----------
        note : int
            In the order in which notes are struck.

        Returns
        -------
        np.ndarray [shape=(layers, heads, notes), dtype=float64]
            Of each note the sum over its tokens. What is missing to 1 went to START and other tokens of
            no note. All 0 for a note that is the first token of all.

        Raises
        ------
        MusictxError
            There is no such note.
        """
        if not 0 <= note < len(self.notes):
            raise MusictxError(f"there is no note {note}; the take has {len(self.notes)} notes")
        query = int(self.notes.on[note]) - 1
        if query < 0:
            return np.zeros((self.model.config.layers, self.model.config.heads, len(self.notes)))
        return self.notes.sums(self.weights(query))

    def arcs(
        self, note: int, heads: Sequence[tuple[int, int]] | None = None, count: int = STRONGEST
    ) -> list[Arc]:
        """The notes that a model attended to most when it chose a note.

        Parameters
        ----------
        note : int
        heads : sequence of (layer, head), optional
            Whose weights are averaged; all without it.
        count : int
            Largest number of arcs.

        Returns
        -------
        list of Arc
            The strongest first; a note's own tokens before its NOTE_ON are left out.
        """
        found = self.note_weights(note)
        mean = found.mean((0, 1)) if heads is None else np.mean([found[h] for h in heads], 0)
        mean[note] = 0.0
        terms = np.argsort(-mean, kind="stable")[:count]
        return [Arc(int(k), float(mean[k])) for k in terms if mean[k] > 0]


@dataclass(frozen=True)
class Arc:
    """A note that was attended to, and how much."""

    note: int
    weight: float
