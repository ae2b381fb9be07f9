"""Training batches from a corpus: drawn by seed and place alone, augmented on the fly.

A window is a function of (seed, step, place in the batch). So a run that was killed continues with the
very batches that it would have seen, and models that are compared see the same ones, without any
state to save.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musictx.corpus.augmentation import NO_AUGMENTATION, Augmentation, augment
from musictx.corpus.folder import Corpus
from musictx.errors import MusictxError
from musictx.events import DEFAULT_VELOCITY_LEVEL, END, PAD, START, VELOCITY


def _level_before(piece: np.ndarray, place: int) -> int:
    """Velocity level that holds at a place in a piece."""
    before = piece[:place]
    said = np.flatnonzero((before >= VELOCITY) & (before < PAD))
    return int(before[said[-1]]) - VELOCITY if len(said) else DEFAULT_VELOCITY_LEVEL


class BatchSource:
    """Batches of windows, each a function of the seed, the step and its place in the batch.

    Parameters
    ----------
    corpus : Corpus
    length : int
        Tokens in a window.
    batch : int
        Windows in a batch.
    seed : int
    augmentation : Augmentation
    mix : sequence of float, optional
        How often to draw from each source folder, in proportion; by default from each as often as it has
        tokens.

    Raises
    ------
    MusictxError
        `mix` does not have one number above 0 for each source folder.

    Examples
    --------
    >>> from musictx.corpus import BatchSource, build_corpus
    >>> from musictx.shipped import shipped_folder
    >>> source = BatchSource(build_corpus([shipped_folder("primers")], "corpus"), length=64, batch=2)
    >>> inputs, targets = source.batch(step=0)
    >>> inputs.shape, (inputs[:, 1:] == targets[:, :-1]).all().item()
    ((2, 64), True)
    """

    def __init__(
        self,
        corpus: Corpus,
        *,
        length: int,
        batch: int,
        seed: int = 0,
        augmentation: Augmentation = NO_AUGMENTATION,
        mix: Sequence[float] | None = None,
    ):
        self.corpus, self.length, self.size, self.seed = corpus, length, batch, seed
        self.augmentation = augmentation
        weight = (corpus.ends - corpus.starts).astype(np.float64)
        if mix is not None:
            if len(mix) != corpus.folders or not all(0 < part < np.inf for part in mix):
                raise MusictxError(
                    f"mix {tuple(mix)} must have a number above 0 for each folder; there are {corpus.folders}"
                )
            for folder in np.unique(corpus.source):  # one that is held out as a whole has no piece here
                weight[corpus.source == folder] *= mix[folder] / weight[corpus.source == folder].sum()
        self.cumulative = np.cumsum(weight) / weight.sum()

    def batch(self, step: int, first: int = 0, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of one step, or of a share of it.

        Parameters
        ----------
        step : int
        first, count : int
            Which windows of the step's batch; all by default. Shares of a batch put together are the
            batch, so that accumulation and several devices see what one device would.

        Returns
        -------
        inputs, targets : np.ndarray [shape=(count, length), dtype=int64]
        """
        count = self.size if count is None else count
        rngs = (np.random.default_rng([self.seed, step, i]) for i in range(first, first + count))
        rows = np.stack([self._window(rng) for rng in rngs]).astype(np.int64)
        return rows[:, :-1], rows[:, 1:]

    def tokens(self, step: int) -> int:
        """Targets in the batch of a step: as many in each."""
        return self.size * self.length

    def fingerprint(self) -> str:
        """What tells the music from other music."""
        return self.corpus.fingerprint()

    def _window(self, rng: np.random.Generator) -> np.ndarray:
        """One window: from anywhere in a piece, and on into other pieces where it ends too soon."""
        needed, parts, anywhere = self.length + 1, [], True
        while needed > 0:
            if anywhere:
                number = self._draw(rng)
            else:  # of the same folder, each as often, so that neither folders nor short pieces get less
                number = int(rng.choice(np.flatnonzero(self.corpus.source == self.corpus.source[number])))
            piece = np.asarray(self.corpus.piece(number))
            total = len(piece) + 2  # with START and END
            start = int(rng.integers(0, max(1, total - self.length // 8))) if anywhere else 0
            # Some more than needed, since stretching and thinning may shorten it.
            stop = start + int(needed * (2.0 if self.augmentation.bare else 1.2)) + 8
            first, last = start == 0, stop >= total
            body = piece[max(0, start - 1) : stop - 1]
            level = _level_before(piece, max(0, start - 1))
            # Once in a window, so that the share is one of windows: in its first piece.
            body = augment(body, rng, self.augmentation, level, room=needed if anywhere else 0)
            part = np.concatenate([[START] * int(first), body, [END] * int(last)]).astype(np.uint16)[:needed]
            parts.append(part)
            needed, anywhere = needed - len(part), False
        return np.concatenate(parts)

    def _draw(self, rng: np.random.Generator) -> int:
        return min(int(np.searchsorted(self.cumulative, rng.random(), side="right")), len(self.corpus) - 1)
