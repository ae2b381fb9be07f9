"""Repeats and places: does a model know a passage when it comes again, and does it matter where it stands?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from musictx.corpus import Chunk, Corpus
from musictx.errors import MusictxError
from musictx.evaluation.intervals import bootstrap_interval, draw_weights, ratio_draws
from musictx.evaluation.nll import chunk_losses, computing_in
from musictx.events import NOTE_OFF, START, TIME_SHIFT, decode, encode
from musictx.model import MusicTransformer

FIFTH = 7
ODD_GAP = 37  # events of other music between the playings: no multiple of a bar, odd, and prime
LEAST = 8  # events in a passage
KINDS = ("exact", "fifth", "odd offset", "other")


def gap_size(tokens: int) -> int:
    """Events between the playings of passages of so many: `ODD_GAP`, or for short ones a quarter, odd."""
    return min(ODD_GAP, tokens // 4 | 1)


def inside_size(context: int) -> int:
    """Events of a passage of which two playings and the gap fit into a context."""
    return (context - gap_size(context // 2) - 1) // 2


def complete(tokens: np.ndarray, most: int) -> np.ndarray:
    """The beginning of some music as a passage of its own, of at most so many events.

    Offs of notes that were struck before are dropped, and notes that hang at the end are closed.
    """
    size = most
    passage = encode(decode(tokens[:size]))
    while len(passage) > most:
        size -= max(1, len(passage) - most)
        passage = encode(decode(tokens[:size]))
    return passage


def passages(corpus: Corpus, groups: np.ndarray, tokens: int, *, seed: int = 0) -> list[np.ndarray]:
    """One passage of each unit that is complete in itself: every note struck in it also ends in it.

    Parameters
    ----------
    corpus : Corpus
    groups : np.ndarray [shape=(pieces,)]
        The unit of each piece.
    tokens : int
        Largest length; the passages are at most a few events shorter.
    seed : int

    Returns
    -------
    list of np.ndarray
        Event tokens; units whose pieces are too short have none.
    """
    rng = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    if tokens < LEAST:
        return found
    for unit in range(int(groups.max()) + 1):
        pieces = [i for i in np.flatnonzero(groups == unit).tolist() if len(corpus.piece(i)) >= tokens]
        if not pieces:
            continue
        piece = corpus.piece(int(rng.choice(pieces)))
        at = int(rng.integers(0, len(piece) - tokens + 1))
        passage = complete(piece[at:], tokens)
        if len(passage) >= tokens // 2:
            found.append(passage)
    return found


def transposed(tokens: np.ndarray, semitones: int) -> np.ndarray | None:
    """The same events at other pitches; None if one would leave MIDI's range."""
    is_note = tokens < TIME_SHIFT
    pitch = tokens[is_note].astype(np.int64) % NOTE_OFF
    if len(pitch) and not (pitch.min() + semitones >= 0 and pitch.max() + semitones <= 127):
        return None
    moved = tokens.astype(np.int64)
    moved[is_note] += semitones
    return moved


