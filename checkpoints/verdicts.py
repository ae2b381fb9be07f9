"""How often what the page says of a lane is false of real music, and how often it agrees with the study.

    python checkpoints/verdicts.py asap/validation pop909/validation --output verdicts.json

The page's own rules (app/static/music/verdict.js, run by Node) judge the 45 s after the first 15 s of held-
out pieces: as the pieces really go on, as another piece of the folder goes on, and as the models play on,
with theme and without. What the page finds fault with in real music, it is wrong about; what it says of a
primer and another piece's continuation is what chance gives. Beside that stand the study's own measures of
the same music: degeneration, and motif or alignment that stand out beside the other primers. What the
models play is kept in the output file, and an interrupted measurement goes on from there.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cards import JUDGE, node, other_primers
from sampling import choose, playing_parser

from musictx.checkpoint import SHIPPED_MODELS, load_model
from musictx.events import STEP_SECONDS, encode
from musictx.lab.evaluation.chance import MEASURES, beside_others
from musictx.lab.evaluation.degeneration import is_degenerate
from musictx.lab.kept import PLAYING, notes_hash, read_kept
from musictx.lab.study.plan import StudyPrimer
from musictx.performance import Performance, apply_pedal, make_notes, shift, slice_time
from musictx.sampling import continue_variations

THEMES = (0.5, 0.0)
REAL, OTHER = "real music", "another piece"
TRAINING_LENGTH = 1024
READ = 0.75  # of it, at most, is read of a primer
KINDS = ("storm", "silence", "stuck", "key", "denser", "back", "gone", "ended")
Rows = list[list[float]]  # onset, offset (s), pitch
TAKES = """
const answer = input.takes.map(({ notes, cut, end, beyond, ended }) => {
  const all = notes.map(([on, off, pitch]) => ({ on, off, pitch, primer: on < cut }));
  const continuationCount = all.filter((note) => !note.primer).length;
  return judge({ notes: all, length: cut, known: end, beyond, continuationCount }, ended, others);
});
"""


def rows_of(performance: Performance) -> Rows:
    """Notes with the pedal applied, as JSON holds them."""
    notes = apply_pedal(performance).notes
    times = [np.round(notes[edge].astype(float), 3).tolist() for edge in ("onset", "offset")]
    return [list(row) for row in zip(*times, notes["pitch"].tolist(), strict=True)]


def performance_of(rows: Rows) -> Performance:
    """The reverse; every note is as loud as another."""
    onset, offset, pitch = np.array(rows, float).reshape(-1, 3).T
    return Performance(make_notes(onset, offset, pitch.astype(int)))


def find_beyond(performance: Performance, cut: float, end: float) -> float | None:
    """Where (s) music grows longer than the training length, as a model counts that reads the primer."""
    read = min(len(encode(slice_time(performance, 0, cut), until=cut)), round(READ * TRAINING_LENGTH))
    low, high = cut, end

    def count(until: float) -> int:
        part = slice_time(performance, cut, until)
        return read + len(encode(part, until=until - cut))

    if count(end) <= TRAINING_LENGTH:
        return None
    while high - low > STEP_SECONDS:
        middle = (low + high) / 2
        low, high = (low, middle) if count(middle) > TRAINING_LENGTH else (middle, high)
    return round(high, 3)


def real_take(primer: StudyPrimer, answer: StudyPrimer, seconds: float) -> dict[str, Any]:
    """A primer, and how a piece, its own or another, goes on after its own primer."""
    assert answer.real is not None
    later = apply_pedal(slice_time(answer.real, answer.cut, answer.cut + seconds))
    notes = np.concatenate([apply_pedal(primer.performance).notes, shift(later, primer.cut).notes])
    whole = Performance(np.sort(notes, order=["onset", "pitch"]))
    end = primer.cut + seconds
    beyond = find_beyond(whole, primer.cut, end)
    return {"notes": rows_of(whole), "cut": primer.cut, "end": end, "beyond": beyond, "ended": False}


def play(primer: StudyPrimer, model: Any, theme: float, seconds: float, seed: int) -> dict[str, Any]:
    """What a model plays after a primer with the page's settings, and whether it ended the piece itself."""
    options = {"primer_end": primer.cut, "seconds": seconds, "seed": seed, "theme": theme}
    made = continue_variations(model, primer.performance, **options)[0]
    return {"notes": rows_of(made.performance), "cut": made.cut, "ended": made.ended}


