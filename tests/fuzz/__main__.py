"""``python -m tests.fuzz``: random damage to MIDI files, command lines, files and requests.

Status 0 if nothing was found, 1 otherwise. What fails is kept, with the command that shows it again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.worker import Finding, run_cases

TARGETS = ("midi", "commands", "files", "requests")
MAX_KEPT = 3  # cases of one fault


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--target", action="append", choices=TARGETS, help="repeatable; all if not given")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target (default 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER", help="case to begin with")
    parser.add_argument("--jobs", type=int, default=1, help="targets at once (default 1)")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="folder for what fails")
    parser.add_argument("--replay", type=Path, metavar="CASE", help="run a case that was kept")
    asked = parser.parse_args()
    if asked.replay:
        (asked.target,) = asked.target or [asked.replay.name.partition("-")[0]]
        return _report([_fuzz(asked.target, asked)])
    with ThreadPoolExecutor(asked.jobs) as pool:
        return _report(list(pool.map(lambda name: _fuzz(name, asked), asked.target or TARGETS)))


def _fuzz(name: str, asked: argparse.Namespace) -> dict[str, object]:
    """Fuzz one target."""
    begun, cases, faults = time.monotonic(), 0, Counter[str]()
    seconds = 1e9 if asked.replay else 60 * asked.minutes
    for found in run_cases(name, asked.seed, asked.first, seconds, asked.replay):
        if isinstance(found, Finding):
            faults[found.what] += 1
            if not asked.replay and faults[found.what] <= MAX_KEPT:
                _keep(name, asked, found)
            elif asked.replay:
                print(found.text, file=sys.stderr)
        else:
            cases += 1
    return {
        "target": name,
        "cases": cases,
        "seconds": round(time.monotonic() - begun),
        "faults": dict(faults),
    }


def _keep(name: str, asked: argparse.Namespace, found: Finding) -> None:
    asked.keep.mkdir(parents=True, exist_ok=True)
    place = asked.keep / f"{name}-{asked.seed}-{found.number}{found.suffix}"
    place.write_bytes(found.case)
    command = f"python -m tests.fuzz --replay {place}"
    place.with_suffix(".txt").write_text(f"{command}\n\n{found.text}\n")
    print(f"{name} {found.number}: {found.what}\n    {command}", file=sys.stderr, flush=True)


def _report(results: list[dict[str, object]]) -> int:
    for result in results:
        print(json.dumps(result), flush=True)
    return int(any(result["faults"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
