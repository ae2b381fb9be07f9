"""The corpora as the results name them: who is trained on, who is held out, and never both."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "data"
SPLITS = json.loads((DATA / "splits.json").read_text(encoding="utf-8"))


def lay_out(output: Path, *folders: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, DATA / "corpora.py", output, *folders], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_files_go_to_their_part_and_what_is_left_out_to_none(tmp_path: Path) -> None:
    """Folders as they are downloaded, with a few files each."""
    asap, pop, maestro, supra = (tmp_path / name for name in ("asap-dataset", "POP", "maestro", "SUPRA"))
    files = [asap / "Bach/Fugue/bwv_846" / name for name in ("Shi05M.mid", "midi_score.mid")]
    files += [asap / "Bach/Fugue/bwv_857/Lan01M.mid", asap / "Bach/Fugue/bwv_848/Lee01M.mid"]
    left_out = SPLITS["pop909"]["left out"][0]
    files += [pop / f"POP909/{song}/{song}.mid" for song in ("001", "013", left_out)]
    files += [pop / "POP909/001/versions/001-v1.mid"]
    files += [supra / f"any/{SPLITS['supra']['train'][0]}_{kind}.mid" for kind in ("exp", "raw")]
    never, clean = SPLITS["maestro"]["left out of train"][0], SPLITS["maestro"]["clean"][0]
    rows = [(never, "train"), (clean, "validation"), ("2004/a.midi", "train"), ("2004/b.midi", "test")]
    files += [maestro / name for name, _ in rows]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"MThd")
    table = "".join(f"{name},{part}\n" for name, part in rows)
    (maestro / "maestro-v3.0.0.csv").write_text(f"midi_filename,split\n{table}")

    said = lay_out(tmp_path / "out", asap, pop, maestro, supra)
    assert "asap has 2 of 917 files: is this the version that README.md names?" in said
    out = tmp_path / "out"
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.mid*")) == sorted(
        [
            "asap/train/Bach/Fugue_bwv_846/Shi05M.mid",
            "asap/validation/Bach/Fugue_bwv_857/Lan01M.mid",
            "pop909/train/001.mid",
            "pop909/validation/013.mid",
            f"supra/train/{SPLITS['supra']['train'][0]}_exp.mid",
            "maestro/train/2004/a.midi",
            f"maestro/validation/{clean}",
            f"maestro/clean/{clean}",
        ]
    )
    assert (out / "maestro" / "maestro-v3.0.0.csv").is_file()


def test_no_piece_is_both_trained_on_and_held_out() -> None:
    asap, pop, maestro = SPLITS["asap"], SPLITS["pop909"], SPLITS["maestro"]
    assert not set(asap["train"]) & set(asap["validation"])
    assert not set(pop["validation"]) & set(pop["left out"])
    assert not set(maestro["left out of train"]) & set(maestro["clean"])


@pytest.mark.parametrize("part", ["train", "validation"])
def test_the_splits_are_those_of_the_corpora_that_were_trained_on(shared_data: Path, part: str) -> None:
    asap = {
        p.parent.relative_to(shared_data / "asap" / part)
        for p in (shared_data / "asap" / part).rglob("*.mid")
    }
    assert sorted(map(str, asap)) == SPLITS["asap"][part]
    songs = {p.stem for p in (shared_data / "pop909" / part).glob("*.mid")}
    if part == "validation":
        assert sorted(songs) == SPLITS["pop909"]["validation"]
        clean = (shared_data / "maestro" / "validation" / "clean.txt").read_text().split("\n")
        assert sorted(filter(None, clean)) == SPLITS["maestro"]["clean"]
    else:
        assert not songs & {*SPLITS["pop909"]["validation"], *SPLITS["pop909"]["left out"]}
        rolls = {p.name.removesuffix("_exp.mid") for p in (shared_data / "supra" / "train").glob("*.mid")}
        assert sorted(rolls) == SPLITS["supra"]["train"]
        taught = {
            p.relative_to(shared_data / "maestro" / "train").as_posix()
            for p in (shared_data / "maestro" / "train").rglob("*.midi")
        }
        assert not taught & set(SPLITS["maestro"]["left out of train"])
