"""What a process does with memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

RESIDENT = """
from musictx import process

{setting}


def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20
"""
GROW = f"""{RESIDENT}
import numpy as np

for _ in range(3):
    np.ones(3 << 20)  # 24 MB: once such a block was freed, glibc keeps others of its size
before = resident()
large, small = [], []
for _ in range(16):
    large.append(np.ones(1 << 20))
    small.append(np.ones(4000))  # stays, and all that was freed before it with it
del large
print(resident() - before)
"""
PLAY = f"""{RESIDENT}
import threading

import numpy as np
import torch

from musictx import load_model
from musictx.sampling import generate

torch.set_num_threads(1)  # as the server does
model, primer, over = load_model("relative"), np.full(300, 60), threading.Event()


def play(done):
    list(generate(model, primer, max_tokens=2))
    done.set()
    over.wait()


def visit():
    threading.Thread(target=play, args=(done := threading.Event(),)).start()
    done.wait()


visit()
before = resident()
for _ in range(11):
    visit()
print(resident() - before)
over.set()
"""


def grown(script: str, setting: str) -> int:
    """Megabytes that a program says it has grown by."""
    command = [sys.executable, "-c", script.format(setting=setting)]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


linux = pytest.mark.skipif(
    sys.platform != "linux", reason="glibc's memory is told how to behave on Linux only"
)


@linux
def test_a_server_gives_freed_memory_back() -> None:
    assert grown(GROW, "") > 50  # of the 128 MB that were freed
    assert grown(GROW, "process.return_freed_memory()") < 10


@pytest.mark.slow
@linux
def test_a_thread_in_which_a_model_played_keeps_next_to_nothing() -> None:
    assert grown(PLAY, "process.return_freed_memory()") < 40  # MB in eleven; with a heap for each it is 160
