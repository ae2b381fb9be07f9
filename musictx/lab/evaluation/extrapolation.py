"""Beyond the training length: which rule of each position scheme predicts best.

======================  ==========================================================================
rule                    what it does
======================  ==========================================================================
``as it is``            the model as it is loaded; relative models clamp distances, or zero them
``no window``           … without the window that it has
``window``              attend only to as many last tokens as the training length
``half window``         … to half as many
``zero``, ``clamp``     relative: the other rule for distances beyond the table
``base × 10``           rope: a larger base, so that all pairs turn slower; no window
``ntk``, ``yarn``       rope: scaled for this length (see `musictx.model.positions.Rotary`); no window
``moving``              see only the last tokens, counted anew from 0 (what a sampler does that
                        drops its oldest half each time the context is full); for every scheme
======================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from musictx.corpus import Chunk, Corpus, consecutive_chunks
from musictx.lab.evaluation.intervals import ratio_figure
from musictx.losses import chunk_losses
from musictx.model import ModelConfig, MusicTransformer

MOVING = "moving"


def with_settings(model: MusicTransformer, **settings: Any) -> MusicTransformer:
    """The same weights under another configuration, such as ``window=1024``."""
    changed = MusicTransformer(ModelConfig(**{**model.config.to_dict(), **settings}))
    changed.load_state_dict(model.state_dict())
    return changed.to(model.device).eval()


def length_rules(model: MusicTransformer, length: int) -> dict[str, dict[str, Any]]:
    """The rules that a model's scheme has for sequences of `length`: name → settings."""
    config = model.config
    context = config.context_length
    rules: dict[str, dict[str, Any]] = {}
    if model.positions.limit is None or length <= model.positions.limit:
        windows = {"no window": None, "window": context, "half window": context // 2}
        others = {name: {"window": size} for name, size in windows.items() if size != config.window}
        rules = {"as it is": {}, **others}
    return {**rules, **model.positions.extrapolation_options(config, length), MOVING: {}}


def moving_losses(model: MusicTransformer, chunks: Sequence[Chunk], **options: Any) -> list[np.ndarray]:
    """Losses of long chunks when only the last tokens are seen, with positions counted anew.

    The context grows to the training length, then starts again from its younger half.

    Parameters
    ----------
    model : MusicTransformer
    chunks : sequence of Chunk
    **options
        As for `musictx.losses.chunk_losses`.

    Returns
    -------
    list of np.ndarray
        Nats of each target of each chunk.
    """
    context = model.config.context_length
    step = max(1, context // 2)
    pieces, places = [], {}
    for i, chunk in enumerate(chunks):
        for start in range(0, max(1, len(chunk.inputs) - context + step), step):
            end = start + context
            part = Chunk(i, chunk.inputs[start:end], chunk.targets[start:end])
            pieces.append(part)
            places[id(part)] = start
    losses = [np.zeros(len(c.targets), np.float32) for c in chunks]
    for part, values in chunk_losses(model, pieces, **options):
        start = places[id(part)]
        fresh = 0 if start == 0 else context - step  # what the window before has judged already
        losses[part.piece][start + fresh : start + len(values)] = values[fresh:]
    return losses


def compare_rules(
    model: MusicTransformer,
    corpus: Corpus,
    groups: np.ndarray,
    *,
    times: Sequence[int] = (2, 4),
    tokens_at_once: int = 8192,
    precision: str = "float32",
    progress: Callable[[float, float], None] | None = None,
) -> dict[str, Any]:
    """NLL of every rule at some multiples of the training length, on the same full chunks.

    Parameters
    ----------
    model : MusicTransformer
    corpus : Corpus
    groups : np.ndarray [shape=(pieces,)]
        The unit of each piece; intervals are drawn over units.
    times : sequence of int
    tokens_at_once, precision, progress
        As for `musictx.lab.evaluation.compare.evaluate`.

    Returns
    -------
    dict
        ``"2"``, ``"4"`` … → ``length``, ``tokens``, ``best`` (the rule with the lowest NLL), and ``rules``:
        name → ``nats`` per token over whole chunks with its interval, and ``beyond``: the same of the events
        past the training length only. A length without a full chunk has no rules.
    """
    context, result = model.config.context_length, {}
    plan = []
    for k in times:
        chunks = [c for c in consecutive_chunks(corpus, k * context) if len(c.targets) == k * context]
        plan.append((k, chunks, length_rules(model, k * context)))
    total = sum(len(c) * k * len(rules) for k, c, rules in plan)
    done = 0
    for k, chunks, rules in plan:
        units = np.array([groups[c.piece] for c in chunks], np.int64)
        found: dict[str, Any] = {}
        for name, settings in rules.items() if chunks else ():
            options: dict[str, Any] = {"tokens_at_once": tokens_at_once, "precision": precision}
            if name == MOVING:
                losses = np.stack(moving_losses(model, chunks, **options))
            else:
                changed = with_settings(model, **settings)
                losses = np.stack([x for _, x in chunk_losses(changed, chunks, **options)])
            found[name] = {
                **settings,
                **_rule_figure(losses, units),
                "beyond": _rule_figure(losses[:, context:], units),
            }
            done += len(chunks) * k
            if progress:
                progress(done, total)
        result[str(k)] = {
            "length": k * context,
            "tokens": len(chunks) * k * context,
            "best": min(found, key=lambda n: found[n]["nats"]) if found else None,
            "rules": found,
        }
    return result


def _rule_figure(losses: np.ndarray, units: np.ndarray) -> dict[str, float]:
    numbers = np.unique(units, return_inverse=True)[1]
    total = np.bincount(numbers, losses.sum(1, dtype=np.float64))
    count = np.bincount(numbers).astype(np.float64) * losses.shape[1]
    if not losses.shape[1]:
        return {"nats": float("nan"), "low": float("nan"), "high": float("nan")}
    return ratio_figure(total, count)
