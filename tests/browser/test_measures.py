"""What the page finds out from notes: what the library finds, and verdicts that follow from thresholds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from app.payloads import note_rows, read_notes, span_rows
from app.presets import presets
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
        events = call(page, "music/events", "countEvents", cut["notes"], cut["pedals"], length)
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


# ---- verdicts

CUT, BEYOND, END = 8.0, 24.0, 44.0


def steady(start: float, end: float, pace: float = 4.0, at_once: int = 2) -> list[dict[str, Any]]:
    """Chords of the same number of notes, each held until the next."""
    return [
        {"on": on, "off": on + 1 / pace, "pitch": 50 + (7 * k + 4 * n) % 40, "velocity": 70}
        for k, on in enumerate(np.arange(start, end, 1 / pace).tolist())
        for n in range(at_once)
    ]


def judged(
    page: Any, *parts: list[dict[str, Any]], ended: bool = False, beyond: float | None = BEYOND
) -> Any:
    notes = [{**note, "primer": note["on"] < CUT} for part in parts for note in part]
    notes.sort(key=lambda note: note["on"])
    known = END if not ended else max(note["off"] for note in notes)
    score = {"notes": notes, "length": CUT, "beyond": beyond, "known": known}
    score["continuationCount"] = sum(not note["primer"] for note in notes)
    return call(page, "music/verdict", "judge", score, ended)


def test_music_that_goes_on_as_before_keeps_the_thread(page: Any) -> None:
    assert judged(page, steady(0, END)) == {"kind": "kept", "at": BEYOND, "count": 2}


def test_too_many_notes_at_once_are_a_lost_thread(page: Any) -> None:
    found = judged(page, steady(0, 30), steady(30, END, at_once=20))
    assert found == {"kind": "storm", "at": 30, "count": 20, "past": True}
    # What a primer has itself is no storm.
    thick = judged(page, steady(0, CUT, at_once=10), steady(CUT, END, at_once=20))
    assert thick["kind"] == "kept"
    # Nor are a few moments of it.
    brief = judged(page, steady(0, END), steady(30, 31, at_once=20))
    assert brief["kind"] == "kept"
    # It is told where it began, on whichever side of the training length.
    early = judged(page, steady(0, 16), steady(16, END, at_once=20))
    assert (early["at"], early["past"]) == (16, False)


def test_silence_is_told(page: Any) -> None:
    found = judged(page, steady(0, 28), steady(38, END))
    assert found == {"kind": "silence", "at": 28, "seconds": 10, "past": True}
    assert judged(page, steady(0, 28), steady(34, END))["kind"] == "kept"
    assert judged(page, steady(0, 30))["kind"] == "silence"


def test_one_key_again_and_again_is_told(page: Any) -> None:
    same = [{**note, "pitch": 60} for note in steady(30, END, at_once=1)]
    assert judged(page, steady(0, 30), same) == {"kind": "stuck", "at": 30, "keys": 1, "past": True}


def test_an_end_of_the_models_own_is_no_fault(page: Any) -> None:
    found = judged(page, steady(0, 32), ended=True)
    assert found == {"kind": "ended", "at": 32}
    assert judged(page, steady(0, CUT), ended=True)["kind"] == "nothing"
    assert judged(page, steady(0, 32), steady(26, 32, at_once=30), ended=True)["kind"] == "storm"


def test_music_that_has_not_passed_the_training_length_proves_nothing(page: Any) -> None:
    assert judged(page, steady(0, END), beyond=None)["kind"] == "within"
    assert judged(page, steady(0, END), beyond=END - 2)["kind"] == "within"


def test_twice_as_many_notes_a_second_are_told(page: Any) -> None:
    found = judged(page, steady(0, BEYOND), steady(BEYOND, END, pace=10))
    assert found["kind"] == "denser"
    assert found["ratio"] == pytest.approx(2.5, rel=0.05)
    assert judged(page, steady(0, BEYOND), steady(BEYOND, END, pace=6))["kind"] == "kept"


def test_the_verdict_is_a_sentence(page: Any) -> None:
    say = "music/sentences", "verdictSentence"
    storm = {"kind": "storm", "at": 24.2, "count": 107, "past": False}
    assert call(page, *say, "Vanilla", storm) == "Vanilla lost the thread at 0:24: up to 107 notes at once."
    said = call(page, *say, "Vanilla", {**storm, "past": True})
    assert said == "Vanilla lost the thread at 0:24, past its training length: up to 107 notes at once."
    ended = {"kind": "ended", "at": 62}
    assert call(page, *say, "RoPE", ended) == "RoPE ended the piece by itself at 1:02."
    assert call(page, *say, "mine", ended).startswith("Mine ended")


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


def test_the_headline_says_who_kept_the_thread_and_who_lost_it(page: Any) -> None:
    verdicts = {
        "Vanilla": {"kind": "storm", "past": True},
        "Relative": {"kind": "kept"},
        "RoPE": {"kind": "kept"},
    }
    found = [{"name": name, "verdict": verdict} for name, verdict in verdicts.items()]
    say = "music/sentences", "answerWords"
    lost = "Vanilla lost it past the training length."
    assert call(page, *say, found) == ["Relative and RoPE kept the thread. ", lost]
    assert call(page, *say, found[1:]) == ["Relative and RoPE kept the thread.", ""]
    mine = {"name": "mine", "verdict": {"kind": "kept"}}
    assert call(page, *say, [mine, *found[1:]])[0] == "Mine, Relative and RoPE kept the thread."
    assert call(page, *say, [{"name": "RoPE", "verdict": {"kind": "ended"}}]) is None
