"""The examples in docstrings: each runs, and gives what it says."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import musictx

ROOMS = [m.name for m in pkgutil.iter_modules(musictx.__path__) if m.ispkg and m.name not in ("app", "cli")]
PACKAGES = ["musictx", *(f"musictx.{name}" for name in ROOMS)]
EXAMPLES = {
    example.name: example
    for module in ("musictx", *(m.name for m in pkgutil.walk_packages(musictx.__path__, "musictx.")))
    if not module.endswith("__main__")
    for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module))
    if example.examples
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Examples write files: each into a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_what_it_says(name):
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(EXAMPLES[name], out=said.append)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("package", PACKAGES)
def test_public_functions_have_examples(package):
    module = importlib.import_module(package)
    functions = {name: getattr(module, name) for name in getattr(module, "__all__", ())}
    lacking = [n for n, f in functions.items() if inspect.isfunction(f) and ">>>" not in (f.__doc__ or "")]
    assert not lacking
