"""Playing on from a primer: prefill, cached steps, filters, the grammar mask; notes come as they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from musictx.errors import MusictxError
from musictx.events import (
    DEFAULT_VELOCITY_LEVEL,
    END,
    NOTE_OFF,
    PAD,
    START,
    STEP_SECONDS,
    STEPS_PER_SECOND,
    TIME_SHIFT,
    VELOCITY,
    EventTable,
    level_to_velocity,
    tokens_to_table,
)
from musictx.filters import Settings, draw, filter_logits
from musictx.grammar import Grammar
from musictx.model import Cache, MusicTransformer
from musictx.performance import Performance, make_notes, resolve_overlaps, slice_time
from musictx.primer import Primer, cut_primer, prepare_primer

__all__ = [
    "Continuation",
    "NoteOff",
    "NoteOn",
    "Settings",
    "continue_performance",
    "continue_variations",
    "cut_primer",
    "generate",
    "stream_notes",
]

LONGEST = 3600.0  # seconds that can be asked for
_TOKENS_A_SECOND = 400  # a bound: no music that a person can follow has more


def generate(
    model: MusicTransformer,
    primer: np.ndarray,
    *,
    settings: Settings | None = None,
    seed: int = 0,
    variations: int = 1,
    max_tokens: int | None = None,
) -> Iterator[np.ndarray]:
    """Draw tokens one at a time, for several variations at once.

    Parameters
    ----------
    model : MusicTransformer
    primer : np.ndarray [shape=(n,), dtype=integer]
        At least one token (START for nothing).
    settings : Settings, optional
    seed : int
        Variation i draws from the stream (seed, i): it is the same music alone or among others.
    variations : int
    max_tokens : int, optional
        Stop after so many; without it, until every variation has ended.

    Yields
    ------
    np.ndarray [shape=(variations,), dtype=int64]
        The next token of each; PAD for those that have ended.
    """
    settings = settings or Settings()
    if variations < 1:
        raise MusictxError(f"variations is {variations}; it must be at least 1")
    tokens = np.asarray(primer, np.int64)
    if model.positions.limit is not None:
        room = model.positions.limit - len(tokens)
        max_tokens = room if max_tokens is None else min(max_tokens, room)
    streams = [np.random.default_rng([seed % 2**64, i]) for i in range(variations)]
    grammar = Grammar(1)
    for token in tokens:
        grammar.advance(token[None])
    grammar = grammar.copy_rows(variations)
    ended, begun = np.zeros(variations, bool), np.zeros(variations, bool)
    anything = np.ones((variations, model.config.vocabulary), bool)
    anything[:, [PAD, START]] = False
    with torch.inference_mode():
        cache = Cache(model, 1, len(tokens) + 256, int8=settings.int8)
        rows = model(torch.from_numpy(tokens)[None].to(model.device), cache)[:, -1].expand(variations, -1)
        cache.repeat(variations)
    made = 0
    while max_tokens is None or made < max_tokens:
        allowed = grammar.allowed() if settings.grammar else anything.copy()
        # Who gives a whole piece wants to hear more: it does not end before a note was struck.
        allowed[:, END] &= settings.allow_end & begun
        logits = rows.float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise MusictxError("the model answers with no numbers: its weights are damaged")
        scores = np.where(allowed, logits, -np.inf)
        uniform = np.array([stream.random() for stream in streams])
        chosen = np.where(ended, PAD, draw(filter_logits(scores, settings), uniform))
        ended |= chosen == END
        begun |= chosen < NOTE_OFF
        grammar.advance(chosen)
        yield chosen
        made += 1
        if ended.all() or made == max_tokens:
            return
        with torch.inference_mode():
            rows = model(torch.from_numpy(chosen)[:, None].to(model.device), cache)[:, -1]


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A note of the continuation is struck."""

    index: int  # counts the notes of the continuation
    onset: float  # seconds
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A note ends: one of the continuation, or -(k + 1) for the primer's note k that was still held."""

    index: int
    offset: float  # seconds


