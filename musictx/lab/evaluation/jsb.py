"""Convention ``jsb16``: NLL on the chorales of Bach on a 16th grid.

229, 76 and 77 chorales; time-major, soprano to bass within a step; 46 pitches (36 to 81) and the rest;
every token of every piece counts once, rests and the first frame too, padding never; the context is the
whole piece. Figures are nats per token, by the 16th of the beat and by voice: 78 % of the tokens only hold
the voice's last pitch, and almost all loss sits on the beat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musictx.corpus import Chunk
from musictx.errors import MusictxError
from musictx.files import read_json
from musictx.lab.evaluation.baselines import SmoothedCounts
from musictx.lab.evaluation.intervals import ratio_figure
from musictx.losses import chunk_losses
from musictx.model import MusicTransformer

VOICES = 4
LOWEST, HIGHEST = 36, 81
REST = 0  # token; pitches are 1 … 46
TOKENS = HIGHEST - LOWEST + 2
START = TOKENS  # the one token more that a model needs
VOCABULARY = TOKENS + 1
PHASES = 4  # 16ths of a beat
SPLITS = ("train", "valid", "test")

BASELINES = (
    "uniform",
    "unigram by voice",
    "copy and bigram",
    "with the phase",
    "with the voice above",
    "with two voices above",
)


def read_jsb(path: Path) -> dict[str, list[np.ndarray]]:
    """Read ``Jsb16thSeparated.json``.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict of str to list of np.ndarray [shape=(steps, 4), int64]
        Tokens of each piece of ``train``, ``valid`` and ``test``.

    Raises
    ------
    MusictxError
        If the file is another one.
    """
    try:
        splits = read_json(path)
        pieces = {name: [np.array(piece, np.int64) for piece in splits[name]] for name in SPLITS}
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise MusictxError(f"{path} is not Jsb16thSeparated.json ({error!r})") from error
    for piece in (p for part in pieces.values() for p in part):
        if piece.ndim != 2 or piece.shape[1] != VOICES or piece.max(initial=-1) > HIGHEST:
            raise MusictxError(f"{path} is not Jsb16thSeparated.json: a piece without four voices")
        if (piece[piece >= 0] < LOWEST).any():
            raise MusictxError(f"{path} is not Jsb16thSeparated.json: a pitch below {LOWEST}")
    return {name: [np.where(p < 0, REST, p - LOWEST + 1) for p in part] for name, part in pieces.items()}


def piece_chunks(pieces: Sequence[np.ndarray]) -> Iterator[Chunk]:
    """Each piece as one chunk: its tokens in order, after `START`."""
    for i, piece in enumerate(pieces):
        stream = np.append(START, piece.ravel())
        yield Chunk(i, stream[:-1], stream[1:])


def summarise(losses: Sequence[np.ndarray]) -> dict[str, Any]:
    """Nats per token of some pieces, in all, by 16th of the beat and by voice.

    Parameters
    ----------
    losses : sequence of np.ndarray [shape=(steps · 4,)]
        Of each token of each piece.

    Returns
    -------
    dict
        ``nats`` with its bootstrap interval over pieces (``low``, ``high``), ``tokens``, ``by_phase`` (4),
        ``by_voice`` (4, soprano first).
    """
    total = np.array([x.sum(dtype=np.float64) for x in losses])
    count = np.array([len(x) for x in losses], np.float64)
    grids = [x.reshape(-1, VOICES) for x in losses]
    every = np.concatenate(grids)
    phase = np.concatenate([np.arange(len(g)) % PHASES for g in grids])
    return {
        **ratio_figure(total, count),
        "tokens": int(count.sum()),
        "by_phase": [float(every[phase == k].mean()) for k in range(PHASES)],
        "by_voice": every.mean(0).tolist(),
    }


def model_losses(
    model: MusicTransformer, pieces: Sequence[np.ndarray], *, precision: str = "float32"
) -> list[np.ndarray]:
    """Nats of each token of each piece under a model of `VOCABULARY` tokens.

    Raises
    ------
    MusictxError
        If the model has another vocabulary.
    """
    if model.config.vocabulary < VOCABULARY:
        raise MusictxError(
            f"the model has a vocabulary of {model.config.vocabulary}; convention jsb16 needs {VOCABULARY}"
        )
    return [x for _, x in chunk_losses(model, piece_chunks(pieces), tokens_at_once=1, precision=precision)]


def _contexts(pieces: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """What each baseline knows of a token, each a refinement of the one before; and the tokens."""
    columns = []
    for piece in pieces:
        steps = len(piece)
        voice = np.tile(np.arange(VOICES), (steps, 1))
        before = np.vstack([np.full((1, VOICES), START), piece[:-1]])
        phase = np.repeat(np.arange(steps)[:, None] % PHASES, VOICES, 1)
        above, higher = (np.hstack([np.full((steps, k), START), piece[:, :-k]]) for k in (1, 2))
        columns.append(np.stack([voice, before, phase, above, higher], -1).reshape(-1, 5))
    table = np.concatenate(columns)
    codes = [table[:, 0]]
    for k in range(1, table.shape[1]):
        codes.append(codes[-1] * (VOCABULARY + 1) + table[:, k])
    return codes, np.concatenate([piece.ravel() for piece in pieces])


def baseline_losses(train: Sequence[np.ndarray], pieces: Sequence[np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Nats of each token of each piece under the baselines.

    ``unigram by voice``; then what the voice sang last (``copy and bigram``); and the 16th of the beat
    (``with the phase``); and the voices above, each smoothed by the one before.

    Parameters
    ----------
    train, pieces : sequence of np.ndarray [shape=(steps, 4)]
        What the baselines are fitted on, and what they are measured on.
    """
    known, targets = _contexts(train)
    asked, truth = _contexts(pieces)
    ends = np.cumsum([p.size for p in pieces])[:-1]
    found = {"uniform": np.full(len(truth), np.log(TOKENS))}
    for k, name in enumerate(BASELINES[1:], 1):
        counts = SmoothedCounts(TOKENS)
        counts.fit(known[:k], targets)
        found[name] = counts.losses(asked[:k], truth)
    return {name: np.split(losses, ends) for name, losses in found.items()}
