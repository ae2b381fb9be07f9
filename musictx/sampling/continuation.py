"""Playing on from a primer: whole continuations, several at once, or notes as they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from musictx.errors import MusictxError, require
from musictx.events import END, STEP_SECONDS
from musictx.model import MusicTransformer
from musictx.performance import Performance, make_notes, resolve_overlaps, slice_time
from musictx.sampling.generate import generate
from musictx.sampling.primer import Primer, prepare_primer, without_rest
from musictx.sampling.streaming import NoteOff, NoteOn, NoteStream
from musictx.settings import SamplingSettings

MAX_SECONDS = 3600.0  # seconds that can be asked for
MAX_BARS = 1000
MAX_VARIATIONS = 100  # each takes the memory of a continuation of its own, some 25 MB in the shipped models
TOKENS_PER_SECOND, SPARE_TOKENS = 400, 64  # a bound: no music that a person can follow has more


@dataclass(frozen=True)
class Continuation:
    """A primer with what a model played on.

    Attributes
    ----------
    performance : Performance
        Primer and continuation on one time axis.
    primer : Performance
    cut : float
        Seconds at which the continuation begins.
    tokens : int
        Tokens drawn.
    ended : bool
        Whether the model itself ended the piece.
    """

    performance: Performance
    primer: Performance
    cut: float
    tokens: int
    ended: bool

    @property
    def alone(self) -> Performance:
        """The continuation without the primer, from time 0."""
        return slice_time(self.performance, self.cut)


def _limits(ready: Primer, seconds: float | None, tokens: int | None, bars: int | None) -> tuple[float, int]:
    """End in seconds and largest number of tokens."""
    cut = ready.cut
    if bars is not None:
        require(1 <= bars <= MAX_BARS, "bars", bars, f"be at least 1 and at most {MAX_BARS}")
        if ready.performance.metre is None:
            raise MusictxError("the primer's file has no bars to count; give the length in seconds")
        seconds = ready.performance.metre.bars_after(cut, bars) - cut
        if seconds > MAX_SECONDS:
            raise MusictxError(
                f"{bars} bars last {seconds:.0f} s; a continuation lasts {MAX_SECONDS:.0f} s at most"
            )
    max_tokens = token_limit(MAX_SECONDS)
    within = tokens is None or 1 <= tokens <= max_tokens
    require(within, "tokens", tokens, f"be at least 1 and at most {max_tokens}")
    if seconds is None:
        if tokens is None:
            raise MusictxError("give the length of the continuation in seconds or tokens")
        return np.inf, tokens
    require(0 < seconds <= MAX_SECONDS, "seconds", seconds, f"be greater than 0 and at most {MAX_SECONDS:g}")
    bound = token_limit(seconds)
    return cut + seconds, bound if tokens is None else min(tokens, bound)


def token_limit(seconds: float) -> int:
    """How many tokens a continuation of that length has at most, whoever asks for it."""
    return int(seconds * TOKENS_PER_SECOND) + SPARE_TOKENS


def check_variations(number: int) -> None:
    """Say that so many continuations cannot be made at once."""
    words = f"be at least 1 and at most {MAX_VARIATIONS}"
    require(1 <= number <= MAX_VARIATIONS, "variations", number, words)


def continue_variations(
    model: MusicTransformer,
    primer: Performance,
    *,
    seconds: float | None = 30.0,
    tokens: int | None = None,
    bars: int | None = None,
    beat: str = "off",
    primer_start: float = 0.0,
    primer_end: float | None = None,
    from_beginning: bool | None = None,
    seed: int = 0,
    variations: int = 1,
    on_progress: Callable[[float], None] | None = None,
    **settings: Any,
) -> list[Continuation]:
    """Play on from a primer, several times at once.

    Parameters
    ----------
    model : MusicTransformer
    primer : Performance
        May be empty, one note, or longer than three quarters of the model's context (then its last part
        counts).
    seconds : float, optional
        Length of the continuation.
    tokens : int, optional
        Largest number of tokens.
    bars : int, optional
        Length in bars of the primer's file, instead of `seconds`; they begin with the bar line nearest to
        where the continuation begins.
    beat : str
        off, loose or strict: whether notes are moved to the file's sixteenths or triplets as they are
        played (see `musictx.sampling.beat`). Where the file has no bars it changes nothing.
    primer_start, primer_end : float
        Part of the performance that is the primer (s). A note that sounds at `primer_end` goes on
        until the model releases it.
    from_beginning : bool, optional
        Whether the primer begins a piece; without it, it does if no note comes before `primer_start`.
    seed : int
    variations : int
    on_progress : callable, optional
        Called with the seconds of music made so far (of the slowest variation).
    **settings
        Fields of `SamplingSettings`.

    Returns
    -------
    list of Continuation [length=variations]

    Examples
    --------
    >>> from musictx import Performance, continue_variations, load_model
    >>> one, other = continue_variations(load_model("rope"), Performance(), tokens=20, variations=2)
    >>> one.tokens, other.tokens, one.performance.notes.tolist() == other.performance.notes.tolist()
    (20, 20, False)
    """
    check_variations(variations)
    ready = prepare_primer(model, primer, primer_start, primer_end, from_beginning=from_beginning)
    end, max_tokens = _limits(ready, seconds, tokens, bars)
    sampling = SamplingSettings(**settings)
    streams = [NoteStream(ready, end, beat) for _ in range(variations)]
    events: list[list[NoteOn | NoteOff]] = [[] for _ in streams]
    counts, ended = [0] * variations, [False] * variations
    enough = np.zeros(variations, bool)
    limits = {"max_tokens": max_tokens, "variations": variations}
    for chosen in generate(model, ready.tokens, settings=sampling, seed=seed, enough=enough, **limits):
        for i in np.flatnonzero(~enough):
            token = int(chosen[i])
            counts[i] += 1
            ended[i] = token == END
            events[i] += streams[i].push(token)
            enough[i] = streams[i].ended
        if on_progress and not enough.all():
            on_progress(min(s.step for s in streams if not s.ended) * STEP_SECONDS - ready.cut)
    limit = model.positions.limit
    if limit is not None and len(without_rest(ready.tokens)[0]) + max(counts) >= limit:
        remark = f"the model knows {limit} positions and no more; no variation goes on after them"
        ready = ready._replace(remarks=(*ready.remarks, remark))
    for stream, made in zip(streams, events, strict=True):
        made += stream.finish()
    # A note on a bar line that lies a little before the step at which the continuation begins is its own.
    cuts = [min([ready.cut, *(e.onset for e in made if isinstance(e, NoteOn))]) for made in events]
    return [
        Continuation(_assemble(ready, made), ready.performance, cut, count, over)
        for made, cut, count, over in zip(events, cuts, counts, ended, strict=True)
    ]


def _assemble(primer: Primer, events: list[NoteOn | NoteOff]) -> Performance:
    """Primer and continuation as one performance."""
    ons = [e for e in events if isinstance(e, NoteOn)]
    offs = {e.index: e.offset for e in events if isinstance(e, NoteOff)}
    made = make_notes(
        [e.onset for e in ons],
        [offs[e.index] for e in ons],
        [e.pitch for e in ons],
        [e.velocity for e in ons],
    )
    notes = primer.performance.notes.copy()
    for index, offset in offs.items():
        if index < 0:
            notes["offset"][-index - 1] = offset
    # The primer's times are exact and may reach a few ms into the continuation's first step.
    return replace(
        primer.performance,
        notes=resolve_overlaps(np.concatenate([notes, made])),
        remarks=primer.performance.remarks + primer.remarks,
    )


def continue_performance(model: MusicTransformer, primer: Performance, **options: Any) -> Performance:
    """Play on from a primer.

    Parameters
    ----------
    model : MusicTransformer
    primer : Performance
    **options
        As for `continue_variations`, less `variations`.

    Returns
    -------
    Performance
        Primer and continuation on one time axis; 0 is where the primer starts.

    Examples
    --------
    >>> from musictx import continue_performance, load_model, read_midi, shipped_primer
    >>> primer = read_midi(shipped_primer("chopin-black-keys"))
    >>> music = continue_performance(load_model("relative"), primer, primer_end=5, seconds=2, seed=1)
    >>> 6 < music.duration <= 7
    True
    """
    return continue_variations(model, primer, variations=1, **options)[0].performance


def stream_notes(
    model: MusicTransformer,
    primer: Performance,
    *,
    seconds: float | None = 30.0,
    tokens: int | None = None,
    bars: int | None = None,
    beat: str = "off",
    primer_start: float = 0.0,
    primer_end: float | None = None,
    from_beginning: bool | None = None,
    seed: int = 0,
    **settings: Any,
) -> Iterator[list[NoteOn | NoteOff]]:
    """Play on from a primer and hand out notes while they are made.

    Parameters
    ----------
    model, primer, seconds, tokens, bars, beat, primer_start, primer_end, from_beginning, seed, **settings
        As for `continue_variations`.

    Yields
    ------
    list of NoteOn or NoteOff
        One list per token, often empty; the last one closes what still sounds.

    Examples
    --------
    >>> from musictx import load_model, read_midi, shipped_primer, stream_notes
    >>> primer = read_midi(shipped_primer("ode-to-joy"))
    >>> made = [event for new in stream_notes(load_model("relative"), primer, tokens=20) for event in new]
    >>> sorted({type(event).__name__ for event in made})
    ['NoteOff', 'NoteOn']
    """
    ready = prepare_primer(model, primer, primer_start, primer_end, from_beginning=from_beginning)
    end, max_tokens = _limits(ready, seconds, tokens, bars)
    stream = NoteStream(ready, end, beat)
    for chosen in generate(
        model, ready.tokens, settings=SamplingSettings(**settings), seed=seed, max_tokens=max_tokens
    ):
        yield stream.push(int(chosen[0]))
        if stream.ended:
            return
    yield stream.finish()
