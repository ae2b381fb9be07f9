"""A file is complete, or as it was before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from musictx.errors import MusictxError
from musictx.files import writing


def test_the_name_is_taken_only_when_all_is_written(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with writing(path) as stream:
        stream.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_a_failure_keeps_what_was_there(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), writing(path) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_permissions_and_links_are_kept(tmp_path: Path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o600)
    link.symlink_to(real)
    with writing(link) as stream:
        stream.write(b"new")
    assert link.is_symlink() and real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "said"), [("", "is a folder"), ("no/file", "there is no folder"), ("a\0b", "cannot be written")]
)
def test_places_that_cannot_be_written(tmp_path: Path, name: str, said: str):
    with pytest.raises(MusictxError, match=said), writing(tmp_path / name):
        pass
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="this system has no /dev/stdout")
def test_the_name_of_a_pipe_is_written_to(tmp_path: Path):
    code = "from musictx.files import write_bytes; write_bytes('/dev/stdout', b'music')"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE).stdout == b"music"


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_a_device_is_written_to_and_not_replaced():
    with pytest.raises(MusictxError, match="No space left"), writing("/dev/full") as stream:
        stream.write(b"x" * 100_000)
    assert Path("/dev/full").is_char_device()
