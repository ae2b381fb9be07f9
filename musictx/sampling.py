"""Playing on from a primer: prefill, cached steps, filters, the grammar mask; notes come as they are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

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
    encode,
    level_to_velocity,
    table_to_tokens,
    tokens_to_table,
)
from musictx.grammar import Grammar
from musictx.model import Cache, MusicTransformer
from musictx.performance import Performance, apply_pedal, make_notes, slice_time

LONGEST = 3600.0  # seconds that can be asked for
_TOKENS_A_SECOND = 400  # a bound: no music that a person can follow has more


@dataclass(frozen=True)
class Settings:
    """How tokens are drawn. All filters apply, one after the other, to the same distribution.

    Attributes
    ----------
    temperature : float
        Logits are divided by it; 0 always takes the likeliest token.
    top_k : int
        Keep the k likeliest tokens; 0 keeps all.
    top_p : float
        Keep the likeliest tokens that together have this probability (nucleus); 1 keeps all.
    min_p : float
        Keep tokens with at least this share of the likeliest one's probability; 0 keeps all.
    grammar : bool
        Draw only events that can follow (see `musictx.grammar`).
    allow_end : bool
        Let the model end the piece before the time asked for.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.98
    min_p: float = 0.0
    grammar: bool = True
    allow_end: bool = True

    def __post_init__(self) -> None:
        if not (np.isfinite(self.temperature) and 0 <= self.temperature <= 10):
            raise MusictxError(f"temperature is {self.temperature}; it must lie between 0 and 10")
        if self.top_k < 0:
            raise MusictxError(f"top-k is {self.top_k}; it must be 0 (off) or more")
        if not 0 < self.top_p <= 1:
            raise MusictxError(f"top-p is {self.top_p}; it must be greater than 0 and at most 1")
        if not 0 <= self.min_p <= 1:
            raise MusictxError(f"min-p is {self.min_p}; it must lie between 0 and 1")


def filter_logits(logits: np.ndarray, settings: Settings) -> np.ndarray:
    """Probabilities after temperature, top-k, top-p and min-p.

    Parameters
    ----------
    logits : np.ndarray [shape=(rows, vocabulary)]
        Forbidden tokens are -inf.
    settings : Settings

    Returns
    -------
    np.ndarray [shape=(rows, vocabulary), dtype=float64]

    References
    ----------
    Holtzman et al., "The curious case of neural text degeneration" (2019) for top-p;
    Nguyen et al., "Turning up the heat: min-p sampling" (2024).
    """
    logits = logits.astype(np.float64)
    logits = logits - logits.max(-1, keepdims=True)
    if settings.temperature == 0:
        return (np.arange(logits.shape[-1]) == logits.argmax(-1)[:, None]).astype(np.float64)
    p = np.exp(logits / settings.temperature)
    p /= p.sum(-1, keepdims=True)
    keep = p >= settings.min_p * p.max(-1, keepdims=True)
    if settings.top_k or settings.top_p < 1:
        order = np.argsort(-p, -1, kind="stable")
        ranked = np.take_along_axis(p, order, -1)
        chosen = np.ones_like(keep)
        if settings.top_k:
            chosen[:, settings.top_k :] = False
        if settings.top_p < 1:  # up to and with the token that reaches top_p
            chosen &= np.cumsum(ranked, -1) - ranked < settings.top_p
        ranks = np.empty_like(keep)
        np.put_along_axis(ranks, order, chosen, -1)
        keep &= ranks
    p = np.where(keep, p, 0.0)
    return p / p.sum(-1, keepdims=True)


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


class Primer(NamedTuple):
    """A primer as the model gets it."""

    performance: Performance  # what is heard of it: cut, pedal applied
    tokens: np.ndarray  # with START where the piece begins
    cut: float  # seconds at which the continuation begins
    remarks: tuple[str, ...]


def cut_primer(performance: Performance, start: float = 0.0, end: float | None = None) -> Performance:
    """The part of a performance that serves as primer, with the pedal applied.

    Parameters
    ----------
    performance : Performance
    start, end : float
        Seconds; without `end`, to the last note's end.

    Returns
    -------
    Performance
        Times count from `start`; notes that still sound at `end` are cut there.
    """
    heard = _heard(performance, start, end)
    return heard if end is None else slice_time(heard, 0.0, end - start)


def _heard(performance: Performance, start: float, end: float | None) -> Performance:
    if start < 0 or (end is not None and end <= start):
        raise MusictxError(f"the primer must end after it starts; start is {start:g} s and end is {end} s")
    if start > 0:
        performance = slice_time(performance, start)
    return apply_pedal(performance)


