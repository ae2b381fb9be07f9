"""What a process does with memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

GROW = """
import numpy as np
from musictx import process

{setting}


def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20


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


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's memory is told how to behave on Linux only")
def test_a_server_gives_freed_memory_back() -> None:
    def grown(setting: str) -> int:
        command = [sys.executable, "-c", GROW.format(setting=setting)]
        return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    assert grown("") > 50  # MB, of the 128 that were freed
    assert grown("process.return_freed_memory()") < 10
