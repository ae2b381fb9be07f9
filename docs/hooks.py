"""What MkDocs does besides turning Markdown into pages: see ``README.md`` beside this file.

Documents that live elsewhere in the repository become pages, notebooks too; links between files become links
between pages; ``{{ commands }}`` and ``{{ names … }}`` become the reference; the playing page is built.
"""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

log = logging.getLogger("mkdocs.hooks.musictx")
REPOSITORY = Path(__file__).resolve().parents[1]

# Documents of the repository, and the pages that they become.
DOCUMENTS = {
    "README.md": "index.md",  # the landing page says the same to visitors
    "checkpoints/RESULTS.md": "results.md",
    "checkpoints/README.md": "models.md",
    "musictx/lab/bench/README.md": "speed.md",
    "musictx/README.md": "design.md",
    "musictx/export/README.md": "export.md",
    "tests/PROMISES.md": "promises.md",
    "data/README.md": "data.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "docs/README.md": "documentation.md",
}
PICTURES = ("app/static/icon.svg", "app/screenshots/*.png", "checkpoints/results/*.png")
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s]+)\)")
ELSEWHERE = re.compile(r"<(?:script|link|img|iframe|audio)\b[^>]*\b(?:src|href)=[\"'](?:https?:)?//[^\"']+")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents, notebooks and pictures that become part of the site."""
    for source, page in DOCUMENTS.items():
        if page not in files.src_uris:
            text = (REPOSITORY / source).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=text))
    for path in sorted((REPOSITORY / "docs").rglob("*.ipynb")):
        page = path.relative_to(REPOSITORY / "docs").with_suffix(".md").as_posix()
        files.append(File.generated(config, page, content=notebook_page(path)))
    for pattern in PICTURES:
        for path in sorted(REPOSITORY.glob(pattern)):
            place = f"pictures/{path.relative_to(REPOSITORY).as_posix()}"
            files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Fill in the reference, and lead links to pages."""
    if page.file.src_uri.startswith("reference/"):
        markdown = markdown.replace("{{ commands }}", commands())
        markdown = re.sub(r"{{ names ([\w.]+) }}", lambda match: names(match[1]), markdown)
    sources = {page: source for source, page in DOCUMENTS.items() if page != "index.md"}
    source = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return lead_links(markdown, source, page.file.src_uri)


def on_post_page(output: str, page: Any, config: MkDocsConfig) -> str:
    """See to it that a page loads nothing from another host."""
    for found in ELSEWHERE.findall(output):
        log.warning("%s loads something from elsewhere: %s", page.file.src_uri, found)
    return output


def on_post_build(config: MkDocsConfig) -> None:
    """Write the playing page beside the others."""
    from musictx.app.site import write_site

    write_site(Path(config.site_dir) / "play", told=log.info)


def lead_links(markdown: str, source: str, page: str) -> str:
    """Markdown of a page whose links between files of the repository lead to pages.

    What is no part of the site keeps its words and loses its link; what is not there at all is warned of.

    Parameters
    ----------
    markdown : str
    source : str
        The document's path in the repository, from which its links are counted.
    page : str
        The page's path in the site.
    """

    def lead(match: re.Match[str]) -> str:
        mark, words, link = match.groups()
        words = LINK.sub(lead, words)  # a picture may be a link
        name, sign, heading = link.partition("#")
        if "://" in link or link.startswith("mailto:") or not name:
            return f"{mark}[{words}]({link})"
        target = os.path.normpath(Path(source).parent / name)
        if not (REPOSITORY / target).exists():
            log.warning("%s: the link to %s leads nowhere", source, link)
        place = site_place(target)
        if place is None:
            return words
        return f"{mark}[{words}]({os.path.relpath(place, Path(page).parent)}{sign}{heading})"

    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else LINK.sub(lead, part) for part in parts)


def site_place(path: str) -> str | None:
    """Where a file of the repository is in the site, if it is there."""
    if path in DOCUMENTS:
        return DOCUMENTS[path]
    if path.startswith("docs/"):
        return re.sub(r"\.ipynb$", ".md", path.removeprefix("docs/"))
    return f"pictures/{path}" if any(Path(path).match(pattern) for pattern in PICTURES) else None


def notebook_page(path: Path) -> str:
    """A notebook as Markdown: its text, its code, and what the code printed and drew."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/png" in data:
                picture = "".join(data["image/png"]).replace("\n", "")
                parts.append(f'<img alt="What this cell draws" src="data:image/png;base64,{picture}">')
            elif "text/html" in data:
                lines = "".join(data["text/html"]).split("\n")  # indented, they would be code
                parts.append("".join(line.strip() + " " for line in lines))
            else:
                words = "".join(output.get("text", data.get("text/plain", ""))).rstrip()
                parts.append(f'```text title="prints"\n{words}\n```')
    return "\n\n".join(parts) + "\n\n" + f"*This page is a notebook: `docs/tutorials/{path.name}`.*\n"


def commands() -> str:
    """Every command from its help."""
    import click
    from typer.cli import get_docs_for_click
    from typer.main import get_command

    from musictx.cli import app

    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=click.Context(command), name="musictx")
    text = text[text.index("\n## ") :]  # the page has an introduction of its own
    text = re.sub(r"^## `musictx (\S+ \S+)`", r"### `musictx \1`", text, flags=re.MULTILINE)
    text = re.sub(r"^\*\*(\w+)\*\*:$", r"*\1*", text, flags=re.MULTILINE)
    return re.sub(r"^Example: (musictx .*)$", r"```bash\n\1\n```", text, flags=re.MULTILINE)


def names(module: str) -> str:
    """Every public name of a module: a table of its constants, and a section for each other name.

    Names that `musictx` itself has are told there only.
    """
    found, room = importlib.import_module(module), module
    facade = set(importlib.import_module("musictx").__all__) if module != "musictx" else set()
    public = getattr(found, "__all__", None) or [
        name
        for name, value in vars(found).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module
    ]
    told, constants, sections = [], [], []
    for name in public:
        value = getattr(found, name)
        if name in facade:
            told.append(name)
        elif inspect.isclass(value) or inspect.isfunction(value):
            sections.append(f"::: {_home(value)}\n    options:\n      heading_level: {3 if facade else 2}")
        else:
            shown = ", ".join(value) if isinstance(value, dict) else repr(value)
            constants.append(f"| `{name}` | `{shown}` |")
    lines = []
    if told:
        links = ", ".join(f"[`{name}`][{_home(getattr(found, name))}]" for name in told)
        lines.append(f"In `{room}` there are {links} of `musictx`, and:")
    if constants:
        lines.append("\n".join(["| constant | value |", "| --- | --- |", *constants]))
    return "\n\n".join([*lines, *sections])


def _home(value: Any) -> str:
    """Where a name is defined."""
    return f"{value.__module__}.{value.__qualname__}"