class NoteStream:
    """Turns the tokens of one continuation into notes as they come.

    Parameters
    ----------
    primer : Primer
    end : float
        Seconds at which the continuation must end.
    """

    def __init__(self, primer: Primer, end: float = np.inf):
        table = tokens_to_table(primer.tokens)
        self.step = round(primer.cut * STEPS_PER_SECOND)
        self.end = round(end * STEPS_PER_SECOND) if np.isfinite(end) else 2**62
        self.level = int(table.level[table.is_on][-1]) if table.is_on.any() else DEFAULT_VELOCITY_LEVEL
        self.open: dict[int, int] = {}  # pitch → index
        self.struck: set[int] = set()  # indices of notes of the present step
        self.count, self.ended = 0, False
        notes = primer.performance.notes
        held = set(table.pitch[table.is_on].tolist())
        for k in np.flatnonzero(notes["offset"] >= primer.cut - STEP_SECONDS / 2).tolist():
            pitch = int(notes["pitch"][k])
            if pitch in held and self._is_open(table, pitch):
                self.open[pitch] = -(k + 1)
                if notes["onset"][k] >= primer.cut - STEP_SECONDS / 2:
                    self.struck.add(-(k + 1))

    @staticmethod
    def _is_open(table: EventTable, pitch: int) -> bool:
        return bool(table.is_on[np.flatnonzero(table.pitch == pitch)[-1]])

    def push(self, token: int) -> list[NoteOn | NoteOff]:
        """Take a token; the notes that it strikes and ends."""
        if self.ended:
            return []
        if token in (END, PAD) or self.step >= self.end:
            return self.finish()
        if TIME_SHIFT <= token < VELOCITY:
            self.step += token - TIME_SHIFT + 1
            self.struck.clear()
            return self.finish() if self.step >= self.end else []
        if VELOCITY <= token < PAD:
            self.level = token - VELOCITY
            return []
        if token == START:
            return []
        pitch = token % NOTE_OFF
        ends: list[NoteOn | NoteOff] = []
        if pitch in self.open:
            ends.append(self._off(self.open.pop(pitch)))
        if token < NOTE_OFF:
            velocity = int(level_to_velocity(np.array(self.level)))
            ends.append(NoteOn(self.count, self.step * STEP_SECONDS, pitch, velocity))
            self.open[pitch] = self.count
            self.struck.add(self.count)
            self.count += 1
        return ends

    def finish(self) -> list[NoteOn | NoteOff]:
        """End the continuation here: close every note that still sounds."""
        self.ended = True
        self.step = min(self.step, self.end)
        ends: list[NoteOn | NoteOff] = [self._off(index) for index in self.open.values()]
        self.open.clear()
        return ends

    def _off(self, index: int) -> NoteOff:
        """The end of a note, now; a note that was only just struck sounds for a step."""
        return NoteOff(index, (self.step + (index in self.struck)) * STEP_SECONDS)


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
        Whether the model ended the piece by itself.
    """

    performance: Performance
    primer: Performance
    cut: float
    tokens: int
    ended: bool

    @property
    def alone(self) -> Performance:
        """The continuation without the primer, from time 0."""
        return (
            slice_time(self.performance, self.cut) if self.performance.duration > self.cut else Performance()
        )


def _limits(seconds: float | None, tokens: int | None, cut: float) -> tuple[float, int]:
    """End in seconds and largest number of tokens."""
    if tokens is not None and tokens < 1:
        raise MusictxError(f"tokens is {tokens}; it must be at least 1")
    if seconds is None:
        if tokens is None:
            raise MusictxError("give the length of the continuation in seconds or tokens")
        return np.inf, tokens
    if not (np.isfinite(seconds) and 0 < seconds <= LONGEST):
        raise MusictxError(f"seconds is {seconds}; it must be greater than 0 and at most {LONGEST:g}")
    bound = int(seconds * _TOKENS_A_SECOND) + 64
    return cut + seconds, bound if tokens is None else min(tokens, bound)


def continue_variations(
    model: MusicTransformer,
    primer: Performance,
    *,
    seconds: float | None = 30.0,
    tokens: int | None = None,
    primer_start: float = 0.0,
    primer_end: float | None = None,
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
        May be empty, one note, or longer than the model can hear (then its last part counts).
    seconds : float, optional
        Length of the continuation.
    tokens : int, optional
        Largest number of tokens.
    primer_start, primer_end : float
        Part of the performance that is the primer (s). A note that sounds at `primer_end` goes on
        until the model releases it.
    seed : int
    variations : int
    on_progress : callable, optional
        Called with the seconds of music made so far (of the slowest variation).
    **settings
        Fields of `Settings`.

    Returns
    -------
    list of Continuation [length=variations]
    """
    ready = prepare_primer(model, primer, primer_start, primer_end)
    end, most = _limits(seconds, tokens, ready.cut)
    how = Settings(**settings)
    streams = [NoteStream(ready, end) for _ in range(variations)]
    events: list[list[NoteOn | NoteOff]] = [[] for _ in streams]
    counts, ended = [0] * variations, [False] * variations
    for chosen in generate(
        model, ready.tokens, settings=how, seed=seed, variations=variations, max_tokens=most
    ):
        for i, token in enumerate(chosen.tolist()):
            if not streams[i].ended:
                counts[i] += 1
                ended[i] = token == END
                events[i] += streams[i].push(token)
        going = [stream.step for stream in streams if not stream.ended]
        if not going:
            break
        if on_progress:
            on_progress(min(going) * STEP_SECONDS - ready.cut)
    limit = model.positions.limit
    if limit is not None and len(ready.tokens) + max(counts) >= limit:
        remark = f"the model knows {limit} positions and no more; no variation goes on after them"
        ready = ready._replace(remarks=(*ready.remarks, remark))
    for stream, made in zip(streams, events, strict=True):
        made += stream.finish()
    return [
        Continuation(_assemble(ready, made), ready.performance, ready.cut, count, over)
        for made, count, over in zip(events, counts, ended, strict=True)
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
    >>> from musictx.checkpoint import load_model
    >>> from musictx.midi import read_midi
    >>> primer = read_midi("primer.mid")                                     # doctest: +SKIP
    >>> music = continue_performance(load_model("relative"), primer, seconds=20, seed=1)  # doctest: +SKIP
    """
    return continue_variations(model, primer, variations=1, **options)[0].performance


def stream_notes(
    model: MusicTransformer,
    primer: Performance,
    *,
    seconds: float | None = 30.0,
    tokens: int | None = None,
    primer_start: float = 0.0,
    primer_end: float | None = None,
    seed: int = 0,
    **settings: Any,
) -> Iterator[list[NoteOn | NoteOff]]:
    """Play on from a primer and hand out notes while they are made.

    Parameters
    ----------
    model, primer, seconds, tokens, primer_start, primer_end, seed, **settings
        As for `continue_variations`.

    Yields
    ------
    list of NoteOn or NoteOff
        One list a token, often empty; the last one closes what still sounds.
    """
    ready = prepare_primer(model, primer, primer_start, primer_end)
    end, most = _limits(seconds, tokens, ready.cut)
    stream = NoteStream(ready, end)
    for chosen in generate(model, ready.tokens, settings=Settings(**settings), seed=seed, max_tokens=most):
        yield stream.push(int(chosen[0]))
        if stream.ended:
            return
    yield stream.finish()
