"""The page's JavaScript, read by Node: it parses, imports what is exported, and uses what it declares."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CHECK = HERE / "javascript" / "check.mjs"
STATIC = HERE.parent / "app" / "static"


def check(folder: Path) -> list[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node (18 or newer), which is not here")
    command = [node, "--no-warnings", "--experimental-vm-modules", str(CHECK), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_the_pages_modules_have_no_fault() -> None:
    assert check(STATIC) == []


@pytest.mark.parametrize(
    ("file", "source", "fault"),
    [
        ("studio.js", "export const a = ;", "studio.js: Unexpected token ';'"),
        ("studio.js", 'import { b } from "./b.js";\nb();', "not there"),
        ("studio.js", 'import { c } from "./music/m.js";\nc();', "does not provide an export named 'c'"),
        ("studio.js", 'import { m } from "./music/m.js";', "m is imported and not used"),
        ("studio.js", "export function f(a) {\n  return a + nosuch;\n}", "nosuch is not declared"),
        ("studio.js", "const unused = 1;", "unused is declared and not used"),
        ("music/m.js", 'import { v } from "../view/v.js";\nexport const m = v;', "music stands below view"),
        ("music/m.js", "export const m = 1;\n" * 1 + "// \n" * 260, "longer than 250 lines"),
        ("view/v.js", "export const v = 1;", "view/v.js: nobody imports it"),
    ],
)
def test_each_kind_of_fault_is_found(tmp_path: Path, file: str, source: str, fault: str) -> None:
    for name, text in {
        "studio.js": 'import { m } from "./music/m.js";\nm();',
        "music/m.js": "export const m = 1;",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "view").mkdir()
    if "view/v.js" in source:
        (tmp_path / "view" / "v.js").write_text("export const v = 1;")
    (tmp_path / file).write_text(source)
    assert any(fault in line for line in check(tmp_path)), check(tmp_path)
