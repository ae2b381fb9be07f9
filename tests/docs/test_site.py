"""The documentation: links between files become links between pages, and figures show what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.name != "README.md")


@pytest.fixture(scope="module")
def hooks():
    pytest.importorskip("mkdocs", reason="needs the documentation's tools: pip install '.[docs]'")
    from docs import hooks

    return hooks


@pytest.mark.parametrize(
    "written, led",
    [
        ("[r](../../checkpoints/RESULTS.md#what-they-play)", "[r](../results.md#what-they-play)"),
        ("[n](../tutorials/continue-a-piece.ipynb)", "[n](../tutorials/continue-a-piece.md)"),
        ("![p](../../app/screenshots/arcs.png)", "![p](../pictures/app/screenshots/arcs.png)"),
        ("[code](../../musictx/losses.py) and [a](https://a.example)", "code and [a](https://a.example)"),
        ("[here](#there)", "[here](#there)"),
        ("```\n[x](../../LICENSE)\n```", "```\n[x](../../LICENSE)\n```"),
    ],
)
def test_a_link_between_files_leads_to_a_page(hooks, written, led):
    assert hooks.lead_links(written, "docs/how-it-works/rope.md", "how-it-works/rope.md") == led


def test_a_link_to_nothing_is_a_warning(hooks, caplog):
    hooks.lead_links("[x](nothing.md)", "docs/index.md", "index.md")
    assert "docs/index.md: the link to nothing.md leads nowhere" in caplog.text


def test_every_public_name_and_command_is_told(hooks):
    import musictx
    from musictx.cli import app

    told = hooks.names("musictx")
    assert all(re.search(rf"^::: musictx\.\S*\b{name}$", told, re.MULTILINE) for name in musictx.__all__)
    commands = {command.name for command in app.registered_commands}
    assert commands <= set(re.findall(r"^## `musictx (\w+)`", hooks.commands(), re.MULTILINE))
    listed = "".join(path.read_text() for path in (DOCS / "reference").glob("*.md"))
    packages = (DOCS.parent / "musictx").glob("*/__init__.py")
    rooms = {path.parent.name for path in packages if "__all__" in path.read_text()}
    rooms -= {"app", "cli", "console"}  # the page, and what the command line is made of
    assert rooms <= set(re.findall(r"\{\{ names musictx\.(\w+) \}\}", listed))


def test_each_figure_is_drawn_and_shown():
    from docs.figures.__main__ import FIGURES

    shown = {name for page in PAGES for name in re.findall(r"figures/([\w-]+)\.svg", page.read_text())}
    assert shown == set(FIGURES) == {path.stem for path in (DOCS / "figures").glob("*.svg")}


def test_the_figures_of_the_skew_end_where_the_definition_does():
    import torch

    from docs.figures import skew

    # The figures: a3 in query a's row is pale, and after the skew row i holds distance i - j at key j.
    assert [skew.words(x) for x in skew.products()[0].tolist()] == ["a3", "a2", "a1", "a0"]
    assert [skew.words(x) for x in skew.skewed()[2].tolist()] == ["b1", "b0", "0", "c3"]
    assert torch.equal(skew.skewed()[1:].tril(), skew.wanted().tril())