def _second_playings(first: np.ndarray, other: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each kind: what stands before the second playing, and the second playing."""
    up = transposed(first, FIFTH)
    fifth = up if up is not None else transposed(first, -FIFTH)
    gap = complete(other, gap_size(len(first)))
    kinds = {
        "exact": (first, first),
        "odd offset": (np.concatenate([first, gap[: len(gap) - (len(gap) + len(first) + 1) % 2]]), first),
        "other": (other, first),
    }
    return kinds if fifth is None else {**kinds, "fifth": (first, fifth)}


def repeat_gain(
    model: MusicTransformer,
    music: Sequence[np.ndarray],
    *,
    tokens_at_once: int = 8192,
    precision: str = "float32",
    progress: Callable[[float, float], None] | None = None,
) -> dict[str, Any]:
    """NLL of a passage's second playing against its first.

    A passage stands at the start of a context, and again after it: exactly; a fifth higher (lower, if
    it would leave MIDI's range); or after a few events of other music (`gap_size`), so that the distance
    between the playings is an odd number. As a control the passage follows another one of the same
    length, whose only help is that there is a context at all.

    Parameters
    ----------
    model : MusicTransformer
    music : sequence of np.ndarray
        As `passages` gives them. Two of them and the gap make one context.
    tokens_at_once, precision, progress
        As for `musictx.evaluation.compare.evaluate`.

    Returns
    -------
    dict
        For ``first`` (the first playing), each kind of second playing, and ``other`` (the control):
        ``nats`` per token with an interval (``low``, ``high``) over passages; for the kinds also ``gain``,
        the first playing less the second, and ``gain_over_other``, the control less the second, with
        intervals.

    Raises
    ------
    MusictxError
        With fewer than two passages.
    """
    if len(music) < 2:
        raise MusictxError(
            f"repeat gain needs at least two passages, but only {len(music)} of the pieces are long enough"
        )
    chunks, labels = [], []
    for i, first in enumerate(music):
        for kind, (before, again) in _second_playings(first, music[(i + 1) % len(music)]).items():
            stream = np.concatenate([[START], before, again]).astype(np.int64)
            chunks.append(Chunk(i, stream[:-1], stream[1:]))
            labels.append((kind, len(before)))
    order = np.argsort([-len(c.targets) for c in chunks], kind="stable")
    label_of = {id(chunks[i]): labels[i] for i in order}
    loss = {kind: np.zeros(len(music)) for kind in ("first", *KINDS)}
    count = {kind: np.zeros(len(music)) for kind in loss}
    scored = chunk_losses(
        model, [chunks[i] for i in order], tokens_at_once=tokens_at_once, precision=precision
    )
    for done, (chunk, losses) in enumerate(scored):
        kind, before = label_of[id(chunk)]
        loss[kind][chunk.piece] += losses[before:].sum()
        count[kind][chunk.piece] += len(losses) - before
        if kind == "exact":
            loss["first"][chunk.piece] += losses[:before].sum()
            count["first"][chunk.piece] += before
        if progress:
            progress(done + 1, len(chunks))
    return _repeat_figures(loss, count)


def _repeat_figures(loss: dict[str, np.ndarray], count: dict[str, np.ndarray]) -> dict[str, Any]:
    weights = draw_weights(len(loss["first"]))
    mean = {k: float(loss[k].sum() / count[k].sum()) for k in loss if count[k].sum()}
    draws = {k: ratio_draws(loss[k], count[k], weights) for k in mean}

    def figure(value: float, drawn: np.ndarray) -> dict[str, Any]:
        low, high = bootstrap_interval(drawn)
        return {"nats": value, "low": float(low), "high": float(high)}

    figures: dict[str, Any] = {"passages": len(loss["first"]), "tokens": int(count["first"].sum())}
    for kind in mean:
        figures[kind] = figure(mean[kind], draws[kind])
        if kind in ("first", "other"):
            continue
        for name, base in (("gain", "first"), ("gain_over_other", "other")):
            figures[kind][name] = figure(mean[base] - mean[kind], draws[base] - draws[kind])
    return figures


def shift_sensitivity(
    model: MusicTransformer,
    music: Sequence[np.ndarray],
    places: Sequence[int],
    *,
    precision: str = "float32",
) -> list[dict[str, Any]]:
    """How predictions move when the same window of music is placed elsewhere in the context.

    The window is all that the model hears; only the positions that it is told change. For relative,
    rotary and ALiBi positions nothing may change at all (beyond rounding).

    Parameters
    ----------
    model : MusicTransformer
    music : sequence of np.ndarray
        Windows of event tokens.
    places : sequence of int
        Where the window begins, in events.
    precision : {"float32", "bfloat16"}

    Returns
    -------
    list of dict
        For each place: ``divergence``, the mean Kullback-Leibler divergence (nats) of the predictions
        from those at place 0; ``changed``, the share of places where the likeliest event is another;
        ``nats``, the NLL there, and ``nats_at_0``. None where learned positions end.
    """
    limit, rows = model.positions.limit, []
    longest = max(len(m) for m in music)
    for place in places:
        if limit is not None and place + longest > limit:
            rows.append(
                {"place": place, "divergence": None, "changed": None, "nats": None, "nats_at_0": None}
            )
            continue
        sums = np.zeros(5)
        for window in music:
            tokens = torch.from_numpy(window.astype(np.int64))[None].to(model.device)
            with torch.inference_mode(), computing_in(precision, model.device):
                home = F.log_softmax(model(tokens[:, :-1]).float(), -1)
                moved = F.log_softmax(model(tokens[:, :-1], place).float(), -1)
            truth = tokens[:, 1:, None]
            sums += [
                float((home.exp() * (home - moved)).sum()),
                float((home.argmax(-1) != moved.argmax(-1)).sum()),
                -float(moved.gather(-1, truth).sum()),
                -float(home.gather(-1, truth).sum()),
                truth.shape[1],
            ]
        divergence, changed, nats, nats_at_0 = (sums[:4] / sums[4]).tolist()
        rows.append(
            {
                "place": place,
                "divergence": max(0.0, divergence),
                "changed": changed,
                "nats": nats,
                "nats_at_0": nats_at_0,
            }
        )
    return rows
