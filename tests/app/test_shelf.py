"""Files of programs are bounded in all, and go when their time is over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from musictx.app.shelf import KEPT_SECONDS, MIN_BYTES, Shelf, own_folder
from musictx.errors import MusictxError


def test_files_go_when_their_time_is_over_and_make_room(tmp_path: Path) -> None:
    now = 0.0
    shelf = Shelf(tmp_path / "shelf", 3 * MIN_BYTES, clock=lambda: now)
    places = [shelf.place(size) for size in (0, MIN_BYTES, 1)]
    (places[0] / "a.mid").write_bytes(b"MThd")
    with pytest.raises(MusictxError, match="too many files"):
        shelf.place(1)
    now = KEPT_SECONDS
    assert shelf.place(3 * MIN_BYTES).is_dir()
    assert not any(place.exists() for place in places)


def test_what_a_killed_server_left_goes_with_the_next(tmp_path: Path) -> None:
    code = "import sys, os; from pathlib import Path; from app.shelf import own_folder\n"
    code += "(own_folder(Path(sys.argv[1])) / 'a.mid').write_bytes(b'MThd'); os.kill(os.getpid(), 9)"
    mine = own_folder(tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, cwd=root)
    assert len(list(tmp_path.glob("*/a.mid"))) == 1
    other = own_folder(tmp_path)
    assert {*tmp_path.iterdir()} == {mine, other}


def test_a_disk_that_takes_no_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    shelf = Shelf(tmp_path / "file" / "shelf", MIN_BYTES)
    for _ in range(3):  # what failed gives its room back
        with pytest.raises(MusictxError, match="the server cannot keep files"):
            shelf.place(MIN_BYTES)


def test_a_folder_can_go_before_its_time(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, 2 * MIN_BYTES)
    first = shelf.place(2 * MIN_BYTES)
    shelf.remove(first)
    second = shelf.place(2 * MIN_BYTES)
    assert not first.exists() and second.is_dir()
    shelf.clear(everything=True)
    assert list(tmp_path.iterdir()) == []


def test_a_server_starts_where_no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    place = own_folder(tmp_path / "file")
    with pytest.raises(MusictxError, match="the server cannot keep files"):
        Shelf(place, MIN_BYTES).place(0)
