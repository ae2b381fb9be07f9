"""A script's file goes on only with what its figures were made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers_evaluation import tiny_model

from musictx.lab.kept import read_kept


def test_figures_are_kept_for_the_same_arguments_and_models_only(tmp_path: Path) -> None:
    path, one, other = tmp_path / "kept.json", tiny_model("rope"), tiny_model("rope", seed=7)
    found = read_kept(path, {"seconds": 45.0, "primers": ("a", "b")}, {"one": one})
    path.write_text(json.dumps({**found, "rows": [1]}))
    again = read_kept(path, {"seconds": 45.0, "primers": ("a", "b")}, {"one": one, "other": other})
    assert again["rows"] == [1] and set(again["weights"]) == {"one", "other"}
    with pytest.raises(SystemExit, match="made with other arguments \\(seconds\\)"):
        read_kept(path, {"seconds": 60.0, "primers": ("a", "b")}, {"one": one})
    with pytest.raises(SystemExit, match="holds figures of another one"):
        read_kept(path, {"seconds": 45.0, "primers": ("a", "b")}, {"one": other})
