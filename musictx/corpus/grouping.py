"""Which files of a corpus are the same piece: so that a split by piece has no piece on both sides.

Performances of one piece differ in tempo, touch, ornaments, wrong notes and sometimes key, but most runs of
seven notes are the same. A piece is therefore known by the set of its runs of six intervals between
successive notes, and two files are linked if their sets overlap by more than chance gives. The overlap is
estimated from a sketch of each set, and only files that share some of their smallest hashes are compared,
so that the work grows in proportion to the number of files.

References
----------
Broder, "On the resemblance and containment of documents" (1997), for the sketches.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from musictx.corpus.folder import Corpus
from musictx.errors import MusictxError
from musictx.events import tokens_to_table

if TYPE_CHECKING:
    from scipy.cluster.hierarchy import DisjointSet

INTERVALS = 6  # in a run
CHORD_STEPS = 4  # notes less than 50 ms apart are one chord, whose order the players do not agree on
SKETCH = 256  # smallest hashes kept of a file's set
INDEXED = 64  # how many of these find the files to compare
NEIGHBOURS = 4  # files with a hash in common that are compared with each one
# ASAP: 99 % of the pairs of one piece overlap by more than 0.088, no other pair by more than 0.033.
MIN_OVERLAP = 0.055
MIN_SHARED = 8  # runs in common; files with fewer runs must agree in half of them
_NOTHING = np.uint64(2**64 - 1)  # fills the sketches of short files


def group_pieces(corpus: Corpus) -> list[int]:
    """Number the pieces of a corpus; files that are the same piece get the same number.

    Files are the same piece if their notes say so, or if they lie in one folder most of whose files are
    linked with one another.

    Parameters
    ----------
    corpus : Corpus

    Returns
    -------
    list of int [length=len(corpus)]
        Numbers 0, 1, 2 … by first appearance. The same corpus always gives the same numbers.

    Examples
    --------
    >>> from musictx.corpus import build_corpus, group_pieces
    >>> from musictx.shipped import shipped_folder
    >>> group_pieces(build_corpus([shipped_folder("primers")], "corpus"))
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    """
    from scipy.cluster.hierarchy import DisjointSet  # here, since it takes a quarter of a second

    sets = DisjointSet(range(len(corpus)))
    sketches = np.full((len(corpus), SKETCH), _NOTHING)
    short: dict[bytes, int] = {}  # the first of the pieces with these few notes
    for i in range(len(corpus)):
        hashes = interval_hashes(corpus.piece(i))[:SKETCH]
        sketches[i, : len(hashes)] = hashes
        if not len(hashes):
            sets.merge(short.setdefault(corpus.piece(i).tobytes(), i), i)
    first, second = _candidates(sketches)
    linked = _overlapping(sketches, first, second)
    for a, b in zip(first[linked].tolist(), second[linked].tolist(), strict=True):
        sets.merge(a, b)
    _unite_folders(corpus, sets)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(sets[i], len(numbers)) for i in range(len(corpus))]


def without_pieces(corpus: Corpus, held: Sequence[Corpus]) -> Corpus:
    """Leave out every performance of a piece that other corpora hold.

    Parameters
    ----------
    corpus : Corpus
    held : sequence of Corpus

    Raises
    ------
    MusictxError
        No piece is left.

    Examples
    --------
    >>> from musictx.corpus import build_corpus
    >>> from musictx.corpus.grouping import without_pieces
    >>> from musictx.shipped import shipped_folder
    >>> primers = build_corpus([shipped_folder("primers")], "corpus")
    >>> without_pieces(primers, [primers.subset([0, 1])]).names == primers.names[2:]
    True
    """
    pieces = np.array(group_pieces(joined([corpus, *held])))
    fresh = np.flatnonzero(~np.isin(pieces[: len(corpus)], pieces[len(corpus) :]))
    if not len(fresh):
        raise MusictxError("every piece to train on is held out for validation as well")
    return corpus.subset(fresh)


def joined(corpora: Sequence[Corpus]) -> Corpus:
    """The performances of several corpora as one; each folder stays one of its own."""
    pieces = [corpus.piece(i) for corpus in corpora for i in range(len(corpus))]
    ends = np.cumsum(sizes := [len(piece) for piece in pieces])
    names = tuple(name for corpus in corpora for name in corpus.names)
    before = np.cumsum([0, *(corpus.folders for corpus in corpora)]).tolist()
    source = np.concatenate([corpus.source + n for corpus, n in zip(corpora, before, strict=False)])
    return Corpus(np.concatenate(pieces), ends - sizes, ends, names, source, {}, before[-1])


def interval_hashes(tokens: np.ndarray) -> np.ndarray:
    """Hashes of the runs of `INTERVALS` intervals in a piece, each once.

    Chords are read from the lowest note up; neither tempo nor transposition changes the result.

    Parameters
    ----------
    tokens : np.ndarray [shape=(n,)]

    Returns
    -------
    np.ndarray [shape=(m,), dtype=uint64]
        Sorted.
    """
    table = tokens_to_table(tokens)
    step, pitch = table.step[table.is_on], table.pitch[table.is_on]
    chord = np.cumsum(np.diff(step, prepend=step[:1]) > CHORD_STEPS)
    interval = np.diff(pitch[np.lexsort((pitch, chord))]) + 128
    runs = len(interval) - INTERVALS + 1
    if runs < 1:
        return np.empty(0, np.uint64)
    code = np.zeros(runs, np.uint64)
    for i in range(INTERVALS):  # eight bits an interval: the code is exact
        code = code << np.uint64(8) | interval[i : i + runs].astype(np.uint64)
    return np.unique(_mix(code))


def _mix(x: np.ndarray) -> np.ndarray:
    """Scatter numbers over all of uint64 (the finaliser of MurmurHash3)."""
    shift = np.uint64(33)
    x = (x ^ x >> shift) * np.uint64(0xFF51AFD7ED558CCD)
    x = (x ^ x >> shift) * np.uint64(0xC4CEB9FE1A85EC53)
    return x ^ x >> shift


def _candidates(sketches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of files worth a comparison: near neighbours in the list of files that have a hash in common."""
    indexed = sketches[:, :INDEXED]
    file = np.repeat(np.arange(len(sketches)), indexed.shape[1])
    value = indexed.ravel()
    file, value = file[value != _NOTHING], value[value != _NOTHING]
    order = np.argsort(value, kind="stable")  # within a hash, files keep their order
    file, value = file[order], value[order]
    pairs = [np.empty(0, np.int64)]
    for lag in range(1, NEIGHBOURS + 1):
        same = value[lag:] == value[:-lag]
        pairs.append(file[:-lag][same] * len(sketches) + file[lag:][same])
    unique = np.unique(np.concatenate(pairs))
    return unique // max(1, len(sketches)), unique % max(1, len(sketches))