def prepare_primer(
    model: MusicTransformer, performance: Performance, start: float = 0.0, end: float | None = None
) -> Primer:
    """Cut and encode a primer; of one that is too long the last part is kept.

    Too long is what fills more than three quarters of the model's context length: some room must
    stay in which the model was trained to play on.
    """
    heard = _heard(performance, start, end)
    until = None if end is None else end - start
    tokens = encode(heard, until=until)
    shown = heard if until is None else slice_time(heard, 0.0, until)
    cut = tokens_to_table(tokens).end * STEP_SECONDS
    limit = max(1, model.config.context_length * 3 // 4)
    if model.positions.limit is not None:
        limit = min(limit, model.positions.limit // 2)
    if len(tokens) < limit:
        # A passage from the middle of a piece has no START before it, as in training.
        opening = [START] if start == 0 else []
        tokens = np.concatenate([opening, tokens]).astype(np.uint16)
        return Primer(shown, tokens if len(tokens) else np.array([START], np.uint16), cut, ())
    kept = last_events(tokens, limit)
    seconds = tokens_to_table(kept).end * STEP_SECONDS
    remark = (
        f"the primer is {cut:.1f} s long; the model listens to its last {seconds:.1f} s "
        f"({len(kept)} of {len(tokens)} events)"
    )
    return Primer(shown, kept, cut, (remark,))


def last_events(tokens: np.ndarray, limit: int) -> np.ndarray:
    """The last events of a sequence as a sequence of its own.

    The velocity is said again, and offs of notes that were struck before are left out.

    Parameters
    ----------
    tokens : np.ndarray [shape=(n,)]
        Without specials.
    limit : int
        Largest number of tokens.

    Returns
    -------
    np.ndarray [shape=(m,), dtype=uint16]
    """
    at = max(0, len(tokens) - limit)
    table, before = tokens_to_table(tokens), tokens_to_table(tokens[:at])
    first = len(before.step)
    sounding = set(before.pitch[before.is_on].tolist())
    keep = np.ones(len(table.step) - first, bool)
    for i, (pitch, is_on) in enumerate(
        zip(table.pitch[first:].tolist(), table.is_on[first:].tolist(), strict=True)
    ):
        if pitch in sounding:
            sounding.discard(pitch)
            keep[i] = is_on
    rows = np.flatnonzero(keep) + first
    kept = EventTable(
        table.step[rows] - before.end,
        table.is_on[rows],
        table.pitch[rows],
        table.level[rows],
        table.end - before.end,
    )
    result = table_to_tokens(kept)
    return result if len(result) <= limit else last_events(tokens, limit - 1)


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
    ended = np.zeros(variations, bool)
    with torch.inference_mode():
        cache = Cache(model, 1, len(tokens) + 256)
        logits = model(torch.from_numpy(tokens)[None].to(model.device), cache)[:, -1]
        cache.repeat(variations)
        rows = logits.expand(variations, -1)
    made = 0
    while max_tokens is None or made < max_tokens:
        scores = rows.float().cpu().numpy().copy()
        scores[:, [PAD, START]] = -np.inf
        if settings.grammar:
            scores[~grammar.allowed()] = -np.inf
        if not settings.allow_end:
            scores[:, END] = -np.inf
        uniform = np.array([stream.random() for stream in streams])
        chosen = np.where(ended, PAD, draw(filter_logits(scores, settings), uniform))
        ended |= chosen == END
        grammar.advance(chosen)
        yield chosen
        made += 1
        if ended.all():
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
        self.count, self.ended = 0, False
        notes = primer.performance.notes
        held = set(table.pitch[table.is_on].tolist())
        for k in np.flatnonzero(notes["offset"] >= primer.cut - STEP_SECONDS / 2).tolist():
            pitch = int(notes["pitch"][k])
            if pitch in held and self._is_open(table, pitch):
                self.open[pitch] = -(k + 1)

    @staticmethod
    def _is_open(table: EventTable, pitch: int) -> bool:
        return bool(table.is_on[np.flatnonzero(table.pitch == pitch)[-1]])

    def push(self, token: int) -> list[NoteOn | NoteOff]:
        """Take a token; the notes that it strikes and ends."""
        if self.ended:
            return []
        if token in (END, PAD):
            return self.finish()
        if TIME_SHIFT <= token < VELOCITY:
            self.step += token - TIME_SHIFT + 1
            return self.finish() if self.step >= self.end else []
        if VELOCITY <= token < PAD:
            self.level = token - VELOCITY
            return []
        if token == START:
            return []
        pitch, seconds = token % NOTE_OFF, self.step * STEP_SECONDS
        ends: list[NoteOn | NoteOff] = []
        if pitch in self.open:
            ends.append(NoteOff(self.open.pop(pitch), seconds))
        if token < NOTE_OFF:
            ends.append(NoteOn(self.count, seconds, pitch, int(level_to_velocity(np.array(self.level)))))
            self.open[pitch] = self.count
            self.count += 1
        return ends

    def finish(self) -> list[NoteOn | NoteOff]:
        """End the continuation here: close every note that still sounds."""
        self.ended = True
        self.step = min(self.step, self.end)
        # A note that was struck in the very last step is given one step to sound.
        seconds = self.step * STEP_SECONDS
        ends: list[NoteOn | NoteOff] = [NoteOff(index, seconds) for index in self.open.values()]
        self.open.clear()
        return ends


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
        if all(stream.ended for stream in streams):
            break
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
        [max(offs[e.index], e.onset + STEP_SECONDS) for e in ons],
        [e.pitch for e in ons],
        [e.velocity for e in ons],
    )
    notes = primer.performance.notes.copy()
    for index, offset in offs.items():
        if index < 0:
            notes["offset"][-index - 1] = max(offset, notes["offset"][-index - 1])
    return replace(
        primer.performance,
        notes=np.concatenate([notes, made]),
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
