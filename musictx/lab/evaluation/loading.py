"""What an evaluation works on: music from a folder, and models by name, as many as can be used."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from musictx.checkpoint import load_model
from musictx.corpus import Corpus, build_corpus, consecutive_chunks, open_corpus
from musictx.corpus.grouping import group_pieces
from musictx.errors import MusictxError
from musictx.files import real_path
from musictx.lab.evaluation.copies import CopyIndex
from musictx.losses import chunk_losses
from musictx.model import MusicTransformer
from musictx.shipped import shipped_folder


def open_music(
    folder: Path, *, pieces: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Corpus:
    """Music from a folder of MIDI files, or from an encoded corpus.

    Parameters
    ----------
    folder : path
    pieces : int, optional
        Only this many, spread evenly over the folder.
    progress : callable, optional
        Called with the files encoded and their number.

    Returns
    -------
    Corpus

    Raises
    ------
    MusictxError
        If there is no such folder, or nothing in it can be used.
    """
    if os.path.isfile(folder / "index.json"):
        corpus = open_corpus(folder)
    else:
        with tempfile.TemporaryDirectory() as place:
            corpus = build_corpus([folder], place, progress=progress)
            corpus = replace(corpus, tokens=np.array(corpus.tokens))  # before the file goes
    if pieces is not None:
        if pieces < 1:
            raise MusictxError(f"--pieces is {pieces}; it must be at least 1")
        chosen = np.unique(np.linspace(0, len(corpus) - 1, min(pieces, len(corpus))).round().astype(int))
        corpus = corpus.subset(chosen)
    return corpus


def open_copy_index(folder: Path, *, progress: Callable[[int, int], None] | None = None) -> CopyIndex:
    """Music that something may have been copied from, ready for the copy check.

    Parameters
    ----------
    folder : path
        MIDI files, or an encoded corpus: usually what a model was trained on.
    progress : callable, optional
        Called with the files encoded and their number.

    Examples
    --------
    >>> from musictx import read_midi, shipped_primer, transpose
    >>> from musictx.lab.evaluation.loading import open_copy_index
    >>> from musictx.shipped import shipped_folder
    >>> index = open_copy_index(shipped_folder("primers"))
    >>> found = index.check(transpose(read_midi(shipped_primer("fur-elise")), 3))
    >>> found.piece, found.transposition
    ('fur-elise.mid', 3)
    """
    return CopyIndex(open_music(folder, progress=progress))


def unit_numbers(corpus: Corpus) -> np.ndarray:
    """The piece that each performance belongs to, numbered from 0 without gaps [shape=(performances,)]."""
    return np.unique(np.asarray(group_pieces(corpus)), return_inverse=True)[1].astype(np.int64)


def short_name(name: str) -> str:
    """A model's name in tables: a shipped model's own, or the last telling part of its folder."""
    path = Path(name)
    return real_path(path).parent.name if path.name == "model" else path.name or str(name)


def open_models(names: Sequence[str], **load: Any) -> tuple[dict[str, MusicTransformer], list[str]]:
    """Load models; those that cannot be used are left out, with the reason.

    Parameters
    ----------
    names : sequence of str
        Shipped models, or folders.
    **load
        As for `musictx.checkpoint.load_model`.

    Returns
    -------
    models : dict of str to MusicTransformer
        By short name; by the whole name where two short names are equal.
    left_out : list of str

    Raises
    ------
    MusictxError
        If none can be used.
    """
    models: dict[str, MusicTransformer] = {}
    left_out = []
    labels = [short_name(n) for n in names]
    for name, short in zip(names, labels, strict=True):
        try:
            models[short if labels.count(short) == 1 else name] = load_model(name, **load)
        except MusictxError as error:
            left_out.append(f"{name}: {error}")
    if not models:
        raise MusictxError(left_out[0].split(": ", 1)[1] if len(names) == 1 else "; ".join(left_out))
    return models, left_out


def model_facts(models: Mapping[str, MusicTransformer]) -> dict[str, dict[str, Any]]:
    """What reports say of each model."""
    return {
        name: {
            "position": model.config.position,
            "parameters": model.parameter_count(),
            "context_length": model.config.context_length,
        }
        for name, model in models.items()
    }


def primers_nll(model: MusicTransformer) -> float:
    """Nats per token of the shipped primers (convention perf388, chunks of the training length).

    A small fixed figure, so that anybody can tell whether the weights at hand are those of a card.
    """
    corpus = open_music(shipped_folder("primers"))
    losses = chunk_losses(model, consecutive_chunks(corpus, model.config.context_length))
    return float(np.concatenate([each for _, each in losses]).mean())
