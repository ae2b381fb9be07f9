"""Copies: the longest passage that some music shares with a corpus, in any key and at any tempo.

Music is read as the notes struck, in order, the notes of a chord by rising pitch; a passage is shared if
the intervals from note to note are the same. The corpus's passages of `MIN_NOTES` notes are hashed and
sorted once (seconds for 17 million events); a search then starts from those that agree and lengthens
them note by note, so that even endless trills cost little.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from musictx.corpus import Corpus
from musictx.events import STEP_SECONDS, STEPS_PER_SECOND, encode, tokens_to_table
from musictx.lab.evaluation.motifs import CHORD_SECONDS
from musictx.performance import Performance

MIN_NOTES = 8  # notes; shorter agreements are not looked for
TELLING = (
    16  # notes from which on an agreement counts as shared: of 500 real notes, nine in ten agree for less
)
_CHORD_STEPS = round(CHORD_SECONDS * STEPS_PER_SECOND)
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no interval is lost
_SAME_GAP = 2**0.5  # gaps agree in rhythm up to this factor, after the tempo


@dataclass(frozen=True)
class NoteLine:
    """The notes struck, in order, the notes of a chord by rising pitch.

    Attributes
    ----------
    step : np.ndarray [shape=(n,), int32]
        10 ms steps.
    pitch : np.ndarray [shape=(n,), int16]
    """

    step: np.ndarray
    pitch: np.ndarray

    @classmethod
    def read(cls, tokens: np.ndarray) -> NoteLine:
        """From event tokens."""
        table = tokens_to_table(tokens)
        step, pitch = table.step[table.is_on], table.pitch[table.is_on]
        chord = np.cumsum(np.diff(step, prepend=step[:1]) > _CHORD_STEPS)
        order = np.lexsort((pitch, chord))
        return cls(step[order].astype(np.int32), pitch[order].astype(np.int16))


@dataclass(frozen=True)
class CopyReport:
    """What some music shares with a corpus.

    Attributes
    ----------
    notes : int
        Notes of the music.
    longest : int
        Notes of the longest shared passage; 0 if none has `MIN_NOTES` notes.
    shared : float
        Share of the notes that lie in shared passages of at least `TELLING` notes.
    seconds : float
        Where the longest one begins in the music.
    piece : str
        A piece of the corpus that has it; empty if there is none.
    piece_seconds : float
        Where it begins there.
    transposition : int
        Semitones from the piece to the music.
    rhythm : float
        Share of the gaps in it that agree in rhythm as well, whatever the tempo.
    """

    notes: int
    longest: int
    shared: float
    seconds: float = 0.0
    piece: str = ""
    piece_seconds: float = 0.0
    transposition: int = 0
    rhythm: float = 0.0

    def __str__(self) -> str:
        """In one line for a musician."""
        if not self.longest:
            return f"no passage of {MIN_NOTES} notes is shared with the corpus"
        move = f", {self.transposition:+d} semitones" if self.transposition else ""
        return (
            f"longest passage shared with the corpus: {self.longest} notes at {self.seconds:.1f} s, "
            f"from {self.piece} at {self.piece_seconds:.1f} s{move} "
            f"({100 * self.rhythm:.0f} % of its rhythm too); {100 * self.shared:.0f} % of the notes lie in "
            f"shared passages of {TELLING} notes and more"
        )


def _intervals(lines: Sequence[NoteLine]) -> tuple[np.ndarray, np.ndarray]:
    """Intervals from note to note of all lines, a 0 after each line, and how many follow in the line."""
    counts = np.array([len(line.pitch) for line in lines], np.int64)
    pitch = np.concatenate([line.pitch for line in lines]) if lines else np.empty(0, np.int16)
    interval = np.diff(pitch, append=pitch[-1:])
    ends = np.cumsum(counts)
    interval[ends[counts > 0] - 1] = 0
    left = np.repeat(ends, counts) - 1 - np.arange(len(pitch))
    return interval, left.astype(np.int32)


def _extended(hashes: np.ndarray, interval: np.ndarray) -> np.ndarray:
    return hashes * _BASE + (interval.astype(np.int64) + 128).astype(np.uint64)


def _hash(interval: np.ndarray, left: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Places with `size` intervals to come, and the hash of these."""
    places = np.flatnonzero(left >= size)
    hashes = np.zeros(len(places), np.uint64)
    for k in range(size):
        hashes = _extended(hashes, interval[places + k])
    return places, hashes


