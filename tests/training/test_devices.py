"""What training needs of the machine, and leaves on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from musictx.errors import MusictxError
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.sizes import parameter_count, sized_config
from musictx.training.devices import refuse_too_large

IMPORT_ALL = """
import importlib, pkgutil, musictx
for module in pkgutil.walk_packages(musictx.__path__, "musictx."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


@pytest.mark.slow
def test_importing_leaves_nothing_in_the_temporary_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", IMPORT_ALL], env=environment, check=True)
    assert not list(tmp_path.iterdir())


def test_parameters_are_counted_without_the_model() -> None:
    config = sized_config("tiny", "relative", 64)
    assert parameter_count(config) == MusicTransformer(config).parameter_count()


def test_a_model_that_no_memory_holds_is_refused_before_it_is_made() -> None:
    refuse_too_large(sized_config("medium", "rope", 1024))
    with pytest.raises(
        MusictxError, match=r"a model of [\d,]+ parameters takes more than [\d,]+ GB to train"
    ):
        refuse_too_large(ModelConfig(width=2**20, heads=1, feed_forward=2**24))
