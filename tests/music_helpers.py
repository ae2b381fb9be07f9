"""Music for tests: by hand, at random, and drawn through the grammar."""

from __future__ import annotations

import numpy as np

from musictx.corpus import Corpus
from musictx.events import END, NOTE_OFF, PAD, TIME_SHIFT, VELOCITY, VOCABULARY_SIZE, velocity_to_level
from musictx.events.grammar import Grammar
from musictx.metre import Metre
from musictx.performance import SPAN_DTYPE, Performance, make_notes

HALF_STEP = 0.005 + 1e-9


def shift(seconds: float) -> int:
    """Token of a time shift of at most a second."""
    return TIME_SHIFT + round(seconds * 100) - 1


def level(velocity: int) -> int:
    """Token of a velocity."""
    return VELOCITY + int(velocity_to_level(np.array(velocity)))


def performance(*notes: tuple[float, float, int, int], pedals: tuple = ()) -> Performance:
    onset, offset, pitch, velocity = zip(*notes, strict=True)
    return Performance(make_notes(onset, offset, pitch, velocity), np.array(list(pedals), SPAN_DTYPE))


def bar_lines(metre: Metre, until: float) -> list[float]:
    """Bar lines from 0 to before `until` (s), counted from the metre's own tables."""
    lines, end = [], float(metre.ticks(until)) - 0.5
    line, _ = metre.bar_before(float(metre.ticks(0.0)))
    while line < end:
        lines.append(float(metre.seconds(line)))
        later = [tick for tick in metre.signatures[:, 0].tolist() if tick > line]
        line = min([line + metre.bar_before(line)[1], *later[:1]])
    return [seconds for seconds in lines if seconds > -0.0006]


def by_pitch(notes: np.ndarray) -> np.ndarray:
    return notes[np.lexsort((notes["onset"], notes["pitch"]))]


def assert_same_music(found: np.ndarray, wanted: np.ndarray) -> None:
    """Every note is there, within half a step and half a velocity level."""
    found, wanted = by_pitch(found), by_pitch(wanted)
    np.testing.assert_array_equal(found["pitch"], wanted["pitch"])
    np.testing.assert_allclose(found["onset"], wanted["onset"], rtol=0, atol=HALF_STEP)
    np.testing.assert_allclose(found["offset"], wanted["offset"], rtol=0, atol=HALF_STEP)
    assert (abs(found["velocity"].astype(int) - wanted["velocity"]) <= 2).all()


def random_performance(seed: int, count: int, length: float) -> Performance:
    """Notes of 10 ms and more; notes of one pitch start 20 ms apart and more, as any key must."""
    rng = np.random.default_rng(seed)
    onset, pitch = np.sort(rng.uniform(0, length, count)), rng.integers(0, 128, count)
    order = np.lexsort((onset, pitch))
    apart = np.ones(count, bool)
    apart[1:] = (np.diff(pitch[order]) != 0) | (np.diff(onset[order]) > 0.02)
    onset, pitch = onset[order][apart], pitch[order][apart]
    offset = onset + 0.01 + rng.exponential(1.0, len(onset))
    spans = np.sort(rng.uniform(0, length, 2 * rng.integers(0, 20))).reshape(-1, 2)
    pedals = np.array([tuple(span) for span in spans], SPAN_DTYPE)
    return Performance(make_notes(onset, offset, pitch, rng.integers(1, 128, len(onset))), pedals)


def random_walk(seed: int, length: int, spread: float) -> np.ndarray:
    """A sequence drawn through the grammar, closed at its end."""
    rng = np.random.default_rng(seed)
    taste = rng.gumbel(size=VOCABULARY_SIZE) * spread  # so that walks differ in kind
    taste[TIME_SHIFT:VELOCITY] += rng.normal(0, 2)
    taste[VELOCITY:PAD] += rng.normal(-2, 2)
    grammar = Grammar()
    tokens: list[int] = []
    while len(tokens) < length or grammar.after_velocity:
        allowed = grammar.allowed()
        allowed[END] = False
        weight = np.where(allowed, np.exp(taste), 0.0)
        tokens.append(int(rng.choice(VOCABULARY_SIZE, p=weight / weight.sum())))
        grammar.advance(tokens[-1])
    sounding = np.flatnonzero(grammar.sounding)
    while tokens and TIME_SHIFT <= tokens[-1] < VELOCITY:
        tokens.pop()
    tokens += [shift(0.5)] * bool(len(sounding)) + [NOTE_OFF + int(p) for p in sounding]
    return np.array(tokens, np.uint16)


def corpus_of(*pieces: np.ndarray, source: list[int] | None = None) -> Corpus:
    """A corpus of pieces in memory, `source` being the folder that each comes from."""
    ends = np.cumsum([len(p) for p in pieces])
    starts = ends - [len(p) for p in pieces]
    names = tuple(f"{i}.mid" for i in range(len(pieces)))
    where = np.array(source or [0] * len(pieces))
    folders = int(where.max()) + 1
    return Corpus(np.concatenate(pieces).astype(np.uint16), starts, ends, names, where, {}, folders)
