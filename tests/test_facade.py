"""``import musictx``: the names that programs use, without what they cost until they are used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import musictx


def test_the_import_alone_loads_none_of_the_libraries():
    heavy = "{'torch', 'gradio', 'numba', 'numpy', 'scipy', 'matplotlib', 'pretty_midi'}"
    code = f"import sys, musictx; dir(musictx); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_a_model_plays_without_pytorchs_compiler_whose_import_takes_as_long_as_pytorchs():
    code = """
import sys, numpy, musictx
from musictx.sampling import generate
for name in musictx.list_models():
    list(generate(musictx.load_model(name), numpy.array([389]), max_tokens=2))
print("torch" in sys.modules, "torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "True False\n"


def test_what_type_checkers_see_is_what_programs_get():
    tree = ast.parse(Path(musictx.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    seen = {
        name.name: getattr(importlib.import_module(f"musictx.{node.module}"), name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert seen == {name: getattr(musictx, name) for name in musictx.__all__}
    assert set(musictx.__all__) <= set(dir(musictx))


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No musictx attribute read_mid"):
        musictx.read_mid  # noqa: B018
