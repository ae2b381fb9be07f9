"""``musictx bench encode``: MIDI files to events, a folder at a time and over the number of notes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from musictx.corpus import build_corpus, find_midi
from musictx.errors import MusictxError
from musictx.events import encode
from musictx.lab.bench.common import (
    Progress,
    check_at_least,
    interleaved,
    machine,
    peak_memory,
    peer,
    prefixed,
    silent,
    spread,
)
from musictx.midi import read_midi, write_midi
from musictx.performance import Performance, make_notes
from musictx.shipped import shipped_folder

FILE_NOTES = 1200  # of each file of a large folder, two minutes: as long as a song


def made_up(notes: int, seed: int = 0) -> Performance:
    """A performance of `notes` notes, about ten per second, as dense as piano music is."""
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.exponential(0.1, notes))
    return Performance(
        notes=make_notes(
            onset,
            onset + rng.exponential(0.4, notes) + 0.02,
            rng.integers(21, 109, notes),
            rng.integers(20, 110, notes),
        )
    )


def _read_all(files: Sequence[Path]) -> tuple[int, int]:
    """Notes and tokens of every file that can be read."""
    notes = tokens = 0
    for path in files:
        try:
            music = read_midi(path)
        except MusictxError:
            continue
        notes, tokens = notes + len(music), tokens + len(encode(music))
    return notes, tokens


def _corpus_work(folder: Path) -> Callable[[], object]:
    def work() -> None:
        with tempfile.TemporaryDirectory() as name:
            build_corpus([folder], Path(name) / "corpus")

    return work


def large_folders(counts: Sequence[int], progress: Progress = silent) -> list[dict[str, Any]]:
    """Seconds and memory to encode folders of so many made-up files, all different, with every core.

    Returns
    -------
    list of dict
        ``files``, ``tokens``, ``seconds``, ``files_per_second``, and ``megabytes``: what encoding adds to
        the memory of the process that collects the music, at its peak; the corpus, which it writes, is
        mapped into it, two bytes a token.
    """
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder, place = Path(name) / "midi", Path(name) / "corpus"
        for before, count in pairwise((0, *sorted(counts))):
            progress(f"writing {count} files")
            for k in range(before, count):
                inside = folder / f"{k // 1000}"
                inside.mkdir(parents=True, exist_ok=True)
                write_midi(made_up(FILE_NOTES, k), inside / f"{k}.mid")
            progress(f"encoding {count} files")
            began = time.perf_counter()
            corpus = build_corpus([folder], place)
            seconds = time.perf_counter() - began
            row: dict[str, Any] = {"files": count, "tokens": corpus.token_count, "seconds": round(seconds, 2)}
            row["files_per_second"] = round(count / seconds)
            row["megabytes"] = peak_memory(_corpus_work, folder)
            rows.append(row)
    return rows


def _miditok_work(files: Sequence[Path]) -> Callable[[], object] | None:
    """MidiTok's MIDI-like events, the encoding nearest to ours (it applies no pedal to the notes)."""
    miditok = peer("miditok")
    if miditok is None:
        return None
    tokenizer = miditok.MIDILike(miditok.TokenizerConfig(use_programs=False))

    def work() -> int:
        tokens = 0
        for path in files:
            try:
                encoded = tokenizer(path)
            except Exception:  # as ours: a file that it cannot read is left out
                continue
            tokens += (
                sum(len(track.ids) for track in encoded) if isinstance(encoded, list) else len(encoded.ids)
            )
        return tokens

    return work


def bench_encode(
    folder: str | Path | None = None,
    *,
    notes: Sequence[int] = (10_000, 100_000, 1_000_000),
    files: Sequence[int] = (),
    repetitions: int = 3,
    peers: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Seconds to read and encode a folder of MIDI files, and performances of growing length.

    Parameters
    ----------
    folder : path, optional
        By default the primers that come with musictx.
    notes : sequence of int
        Numbers of notes of made-up performances.
    files : sequence of int
        Numbers of made-up files of large folders, as for `large_folders`.
    repetitions : int
    peers : bool
    progress : callable

    Returns
    -------
    dict
        ``files``: rows of who did it and ``seconds``; ``lengths``: rows of notes with the seconds to
        read and to encode them; ``folders``: those of `large_folders`.
    """
    check_at_least(1, repetitions=repetitions, notes=min(notes, default=1), files=min(files, default=1))
    place = Path(folder) if folder is not None else shipped_folder("primers")
    found = [path for _, path in find_midi([place])]
    if not found:
        raise MusictxError(f"no MIDI file (.mid, .midi) below {place}")
    facts = machine()
    note_count, token_count = _read_all(found)
    work: dict[str, Callable[[], object]] = {
        "musictx, one process": partial(_read_all, found),
        "musictx, a corpus with every core": _corpus_work(place),
    }
    if peers and (miditok := _miditok_work(found)) is not None:
        work["MidiTok, one process"] = miditok
    seconds = interleaved(work, repetitions, progress)
    rows = [
        {"who": name, "seconds": spread(x), "notes_per_second": round(note_count / spread(x)["median"])}
        for name, x in seconds.items()
    ]
    lengths = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "long.mid"
        for count in notes:
            music = made_up(count)
            write_midi(music, path)
            parts: dict[str, Callable[[], object]] = {
                "read": partial(read_midi, path),
                "encode": partial(encode, music),
            }
            times = interleaved(parts, repetitions, prefixed(progress, f"{count} notes"))
            row: dict[str, Any] = {"notes": count, "tokens": len(encode(music))}
            row |= {f"{part}_seconds": spread(x) for part, x in times.items()}
            row["encode_nanoseconds_per_note"] = round(spread(times["encode"])["median"] / count * 1e9)
            lengths.append(row)
    return {
        "bench": "encode",
        "machine": facts,
        "folder": "the primers of musictx" if folder is None else place.name,
        "files_found": len(found),
        "notes": note_count,
        "tokens": token_count,
        "files": rows,
        "lengths": lengths,
        "folders": large_folders(files, progress),
    }