class CopyIndex:
    """A corpus, ready to be searched for shared passages.

    Parameters
    ----------
    corpus : Corpus
        Usually what a model was trained on.
    """

    def __init__(self, corpus: Corpus):
        self.names = corpus.names
        lines = [NoteLine.read(corpus.piece(i)) for i in range(len(corpus))]
        self.starts = np.cumsum([0, *(len(line.pitch) for line in lines)])
        self.step = np.concatenate([line.step for line in lines])
        self.pitch = np.concatenate([line.pitch for line in lines])
        self.interval, self.left = _intervals(lines)
        places, hashes = _hash(self.interval, self.left, MIN_NOTES - 1)
        order = np.argsort(hashes, kind="stable")
        self.places, self.hashes = places[order].astype(np.int32), hashes[order]

    def longest_from(self, lines: Sequence[NoteLine]) -> tuple[np.ndarray, np.ndarray]:
        """The longest passage of the corpus that begins at each note of some lines.

        Parameters
        ----------
        lines : sequence of NoteLine

        Returns
        -------
        notes : np.ndarray [shape=(n,)]
            Notes that agree, 0 if fewer than `MIN_NOTES`; the lines end to end.
        place : np.ndarray [shape=(n,)]
            Where in the corpus; -1 if nowhere.
        """
        interval, left = _intervals(lines)
        notes, place = np.zeros(len(interval), np.int64), np.full(len(interval), -1)
        size = MIN_NOTES - 1
        ours, our_hash = _hash(interval, left, size)
        wanted = np.unique(our_hash)
        low = np.searchsorted(self.hashes, wanted)
        high = np.searchsorted(self.hashes, wanted, side="right")
        count = high - low
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        rows = np.repeat(low, count) + within
        theirs, their_hash = self.places[rows], self.hashes[rows]
        while len(ours) and len(theirs):
            order = np.argsort(their_hash, kind="stable")
            theirs, their_hash = theirs[order], their_hash[order]
            at = np.minimum(np.searchsorted(their_hash, our_hash), len(theirs) - 1)
            found = their_hash[at] == our_hash
            ours, our_hash = ours[found], our_hash[found]
            notes[ours], place[ours] = size + 1, theirs[at[found]]
            keep = np.isin(their_hash, our_hash)
            theirs, their_hash = theirs[keep], their_hash[keep]
            mine, yours = left[ours] > size, self.left[theirs] > size  # those that can be lengthened
            ours, theirs = ours[mine], theirs[yours]
            our_hash = _extended(our_hash[mine], interval[ours + size])
            their_hash = _extended(their_hash[yours], self.interval[theirs + size])
            size += 1
        return notes, place

    def check(self, tokens: np.ndarray | Performance) -> CopyReport:
        """What some music shares with the corpus.

        Parameters
        ----------
        tokens : np.ndarray or Performance
            Event tokens, or music.
        """
        return self.check_many([tokens])[0]

    def check_many(self, music: Iterable[np.ndarray | Performance]) -> list[CopyReport]:
        """`check` of several at once, which is faster."""
        lines = [NoteLine.read(encode(m) if isinstance(m, Performance) else m) for m in music]
        notes, place = self.longest_from(lines)
        ends = np.cumsum([len(line.pitch) for line in lines])
        return [
            self._report(line, notes[end - len(line.pitch) : end], place[end - len(line.pitch) : end])
            for line, end in zip(lines, ends.tolist(), strict=True)
        ]

    def _report(self, line: NoteLine, notes: np.ndarray, place: np.ndarray) -> CopyReport:
        if not notes.any():
            return CopyReport(len(notes), 0, 0.0)
        telling = np.flatnonzero(notes >= TELLING)
        edges = np.zeros(len(notes) + 1, np.int64)
        np.add.at(edges, telling, 1)
        np.add.at(edges, telling + notes[telling], -1)
        shared = float((np.cumsum(edges)[:-1] > 0).mean())
        at = int(notes.argmax())
        there, size = int(place[at]), int(notes[at])
        piece = int(np.searchsorted(self.starts, there, side="right")) - 1
        return CopyReport(
            notes=len(notes),
            longest=size,
            shared=shared,
            seconds=float(line.step[at]) * STEP_SECONDS,
            piece=self.names[piece],
            piece_seconds=float(self.step[there]) * STEP_SECONDS,
            transposition=int(line.pitch[at]) - int(self.pitch[there]),
            rhythm=_same_rhythm(line.step[at : at + size], self.step[there : there + size]),
        )


def _same_rhythm(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Share of the gaps that agree after the tempo; gaps inside chords are left out."""
    a, b = np.diff(ours).astype(float), np.diff(theirs).astype(float)
    gap = (a > _CHORD_STEPS) | (b > _CHORD_STEPS)
    if not gap.any():
        return 1.0
    ratio = np.log(np.maximum(a[gap], 1) / np.maximum(b[gap], 1))
    return float((np.abs(ratio - np.median(ratio)) <= np.log(_SAME_GAP)).mean())
