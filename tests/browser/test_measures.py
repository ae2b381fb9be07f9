"""What the page finds out from notes: what the library finds, and verdicts that follow from thresholds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from musictx.app.payloads import note_rows, read_notes, span_rows
from musictx.app.presets import presets
from musictx.events import encode
from musictx.lab.evaluation.motifs import find_recurrence
from musictx.lab.evaluation.structure import distribution_distance, mean_polyphony, pitch_classes
from musictx.performance import Performance, apply_pedal, slice_time

Open = Callable[..., Any]
Row = list[int]


def call(page: Any, module: str, name: str, *arguments: Any) -> Any:
    """Call an exported function of a module of the page."""
    return page.evaluate(
        """async ([module, name, arguments_]) =>
            (await import(`/musictx/static/${module}.js`))[name](...arguments_)""",
        [module, name, list(arguments)],
    )


def random_music(seed: int, count: int = 120) -> tuple[list[Row], list[list[int]]]:
    """Notes of few pitches, so that they overlap, with a pedal."""
    random = np.random.default_rng(seed)
    onset = np.sort(random.integers(0, 20_000, count))
    rows = [[int(on), int(on + random.integers(10, 1500)), int(random.integers(50, 62)), 60] for on in onset]
    ups = np.sort(random.choice(np.arange(100, 22_000), 12, replace=False))
    return rows, [[int(down), int(up)] for down, up in zip(ups[::2], ups[1::2], strict=True)]


def by_key(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row[0], row[2]))


MUSIC = [random_music(seed) for seed in range(6)] + [(p["notes"], p["pedals"]) for p in presets()]


def test_the_pages_pedal_is_the_librarys(page: Any) -> None:
    for rows, pedals in MUSIC:
        expected = note_rows(apply_pedal(read_notes(rows, pedals)).notes)
        assert by_key(call(page, "music/score", "pedalledRows", rows, pedals)) == by_key(expected)


def test_the_pages_cut_is_the_librarys(page: Any) -> None:
    for rows, pedals in MUSIC:
        for start, end in ((0, 5000), (3210, 9870)):
            found = call(page, "music/score", "cutRows", rows, pedals, start, end)
            heard = slice_time(read_notes(rows, pedals), start / 1000)
            notes, spans = note_rows(heard.notes), span_rows(heard.pedals)
            assert by_key(found["notes"]) == by_key([row for row in notes if row[0] < end - start])
            assert found["pedals"] == [span for span in spans if span[0] < end - start]


def test_the_page_counts_events_as_they_are_encoded(page: Any) -> None:
    for rows, pedals in MUSIC:
        length = 12_340
        cut = call(page, "music/score", "cutRows", rows, pedals, 0, length)
        music = call(page, "engine/request", "readMusic", cut)
        heard = call(page, "engine/primer", "applyPedal", music["notes"], music["pedals"])
        events = len(call(page, "engine/events", "encode", heard, length / 1000))
        performance = read_notes(cut["notes"], cut["pedals"])
        assert events == len(encode(performance, until=length / 1000))


def notes_of(performance: Performance) -> list[dict[str, float]]:
    return [
        {"on": float(on), "off": float(off), "pitch": int(pitch)}
        for on, off, pitch in performance.notes[["onset", "offset", "pitch"]].tolist()
    ]


def test_the_measures_are_the_librarys(page: Any) -> None:
    performances = [apply_pedal(read_notes(rows, pedals)) for rows, pedals in MUSIC]
    for primer, passage in pairwise(performances):
        end = float(np.ceil(passage.duration))
        found = call(page, "music/measures", "describe", notes_of(passage), 0, end, notes_of(primer))
        distance = distribution_distance(pitch_classes(primer.notes), pitch_classes(passage.notes))
        assert found["key"] == pytest.approx(distance, abs=1e-9)
        assert found["pace"] == pytest.approx(len(passage) / end)
        sounding = mean_polyphony(passage.notes, 0.0, end)  # over the time in which anything sounds
        assert found["average"] <= sounding + 1e-9
        steps = np.concatenate([passage.notes["onset"], passage.notes["offset"]])
        change = np.repeat([1, -1], len(passage))
        order = np.lexsort((change, steps))
        assert found["most"] == np.cumsum(change[order]).max()
        assert found["average"] * end == pytest.approx(
            float((passage.notes["offset"] - passage.notes["onset"]).sum())
        )


def test_motifs_are_found_as_the_library_finds_them(page: Any) -> None:
    compared = 0
    performances = [apply_pedal(read_notes(rows, pedals)) for rows, pedals in MUSIC]
    for primer in performances:
        for passage in (primer, performances[0], performances[-1]):
            found = call(page, "music/motifs", "findMotifs", notes_of(primer), notes_of(passage))
            if found is None:
                continue
            expected = find_recurrence(primer.notes, passage.notes)
            assert expected is not None
            assert found["share"] == pytest.approx(expected.share, abs=1e-9)
            assert found["chance"] == pytest.approx(expected.baseline, abs=0.1)
            assert found["above"] == (passage is primer) or found["share"] > found["chance"]
            compared += 1
    assert compared > 8


def test_a_few_notes_are_no_ground_for_a_figure_of_motifs(page: Any) -> None:
    few = notes_of(read_notes([[k * 250, k * 250 + 200, 60 + k % 5, 70] for k in range(30)]))
    assert call(page, "music/motifs", "findMotifs", few, few) is None


# ---- lengths, times, files


def test_the_length_offered_reaches_twice_the_training_length(page: Any) -> None:
    length = "music/length", "tellingLength"
    assert call(page, *length, 400, 10, [1024]) == 40  # 40 events per second, 1,648 more of them
    assert call(page, *length, 400, 10, [1024, 2048]) == 90  # the longest training length counts
    assert call(page, *length, 10, 10, [1024]) == 80  # sparse primers are played on in denser music
    assert call(page, *length, 800, 10, [1024]) == 20
    assert call(page, *length, 400, 10, [100_000]) == 180
    beyond = "music/length", "expectedBeyond"
    assert call(page, *beyond, 400, 10, 1024) == pytest.approx(15.6)
    assert call(page, *beyond, 5000, 100, 1024) == pytest.approx(256 / 50)  # three quarters of it are read


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1:05.3", 65.3), ("65,3", 65.3), (" 0:07 ", 7), ("7", 7), ("62:00", 3720), ("", None), ("1:2:3", None)],
)
def test_times_are_read_as_they_are_written(page: Any, text: str, seconds: float | None) -> None:
    found = call(page, "music/sentences", "readTime", text)
    assert np.isnan(found) if seconds is None else found == pytest.approx(seconds)


def test_times_are_written_in_minutes_and_seconds(page: Any) -> None:
    assert call(page, "music/sentences", "clock", 65.9) == "1:05"
    assert call(page, "music/sentences", "preciseClock", 59.97) == "1:00.0"


def test_a_zip_file_is_one_that_others_open(page: Any) -> None:
    files = {"Für Elise.mid": bytes(range(256)) * 9, "empty.txt": b"", "settings.json": b"{}"}
    content = page.evaluate(
        """async (files) => {
            const { zip } = await import('/musictx/static/io/zip.js');
            const blob = zip(files.map(([name, bytes]) => ({ name, bytes: new Uint8Array(bytes) })));
            return [...new Uint8Array(await blob.arrayBuffer())];
        }""",
        [[name, list(content)] for name, content in files.items()],
    )
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
