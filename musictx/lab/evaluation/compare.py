"""Several models on the same music: NLL in convention ``perf388``, by length, place and event type."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from musictx.corpus import Corpus
from musictx.errors import MusictxError
from musictx.events import NOTE_OFF
from musictx.lab.evaluation.baselines import baseline_tables
from musictx.lab.evaluation.intervals import (
    LEVEL,
    bootstrap_interval,
    draw_weights,
    ratio_draws,
    ratio_figure,
)
from musictx.lab.evaluation.loading import model_facts
from musictx.lab.evaluation.nll import EVENT_TYPES, LossTable, padded_little
from musictx.losses import chunk_losses
from musictx.model import MusicTransformer

PAPER_LENGTH = 2048  # chunks of the published figures
TOKENS_AT_ONCE = 8192
BINS_PER_CONTEXT = 16

Progress = Callable[[float, float], None]  # work done, work in all


MAX_LENGTH = 1_000_000  # tokens of a chunk


def standard_lengths(models: Mapping[str, MusicTransformer]) -> list[int]:
    """Once, twice and four times the training length of every model, and 2048."""
    contexts = {m.config.context_length for m in models.values()}
    return sorted({c * k for c in contexts for k in (1, 2, 4)} | {PAPER_LENGTH})


def _costs(models: Mapping[str, MusicTransformer], lengths: Sequence[int], tokens: int) -> float:
    """Work of an evaluation, in tokens; attention over longer chunks counts for more."""
    return sum(_cost(m, length, tokens) for m in models.values() for length in lengths)


def _cost(model: MusicTransformer, length: int, tokens: int) -> float:
    return tokens * (1 + length / (16 * model.config.width))


@dataclass
class Evaluation:
    """What `evaluate` measured.

    Attributes
    ----------
    models : dict of str to dict
        Scheme, parameters and training length of each model.
    tables, baselines : dict of int to dict of str to LossTable
        By length, then model or baseline.
    left_out : list of str
        What could not be measured, and why.
    data : dict
        Pieces, units, events and notes.
    seconds : float
    """

    models: dict[str, dict[str, Any]]
    data: dict[str, Any]
    tables: dict[int, dict[str, LossTable]] = field(default_factory=dict)
    baselines: dict[int, dict[str, LossTable]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON, with bootstrap intervals over units."""
        weights = draw_weights(self.data["units"])
        figures: dict[str, dict[str, Any]] = {name: {} for name in self.models}
        baselines: dict[str, dict[str, Any]] = {}
        for length, tables in self.tables.items():
            for name, table in tables.items():
                figures[name][str(length)] = _figures(table, weights)
            for name, table in self.baselines.get(length, {}).items():
                baselines.setdefault(name, {})[str(length)] = _figures(table, weights, positions=False)
        return {
            "convention": "perf388",
            "unit": "nats",
            "level": LEVEL,
            "data": self.data,
            "models": {name: {**facts, "lengths": figures[name]} for name, facts in self.models.items()},
            "baselines": baselines,
            "differences": self._differences(weights),
            "left_out": self.left_out,
            "seconds": round(self.seconds, 1),
        }

    def _differences(self, weights: np.ndarray) -> list[dict[str, Any]]:
        """First minus second, in nats per token, paired by unit."""
        rows = []
        for length, tables in self.tables.items():
            for first, second in combinations(tables, 2):
                a, b = tables[first], tables[second]
                draws = [ratio_draws(t.loss.sum(1), t.count.sum(1), weights) for t in (a, b)]
                low, high = bootstrap_interval(draws[0] - draws[1])
                rows.append(
                    {
                        "first": first,
                        "second": second,
                        "length": length,
                        "nats_per_token": a.nats_per_token - b.nats_per_token,
                        "low": float(low),
                        "high": float(high),
                    }
                )
        return rows


def _figure(total: np.ndarray, count: np.ndarray, weights: np.ndarray) -> dict[str, Any] | None:
    """A ratio of sums with its interval; None if there is nothing to count."""
    if not count.sum():
        return None
    return {**ratio_figure(total, count, weights), "count": int(count.sum())}


