"""How the shipped models answer thirty primers such as people bring, beside how real music goes on.

    python checkpoints/answers.py --real asap/validation --output answers.json

The thirty: the shipped primers as they are; their top lines alone, at one velocity; some played faster,
slower, softer and louder. An answer of 30 s passes if it is music (a note per second, no silence over 4 s),
not degenerate (no second with more than 40 notes, 12 notes at once on average), keeps to the primer's tempo
(notes per second within a factor of 4) and register (median pitch within 15 semitones). Real pieces are held
to the same, with their first 15 s as primer, which shows how strict that is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from musictx.checkpoint import load_model
from musictx.lab.evaluation.degeneration import densest_second, is_degenerate
from musictx.lab.evaluation.structure import mean_polyphony
from musictx.midi import read_midi
from musictx.performance import Performance, apply_pedal, make_notes, slice_time, stretch, unite_spans
from musictx.render.audio import render_audio
from musictx.sampling import continue_variations
from musictx.shipped import COMPARED_MODELS, shipped_folder

SECONDS, PRIMER_SECONDS = 30.0, 15.0
MAX_SILENCE, DENSITY_FACTOR, REGISTER = 4.0, 4.0, 15


def top_line(music: Performance) -> Performance:
    """The highest note of each moment, one after the other, all at velocity 80."""
    notes = music.notes
    high = [
        n for n in notes if n["pitch"] == notes["pitch"][np.abs(notes["onset"] - n["onset"]) < 0.03].max()
    ]
    onset = np.array([n["onset"] for n in high])
    offset = np.minimum([n["offset"] for n in high], np.append(onset[1:], np.inf))
    return Performance(make_notes(onset, np.maximum(offset, onset + 0.05), [n["pitch"] for n in high], 80))


def louder(music: Performance, factor: float) -> Performance:
    """All velocities times a factor."""
    notes = music.notes.copy()
    notes["velocity"] = np.clip(notes["velocity"] * factor, 1, 127)
    return Performance(notes, music.pedals)


def primers() -> Iterator[tuple[str, Performance]]:
    """The thirty, by name."""
    shipped = {path.stem: read_midi(path) for path in sorted(shipped_folder("primers").glob("*.mid"))}
    yield from shipped.items()
    bare = [name for name in shipped if name not in ("bach-chorale", "two-bar-loop", "satie-gymnopedie")]
    yield from ((f"{name}, top line", top_line(shipped[name])) for name in bare)
    for name, change, changed in (
        ("joplin-entertainer", "fast", lambda m: stretch(m, 0.6)),
        ("petzold-minuet", "fast", lambda m: stretch(m, 0.6)),
        ("bach-chorale", "slow", lambda m: stretch(m, 1.6)),
        ("mozart-sonata-c", "slow", lambda m: stretch(m, 1.6)),
        ("fur-elise", "soft", lambda m: louder(m, 0.5)),
        ("greensleeves", "soft", lambda m: louder(m, 0.5)),
        ("two-bar-loop", "loud", lambda m: louder(m, 1.5)),
    ):
        yield f"{name}, {change}", changed(shipped[name])


def judge(primer: Performance, answer: Performance, seconds: float) -> dict[str, Any]:
    """Figures of an answer, whose times count from its start, and what it passes."""
    notes = answer.notes
    before = primer.notes
    if not len(notes):
        return {"music": False, "no_storm": False, "tempo": False, "register": False}
    sounding = unite_spans(notes[["onset", "offset"]])
    edges = np.append(sounding["onset"], seconds), np.append(0.0, sounding["offset"])
    silence = float((edges[0] - edges[1]).max())
    density = len(notes) / seconds
    polyphony = mean_polyphony(notes, 0.0, seconds)
    played = max(before["onset"].max() - before["onset"].min(), 1.0)
    ratio = density / (len(before) / played)
    moved = float(np.median(notes["pitch"]) - np.median(before["pitch"]))
    return {
        "notes_per_second": round(density, 2),
        "longest_silence": round(silence, 2),
        "densest_second": densest_second(answer, seconds),
        "polyphony": round(polyphony, 2),
        "density_ratio": round(ratio, 2),
        "register_moved": moved,
        "music": bool(density >= 1 and silence <= MAX_SILENCE),
        "no_storm": not is_degenerate(answer, seconds),
        "tempo": bool(1 / DENSITY_FACTOR <= ratio <= DENSITY_FACTOR),
        "register": abs(moved) <= REGISTER,
    }


def real_answers(folder: Path, seconds: float) -> list[dict[str, Any]]:
    """How real pieces go on from their own first seconds."""
    found = []
    for path in sorted(folder.rglob("*.mid")):
        music = apply_pedal(read_midi(path))
        if music.duration > PRIMER_SECONDS + seconds:
            primer = slice_time(music, 0.0, PRIMER_SECONDS)
            answer = slice_time(music, PRIMER_SECONDS, PRIMER_SECONDS + seconds)
            found.append({"primer": path.stem, **judge(primer, answer, seconds)})
    return found


def main() -> None:
    """Parse the command line, let the models answer, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=COMPARED_MODELS)
    parser.add_argument("--real", type=Path, help="folder of real pieces to hold to the same")
    parser.add_argument("--takes", type=int, default=2)
    parser.add_argument("--primers", type=int, help="only this many of the thirty, from the first")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of each answer")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-p", type=float, default=0.98)
    parser.add_argument("--min-p", type=float, default=0.0)
    parser.add_argument("--output", type=Path, help="JSON file for every figure")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    options = {name: getattr(arguments, name) for name in ("temperature", "top_p", "min_p")}
    found: dict[str, list[dict[str, Any]]] = {}
    for name in arguments.models:
        model, found[name] = load_model(name), []
        for title, music in islice(primers(), arguments.primers):
            made = continue_variations(
                model,
                music,
                seconds=arguments.seconds,
                variations=arguments.takes,
                allow_end=False,
                **options,
            )
            for number, answer in enumerate(m.alone for m in made):
                peak = float(np.abs(render_audio(answer)).max()) if len(answer) else None
                judged = judge(music, answer, arguments.seconds)
                found[name].append({"primer": title, "take": number, "peak": peak, **judged})
    if arguments.real:
        found["real music"] = real_answers(arguments.real, arguments.seconds)
    print(f"{'':12} {'answers':>7} {'music':>6} {'sound':>9} {'tempo':>6} {'register':>9} {'all':>5}")
    checks = ("music", "no_storm", "tempo", "register")
    for name, answers in found.items():
        shares = [np.mean([a[check] for a in answers]) for check in checks]
        every = np.mean([all(a[check] for check in checks) for a in answers])
        row = f"{shares[0]:6.0%} {shares[1]:9.0%} {shares[2]:6.0%} {shares[3]:9.0%} {every:5.0%}"
        print(f"{name:12} {len(answers):7} {row}")
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
