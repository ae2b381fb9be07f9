"""The page's JavaScript under eslint and TypeScript's checker (`npm ci` in `tests/javascript`)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent / "javascript"
STATIC = TOOLS.parents[1] / "app" / "static"
ENTRIES = {"studio.js", "site.js", "engine/worker.js"}


def run(tool: str, *arguments: str | Path, folder: Path = TOOLS) -> list[str]:
    node, program = shutil.which("node"), TOOLS / "node_modules" / ".bin" / tool
    if node is None or not program.exists():
        pytest.skip("needs Node, and `npm ci` in tests/javascript")
    command = [node, program.resolve(), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=600)
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def lint(folder: Path) -> list[str]:
    """What eslint finds: the file and the sentence."""
    config = ("--no-config-lookup", "--config", TOOLS / "eslint.config.js", "--format", "json")
    found = json.loads("\n".join(run("eslint", *config, folder, folder=folder)))
    return [
        f"{Path(file['filePath']).name}: {each['message']}" for file in found for each in file["messages"]
    ]


def test_eslint_finds_nothing() -> None:
    assert lint(STATIC) == []


def test_typescript_finds_nothing() -> None:
    assert run("tsc", "--project", ".") == []


def test_every_module_is_imported() -> None:
    imported: set[Path] = set()
    for path in STATIC.rglob("*.js"):
        targets = re.findall(r"(?:from|import) \"(\.[^\"]+)\"", path.read_text("utf-8"))
        imported |= {(path.parent / target).resolve() for target in targets}
    modules = {path.resolve() for path in STATIC.rglob("*.js")}
    assert {path.relative_to(STATIC).as_posix() for path in modules - imported} <= ENTRIES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "source", "fault"),
    [
        ("studio.js", "export const a = ;", "Unexpected token"),
        ("studio.js", "export function f(a) {\n  return a + nosuch;\n}", "'nosuch' is not defined"),
        ("studio.js", 'import { m } from "./music/m.js";', "'m' is defined but never used"),
        ("studio.js", "const unused = 1;", "'unused' is assigned a value but never used"),
        ("music/m.js", 'import { v } from "../view/v.js";\nexport const m = v;', "music stands below view"),
        ("music/m.js", "export const m = 1;\n" + "// \n" * 260, "Maximum allowed is 250"),
    ],
)
def test_each_kind_of_fault_is_found(tmp_path: Path, file: str, source: str, fault: str) -> None:
    path = tmp_path / "static" / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert any(fault in line for line in lint(tmp_path)), lint(tmp_path)
