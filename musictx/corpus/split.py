"""What is trained on and what is held out for validation: never the same piece."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import numpy as np

from musictx.corpus.folder import Corpus, build_corpus, is_encoded, open_corpus
from musictx.corpus.grouping import group_pieces, without_pieces
from musictx.errors import MusictxError
from musictx.files import real_path
from musictx.midi.notes import counted

StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Split:
    """Music to train on, and music held out.

    Attributes
    ----------
    train : Corpus
    validation : dict of str to Corpus
        By name; empty if all music is one piece.
    remarks : tuple of str
        What was left out of the training music, in words.
    """

    train: Corpus
    validation: dict[str, Corpus]
    remarks: tuple[str, ...] = ()


def training_and_validation(
    folders: Sequence[StrPath],
    validation: Sequence[StrPath] = (),
    *,
    place: StrPath,
    share: float = 0.1,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Split:
    """Open the music to train on and the music held out, so that no piece is in both.

    Nothing that lies below a validation folder is trained on, nor a copy of one of its pieces from
    elsewhere. Without validation folders a share of the pieces is held out; all performances of a piece
    are on one side.

    Parameters
    ----------
    folders : sequence of path
        Folders of MIDI files, searched recursively, or one encoded corpus.
    validation : sequence of path
        Folders to hold out, each a corpus with a name of its own.
    place : path
        Folder below which MIDI files are kept encoded; what is there from before is used again.
    share : float
        Share of the pieces to hold out if there are no validation folders.
    seed : int
        Which pieces those are.
    progress : callable, optional
        Called with the name of a corpus, its files done, and their total.

    Raises
    ------
    MusictxError
        A folder is missing or has no music, or all of it is held out.

    See Also
    --------
    musictx.training.Run : Trains on the one and judges by the other.

    Examples
    --------
    >>> from musictx.corpus import training_and_validation
    >>> from musictx.shipped import shipped_folder
    >>> music = training_and_validation([shipped_folder("primers")], place="corpus")
    >>> held = music.validation["validation"]
    >>> len(music.train), len(held), set(music.train.names) & set(held.names)
    (12, 1, set())
    """

    music, kept_back = [Path(f) for f in folders], [Path(f) for f in validation]
    everything = encoded_corpus(music, Path(place) / "train", kept_back, progress)
    if not kept_back:
        train, rest = split_sources(everything, group_pieces(everything), share, seed)
        return Split(train, {"validation": rest} if len(rest) else {})
    held: dict[str, Corpus] = {}
    remarks = []
    for folder in kept_back:
        name = validation_name(folder, ("train", *held))
        held[name] = encoded_corpus([folder], Path(place) / name, progress=progress)
        if any(real_path(folder).is_relative_to(real_path(part)) for part in music):
            remarks.append(f"{folder} is held out: nothing below it is trained on")
    train = without_pieces(everything, list(held.values()))
    if len(train) < len(everything):
        left_out = counted(len(everything) - len(train), "performance")
        remarks.append(f"not trained on, since their pieces are held out: {left_out}")
    return Split(train, held, tuple(remarks))


def encoded_corpus(
    folders: Sequence[Path],
    place: Path,
    without: Sequence[Path] = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> Corpus:
    """One corpus of folders of MIDI files, encoded in a place unless it is encoded already.

    `progress` is told the name of the place, and of files how many are done and how many there are.
    """
    encoded = [folder for folder in folders if is_encoded(folder)]
    if encoded and len(folders) == 1:
        return open_corpus(folders[0])
    if encoded:
        raise MusictxError(
            f"{encoded[0]} is an encoded corpus, which must be given alone; "
            "`musictx encode` makes one of several folders of MIDI files"
        )
    told = None if progress is None else lambda done, total: progress(place.name, done, total)
    return build_corpus(folders, place, without=without, progress=told)


def split_sources(corpus: Corpus, groups: Sequence[int], share: float, seed: int) -> tuple[Corpus, Corpus]:
    """Split into training and validation parts, whole groups at a time.

    Parameters
    ----------
    corpus : Corpus
    groups : sequence of int
        The piece that each performance belongs to.
    share : float
        Share of the groups for validation; at least one if there are two.
    seed : int

    Returns
    -------
    train, validation : Corpus
        Validation is empty if there is only one group.

    Examples
    --------
    >>> from musictx.corpus import build_corpus, group_pieces, split_sources
    >>> from musictx.shipped import shipped_folder
    >>> corpus = build_corpus([shipped_folder("primers")], "corpus")
    >>> train, validation = split_sources(corpus, group_pieces(corpus), share=0.2, seed=0)
    >>> len(train), len(validation), set(train.names) & set(validation.names)
    (10, 3, set())
    """
    numbers = np.unique(np.asarray(groups))
    np.random.default_rng(seed).shuffle(numbers)
    count = 0 if len(numbers) < 2 else max(1, round(share * len(numbers)))
    held = np.isin(np.asarray(groups), numbers[:count])
    return corpus.subset(np.flatnonzero(~held)), corpus.subset(np.flatnonzero(held))


def refuse_shared(train: Corpus, validation: Mapping[str, Corpus]) -> None:
    """Check that no piece is both trained on and held out.

    Raises
    ------
    MusictxError
        One is: a loss on it would measure memory.
    """
    for name, corpus in validation.items():
        shared = np.flatnonzero(train.copies([corpus]))
        if len(shared):
            raise MusictxError(
                f"{train.names[shared[0]]} is trained on and held out in {name!r} as well, and so are "
                f"{len(shared) - 1} more; leave them out of the training music (without_pieces)"
            )


def validation_name(folder: Path, taken: Sequence[str]) -> str:
    """Name of a validation folder: the last part that says more than "validation", and a number if needed."""
    parts = [p for p in real_path(folder).parts if p.lower() not in ("validation", "valid", "val", "test")]
    name = parts[-1] if len(parts) > 1 else folder.name
    numbers = (f"{name}-{i}" for i in count(2))
    return next(n for n in chain([name], numbers) if n not in taken)
