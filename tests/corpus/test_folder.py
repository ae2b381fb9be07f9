"""A folder of MIDI becomes a corpus, with what cannot be used named and nothing lost."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import musictx.files
from musictx.corpus import Corpus, build_corpus, consecutive_chunks, open_corpus
from musictx.corpus.folder import is_encoded
from musictx.errors import MusictxError
from musictx.events import EVENTS, START, encode
from musictx.midi import read_midi, write_midi
from musictx.performance import Performance, make_notes


def write_music(path: Path, seed: int, notes: int = 20) -> Path:
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.integers(1, 50, notes)) * 0.01
    path.parent.mkdir(parents=True, exist_ok=True)
    write_midi(Performance(make_notes(onset, onset + 0.2, rng.integers(40, 80, notes), 64)), path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pieces, one of them deep, and a text file."""
    music = tmp_path / "music"
    write_music(music / "b.mid", 1)
    write_music(music / "a.MIDI", 2)
    write_music(music / "Bach" / "Air" / "c.mid", 3)
    (music / "notes.txt").write_text("not music")
    return music


def test_each_file_is_a_piece_as_encoded(folder: Path, tmp_path: Path) -> None:
    corpus = build_corpus([folder], tmp_path / "out", workers=1)
    assert corpus.names == ("Bach/Air/c.mid", "a.MIDI", "b.mid")
    for i, name in enumerate(corpus.names):
        np.testing.assert_array_equal(corpus.piece(i), encode(read_midi(folder / name)))
    assert corpus.token_count == sum(len(corpus.piece(i)) for i in range(3))
    assert corpus.skipped == {}


def test_the_tokens_are_mapped_not_read(folder: Path, tmp_path: Path) -> None:
    corpus = build_corpus([folder], tmp_path / "out", workers=1)
    assert isinstance(corpus.tokens, np.memmap)
    assert isinstance(corpus.subset([2, 0]).tokens, np.memmap)
    assert corpus.subset([2, 0]).names == ("b.mid", "Bach/Air/c.mid")


def test_folders_are_numbered(folder: Path, tmp_path: Path) -> None:
    write_music(tmp_path / "more" / "d.mid", 4)
    corpus = build_corpus([folder, tmp_path / "more"], tmp_path / "out", workers=1)
    assert corpus.source.tolist() == [0, 0, 0, 1]
    assert corpus.subset([3, 0]).source.tolist() == [1, 0]


def test_files_that_cannot_be_used_are_skipped_and_named(folder: Path, tmp_path: Path) -> None:
    (folder / "empty.mid").write_bytes(b"")
    (folder / "random.mid").write_bytes(np.random.default_rng(0).bytes(500))
    (folder / "cut.mid").write_bytes((folder / "b.mid").read_bytes()[:20])
    write_midi(Performance(), folder / "silent.mid")
    corpus = build_corpus([folder], tmp_path / "out", workers=1)
    assert len(corpus) == 3
    assert {Path(p).name for p in corpus.skipped} == {"empty.mid", "random.mid", "cut.mid", "silent.mid"}
    assert all(corpus.skipped.values())
    assert open_corpus(tmp_path / "out").skipped == corpus.skipped


