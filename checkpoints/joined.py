"""One table of a study that was played in parts: some of the models, or other seeds, in each.

    python checkpoints/joined.py STUDY [STUDY ...]

STUDY is a folder that `musictx study` has written; real music counts once. Every figure is the mean over
primers of all takes, with its interval; `by_quarter` has the four quarters of each continuation. Then the
paired tests between models, with Holm's correction for all of them, smallest p first.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from musictx.lab.study.comparison import REAL, compare_rows


def read_rows(studies: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every continuation, with the study that it is of; real music once, though studies share primers."""
    real = set()
    for study in studies:
        for row in json.loads((study / "study.json").read_text())["rows"]:
            if row["model"] == REAL:
                if row["primer"] in real:
                    continue
                real.add(row["primer"])
            yield study, row


def cell(figure: dict[str, Any] | None, interval: bool = True) -> str:
    """A mean, with its interval."""
    if figure is None:
        return "–"
    shown = f"{figure['mean']:.3f}"
    return f"{shown} ({figure['low']:.3f} … {figure['high']:.3f})" if interval else shown


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", nargs="+", type=Path)
    rows = [row for _, row in read_rows(parser.parse_args().study)]
    models = list(dict.fromkeys(row["model"] for row in rows if row["model"] != REAL))
    compared = compare_rows(rows, models)
    names = [*models, REAL]
    takes = {name: sum(row["model"] == name for row in rows) for name in names}
    print(f"{'':28}", " | ".join(f"{name}, {takes[name]} takes" for name in names))
    for key, figures in compared["metrics"].items():
        print(f"{key:28}", " | ".join(cell(figures[name]) for name in names))
    for key, quarters in compared["quarters"].items():
        every = (", ".join(cell(each, interval=False) for each in quarters[name]) for name in names)
        print(f"{key:28}", " | ".join(every))
    for test in sorted(compared["tests"], key=lambda test: test["p"]):
        pair, apart = f"{test['first']} less {test['second']}", test["difference"]
        interval = f"({test['low']:+.3f} … {test['high']:+.3f})"
        chance = f"p {test['p']:.2g}, corrected {test['holm']:.2g}"
        print(f"{test['metric']:20} {pair:28} {apart:+.3f} {interval}, {chance}")


if __name__ == "__main__":
    main()
