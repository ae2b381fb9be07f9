"""A folder of MIDI → an encoded corpus on disk.

On disk a corpus is a folder with ``tokens.bin`` (uint16, all pieces end to end) and ``index.json``
(each piece's name, folder and place; what was skipped and why). It is read through a memory map and
needs no MIDI library.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musictx.errors import MusictxError
from musictx.events import EVENTS, VOCABULARY_SIZE, encode
from musictx.files import clear_drafts, make_folder, read_json, real_path, write_bytes, writing

FORMAT = 1  # raise it when the same files would give other tokens: old corpora are then built again
MIDI_SUFFIXES = (".mid", ".midi", ".kar")
TOKENS, INDEX = "tokens.bin", "index.json"
_CHUNK = 64  # files handed to a worker at once


@dataclass(frozen=True)
class Corpus:
    """Encoded pieces, memory-mapped.

    Attributes
    ----------
    tokens : np.ndarray [shape=(n,), dtype=uint16]
        Pieces end to end, without special tokens.
    starts, ends : np.ndarray [shape=(pieces,), dtype=int64]
        Place of each piece in `tokens`.
    names : tuple of str
        Path of each piece's file below its folder.
    source : np.ndarray [shape=(pieces,), dtype=int64]
        Which of the folders each piece came from.
    skipped : dict of str to str
        Files that could not be used, and why.
    folders : int
        How many folders were encoded, also those of which no piece is here.
    """

    tokens: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    names: tuple[str, ...]
    source: np.ndarray
    skipped: dict[str, str]
    folders: int = 1

    def __len__(self) -> int:
        """Number of pieces."""
        return len(self.starts)

    def piece(self, i: int) -> np.ndarray:
        """Tokens of piece `i` [shape=(n,), dtype=uint16]."""
        return self.tokens[self.starts[i] : self.ends[i]]

    @property
    def token_count(self) -> int:
        """Tokens of all pieces."""
        return int((self.ends - self.starts).sum())

    def fingerprint(self) -> str:
        """What tells this music from other music: the pieces' names and lengths, in their order."""
        pieces = [self.names, (self.ends - self.starts).tolist(), self.source.tolist()]
        return hashlib.sha256(json.dumps(pieces).encode()).hexdigest()

    def copies(self, others: Iterable[Corpus]) -> np.ndarray:
        """Which pieces other corpora hold as well, event for event [shape=(pieces,), dtype=bool]."""
        known = {other.piece(i).tobytes() for other in others for i in range(len(other))}
        alike = np.isin(self.ends - self.starts, [len(piece) // 2 for piece in known])
        return np.array([n and self.piece(i).tobytes() in known for i, n in enumerate(alike.tolist())], bool)

    def subset(self, chosen: Sequence[int] | np.ndarray) -> Corpus:
        """Only the pieces with these numbers; the tokens stay where they are."""
        chosen = np.asarray(chosen, np.int64)
        names = tuple(self.names[i] for i in chosen)
        starts, ends, source = self.starts[chosen], self.ends[chosen], self.source[chosen]
        return replace(self, starts=starts, ends=ends, names=names, source=source)


def find_midi(folders: Sequence[Path], without: Sequence[Path] = ()) -> list[tuple[int, Path]]:
    """Every MIDI file below the folders, sorted: pairs of the folder's number and the path.

    Linked folders are followed. What a training run wrote (its samples) is not taken for music to train
    on, nor what lies below the folders `without`.

    Examples
    --------
    >>> from musictx.corpus import find_midi
    >>> from musictx.shipped import shipped_folder
    >>> [path.name for _, path in find_midi([shipped_folder("primers")])][:2]
    ['bach-chorale.mid', 'bach-prelude-c.mid']
    """
    left_out = {real_path(folder) for folder in without}
    found = []
    for number, folder in enumerate(folders):
        if not os.path.isdir(folder):
            raise MusictxError(f"{folder} is not a folder; give a folder that holds MIDI files")
        paths = sorted(_files(folder))
        runs = {path.parent for path in paths if path.name == "run.json"}
        for path in paths:
            if path.suffix.lower() not in MIDI_SUFFIXES or not path.is_file():
                continue
            if runs.isdisjoint(path.parents) and left_out.isdisjoint(real_path(path).parents):
                found.append((number, path))
    return found


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder; through links too, but each folder once (links may go round in circles)."""
    seen = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
        else:
            seen.add(real)
            yield from (Path(root, name) for name in names)


def _encode_files(paths: list[Path]) -> list[tuple[np.ndarray, str]]:
    """Tokens of each file, or none and the reason."""
    from musictx.midi import read_midi

    results = []
    for path in paths:
        tokens, reason = np.empty(0, np.uint16), ""
        try:
            tokens = encode(read_midi(path))
            reason = "" if len(tokens) else "it has no notes"
        except MusictxError as error:
            reason = str(error)
        except Exception as error:  # one odd file must never end the run
            reason = f"{type(error).__name__}: {error}"
        results.append((tokens, reason.encode("utf-8", "replace").decode()))
    return results


def _readable(path: Path) -> str:
    """A path as text that can be printed anywhere: names in old archives are often not UTF-8."""
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")


def _fingerprint(files: list[tuple[int, Path]]) -> str:
    digest = hashlib.sha256(str(FORMAT).encode())
    for number, path in files:
        status = path.stat()
        line = f"{number}\0{real_path(path)}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def build_corpus(
    folders: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    without: Sequence[str | os.PathLike[str]] = (),
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Encode every MIDI file below some folders; memory does not grow with their number.

    A corpus that was built from the same files before is opened instead of built again.

    Parameters
    ----------
    folders : sequence of path
    output : path
        Folder for the corpus.
    without : sequence of path
        Folders whose files are left out (held out for validation), wherever they lie.
    workers : int, optional
        Processes; by default the number of processors.
    progress : callable, optional
        Called with the files done and their total.

    Returns
    -------
    Corpus

    Raises
    ------
    MusictxError
        If a folder is missing, or none of the files could be used.

    Examples
    --------
    >>> from musictx.corpus import build_corpus
    >>> from musictx.shipped import shipped_folder
    >>> corpus = build_corpus([shipped_folder("primers")], "corpus")
    >>> len(corpus), corpus.names[0]
    (13, 'bach-chorale.mid')
    """
    sources = [Path(f) for f in folders]
    output = Path(output)
    files = find_midi(sources, [Path(f) for f in without])
    if not files:
        besides = " that is not held out" if without else ""
        raise MusictxError(f"no MIDI file (.mid, .midi, .kar) below {', '.join(map(str, sources))}{besides}")
    fingerprint = _fingerprint(files)
    with suppress(MusictxError, KeyError, TypeError):  # none there yet, or what is there was cut: build it
        if read_json(output / INDEX)["fingerprint"] == fingerprint:
            return open_corpus(output)
    if os.path.lexists(output / INDEX) and not is_encoded(output):
        raise MusictxError(f"{output / INDEX} is there already, but no encoded corpus; choose another folder")
    make_folder(output)
    clear_drafts(output)
    pieces: list[tuple[str, int, int, int]] = []
    skipped: dict[str, str] = {}
    position = done = 0
    chunks = [files[i : i + _CHUNK] for i in range(0, len(files), _CHUNK)]
    with writing(output / TOKENS) as sink:
        for chunk, results in zip(chunks, _map_chunks(chunks, workers), strict=True):
            for (number, path), (tokens, reason) in zip(chunk, results, strict=True):
                if reason:
                    skipped[_readable(path)] = reason
                    continue
                sink.write(tokens.tobytes())
                end = position + len(tokens)
                pieces.append((_readable(path.relative_to(sources[number])), number, position, end))
                position = end
            done += len(chunk)
            if progress:
                progress(done, len(files))
        if not pieces:
            name, reason = next(iter(skipped.items()))
            raise MusictxError(
                f"none of the {len(files)} MIDI files could be used; the first, {name}: {reason}"
            )
    index = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "folders": [_readable(f) for f in sources],
        "pieces": pieces,
        "skipped": skipped,
    }
    write_bytes(output / INDEX, json.dumps(index).encode())
    return open_corpus(output)


def _map_chunks(
    chunks: list[list[tuple[int, Path]]], workers: int | None
) -> Iterator[list[tuple[np.ndarray, str]]]:
    """Encode the chunks in order, with only a few of them in flight."""
    paths = [[path for _, path in chunk] for chunk in chunks]
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(workers or usable, len(chunks), 61)  # Windows waits for no more
    if workers == 1:
        yield from map(_encode_files, paths)
        return
    with ProcessPoolExecutor(workers) as pool:
        ahead = 2 * workers
        pending = [pool.submit(_encode_files, p) for p in paths[:ahead]]
        for i in range(len(paths)):
            if i + ahead < len(paths):
                pending.append(pool.submit(_encode_files, paths[i + ahead]))
            yield pending.pop(0).result()


def is_encoded(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder holds what `build_corpus` writes."""
    return all(os.path.isfile(Path(folder) / name) for name in (TOKENS, INDEX))


def open_corpus(folder: str | os.PathLike[str]) -> Corpus:
    """Open a corpus that `build_corpus` wrote.

    Raises
    ------
    MusictxError
        If the folder is no corpus, or its files do not belong together.

    Examples
    --------
    >>> from musictx.corpus import build_corpus, open_corpus
    >>> from musictx.shipped import shipped_folder
    >>> built = build_corpus([shipped_folder("primers")], "corpus")
    >>> open_corpus("corpus").fingerprint() == built.fingerprint()
    True
    """
    folder = Path(folder)
    try:
        index = read_json(folder / INDEX)
        tokens = np.memmap(folder / TOKENS, np.uint16, "r")
        names, source, starts, ends = zip(*index["pieces"], strict=True)
        numbers = np.array([source, starts, ends])
        skipped, folders = dict(index["skipped"]), len(index["folders"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise MusictxError(f"{folder} is not an encoded corpus ({error})") from error
    if index.get("format") != FORMAT or ends[-1] != len(tokens):
        raise MusictxError(f"{folder} is a corpus of another version, or cut; encode the MIDI files again")
    texts = all(isinstance(text, str) for text in (*names, *skipped, *skipped.values()))
    inside = numbers.dtype == np.int64 and (numbers >= 0).all() and (numbers[2] <= len(tokens)).all()
    inside = inside and (numbers[0] < folders).all()
    if not (texts and inside and (numbers[1] < numbers[2]).all() and int(tokens.max()) < EVENTS):
        raise MusictxError(f"{folder} is damaged: its pieces make no sense; encode the MIDI files again")
    return Corpus(tokens, numbers[1], numbers[2], names, numbers[0], skipped, folders)


assert np.iinfo(np.uint16).max >= VOCABULARY_SIZE
