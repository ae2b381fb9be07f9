"""Does a model know a verse when it comes again? What it costs, with the one before in its context or not.

    python checkpoints/sections.py pop909/validation --model relative --model grand --output sections.json

POP909's songs have sections that people labelled (Dai, Zhang and Dannenberg, "Automatic analysis and
influence of hierarchical structure on melody, rhythm and harmony in popular music", 2020): i4A8A8B8… is an
intro of four bars, two verses A and a chorus B of eight. Those of the held-out songs are in
pop909_sections.json, with the sixteenths that the melody rests before its first note, which says where bar 0
is in the MIDI file. A song counts if at least half of the melody's notes are the same where a section comes
again, so that label and file agree.

Every event is predicted from a context that slides, and the nats per token are summed over three kinds of
section with a melody: new ones; those that come again at once, whose last playing a context of 1,024 events
still holds; and those that come again later, after more events than that. What a longer context gains on the
last, beyond what it gains on new ones, is what the model has of the section before. Intervals are bootstrap
intervals over songs. Stop it at any time: songs that are done are kept.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import miditoolkit
import numpy as np
import torch

from musictx.checkpoint import load_model
from musictx.corpus import Chunk
from musictx.events import START, TIME_SHIFT, VELOCITY, encode
from musictx.files import write_bytes
from musictx.lab.evaluation.intervals import bootstrap_interval, draw_weights, ratio_draws
from musictx.lab.kept import read_kept
from musictx.losses import chunk_losses
from musictx.midi import read_midi
from musictx.model import MusicTransformer

LABELS = Path(__file__).with_name("pop909_sections.json")
KINDS = ("new", "again at once", "again later")
NEAR = 1024  # events: the shorter context
SAME = 0.5  # of a section's melody that is the same when it comes again


class Section(NamedTuple):
    """A section of a song, in bars."""

    letter: str
    begin: int
    end: int


def sections(label: str) -> list[Section]:
    """Sections of a label such as i4A8A8B8."""
    found, bar = [], 0
    for letter, bars in re.findall(r"([A-Za-z])(\d+)", label):
        found.append(Section(letter, bar, bar + int(bars)))
        bar += int(bars)
    return found


class Song(NamedTuple):
    """A song's events, the time of each (s), and its sections with the times of its bar lines."""

    tokens: np.ndarray
    times: np.ndarray
    parts: list[Section]
    bars: np.ndarray
    same: float


def read_song(path: Path, label: str, rest: int) -> Song:
    """The song, with its bars where its melody's first note says that they are."""
    file = miditoolkit.MidiFile(str(path))
    melody = next(track for track in file.instruments if track.name == "MELODY").notes
    struck = np.array(sorted((note.start, note.pitch) for note in melody))
    unit = file.ticks_per_beat / 4
    zero = struck[0, 0] - rest * unit
    parts = sections(label)
    lines = zero + 16 * unit * np.arange(parts[-1].end + 1)
    seconds = file.get_tick_to_time_mapping()
    bars = np.interp(lines, np.arange(len(seconds)), seconds)
    grid = np.zeros(16 * (parts[-1].end + 1), int)
    at = np.rint((struck[:, 0] - zero) / unit).astype(int)
    inside = (at >= 0) & (at < len(grid))
    grid[at[inside]] = struck[inside, 1]
    tokens = np.concatenate([[START], encode(read_midi(path))]).astype(np.int64)
    steps = np.where((tokens >= TIME_SHIFT) & (tokens < VELOCITY), tokens - TIME_SHIFT + 1, 0)
    return Song(tokens, np.cumsum(steps) / 100, parts, bars, agreement(grid, parts))


def agreement(grid: np.ndarray, parts: list[Section]) -> float:
    """Share of the melody's notes that are the same where a section comes again."""
    first: dict[str, Section] = {}
    same = count = 0
    for part in parts:
        before = first.setdefault(part.letter, part)
        if before is part or part.letter.islower():
            continue
        length = 16 * min(part.end - part.begin, before.end - before.begin)
        one, other = (grid[16 * p.begin : 16 * p.begin + length] for p in (before, part))
        sounds = (one > 0) | (other > 0)
        same, count = same + int(((one == other) & sounds).sum()), count + int(sounds.sum())
    return same / max(count, 1)


def kinds(song: Song) -> np.ndarray:
    """The number of each event's kind of section in `KINDS`; -1 for those that are not counted."""
    kind = np.full(len(song.tokens), -1)
    last: dict[str, int] = {}  # where the last playing of a letter begins
    for part in song.parts:
        if part.letter.islower():  # no melody: an intro, a bridge, an end
            continue
        begin, end = np.searchsorted(song.times, song.bars[[part.begin, part.end]])
        before = last.get(part.letter)
        last[part.letter] = begin
        kind[begin:end] = 0 if before is None else 1 + int(begin - before > NEAR)
    return kind


