"""Imports run one way: there is no circle among modules, nor among packages, not even for types alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import musictx

ROOT = Path(musictx.__file__).parent


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in ROOT.rglob("*.py")}
FACADE = "musictx"  # names what is below it, lazily


def _imported(module: str) -> Iterator[str]:
    """Modules that a module imports anywhere: inside functions and for types as well."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module} imports by a relative name"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


def _room(module: str) -> str:
    return module.split(".")[1]


def test_no_module_imports_from_what_imports_it() -> None:
    """Nor does a module come in through the front door of its own package, which names it."""
    graph = {name: set(_imported(name)) & MODULES.keys() - {FACADE} for name in MODULES.keys() - {FACADE}}
    assert set(TopologicalSorter(graph).static_order()) == graph.keys()


def test_no_package_imports_from_what_imports_it() -> None:
    graph: dict[str, set[str]] = {}
    for module in MODULES.keys() - {FACADE}:
        inside = set(_imported(module)) & MODULES.keys() - {FACADE}
        others = {_room(name) for name in inside} - {_room(module)}
        graph.setdefault(_room(module), set()).update(others)
    order = list(TopologicalSorter(graph).static_order())
    assert order.index("model") < order.index("sampling") < order.index("study") < order.index("cli")


@pytest.mark.parametrize("scheme", ["vanilla", "learned", "relative", "rope", "musical", "alibi", "none"])
def test_no_module_outside_positions_asks_for_a_scheme_by_name(scheme: str) -> None:
    for module, path in MODULES.items():
        if module.startswith("musictx.model.positions"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                compared = [node.left, *node.comparators]
                names = [x.value for x in compared if isinstance(x, ast.Constant)]
                about = ast.unparse(node)
                assert not (scheme in names and "position" in about), f"{module}: {about}"