def _figures(table: LossTable, weights: np.ndarray, *, positions: bool = True) -> dict[str, Any]:
    loss, count = table.loss.sum(1), table.count.sum(1)
    figures: dict[str, Any] = {
        "per_token": _figure(loss, count, weights),
        "per_note": _figure(loss, table.notes, weights),
        "full_chunks": _figure(table.full_loss, table.full_count, weights),
        "by_type": {
            name: _figure(table.type_loss[:, k], table.type_count[:, k], weights)
            for k, name in enumerate(EVENT_TYPES)
        },
    }
    if positions:
        seen = np.flatnonzero(table.count.sum(0))
        low, high = bootstrap_interval(ratio_draws(table.loss[:, seen], table.count[:, seen], weights))
        figures["by_position"] = {
            "from": (seen * table.bin_width).tolist(),
            "to": np.minimum((seen + 1) * table.bin_width, table.length).tolist(),
            "nats": (table.loss[:, seen].sum(0) / table.count[:, seen].sum(0)).tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
            "count": table.count[:, seen].sum(0).astype(int).tolist(),
        }
    return figures


def evaluate(
    models: Mapping[str, MusicTransformer],
    corpus: Corpus,
    groups: np.ndarray,
    *,
    lengths: Sequence[int] | None = None,
    fit_on: Corpus | None = None,
    precision: str = "float32",
    tokens_at_once: int = TOKENS_AT_ONCE,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure several models on the same music.

    Parameters
    ----------
    models : mapping of str to MusicTransformer
        By the names that the tables show.
    corpus : Corpus
        Held-out pieces.
    groups : np.ndarray [shape=(pieces,)]
        The unit of each piece, numbered from 0 without gaps; intervals are drawn over units.
    lengths : sequence of int, optional
        Chunk lengths; by default `standard_lengths`.
    fit_on : Corpus, optional
        Music on which the baselines are fitted; by default other pieces of `corpus`.
    precision : {"float32", "bfloat16"}
    tokens_at_once : int
        Bounds the memory.
    progress : callable, optional
        Called with the work done and the work in all.

    Returns
    -------
    Evaluation

    Raises
    ------
    MusictxError
        If nothing can be measured.
    """
    began = time.monotonic()
    lengths = list(lengths or standard_lengths(models))
    if wrong := [n for n in lengths if not 1 <= n <= MAX_LENGTH]:
        raise MusictxError(
            f"the context is {wrong[0]} tokens; it must be at least 1 and at most {MAX_LENGTH}"
        )
    notes = sum(int((corpus.piece(i) < NOTE_OFF).sum()) for i in range(len(corpus)))
    data = {
        "pieces": len(corpus),
        "units": int(groups.max()) + 1,
        "tokens": corpus.token_count,
        "notes": notes,
        "pieces_without_a_full_chunk": {
            str(n): int(((corpus.ends - corpus.starts) < n).sum()) for n in lengths
        },
    }
    result = Evaluation(model_facts(models), data)
    width = max(1, min(m.config.context_length for m in models.values()) // BINS_PER_CONTEXT)
    total, done = _costs(models, lengths, corpus.token_count), 0.0
    for length in lengths:
        tables: dict[str, LossTable] = {}
        for name, model in models.items():
            limit = model.positions.limit
            if limit is not None and length > limit:
                result.left_out.append(f"{name} at {length}: its learned positions end at {limit}")
            else:
                tables[name] = table = LossTable(groups, length, min(width, length))
                cost = _cost(model, length, 1)
                for chunk, losses in chunk_losses(
                    model,
                    padded_little(corpus, length),
                    tokens_at_once=tokens_at_once,
                    precision=precision,
                ):
                    table.add(chunk, losses)
                    if progress:
                        progress(done + cost * float(table.count.sum()), total)
            done += _cost(model, length, corpus.token_count)
        if tables:
            result.tables[length] = tables
            result.baselines[length] = baseline_tables(
                corpus, groups, length, min(width, length), fit_on=fit_on
            )
    if not result.tables:
        raise MusictxError("nothing could be measured: " + "; ".join(result.left_out))
    result.seconds = time.monotonic() - began
    return result
