"""Repeats: what a passage costs a model when it comes again, by kind of event, and after how much else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from musictx.corpus import Chunk
from musictx.errors import MusictxError
from musictx.events import START
from musictx.lab.evaluation.intervals import draw_weights, interval_figure, ratio_draws, ratio_figure
from musictx.lab.evaluation.nll import EVENT_TYPES, event_types
from musictx.lab.evaluation.variants import CHANGES, changed, complete, gap_size, other_music
from musictx.losses import chunk_losses
from musictx.model import MusicTransformer

KINDS = ("exact", "fifth", "tempo", "touch", "odd offset", "other")
GAPS = (0.0, 0.25, 1.0, 2.0, 3.0)  # training lengths of other music between the playings

Progress = Callable[[float, float], None]
Sums = dict[str, tuple[np.ndarray, np.ndarray]]  # by kind: nats, and events [shape=(passages, event types)]


class _Stream(NamedTuple):
    """One context: what stands before a playing, and the playing."""

    kind: str
    passage: int
    before: np.ndarray
    playing: np.ndarray


def _sums(
    model: MusicTransformer,
    streams: Iterable[_Stream],
    passages: int,
    *,
    tokens_at_once: int,
    precision: str,
    progress: Progress | None,
) -> Sums:
    """Nats and events of the playings by kind of stream; ``first`` is what exact repeats repeat."""
    longest_first = sorted(streams, key=lambda s: -len(s.before) - len(s.playing))
    chunks = []
    for stream in longest_first:
        tokens = np.concatenate([[START], stream.before, stream.playing]).astype(np.int64)
        chunks.append(Chunk(stream.passage, tokens[:-1], tokens[1:]))
    kinds = dict.fromkeys(("first", *(s.kind for s in longest_first)))
    sums = {kind: (np.zeros((passages, 4)), np.zeros((passages, 4))) for kind in kinds}
    scored = chunk_losses(model, chunks, tokens_at_once=tokens_at_once, precision=precision)
    for done, (stream, (chunk, losses)) in enumerate(zip(longest_first, scored, strict=True)):
        types, at = event_types(chunk.targets), len(stream.before)
        parts = [(stream.kind, slice(at, None))] + [("first", slice(at))] * (stream.kind == "exact")
        for kind, part in parts:
            loss, count = sums[kind]
            loss[stream.passage] += np.bincount(types[part], losses[part], 4)
            count[stream.passage] += np.bincount(types[part], minlength=4)
        if progress:
            progress(done + 1, len(chunks))
    return sums


def _figures(loss: np.ndarray, count: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
    """Nats per token with their interval over passages, and the same ``by_type`` of event."""

    def ratio(x: np.ndarray, n: np.ndarray) -> dict[str, Any] | None:
        return ratio_figure(x, n, weights) if n.sum() else None

    by_type = {name: ratio(loss[:, k], count[:, k]) for k, name in enumerate(EVENT_TYPES)}
    return {**(ratio(loss.sum(1), count.sum(1)) or {}), "by_type": by_type}


def _second_playings(i: int, music: Sequence[np.ndarray]) -> list[_Stream]:
    """For each kind of second playing the context in which it stands."""
    first, other = music[i], music[(i + 1) % len(music)]
    playings = {change: changed(first, change) for change in CHANGES}
    streams = [_Stream(change, i, first, again) for change, again in playings.items() if again is not None]
    gap = complete(other, gap_size(len(first)))
    odd = np.concatenate([first, gap[: len(gap) - (len(gap) + len(first) + 1) % 2]])
    return [*streams, _Stream("odd offset", i, odd, first), _Stream("other", i, other, first)]


def _check(music: Sequence[np.ndarray]) -> None:
    if len(music) < 2:
        raise MusictxError(
            f"repeat gain needs at least two passages, but only {len(music)} of the pieces are long enough"
        )


def repeat_gain(
    model: MusicTransformer,
    music: Sequence[np.ndarray],
    *,
    tokens_at_once: int = 8192,
    precision: str = "float32",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """NLL of a passage's second playing against its first, by kind of event.

    A passage stands at the start of a context, and again after it: exactly; a fifth higher (lower, if
    it would leave MIDI's range); 5 % slower; 12 velocities louder; or after a few events of other music
    (`musictx.lab.evaluation.variants.gap_size`), so that the distance between the playings is an odd number.
    As a control the passage follows another one of the same length, whose only help is that there is a
    context at all.

    Parameters
    ----------
    model : MusicTransformer
    music : sequence of np.ndarray
        As `musictx.lab.evaluation.variants.passages` gives them. Two of them and the gap make one context.
    tokens_at_once, precision, progress
        As for `musictx.lab.evaluation.compare.evaluate`.

    Returns
    -------
    dict
        For ``first`` (the first playing), each kind of second playing, and ``other`` (the control):
        ``nats`` per token with an interval (``low``, ``high``) over passages, and the same ``by_type`` of
        event: what a pitch costs is ``by_type["NOTE_ON"]``. For the kinds also ``gain``, the first playing
        less the second, and ``gain_over_other``, the control less the second, with intervals.

    Raises
    ------
    MusictxError
        With fewer than two passages.
    """
    _check(music)
    streams = [stream for i in range(len(music)) for stream in _second_playings(i, music)]
    options: dict[str, Any] = {"tokens_at_once": tokens_at_once, "precision": precision}
    sums = _sums(model, streams, len(music), progress=progress, **options)
    weights = draw_weights(len(music))
    draws = {kind: ratio_draws(loss.sum(1), count.sum(1), weights) for kind, (loss, count) in sums.items()}
    figures: dict[str, Any] = {"passages": len(music), "tokens": int(sums["first"][1].sum())}
    figures |= {kind: _figures(*sums[kind], weights) for kind in ("first", *KINDS) if kind in sums}
    for kind in (k for k in KINDS if k in sums and k != "other"):
        for name, base in (("gain", "first"), ("gain_over_other", "other")):
            value = figures[base]["nats"] - figures[kind]["nats"]
            figures[kind][name] = interval_figure(value, draws[base] - draws[kind])
    return figures


def repeat_after_gaps(
    model: MusicTransformer,
    music: Sequence[np.ndarray],
    gaps: Sequence[int],
    *,
    tokens_at_once: int = 8192,
    precision: str = "float32",
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """What an exact repeat costs after more and more other music.

    Parameters
    ----------
    model : MusicTransformer
    music : sequence of np.ndarray
        As `musictx.lab.evaluation.variants.passages` gives them; the gaps are filled with the others.
    gaps : sequence of int
        Events of other music between the playings.
    tokens_at_once, precision, progress
        As for `repeat_gain`.

    Returns
    -------
    list of dict
        For each gap: ``gap``; ``exact``, the second playing; ``other``, the same passage at the same place
        if all that was played before is other music. Both as in `repeat_gain`, or None where learned
        positions end.

    Raises
    ------
    MusictxError
        With fewer than two passages.
    """
    _check(music)
    streams = []
    for gap in gaps:
        for i, first in enumerate(music):
            for kind, before in (
                ("exact", np.concatenate([first, other_music(music, i, gap)])),
                ("other", other_music(music, i, len(first) + gap)),
            ):
                if len(before) + len(first) <= (model.positions.limit or np.inf):
                    streams.append(_Stream(f"{kind} {gap}", i, before, first))
    options: dict[str, Any] = {"tokens_at_once": tokens_at_once, "precision": precision}
    sums = _sums(model, streams, len(music), progress=progress, **options)
    weights = draw_weights(len(music))
    figures = {kind: _figures(*parts, weights) for kind, parts in sums.items()}
    return [
        {"gap": int(gap), **{kind: figures.get(f"{kind} {gap}") for kind in ("exact", "other")}}
        for gap in gaps
    ]
