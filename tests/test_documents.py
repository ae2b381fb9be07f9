"""What the README and the other documents say can be done: it can."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.main import get_command

from musictx.cli import app
from musictx.midi import read_midi
from musictx.shipped import shipped_primer

REPOSITORY = Path(__file__).resolve().parents[1]
ROOMS = ("musictx", "checkpoints", "data", "docs")
DOCUMENTS = [
    *REPOSITORY.glob("*.md"),
    *(path for room in ROOMS for path in (REPOSITORY / room).rglob("*.md")),
]


def commands() -> list[str]:
    """Every ``musictx …`` with arguments that a document gives in full."""
    found = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        blocks = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL))
        lines = [line.split(" # ")[0] for line in blocks.splitlines()]
        found += [line for line in lines if line.startswith("musictx ")]
        found += [span for span in re.findall(r"`(musictx [^`]+)`", text) if len(span.split()) > 3]
    return sorted({" ".join(line.split()) for line in found if "…" not in line})


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_documents_is_one_that_musictx_takes(line):
    command, arguments = get_command(app), shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    command.make_context(line, arguments)  # a wrong option or a missing argument is an error


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_to_files_and_headings_that_are_there(document):
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, heading = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE) if heading else ()
        slugs = [re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles]
        assert not heading or heading in slugs, link


def readme_python(beginning):
    """The README's block of Python that begins so."""
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text("utf-8"), re.DOTALL)
    return next(block for block in blocks if block.startswith(beginning))


def test_the_readmes_python_plays_on(tmp_path, monkeypatch):
    code = readme_python("import musictx")
    monkeypatch.chdir(tmp_path)
    shutil.copy(shipped_primer("ode-to-joy"), "primer.mid")
    exec(compile(code, "README.md", "exec"), {})
    assert read_midi("out.mid").duration > read_midi("primer.mid").duration + 5
    assert Path("out.wav").stat().st_size > 1e6
