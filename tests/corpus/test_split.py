"""Music held out is never trained on, however the folders lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from musictx.corpus import Split, build_corpus, training_and_validation
from musictx.corpus.split import refuse_shared, validation_name
from musictx.errors import MusictxError
from musictx.midi import write_midi
from musictx.performance import Performance, make_notes, transpose


def song(seed: int, tempo: float = 1.0) -> Performance:
    onset, pitch = np.arange(40) * 0.25 * tempo, np.random.default_rng(seed).integers(50, 80, 40)
    return Performance(make_notes(onset, onset + 0.2 * tempo, pitch))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for i in range(6):
        write_midi(song(i), folder / f"{i}.mid")
    return folder


def split(tmp_path: Path, *folders: Path, validation: tuple[Path, ...] = (), **options: float) -> Split:
    return training_and_validation(folders, validation, place=tmp_path / "encoded", **options)  # type: ignore[arg-type]


def pieces(found: Split) -> tuple[set[bytes], set[bytes]]:
    train = {found.train.piece(i).tobytes() for i in range(len(found.train))}
    return train, {c.piece(i).tobytes() for c in found.validation.values() for i in range(len(c))}


def test_a_share_of_the_pieces_is_held_out_with_all_their_performances(music: Path, tmp_path: Path) -> None:
    for i in range(6):
        write_midi(song(i, 1.1), music / f"{i} slower.mid")
    seen = set()
    for seed in range(3):
        found = split(tmp_path, music, share=0.34, seed=seed)
        train, held = ({name[0] for name in c.names} for c in (found.train, found.validation["validation"]))
        assert len(held) == 2 and train.isdisjoint(held) and len(train | held) == 6
        assert len(found.train) == 8 and not found.remarks
        seen.add(frozenset(held))
    assert len(seen) > 1


def test_one_piece_alone_is_trained_on(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    write_midi(song(0), tmp_path / "one" / "a.mid")
    found = split(tmp_path, tmp_path / "one")
    assert len(found.train) == 1 and found.validation == {}


def test_nothing_below_a_validation_folder_is_trained_on(music: Path, tmp_path: Path) -> None:
    held = music / "deep" / "validation"
    held.mkdir(parents=True)
    (music / "0.mid").rename(held / "0.mid")
    found = split(tmp_path, music, validation=(held,))
    assert (len(found.train), list(found.validation)) == (5, ["deep"])
    assert pieces(found)[0].isdisjoint(pieces(found)[1])
    assert found.remarks == (f"{held} is held out: nothing below it is trained on",)


def test_no_performance_of_a_held_out_piece_is_trained_on(music: Path, tmp_path: Path) -> None:
    """However it was played: a loss on it would measure memory."""
    held = tmp_path / "held"
    held.mkdir()
    write_midi(transpose(song(2, 1.1), 1), held / "another pianist.mid")
    found = split(tmp_path, music, validation=(held,))
    assert "2.mid" not in found.train.names and len(found.train) == 5
    assert found.remarks == ("not trained on, since their pieces are held out: 1 performance",)
    write_midi(song(2, 0.9), held / "a third.mid")
    for i in range(6):
        write_midi(song(i, 1.2), held / f"{i}.mid")
    with pytest.raises(MusictxError, match="every piece to train on is held out"):
        split(tmp_path, music, validation=(held,))


def test_copies_of_held_out_pieces_are_not_trained_on(music: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.mkdir()
    shutil.copy(music / "3.mid", held / "another name.mid")
    write_midi(song(9), held / "own.mid")
    found = split(tmp_path, music, validation=(held,))
    assert len(found.train) == 5 and "3.mid" not in found.train.names
    assert found.remarks == ("not trained on, since their pieces are held out: 1 performance",)
    refuse_shared(found.train, found.validation)
    everything = build_corpus([music], tmp_path / "all", workers=1)
    with pytest.raises(MusictxError, match=r"3\.mid is trained on and held out in 'held'"):
        refuse_shared(everything, found.validation)
    encoded = split(tmp_path, tmp_path / "all", validation=(held,))
    assert encoded.train.names == found.train.names


def test_an_encoded_corpus_is_given_alone(music: Path, tmp_path: Path) -> None:
    build_corpus([music], tmp_path / "all", workers=1)
    with pytest.raises(MusictxError, match="is an encoded corpus, which must be given alone"):
        split(tmp_path, tmp_path / "all", music)


def test_validation_folders_have_names_of_their_own() -> None:
    taken: list[str] = ["train"]
    for folder in ("asap/validation", "pop909/validation", "copy/asap/val", "other/train", "x/asap"):
        taken.append(validation_name(Path("/data") / folder, taken))
    assert taken[1:] == ["asap", "pop909", "asap-2", "train-2", "asap-3"]
