"""CONTRIBUTING names the files to touch for what is added most; nothing else knows of such a thing by name.

For position schemes see ``tests/model/test_new_scheme.py``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from musictx.cli.commands import _MEASURES, _MUSIC
from musictx.lab.study.metrics import METRICS
from musictx.settings import SETTINGS

ROOT = Path(__file__).parents[1]
ROWS = dict(
    (cells[1].strip(), cells[2])
    for line in (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()
    if len(cells := line.split("|")) > 4
)


def touched(row: str) -> set[str]:
    """The files and folders that a recipe names."""
    return {name for name in re.findall(r"`([\w./-]+)`", ROWS[row]) if (ROOT / name).exists()}


def sources(*folders: str) -> Iterable[Path]:
    for folder in folders:
        for kind in ("*.py", "*.js", "*.h", "*.c", "*.html"):
            yield from (path for path in (ROOT / folder).rglob(kind) if "node_modules" not in path.parts)


def naming(pattern: str, paths: Iterable[Path]) -> set[str]:
    word = re.compile(pattern)
    return {str(path.relative_to(ROOT)) for path in paths if word.search(path.read_text("utf-8"))}


def test_a_setting_of_sampling_is_known_where_its_recipe_says() -> None:
    """The lab, which measures some of them, may name it as well."""
    core = [path for path in sources("musictx", "app") if "lab" not in path.relative_to(ROOT).parts]
    assert "min_p" in SETTINGS
    assert naming(r"\bmin_p\b", core) == touched("a setting of sampling") - {"app/constants.py"}


def test_a_metric_is_known_where_its_recipe_says() -> None:
    """Of two of them, ``memory.py`` also tells whether they come back beyond chance."""
    others = [path for path in sources("musictx/lab/study") if path.name != "metrics.py"]
    assert "musictx/lab/study/metrics.py" in touched("a metric of what models play")
    known = {metric.key for metric in METRICS if naming(rf"[\"']{metric.key}[\"']", others)}
    assert known == {"motif", "alignment"} < {metric.key for metric in METRICS}


def test_a_command_is_known_where_its_recipe_says() -> None:
    commands = {command.__name__ for command in (*_MUSIC.values(), *_MEASURES.values())}
    folders = ("musictx/cli/", "musictx/lab/commands/")
    found = set()
    for path in sources("musictx", "app"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))) if path.suffix == ".py" else ():
            module = (getattr(node, "module", "") or "").replace(".", "/") + "/"
            names = {name.name for name in node.names} if isinstance(node, ast.ImportFrom) else set()
            if module.startswith(folders) and commands & names:
                found.add(str(path.relative_to(ROOT)))
    assert found == {"musictx/cli/commands.py"} < touched("a command")


def test_a_button_of_the_lanes_is_known_where_its_recipe_says() -> None:
    lane, making = "app/static/view/lane.js", "app/static/making.js"
    pressed = naming(r"\bwhat === \"(?:more|keep|primer|midi|wav|take)\"", sources("app/static"))
    assert pressed == {lane, making}
    assert {lane, making} <= touched("a button of the lanes")