def _overlapping(sketches: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether the sets of each pair overlap enough, from their sketches [shape=(pairs,), dtype=bool].

    The smallest hashes of both together are a fair sample of the union, and those that stand in both
    sketches are in the intersection.
    """
    linked = np.zeros(len(first), bool)
    for at in range(0, len(first), 4096):
        part = slice(at, at + 4096)
        both = np.sort(np.concatenate([sketches[first[part]], sketches[second[part]]], 1), 1)
        twice = (both[:, 1:] == both[:, :-1]) & (both[:, 1:] != _NOTHING)
        fresh = np.ones(both.shape, bool)
        fresh[:, 1:] = both[:, 1:] != both[:, :-1]
        fresh &= both != _NOTHING
        rank = np.cumsum(fresh, 1)  # of each value in the union
        shared = (twice & (rank[:, :-1] <= SKETCH)).sum(1)
        overlap = shared / np.clip(rank[:, -1], 1, SKETCH)
        linked[part] = (overlap >= MIN_OVERLAP) & ((shared >= MIN_SHARED) | (overlap >= 0.5))
    return linked


def _unite_folders(corpus: Corpus, sets: DisjointSet) -> None:
    """Make one piece of each folder of which more than half is one piece; the top folder is a collection."""
    folders: dict[tuple[int, PurePath], list[int]] = {}
    for i, (source, name) in enumerate(zip(corpus.source.tolist(), corpus.names, strict=True)):
        if PurePath(name).parent != PurePath("."):
            folders.setdefault((source, PurePath(name).parent), []).append(i)
    for files in folders.values():
        _, counts = np.unique([sets[i] for i in files], return_counts=True)
        if counts.max() > 1 and 2 * counts.max() > len(files):
            for i in files[1:]:
                sets.merge(files[0], i)
