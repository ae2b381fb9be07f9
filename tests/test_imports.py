"""Imports run one way: there is no circle among modules, nor among packages, not even for types alone.

The core (what plays and trains) knows nothing of the lab (what measures) and of the demo in ``app/``,
which has one name everywhere, `musictx.app`: a clone has a link to its folder there.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import musictx
from musictx.model.positions import SCHEMES

ROOT = Path(musictx.__file__).parent
DEMO = ROOT / "app"
FACADES = {"musictx", "musictx.app"}  # they name what is below them
# A method of a class may call what stands on the class, as the front doors do.
DOORS = {("musictx.model.transformer", "musictx.export.hub")}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for folder in (ROOT, DEMO) for path in folder.rglob("*.py")}


def _source_of(node: ast.ImportFrom, module: str) -> str:
    """Whole name of what follows ``from``; the demo imports its own files relatively."""
    if not node.level:
        return node.module or ""
    assert module.startswith("musictx.app."), f"{module} imports by a relative name"
    above = node.level - (MODULES[module].name == "__init__.py")
    package = module.split(".")[: -above or None]
    return ".".join([*package, *filter(None, [node.module])])


def _imported(module: str, source: str | None = None) -> Iterator[str]:
    """Modules that a module imports anywhere: inside functions and for types as well."""
    found: list[str] = []
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8") if source is None else source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = _source_of(node, module)
            inside = [f"{package}.{alias.name}" for alias in node.names]
            found += [name if name in MODULES else package for name in inside]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            found += [x.value for x in node.args if isinstance(x, ast.Constant) and isinstance(x.value, str)]
    return (name for name in found if name in MODULES and (module, name) not in DOORS)


def test_doors_are_used() -> None:
    for module, name in DOORS:
        assert f'import_module("{name}")' in MODULES[module].read_text("utf-8")


def _room(module: str) -> str:
    """A package or module of the core, a package of the lab, or the demo."""
    parts = module.split(".")
    return ".".join(parts[1:3]) if parts[1] == "lab" else parts[1]


def _in_core(room: str) -> bool:
    return room not in ("app", "cli", "__main__", "lab") and not room.startswith("lab.")


def _rooms() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for module in MODULES.keys() - FACADES:
        others = {_room(name) for name in set(_imported(module)) - FACADES} - {_room(module)}
        graph.setdefault(_room(module), set()).update(others)
    return graph


def test_no_module_imports_from_what_imports_it() -> None:
    """Nor does a module come in through the front door of its own package, which names it."""
    graph = {name: set(_imported(name)) - FACADES for name in MODULES.keys() - FACADES}
    assert set(TopologicalSorter(graph).static_order()) == graph.keys()


def test_no_package_imports_from_what_imports_it() -> None:
    order = list(TopologicalSorter(_rooms()).static_order())
    assert order.index("model") < order.index("sampling") < order.index("lab.study") < order.index("cli")


def test_the_core_imports_neither_the_lab_nor_the_demo() -> None:
    """The command starts all three, and the benches of the demo start the demo."""
    rooms = _rooms()
    core = set(filter(_in_core, rooms))
    assert {"midi", "events", "model", "training", "sampling", "export", "losses", "shipped"} <= core
    assert [(room, used - core) for room, used in rooms.items() if room in core and used - core] == []
    assert {room for room, used in rooms.items() if "app" in used} == {"cli", "lab.bench"}
    assert {room for room, used in rooms.items() if "cli" in used} == {"__main__"}


@pytest.mark.parametrize(
    "source",
    [
        "from musictx.lab.votes import book",
        "from musictx import lab",
        "def use():\n    import musictx.lab.votes.book",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from musictx.lab.votes.book import Vote",
        "import importlib\nimportlib.import_module('musictx.lab.votes')",
    ],
)
def test_an_import_of_the_lab_is_seen_wherever_it_stands(source: str) -> None:
    assert [name.split(".")[:2] for name in _imported("musictx.performance", source)] == [["musictx", "lab"]]


def test_nobody_imports_the_demo_by_another_name() -> None:
    """By its folder's name it would be a second package, or a user's own ``app.py``."""
    folders = ("app", "checkpoints", "data", "docs", "musictx", "tests")
    files = [path for folder in folders for path in (ROOT.parent / folder).rglob("*.py")]
    assert len(files) > 300
    other = re.compile(r"^\s*(?:from|import) app\b", re.MULTILINE)
    assert [path.name for path in files if other.search(path.read_text("utf-8"))] == []
    assert importlib.util.find_spec("musictx.app").origin == str(DEMO / "__init__.py")  # type: ignore[union-attr]


# Who may write a scheme's name, and why. Everybody else asks the scheme: see `musictx.model.positions.base`.
NAMED = {
    "musictx.shipped": "the shipped models that are compared, which have their schemes' names",
    "musictx.lab.bench.app": "the shipped models",
    "musictx.lab.bench.train": "the schemes of the shipped models",
    "musictx.lab.commands.bench": "the shipped models",
    "musictx.lab.reproduce.chorales": "a default of the published table",
    "musictx.lab.reproduce.jsb": "the rows of the published table",
    "musictx.lab.reproduce.maestro": "the rows of the published table",
    "musictx.model.config": "a default",
    "musictx.render.figures": "the colours of the shipped models",
}


def _scheme_names(source: str) -> set[str]:
    """Names and classes of schemes in code: all strings, names and attributes; not in docstrings.

    ``none`` is a word that says other things too: it counts where a position is compared with it.
    """
    tree = ast.parse(source)
    classes = {scheme.__name__ for scheme in SCHEMES.values()}
    texts = {x.value for x in ast.walk(tree) if isinstance(x, ast.Constant) and isinstance(x.value, str)}
    used = {x.id for x in ast.walk(tree) if isinstance(x, ast.Name)}
    used |= {x.attr for x in ast.walk(tree) if isinstance(x, ast.Attribute)}
    used |= {x.name for x in ast.walk(tree) if isinstance(x, ast.alias)}
    compared = [ast.unparse(x) for x in ast.walk(tree) if isinstance(x, ast.Compare)]
    none = {"none"} if any("'none'" in x and "position" in x for x in compared) else set()
    return texts & (SCHEMES.keys() - {"none"}) | used & classes | none


def test_only_the_schemes_themselves_and_those_listed_here_name_a_scheme() -> None:
    others = {name: path for name, path in MODULES.items() if not name.startswith("musictx.model.positions")}
    found = {name for name, path in others.items() if _scheme_names(path.read_text("utf-8"))}
    assert found == NAMED.keys()


@pytest.mark.parametrize(
    "source",
    [
        "_POSITIONS = ('relative', 'other')",
        "if config.position in {'rope'}:\n    pass",
        "from musictx.model.positions import ALiBi",
        "import musictx.model.positions as p\nisinstance(x, p.Sinusoidal)",
        "if model.config.position != 'none':\n    pass",
        "match position:\n    case 'learned':\n        pass",
    ],
)
def test_a_scheme_is_seen_wherever_it_is_named(source: str) -> None:
    assert len(_scheme_names(source)) == 1