def windows(tokens: np.ndarray, context: int, stride: int) -> Iterator[Chunk]:
    """Chunks of at most `context` events, of which the last `stride` are counted; numbered by their place."""
    for at in range(0, len(tokens) - 1, stride):
        end = min(at + stride, len(tokens) - 1)
        begin = max(0, end - context)
        yield Chunk(at, tokens[begin:end], tokens[begin + 1 : end + 1])


def losses(model: MusicTransformer, song: Song, context: int, precision: str) -> np.ndarray:
    """Nats of every event but START, predicted from `context` less a quarter to `context` events before."""
    found = np.zeros(len(song.tokens) - 1)
    stride = context // 4
    for chunk, nats in chunk_losses(model, windows(song.tokens, context, stride), precision=precision):
        end = min(chunk.piece + stride, len(found))
        found[chunk.piece : end] = nats[len(nats) - (end - chunk.piece) :]
    return found


def table(sums: np.ndarray, counts: np.ndarray) -> dict[str, dict[str, list[float]]]:
    """Nats per token by kind and context, and what the longer context gains, with their intervals.

    Both have the songs first; `sums` has [shape=(songs, contexts, kinds)], `counts` [shape=(songs, kinds)].
    """
    weights = draw_weights(len(sums))
    told: dict[str, dict[str, list[float]]] = {}
    gains: dict[str, tuple[float, np.ndarray]] = {}
    for k in np.flatnonzero(counts.sum(0)).tolist():
        means = sums[:, :, k].sum(0) / counts[:, k].sum()
        first, last = (ratio_draws(sums[:, c, k], counts[:, k], weights) for c in (0, -1))
        gains[KINDS[k]] = means[0] - means[-1], first - last
        told[KINDS[k]] = {"nats": means.tolist()}
    if {"new", "again later"} <= set(gains):
        (later, drawn), (new, new_drawn) = gains["again later"], gains["new"]
        gains["of the section before"] = later - new, drawn - new_drawn
    for kind, (gained, drawn) in gains.items():
        told.setdefault(kind, {})["gain"] = [float(gained), *map(float, bootstrap_interval(drawn))]
    return told


def main() -> None:
    """Parse the command line, predict the songs, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("music", type=Path, help="POP909's held-out songs, as MIDI files named by number")
    parser.add_argument("--model", action="append", required=True, help="repeatable")
    parser.add_argument("--context", type=int, nargs="+", default=(NEAR, 4096), help="shortest first")
    parser.add_argument("--songs", type=int, default=1000, help="at most so many")
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--output", type=Path, required=True, help="JSON file for the sums of every song")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    labels = json.loads(LABELS.read_text(encoding="utf-8"))["songs"]
    models = {name: load_model(name) for name in arguments.model}
    known = read_kept(arguments.output, {"precision": arguments.precision}, models)
    sums_of: dict[str, list[float]] = known.setdefault("songs", {})
    read = {
        name: read_song(path, *labels[name])
        for path in sorted(arguments.music.glob("*.mid"))
        if (name := path.stem) in labels
    }
    songs = {name: song for name, song in read.items() if song.same >= SAME}
    print(f"{len(songs)} of {len(read)} songs agree with their labels", flush=True)
    songs = dict(list(songs.items())[: arguments.songs])
    kind = {title: 1 + kinds(song)[1:] for title, song in songs.items()}  # 0: not counted
    counts = np.array([np.bincount(numbers, minlength=4)[1:] for numbers in kind.values()])
    for name, model in models.items():
        for title, song in songs.items():
            for context in arguments.context:
                key = f"{name} {context} {title}"
                if key in sums_of:
                    continue
                nats = losses(model, song, context, arguments.precision)
                sums_of[key] = np.bincount(kind[title], nats, 4)[1:].tolist()
                write_bytes(arguments.output, (json.dumps(known, indent=1) + "\n").encode())
        sums = np.array([[sums_of[f"{name} {c} {t}"] for c in arguments.context] for t in songs])
        print(f"{name}: tokens {counts.sum(0).tolist()}, contexts {list(arguments.context)}")
        for which, figures in table(sums, counts).items():
            shown = "  ".join(f"{x:.3f}" for x in figures.get("nats", ()))
            gain, low, high = figures["gain"]
            print(f"    {which:24} {shown:20} gain {gain:.3f} ({low:.3f} … {high:.3f})", flush=True)


if __name__ == "__main__":
    main()
