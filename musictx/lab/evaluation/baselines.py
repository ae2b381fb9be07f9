"""Baselines: what simple counts reach, so that a figure can be judged.

``uniform``
    Every token equally likely: ln 388.
``unigram``
    How often each token is played.
``copy``
    Guess the token that followed when the last three tokens came before in this chunk; the unigram where
    they did not, and for the rest of the probability.
``n-gram``
    The last three tokens, with Witten-Bell smoothing down to the uniform.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from musictx.corpus import Chunk, Corpus, consecutive_chunks
from musictx.events import EVENTS, PAD, START, VOCABULARY_SIZE
from musictx.lab.evaluation.nll import LossTable

ORDER = 4  # of the n-gram: events of context, plus one
COPY_CONTEXT = 3
FOLDS = 5
_COPY_FIT_TOKENS = 2_000_000  # enough to know one rate

BASELINES = ("uniform", "unigram", "copy", "n-gram")


def _join(sequences: Iterable[np.ndarray], padding: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences end to end, each after `padding` PADs, and the places of their targets: all but the first."""
    parts, places, at = [], [], 0
    pad = np.full(padding, PAD, np.int64)
    for sequence in sequences:
        parts += [pad, np.asarray(sequence, np.int64)]
        places.append(np.arange(at + padding + 1, at + padding + len(sequence)))
        at += padding + len(sequence)
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(parts), np.concatenate(places)


