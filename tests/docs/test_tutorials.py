"""The tutorials: what they show runs, cell by cell and command by command."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from musictx.cli import app
from musictx.shipped import shipped_folder

TUTORIALS = Path(__file__).resolve().parents[2] / "docs" / "tutorials"


@pytest.mark.parametrize("name", [path.stem for path in sorted(TUTORIALS.glob("*.ipynb"))])
def test_every_cell_of_a_notebook_runs(name, tmp_path):
    pytest.importorskip("nbclient", reason="needs nbclient and ipykernel: pip install '.[test]'")
    from docs.notebooks import execute

    notebook = execute(TUTORIALS / f"{name}.ipynb", tmp_path)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.stem for path in sorted(TUTORIALS.glob("*-*.md"))])
def test_every_command_of_a_tutorial_runs(name, tmp_path, monkeypatch):
    text = (TUTORIALS / f"{name}.md").read_text(encoding="utf-8")
    text = re.sub(r"<!-- not run.*?-->\n```bash\n.*?```", "", text, flags=re.DOTALL)
    blocks = re.findall(r"```(bash|python)\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(shipped_folder("primers"), "data/primers")
    assert blocks
    for language, block in blocks:
        if language == "python":
            exec(compile(block, name, "exec"), {})
            continue
        for line in block.splitlines():
            app(shlex.split(line)[1:], standalone_mode=False)
