"""Lay out the corpora as the commands of ``checkpoints/`` name them: ``asap/train``, ``asap/validation`` …

    python data/corpora.py corpora asap-dataset POP909-Dataset maestro-v3.0.0 SUPRA

The folders are what one downloads (README.md says where); any of them may be missing. ``splits.json`` says
which pieces are trained on and which are held out: pieces of ASAP with all of their performances, songs of
POP909, rolls of SUPRA, and MAESTRO's own split, less the performances of compositions that are held out
somewhere. ``maestro/clean`` holds those of its validation part whose compositions no training folder holds.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SPLITS = json.loads(Path(__file__).with_name("splits.json").read_text(encoding="utf-8"))
PERFORMANCES = {"asap": 917, "pop909": 863, "maestro": 1005, "supra": 373}


def parts_of(folder: Path) -> Iterator[tuple[Path, str]]:
    """The MIDI files of a downloaded folder that belong to a part, and where each goes below the output."""
    asap = {piece: part for part in ("train", "validation") for piece in SPLITS["asap"][part]}
    pop = {song: "validation" for song in SPLITS["pop909"]["validation"]}
    pop |= dict.fromkeys(SPLITS["pop909"]["left out"])
    left_out, clean = set(SPLITS["maestro"]["left out of train"]), set(SPLITS["maestro"]["clean"])
    rolls = set(SPLITS["supra"]["train"])
    split = _maestro_split(folder)
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".mid", ".midi")):
        inside, name = path.relative_to(folder), path.name
        piece = f"{inside.parts[0]}/{'_'.join(inside.parts[1:-1])}"
        if piece in asap and name != "midi_score.mid":
            yield path, f"asap/{asap[piece]}/{piece}/{name}"
        elif path.stem == path.parent.name and path.parent.parent.name == "POP909":
            if part := pop.get(path.stem, "train"):
                yield path, f"pop909/{part}/{name}"
        elif name.removesuffix("_exp.mid") in rolls:
            yield path, f"supra/train/{name}"
        elif (part := split.get(inside.as_posix())) in ("train", "validation"):
            if inside.as_posix() not in left_out:
                yield path, f"maestro/{part}/{inside.as_posix()}"
            if inside.as_posix() in clean:
                yield path, f"maestro/clean/{inside.as_posix()}"


def _maestro_split(folder: Path) -> dict[str, str]:
    """Part of each file, from MAESTRO's own table."""
    found = {}
    for table in folder.glob("maestro-*.csv"):
        with table.open(encoding="utf-8", newline="") as file:
            found |= {row["midi_filename"]: row["split"] for row in csv.DictReader(file)}
    return found


def lay_out(output: Path, folders: list[Path]) -> Counter[str]:
    """Copy what belongs to a part, and say how many files each part has got."""
    found: Counter[str] = Counter()
    for folder in folders:
        if not folder.is_dir():
            sys.exit(f"{folder} is not a folder")
        for path, place in parts_of(folder):
            target = output / place
            os.makedirs(target.parent, exist_ok=True)
            shutil.copyfile(path, target)
            found["/".join(place.split("/")[:2])] += 1
        for table in folder.glob("maestro-*.csv"):
            shutil.copyfile(table, output / "maestro" / table.name)
    return found


def main() -> None:
    """Read the command line and lay out the corpora."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    found = lay_out(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
    for part, number in sorted(found.items()):
        print(f"{part}: {number} files")
    for corpus, wanted in PERFORMANCES.items():
        number = found[f"{corpus}/train"] + found[f"{corpus}/validation"]
        if 0 < number != wanted:
            print(f"{corpus} has {number} of {wanted} files: is this the version that README.md names?")


if __name__ == "__main__":
    main()