def _context_codes(stream: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    """One number for the `size` tokens before each place."""
    code = np.zeros(len(places), np.int64)
    for back in range(size, 0, -1):
        code = code * VOCABULARY_SIZE + stream[places - back]
    return code


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Value of each wanted key; 0 for unknown ones. `keys` are sorted."""
    if not len(keys):
        return np.zeros(len(wanted), values.dtype)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


class SmoothedCounts:
    """Probabilities of tokens in contexts, from counts, with Witten-Bell smoothing.

    ``P(w | h) = (c(h, w) + t(h) · P(w | h')) / (c(h) + t(h))``, where c counts, t is the number of
    different tokens seen after h, h' is the next wider context, and the last resort is uniform.

    Parameters
    ----------
    tokens : int
        Size of the uniform distribution.

    References
    ----------
    Witten and Bell, "The zero-frequency problem" (1991), method C.
    """

    def __init__(self, tokens: int):
        self.tokens = tokens
        # For each level: pairs and their counts; contexts, their totals and varieties.
        self.tables: list[tuple[np.ndarray, ...]] = []

    def fit(self, contexts: Sequence[np.ndarray], targets: np.ndarray) -> None:
        """Count.

        Parameters
        ----------
        contexts : sequence of np.ndarray [shape=(n,), int64]
            A number for each target's context, widest first, narrowest last.
        targets : np.ndarray [shape=(n,), int64]
        """
        self.tables = []
        for code in contexts:
            pairs, count = np.unique(code * VOCABULARY_SIZE + targets, return_counts=True)
            known, first, variety = np.unique(pairs // VOCABULARY_SIZE, return_index=True, return_counts=True)
            total = np.add.reduceat(count, first) if len(count) else count
            self.tables.append((pairs, count, known, total, variety))

    def losses(self, contexts: Iterable[np.ndarray], targets: np.ndarray) -> np.ndarray:
        """Nats of each target [shape=(n,)]; parameters as for `fit`."""
        p = np.full(len(targets), 1 / self.tokens)
        for code, (pairs, count, known, total, variety) in zip(contexts, self.tables, strict=True):
            seen = _look_up(pairs, count, code * VOCABULARY_SIZE + targets)
            c, t = _look_up(known, total, code), _look_up(known, variety, code)
            p = np.where(c > 0, (seen + t * p) / np.maximum(c + t, 1), p)
        return -np.log(p)


class NGram:
    """An n-gram model: `SmoothedCounts` of the tokens before.

    Parameters
    ----------
    order : int
        Tokens of context, plus one.
    tokens : int
        Size of the uniform distribution.
    """

    def __init__(self, order: int = ORDER, tokens: int = EVENTS):
        self.order, self.counts = order, SmoothedCounts(tokens)

    def _read(self, sequences: Iterable[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
        stream, places = _join(sequences, self.order - 1)
        return [_context_codes(stream, places, size) for size in range(self.order)], stream[places]

    def fit(self, sequences: Iterable[np.ndarray]) -> NGram:
        """Count; the first token of each sequence is context only."""
        self.counts.fit(*self._read(sequences))
        return self

    def losses(self, sequences: Iterable[np.ndarray]) -> np.ndarray:
        """Nats of each token of some sequences, without their first ones, end to end [shape=(n,)]."""
        return self.counts.losses(*self._read(sequences))


def copied(sequences: Iterable[np.ndarray], size: int = COPY_CONTEXT) -> tuple[np.ndarray, np.ndarray]:
    """What followed when the same `size` tokens came last, in the same sequence.

    Parameters
    ----------
    sequences : iterable of np.ndarray
    size : int

    Returns
    -------
    guess, truth : np.ndarray [shape=(n,)]
        For every token but the first of each sequence; -1 where there is no guess.
    """
    sequences = list(sequences)
    stream, places = _join(sequences, size)
    code = _context_codes(stream, places, size)
    which = np.repeat(np.arange(len(sequences)), [len(s) - 1 for s in sequences])
    order = np.lexsort((code, which))  # stable: by place among equals
    same = (np.diff(code[order]) == 0) & (np.diff(which[order]) == 0)
    guess = np.full(len(places), -1, np.int64)
    guess[order[1:][same]] = stream[places[order[:-1][same]]]
    return guess, stream[places]


@dataclass
class Baselines:
    """All baselines, fitted on some music."""

    unigram: NGram = field(default_factory=lambda: NGram(1))
    ngram: NGram = field(default_factory=NGram)
    copy_rate: float = 0.0

    @classmethod
    def fit(cls, pieces: Sequence[np.ndarray], length: int) -> Baselines:
        """Fit on pieces of tokens; the copy rate on their chunks of `length`."""
        streams = [np.concatenate([[START], piece]) for piece in pieces]
        few, tokens = [], 0
        for stream in streams:
            few += [stream[at : at + length + 1] for at in range(0, len(stream) - 1, length)]
            tokens += len(stream)
            if tokens > _COPY_FIT_TOKENS:
                break
        guess, truth = copied(few)
        guessed = guess >= 0
        rate = float((guess == truth)[guessed].mean()) if guessed.any() else 0.0
        return cls(NGram(1).fit(streams), NGram().fit(streams), rate)

    def losses(self, chunks: Sequence[Chunk]) -> dict[str, np.ndarray]:
        """Nats of every target of some chunks, end to end, by baseline."""
        sequences = [np.concatenate([c.inputs, c.targets[-1:]]) for c in chunks]
        unigram = self.unigram.losses(sequences)
        guess, truth = copied(sequences)
        p = np.exp(-unigram)
        p = np.where(guess >= 0, self.copy_rate * (guess == truth) + (1 - self.copy_rate) * p, p)
        return {
            "uniform": np.full(len(unigram), np.log(EVENTS)),
            "unigram": unigram,
            "copy": -np.log(p),
            "n-gram": self.ngram.losses(sequences),
        }


def baseline_tables(
    corpus: Corpus, groups: np.ndarray, length: int, bin_width: int, *, fit_on: Corpus | None = None
) -> dict[str, LossTable]:
    """Losses of every baseline on a corpus.

    Parameters
    ----------
    corpus : Corpus
    groups : np.ndarray [shape=(pieces,)]
        As for `LossTable`.
    length, bin_width : int
        As for `LossTable`.
    fit_on : Corpus, optional
        The training corpus. Without it the baselines are cross-fitted: those for a fifth of the units are
        fitted on the other four.

    Returns
    -------
    dict of str to LossTable
        Only ``uniform`` if there is nothing to fit on: a single unit.
    """
    units = int(groups.max()) + 1
    tables = {name: LossTable(groups, length, bin_width) for name in BASELINES}
    chunks = list(consecutive_chunks(corpus, length))
    if fit_on is not None:
        folds = [(Baselines.fit([fit_on.piece(i) for i in range(len(fit_on))], length), chunks)]
    elif units == 1:
        tables = {"uniform": tables["uniform"]}
        folds = [(Baselines.fit([], length), chunks)]
    else:
        folds = []
        for k in range(min(FOLDS, units)):
            others = [corpus.piece(i) for i in range(len(corpus)) if groups[i] % FOLDS != k]
            mine = [c for c in chunks if groups[c.piece] % FOLDS == k]
            folds.append((Baselines.fit(others, length), mine))
    for baselines, held in folds:
        losses = baselines.losses(held)
        ends = np.cumsum([len(c.targets) for c in held])
        for name, table in tables.items():
            for chunk, end in zip(held, ends.tolist(), strict=True):
                table.add(chunk, losses[name][end - len(chunk.targets) : end])
    return tables
