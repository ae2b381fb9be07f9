"""Whoever waits while functions are compiled is told so, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from musictx.compiled import COMPILING, announce_compilation

FIRST_RUN = """
import numpy as np
from musictx import load_model
from musictx.events import START
from musictx.sampling import SamplingSettings, generate
from musictx.compiled import announce_compilation
from musictx.app.models import load_models, warm_up

warm_up(load_models(["relative"]))  # as the demo's server does before it listens
print("listening")
for name, theme in (("relative", 0), ("rope", 0), ("vanilla", 0.5)):
    with announce_compilation(lambda text: print(name, text)):
        settings = SamplingSettings(theme=theme)
        list(generate(load_model(name), np.array([START]), settings=settings, max_tokens=2))
    print(name)
"""


@pytest.mark.slow
def test_only_the_first_run_compiles_and_says_so(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", FIRST_RUN]
    first, second = (
        subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for _ in range(2)
    )
    assert first[:2] == [COMPILING, "listening"]
    assert not any(COMPILING in line for line in first[1:])  # told once, and all schemes are compiled
    assert not any(COMPILING in line for line in second)


def test_nothing_is_said_where_nothing_is_compiled() -> None:
    said: list[str] = []
    with announce_compilation(said.append):
        pass
    assert said == []