def test_an_error_that_nobody_thought_of_skips_the_file_only(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> Performance:
        if path.name == "b.mid":
            raise ZeroDivisionError("odd")
        return read_midi(path)

    monkeypatch.setattr("musictx.midi.read_midi", read)
    corpus = build_corpus([folder], tmp_path / "out", workers=1)
    assert list(corpus.skipped.values()) == ["ZeroDivisionError: odd"]
    assert len(corpus) == 2


def test_a_name_that_is_not_utf_8_can_be_read_and_printed(folder: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mid")
    os.link(folder / "b.mid", odd)
    Path(os.fsdecode(os.fsencode(folder) + b"/kn\xf6del.mid")).write_bytes(b"no music")
    corpus = build_corpus([folder], tmp_path / "out", workers=1)
    assert "caf\ufffd.mid" in corpus.names
    str(corpus.names + tuple(corpus.skipped.items())).encode()


def test_parallel_is_serial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musictx.corpus.folder._CHUNK", 2)
    for i in range(11):
        write_music(tmp_path / "music" / f"{i}.mid", i)
    (tmp_path / "music" / "5b.mid").write_bytes(b"no music")
    done: list[tuple[int, int]] = []
    serial = build_corpus([tmp_path / "music"], tmp_path / "serial", workers=1)
    parallel = build_corpus(
        [tmp_path / "music"], tmp_path / "parallel", workers=2, progress=lambda *x: done.append(x)
    )
    np.testing.assert_array_equal(serial.tokens, parallel.tokens)
    assert (serial.names, serial.skipped) == (parallel.names, parallel.skipped)
    np.testing.assert_array_equal(serial.ends, parallel.ends)
    assert done == [(2, 12), (4, 12), (6, 12), (8, 12), (10, 12), (12, 12)]


# The cache


def test_the_same_files_are_not_encoded_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_corpus([folder], tmp_path / "out", workers=1)
    monkeypatch.setattr("musictx.corpus.folder._encode_files", lambda paths: pytest.fail("encoded again"))
    again = build_corpus([folder], tmp_path / "out", workers=1)
    np.testing.assert_array_equal(again.tokens, first.tokens)


@pytest.mark.parametrize("change", ["added", "changed", "removed", "index cut", "index odd", "tokens cut"])
def test_the_cache_is_built_again_when_something_changed(folder: Path, tmp_path: Path, change: str) -> None:
    output = tmp_path / "out"
    before = np.array(build_corpus([folder], output, workers=1).tokens)
    if change == "added":
        write_music(folder / "z.mid", 9)
    elif change == "changed":
        write_music(folder / "b.mid", 9, notes=30)
    elif change == "removed":
        (folder / "b.mid").unlink()
    elif change == "index cut":
        (output / "index.json").write_text((output / "index.json").read_text()[:40])
    elif change == "index odd":
        (output / "index.json").write_text("[]")
    elif change == "tokens cut":
        (output / "tokens.bin").write_bytes((output / "tokens.bin").read_bytes()[:-6])
    after = build_corpus([folder], output, workers=1)
    for i, name in enumerate(after.names):
        np.testing.assert_array_equal(after.piece(i), encode(read_midi(folder / name)))
    same = len(before) == len(after.tokens) and bool((before == after.tokens).all())
    assert same == (change in ("index cut", "index odd", "tokens cut"))


def test_what_a_run_wrote_is_not_trained_on(folder: Path, tmp_path: Path) -> None:
    """`musictx train . --output run` must not find its own samples when it goes on."""
    write_music(folder / "run" / "samples" / "step-000500.mid", 5)
    (folder / "run" / "run.json").write_text("{}")
    assert len(build_corpus([folder], tmp_path / "out", workers=1)) == 3


def test_a_file_of_others_is_not_written_over(folder: Path, tmp_path: Path) -> None:
    """An ``index.json`` of a site, say; nor does one make a folder of MIDI files an encoded corpus."""
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(MusictxError, match=r"index\.json is there already, but no encoded corpus"):
        build_corpus([folder], tmp_path)
    assert (tmp_path / "index.json").read_text() == "{}"
    (folder / "index.json").write_text("{}")
    build_corpus([folder], tmp_path / "out")
    assert is_encoded(tmp_path / "out") and not is_encoded(folder)


# Failures


def test_what_is_held_out_is_left_out(folder: Path, tmp_path: Path) -> None:
    corpus = build_corpus([folder], tmp_path / "out", without=[folder / "Bach"])
    assert corpus.names == ("a.MIDI", "b.mid")
    with pytest.raises(MusictxError, match=r"no MIDI file .* that is not held out"):
        build_corpus([folder / "Bach"], tmp_path / "out", without=[folder])


def test_linked_folders_are_followed_once(folder: Path, tmp_path: Path) -> None:
    write_music(tmp_path / "elsewhere" / "d.mid", 4)
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "round").symlink_to(folder)
    names = build_corpus([folder], tmp_path / "out").names
    assert names == ("Bach/Air/c.mid", "a.MIDI", "b.mid", "linked/d.mid")


def test_no_folder_no_file_or_none_that_works_is_an_error(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with pytest.raises(MusictxError, match="nowhere is not a folder"):
        build_corpus([tmp_path / "nowhere"], output)
    with pytest.raises(MusictxError, match=r"b\.mid is not a folder"):
        build_corpus([folder / "b.mid"], output)
    (tmp_path / "empty").mkdir()
    with pytest.raises(MusictxError, match="no MIDI file"):
        build_corpus([tmp_path / "empty"], output)
    (tmp_path / "empty" / "x.mid").write_bytes(b"MThd")
    with pytest.raises(MusictxError, match=r"none of the 1 MIDI files could be used; the first, .*x\.mid"):
        build_corpus([tmp_path / "empty"], output)
    with pytest.raises(MusictxError, match="cannot be made"):
        build_corpus([folder], folder / "b.mid" / "out")


def test_a_corpus_that_cannot_be_written_leaves_the_old_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = np.array(build_corpus([folder], tmp_path / "out", workers=1).tokens)
    write_music(folder / "z.mid", 9)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(musictx.files.os, "fsync", full)
    with pytest.raises(MusictxError, match="No space left"):
        build_corpus([folder], tmp_path / "out", workers=1)
    np.testing.assert_array_equal(open_corpus(tmp_path / "out").tokens, old)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["index.json", "tokens.bin"]


DAMAGE = (
    "nothing",
    "no tokens",
    "cut tokens",
    "strange event",
    "text",
    "list",
    "other version",
    "deep",
    "huge",
)
PIECES: dict[str, Callable[[list[Any]], Any]] = {
    "number as name": lambda first: [7, *first[1:]],
    "text as start": lambda first: [*first[:2], "0", first[3]],
    "negative start": lambda first: [*first[:2], -4, first[3]],
    "half a place": lambda first: [*first[:2], 0.5, first[3]],
    "end before start": lambda first: [*first[:2], first[3], 0],
    "end after the last": lambda first: [*first[:3], 10**6],
    "no end": lambda first: first[:3],
    "huge place": lambda first: [*first[:2], 10**30, first[3]],
    "source as text": lambda first: [first[0], "music", *first[2:]],
}


@pytest.mark.parametrize("damage", [*DAMAGE, *PIECES])
def test_what_is_no_corpus_is_refused(folder: Path, tmp_path: Path, damage: str) -> None:
    output = tmp_path / "out"
    build_corpus([folder], output, workers=1)
    index = json.loads((output / "index.json").read_text())
    if damage == "nothing":
        output = tmp_path
    elif damage == "no tokens":
        (output / "tokens.bin").unlink()
    elif damage == "cut tokens":
        (output / "tokens.bin").write_bytes((output / "tokens.bin").read_bytes()[:-10])
    elif damage == "strange event":
        events = np.fromfile(output / "tokens.bin", np.uint16)
        events[5] = EVENTS  # PAD, the first that is no event
        events.tofile(output / "tokens.bin")
    elif damage in PIECES:
        index["pieces"][0] = PIECES[damage](index["pieces"][0])
        (output / "index.json").write_text(json.dumps(index))
    else:
        content = {"text": "hello", "list": "[1]", "other version": json.dumps({**index, "format": 0})}
        content |= {"deep": "[" * 100_000, "huge": '{"format": ' + "9" * 5000 + "}"}
        (output / "index.json").write_text(content[damage])
    with pytest.raises(MusictxError, match="corpus"):
        open_corpus(output)


# Without MIDI libraries

BLOCKED = ("symusic", "pretty_midi", "miditoolkit", "mido", "gradio", "matplotlib", "soundfile")
TRAIN_WITHOUT_MIDI = """
import sys
from pathlib import Path
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"{{name}} is blocked here")
sys.meta_path.insert(0, Blocked())
from musictx.corpus.batches import Augmentation
from musictx.corpus import open_corpus
from musictx.model import ModelConfig
from musictx.training import Run, TrainingConfig
corpus = open_corpus({corpus!r})
size = ModelConfig(layers=1, width=16, heads=2, feed_forward=16, context_length=16)
config = TrainingConfig(steps=2, batch=2, augmentation=Augmentation(), accelerator="cpu", precision="32-true")
Run(Path({run!r}), size, config, corpus.subset([0, 1]), {{"held": corpus.subset([2])}}).fit()
"""


@pytest.mark.slow
def test_an_encoded_corpus_trains_without_any_midi_library(folder: Path, tmp_path: Path) -> None:
    build_corpus([folder], tmp_path / "out", workers=1)
    script = TRAIN_WITHOUT_MIDI.format(
        blocked=BLOCKED, corpus=str(tmp_path / "out"), run=str(tmp_path / "run")
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()


# Chunks and windows


@pytest.mark.parametrize(("pieces", "length"), [((7, 4, 1, 9), 4), ((3,), 8), ((8, 8), 8)])
def test_every_event_is_a_target_once(pieces: tuple[int, ...], length: int) -> None:
    tokens = np.arange(sum(pieces)).astype(np.uint16)
    ends = np.cumsum(pieces)
    names = tuple(map(str, pieces))
    corpus = Corpus(tokens, ends - pieces, ends, names, np.zeros(len(pieces), int), {})
    chunks = list(consecutive_chunks(corpus, length))
    assert np.concatenate([c.targets for c in chunks]).tolist() == tokens.tolist()
    for chunk in chunks:
        assert len(chunk.inputs) == len(chunk.targets) <= length
        np.testing.assert_array_equal(chunk.inputs[1:], chunk.targets[:-1])
        before = int(chunk.targets[0]) - 1
        assert chunk.inputs[0] == (START if chunk.targets[0] in corpus.starts else before)