def finished(take: dict[str, Any], seconds: float) -> dict[str, Any]:
    """A kept take with where it ends, and where it passes the training length."""
    last = max((row[1] for row in take["notes"]), default=take["cut"])
    end = min(last, take["cut"] + seconds) if take["ended"] else take["cut"] + seconds
    return take | {"end": end, "beyond": find_beyond(performance_of(take["notes"]), take["cut"], end)}


def study_finds(
    primers: list[StudyPrimer], own: int, take: dict[str, Any], seconds: float
) -> dict[str, bool]:
    """Whether the study calls a take degenerate, and its theme one that stands out."""
    whole = performance_of(take["notes"])
    answer = slice_time(whole, take["cut"], take["cut"] + seconds)
    family = [k for k, primer in enumerate(primers) if primer.source == primers[own].source]
    heard = [apply_pedal(primers[k].performance) for k in family]
    beside = [beside_others(heard, family.index(own), answer, seconds, each) for each in MEASURES.values()]
    return {"storm": is_degenerate(answer, seconds), "theme": any(each.stands_out for each in beside)}


def show(name: str, found: list[dict[str, Any]]) -> None:
    """A line of the table: how often each sentence is said; and one of how often it and the study agree."""
    said = Counter(kind for row in found for kind in row["said"])
    shares = "".join(f"{said[kind] / len(found):9.1%}" for kind in KINDS)
    print(f"{name:24}{len(found):4}{shares}{agreement(found)}")


def agreement(found: list[dict[str, Any]]) -> str:
    """How many takes page and study judge alike: degenerate; and a theme, where the page says something."""

    def same(rows: list[dict[str, Any]], says: str, finds: str) -> str:
        return (
            f"{np.mean([(says in row['said']) == row['study'][finds] for row in rows]):8.0%}"
            if rows
            else "       –"
        )

    told = [row for row in found if {"back", "gone"} & set(row["said"])]
    return same(found, "storm", "storm") + same(told, "back", "theme")


def main() -> None:
    """Parse the command line, let the models play, print the table."""
    parser = playing_parser(__doc__, primers=20, seconds=45.0)
    parser.add_argument("--played", type=int, help="of each folder, after which models play; by default all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=np.inf, help="let models play for so long at most")
    parser.add_argument("--output", type=Path, required=True, help="JSON file of what the models played")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seconds = arguments.seconds
    primers = choose(arguments.music, arguments.primers, seconds)
    until = time.monotonic() + 60 * arguments.minutes
    about = {
        "seconds": seconds,
        "seed": arguments.seed,
        "primers": [[primer.name, notes_hash(primer.performance)] for primer in primers],
        "playing": PLAYING,
    }
    models = {name: load_model(name) for name in arguments.model or SHIPPED_MODELS}
    found = read_kept(arguments.output, about, models)
    kept = found.setdefault("takes", {})
    groups: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    some, count = [], arguments.played or arguments.primers
    for k, primer in enumerate(primers):
        family = [j for j, other in enumerate(primers) if other.source == primer.source]
        other = primers[family[(family.index(k) + 1) % len(family)]]
        if family.index(k) < count:
            some.append(k)
        groups.setdefault(REAL, []).append((k, real_take(primer, primer, seconds)))
        groups.setdefault(OTHER, []).append((k, real_take(primer, other, seconds)))
    for name, model in models.items():
        for theme in THEMES:
            for k in some:
                label = f"{k}: {primers[k].name}, {name}, theme {theme:g}"
                if label not in kept and time.monotonic() < until:
                    kept[label] = play(primers[k], model, theme, seconds, arguments.seed)
                    arguments.output.write_text(json.dumps(found))
                if label in kept:
                    groups.setdefault(f"{name}, theme {theme:g}", []).append(
                        (k, finished(kept[label], seconds))
                    )
    tell(primers, groups, seconds)


def tell(
    primers: list[StudyPrimer], groups: dict[str, list[tuple[int, dict[str, Any]]]], seconds: float
) -> None:
    """Let the page judge every take, and print how often it says what."""
    others = other_primers()
    titles = "".join(f"{kind:>9}" for kind in KINDS)
    print(f"{'':24}{'':4}{titles}   agree: degenerate, theme")
    for name, takes in groups.items():
        verdicts = node(JUDGE + TAKES, {"takes": [take for _, take in takes], "cards": others})
        found = [
            {"said": [each["kind"] for each in verdict], "study": study_finds(primers, k, take, seconds)}
            for (k, take), verdict in zip(takes, verdicts, strict=True)
        ]
        show(name, found)


if __name__ == "__main__":
    main()
