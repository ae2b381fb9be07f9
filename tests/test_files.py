"""A file is complete, or as it was before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from musictx.errors import MusictxError
from musictx.files import clear_drafts, hold, keep_inputs, make_folder, read_json, real_path, writing


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


def test_names_too_long_and_links_in_a_circle_are_refused(tmp_path: Path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for name, said in (("x" * 300, "File name too long"), ("a", "circle"), ("a/file", "no folder")):
        with pytest.raises(MusictxError, match=said), writing(tmp_path / name):
            pass
    for folder in (tmp_path / "a" / "music", tmp_path / ("x" * 300), Path("a\0b")):
        with pytest.raises(MusictxError, match="cannot be made"):
            make_folder(folder)
    assert real_path(tmp_path / "a").parent == tmp_path and sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_file_is_held_by_one_until_it_is_closed(tmp_path: Path):
    path = tmp_path / "file"
    with path.open("w") as first:
        assert hold(first)
        with path.open() as second:
            assert not hold(second)
    with path.open() as second:
        assert hold(second)


def test_drafts_go_unless_somebody_writes_them(tmp_path: Path):
    (tmp_path / ".dead.part").write_bytes(b"half")
    (tmp_path / "song.part").write_bytes(b"no draft")
    with writing(tmp_path / "out") as stream:
        clear_drafts(tmp_path)
        stream.write(b"whole")
    assert sorted(os.listdir(tmp_path)) == ["out", "song.part"]


@pytest.mark.parametrize("content", [b"", b"\xff", b"{", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_json_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(MusictxError, match=r"x\.json cannot be read: \S+") as error:
        read_json(tmp_path / "x.json")
    assert "\n" not in str(error.value)
    with pytest.raises(MusictxError, match="No such file"):
        read_json(tmp_path / "y.json")


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="this system has no /dev/stdout")
def test_the_name_of_a_pipe_is_written_to(tmp_path: Path):
    code = "from musictx.files import write_bytes; write_bytes('/dev/stdout', b'music')"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE).stdout == b"music"


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_a_device_is_written_to_and_not_replaced():
    with pytest.raises(MusictxError, match="No space left"), writing("/dev/full") as stream:
        stream.write(b"x" * 100_000)
    assert Path("/dev/full").is_char_device()


def test_an_output_is_never_an_input(tmp_path: Path):
    music, other = tmp_path / "music", tmp_path / "other.mid"
    music.mkdir()
    for path in (music / "a.mid", other):
        path.write_bytes(b"MThd")
    (tmp_path / "link.mid").symlink_to(music / "a.mid")
    (tmp_path / "hard.mid").hardlink_to(other)
    for output, given in (
        (other, other),
        (tmp_path / "hard.mid", other),
        (tmp_path / "link.mid", music / "a.mid"),
        (tmp_path / "link.mid", music),
        (music / ".." / "music" / "a.mid", music),
        (music, music),
    ):
        with pytest.raises(MusictxError, match="which is read; choose another name"):
            keep_inputs([tmp_path / "new", output], [None, given])
    keep_inputs([music / "new.mid", tmp_path / "new", other, os.devnull], [music, "gone", "\0", os.devnull])
