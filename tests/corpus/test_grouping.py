"""Pieces are told apart by their notes, whatever the performance."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from musictx.corpus import Corpus, build_corpus
from musictx.corpus.grouping import group_pieces, interval_hashes
from musictx.corpus.split import split_sources
from musictx.events import encode
from musictx.performance import Performance, make_notes


def compose(seed: int, notes: int = 400) -> np.ndarray:
    """A piece: a melody over a bass, a note every 0.25 s."""
    rng = np.random.default_rng(seed)
    melody = 60 + np.cumsum(rng.integers(-4, 5, notes)) % 24
    bass = 36 + rng.integers(0, 20, notes // 4)
    onset = np.concatenate([np.arange(notes) * 0.25, np.arange(notes // 4) * 1.0])
    return make_notes(onset, onset + 0.2, np.concatenate([melody, bass]), 70)


def perform(notes: np.ndarray, seed: int, *, wrong: float = 0.03, semitones: int = 0) -> np.ndarray:
    """Play it: another tempo that wavers, chords not quite together, wrong and added notes."""
    rng = np.random.default_rng(seed)
    tempo = rng.uniform(0.7, 1.4) * (1 + 0.1 * np.sin(notes["onset"] / 7 + rng.uniform(0, 6)))
    onset = notes["onset"] * tempo + rng.uniform(0, 0.02, len(notes)) + 1
    pitch = notes["pitch"].astype(int) + semitones
    slip = rng.random(len(notes)) < wrong
    pitch[slip] += rng.choice([-2, -1, 1, 2], slip.sum())
    trill = rng.random(len(notes)) < wrong
    return make_notes(
        np.concatenate([onset, onset[trill] + 0.08]),
        np.concatenate([onset + 0.15, onset[trill] + 0.12]),
        np.concatenate([pitch, pitch[trill] + 1]),
        rng.integers(30, 110, len(notes) + trill.sum()),
    )


def corpus_of(*files: tuple[str, np.ndarray]) -> Corpus:
    tokens = [encode(Performance(notes)) for _, notes in files]
    ends = np.cumsum([len(t) for t in tokens])
    starts = ends - [len(t) for t in tokens]
    names = tuple(name for name, _ in files)
    return Corpus(np.concatenate(tokens), starts, ends, names, np.zeros(len(files), np.int64), {})


def test_performances_of_a_piece_stay_together_and_pieces_apart() -> None:
    files = [(f"{s}-{p}.mid", perform(compose(p), 10 * p + s)) for s in range(4) for p in range(12)]
    assert group_pieces(corpus_of(*files)) == [*range(12)] * 4


def test_a_transposed_performance_is_the_same_piece() -> None:
    piece, other = compose(1), compose(2)
    files = [("a", perform(piece, 0)), ("b", perform(piece, 1, semitones=-5)), ("c", other)]
    assert group_pieces(corpus_of(*files)) == [0, 0, 1]


def test_leaving_out_a_repeat_does_not_make_another_piece() -> None:
    piece = compose(3)
    half = piece[: len(piece) // 2].copy()
    again = half.copy()
    again["onset"] += 100.0
    again["offset"] += 100.0
    files = [("with", np.concatenate([piece, again])), ("without", perform(piece, 1)), ("other", compose(4))]
    assert group_pieces(corpus_of(*files)) == [0, 0, 1]


def test_tempo_dynamics_key_and_chord_order_leave_the_hashes_alone() -> None:
    piece = compose(5)
    slow = piece.copy()
    slow["onset"], slow["offset"] = piece["onset"] * 1.7 + 3, piece["offset"] * 1.7 + 3
    slow["onset"][piece["pitch"] >= 60] += 0.03  # the right hand late
    slow["pitch"] += 2
    slow["velocity"] = 31
    np.testing.assert_array_equal(
        interval_hashes(encode(Performance(slow))), interval_hashes(encode(Performance(piece)))
    )


def test_a_folder_most_of_whose_files_are_linked_is_one_piece() -> None:
    piece = compose(6)
    files = [(f"Bach/Air/{s}.mid", perform(piece, s)) for s in range(3)]
    files += [("Bach/Air/odd.mid", compose(7)), ("Bach/Fugue/a.mid", compose(8)), ("Bach/x.mid", compose(9))]
    assert group_pieces(corpus_of(*files)) == [0, 0, 0, 0, 1, 2]


def test_a_flat_folder_with_a_few_duplicates_is_not_one_piece() -> None:
    files = [(f"Songs/{i}.mid", compose(i)) for i in range(6)]
    files += [("Songs/again.mid", perform(compose(3), 1))]
    assert group_pieces(corpus_of(*files)) == [0, 1, 2, 3, 4, 5, 3]


def test_the_top_folder_is_a_collection_of_pieces() -> None:
    files = [("a.mid", compose(1)), ("b.mid", perform(compose(1), 1)), ("c.mid", compose(2))]
    assert group_pieces(corpus_of(*files)) == [0, 0, 1]


def test_short_files_are_linked_only_by_most_of_their_notes() -> None:
    scale, chord = np.arange(60, 72), np.full(12, 60)
    line = [make_notes(np.arange(12) * 0.5, np.arange(12) * 0.5 + 0.4, p) for p in (scale, scale + 3, chord)]
    single = make_notes([0.0], [1.0], [60])
    files = [("up", line[0]), ("higher", line[1]), ("repeated", line[2]), ("one", single), ("two", single)]
    assert group_pieces(corpus_of(*files)) == [0, 0, 1, 2, 2]


def test_an_accompaniment_in_common_does_not_link_songs() -> None:
    """All of a style share some patterns: a bass of eighths and a run up the scale."""
    files = []
    for i in range(30):
        song = compose(100 + i)
        at = float(song["onset"].max()) + 1
        shared = np.concatenate([np.tile([36, 43, 48, 43], 12), np.arange(48, 84)])
        onset = at + np.arange(len(shared)) * 0.2
        files.append((f"{i}.mid", np.concatenate([song, make_notes(onset, onset + 0.1, shared)])))
    assert group_pieces(corpus_of(*files)) == [*range(30)]


def test_the_order_of_files_changes_the_numbers_but_not_the_groups() -> None:
    files = [(f"{s}-{p}", perform(compose(p), 10 * p + s)) for s in range(3) for p in range(5)]
    order = np.random.default_rng(0).permutation(len(files))
    there = group_pieces(corpus_of(*files))
    shuffled = group_pieces(corpus_of(*(files[i] for i in order)))
    assert len({(there[i], shuffled[k]) for k, i in enumerate(order)}) == 5


def test_equal_files_of_a_few_notes_are_one_piece() -> None:
    one, other = (make_notes([0.0], [1.0], [pitch], 70) for pitch in (60, 61))
    assert group_pieces(corpus_of(("a", one), ("b", other), ("c", one))) == [0, 1, 0]


def test_no_files_are_no_groups() -> None:
    empty = np.empty(0, np.int64)
    assert group_pieces(Corpus(np.empty(0, np.uint16), empty, empty, (), empty, {})) == []


def test_a_split_keeps_groups_whole_and_covers_everything() -> None:
    files = [(f"{s}-{p}", compose(p, 40)) for s in range(3) for p in range(10)]
    corpus = corpus_of(*files)
    groups = [p for _ in range(3) for p in range(10)]
    train, validation = split_sources(corpus, groups, 0.2, seed=1)
    in_train, in_validation = ({n.split("-")[1] for n in c.names} for c in (train, validation))
    assert not in_train & in_validation
    assert (len(in_train), len(in_validation), len(train) + len(validation)) == (8, 2, 30)
    assert split_sources(corpus, groups, 0.2, seed=1)[1].names == validation.names
    assert split_sources(corpus, groups, 0.2, seed=2)[1].names != validation.names


@pytest.mark.parametrize(("pieces", "held"), [(1, 0), (2, 1), (5, 1)])
def test_a_split_of_few_pieces_leaves_some_for_training(pieces: int, held: int) -> None:
    corpus = corpus_of(*((f"{p}", compose(p, 40)) for p in range(pieces)))
    train, validation = split_sources(corpus, [*range(pieces)], 0.1, seed=0)
    assert (len(train), len(validation)) == (pieces - held, held)


def test_performers_of_a_real_piece_are_found(shared_data: Path, tmp_path: Path) -> None:
    """ASAP's folders say which performances are of one piece."""
    corpus = build_corpus([shared_data / "asap" / "validation"], tmp_path, workers=1)
    flat = Corpus(  # without the folders, the notes alone must say it
        corpus.tokens,
        corpus.starts,
        corpus.ends,
        tuple(f"{i}.mid" for i in range(len(corpus))),
        corpus.source,
        corpus.skipped,
    )
    groups = group_pieces(flat)
    folders = [str(Path(name).parent).removesuffix("_repeat") for name in corpus.names]
    together = Counter(zip(folders, groups, strict=True))
    found = sum(n * (n - 1) for n in together.values())
    assert found > 0.95 * sum(n * (n - 1) for n in Counter(folders).values())
    mixed = defaultdict(set)
    for folder, group in zip(folders, groups, strict=True):
        mixed[group].add(folder)
    assert max(map(len, mixed.values())) == 1
