"""What is imported is declared: a library that another one brings along today may be gone tomorrow."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parents[1]
OWN = {"musictx", "app"}


def declared() -> set[str]:
    """Import names of all dependencies, those of the extras too."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lines = [
        *project["dependencies"],
        *(x for extra in project["optional-dependencies"].values() for x in extra),
    ]
    names = (re.match(r"[\w.-]+", line) for line in lines)
    return {name[0].lower().replace("-", "_") for name in names if name}


def imported(path: Path) -> set[str]:
    """Top-level names of the libraries that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - OWN


def needed(path: Path) -> set[str]:
    """Top-level names of the libraries without which a file cannot be imported."""
    code = ast.parse(path.read_text())
    plain = [node for node in code.body if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {alias.name for node in plain if isinstance(node, ast.Import) for alias in node.names}
    found |= {
        node.module for node in plain if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module
    }
    return {name.split(".")[0] for name in found} - set(sys.stdlib_module_names) - OWN


@pytest.mark.parametrize("folder", ["musictx", "app"])
def test_what_every_import_needs_is_no_extra(folder: str) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    plain = {re.match(r"[\w.-]+", line)[0].lower().replace("-", "_") for line in project["dependencies"]}  # type: ignore[index]
    libraries = set().union(*(needed(path) for path in (REPOSITORY / folder).rglob("*.py")))
    assert {"numpy"} <= libraries and libraries - plain == set()


@pytest.mark.parametrize("folder", ["musictx", "app"])
def test_every_imported_library_is_a_declared_dependency(folder: str) -> None:
    libraries = set().union(*(imported(path) for path in (REPOSITORY / folder).rglob("*.py")))
    assert {"numpy"} <= libraries  # the search finds what is there
    assert libraries - declared() == set()
