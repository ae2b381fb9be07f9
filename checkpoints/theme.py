"""Choose the default of theme: how much must be made of what was played before for the primer to come back?

    python checkpoints/theme.py asap/validation pop909/validation --copies corpus/train --output theme.json

Every model plays on from the first 15 s of held-out pieces with each value of theme, for 45 s. Beside real
music stand: motif recurrence and melodic alignment beyond chance (less what a continuation has of the
folder's other primers), the share of primers that stand out, the distance from real music of sampling.py,
notes a second, notes at once, degeneration, what is stuck on a few keys, and the longest passage shared with
the training music. Each value is compared with theme 0 on the same primers (Wilcoxon). Go on with an output
file that exists: what it holds is not played again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sampling import choose, distances, figures, playing_parser, real_answer

from musictx.checkpoint import load_model
from musictx.lab.evaluation.chance import MEASURES, beside_others
from musictx.lab.evaluation.copies import CopyIndex
from musictx.lab.evaluation.degeneration import is_degenerate, stuck_share
from musictx.lab.evaluation.intervals import paired_test
from musictx.lab.evaluation.loading import open_copy_index, open_music
from musictx.lab.evaluation.structure import mean_polyphony
from musictx.lab.kept import PLAYING, read_kept
from musictx.lab.study.plan import StudyPrimer
from musictx.performance import Performance, apply_pedal
from musictx.sampling import SamplingSettings, continue_variations, contrast
from musictx.shipped import COMPARED_MODELS

THEMES = (0.0, 0.25, 0.5)
REAL = "real music"
Rows = list[dict[str, Any]]  # a continuation each


def judge(
    primers: list[StudyPrimer], own: int, answer: Performance, seconds: float, index: CopyIndex | None
) -> dict[str, Any]:
    """What a continuation has of its primer, beside what it has of its folder's other primers."""
    answer = apply_pedal(answer)
    family = [p for p in primers if p.source == primers[own].source]
    heard = [apply_pedal(p.performance) for p in family]
    place = [p.name for p in family].index(primers[own].name)
    row: dict[str, Any] = {}
    for key, measure in MEASURES.items():
        beside = beside_others(heard, place, answer, seconds, measure)
        row[key], row[f"{key} stands out"] = beside.beyond_chance, beside.stands_out
    row["storm"] = is_degenerate(answer, seconds)
    row["stuck"] = stuck_share(answer, seconds)
    row["notes a second"] = len(answer) / seconds
    row["notes at once"] = mean_polyphony(answer.notes, 0.0, seconds)
    row["longest copy"] = index.check(answer).longest if index else None
    row["figures"] = figures(primers[own].performance, answer, seconds)
    return row


def show(name: str, rows: Rows, real: Rows, base: Rows) -> None:
    """One line of the table, and how sure the differences from theme 0 are."""

    def column(key: str, of: Rows) -> np.ndarray:
        return np.array([np.nan if row[key] is None else float(row[key]) for row in of])

    apart = distances([r["figures"] for r in rows], [r["figures"] for r in real])
    line = f"{name:24}"
    for key in MEASURES:
        line += f"{column(key, rows).mean():8.3f}{column(f'{key} stands out', rows).mean():6.0%}"
        if base and base is not rows:
            test = paired_test(column(key, rows), column(key, base))
            line += f" ({test.difference:+.3f} [{test.low:+.3f}, {test.high:+.3f}], p {test.p:.2f})"
    line += f"{np.mean(list(apart.values())):10.3f}"
    line += "".join(f"{column(key, rows).mean():8.1f}" for key in ("notes a second", "notes at once"))
    copies = column("longest copy", rows)
    line += f"{column('storm', rows).mean():7.0%}{column('stuck', rows).mean():7.1%}"
    line += f"{copies.max():8.0f}{copies.mean():6.1f}"
    print(line, flush=True)


def main() -> None:
    """Parse the command line, let the models play with every value, print the table."""
    parser = playing_parser(__doc__, primers=8, seconds=45.0)
    parser.add_argument("--theme", action="append", type=float, help="repeatable; by default several")
    parser.add_argument(
        "--least", type=float, default=contrast.MIN_PROBABILITY, help="probability of a token to be drawn"
    )
    parser.add_argument("--agreed", type=float, default=contrast.AGREED, help="the strength, in γ, at d = 0")
    parser.add_argument("--growth", type=float, default=contrast.GROWTH, help="what it gains by d, in γ")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--copies", type=Path, help="training music, for the copy check")
    parser.add_argument("--output", type=Path, required=True, help="JSON file for every figure")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    contrast.MIN_PROBABILITY, contrast.AGREED, contrast.GROWTH = (
        arguments.least,
        arguments.agreed,
        arguments.growth,
    )
    seconds = arguments.seconds
    index = open_copy_index(arguments.copies) if arguments.copies else None
    primers = choose(arguments.music, arguments.primers, seconds)
    about = {
        "primers": [p.name for p in primers],
        "seconds": seconds,
        "seed": arguments.seed,
        "least": arguments.least,
        "strength": [arguments.agreed, arguments.growth],
        "copies": "" if index is None else open_music(arguments.copies).fingerprint(),
        "playing": PLAYING,
    }
    models = {name: load_model(name) for name in arguments.model or COMPARED_MODELS}
    found = read_kept(arguments.output, about, models)
    rows: dict[str, Rows] = found.setdefault("rows", {})
    if REAL not in rows:
        answers = [real_answer(p, seconds) for p in primers]
        rows[REAL] = [judge(primers, i, answer, seconds, index) for i, answer in enumerate(answers)]
    columns = f"{'motif':>14}{'alignment':>14}{'distance':>10} notes/s at once degen.  stuck"
    print(f"{'':24}{columns}  copies (most, mean)")
    show(REAL, rows[REAL], rows[REAL], [])
    for name, model in models.items():
        for theme in arguments.theme or THEMES:
            label = f"{name}, theme {theme:g}"
            if label not in rows:
                options = asdict(SamplingSettings(theme=theme, allow_end=False))
                made = [
                    continue_variations(
                        model,
                        p.performance,
                        seconds=seconds,
                        primer_end=p.cut,
                        seed=arguments.seed,
                        **options,
                    )[0].alone
                    for p in primers
                ]
                rows[label] = [judge(primers, i, answer, seconds, index) for i, answer in enumerate(made)]
                arguments.output.write_text(json.dumps(found, indent=1) + "\n")
            show(label, rows[label], rows[REAL], rows.get(f"{name}, theme 0", []))


if __name__ == "__main__":
    main()
