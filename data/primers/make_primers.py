"""Make the primers: turn ``scores.py`` into MIDI files and ``primers.json`` beside it.

Run ``python data/primers/make_primers.py``; the same files come out every time.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scores import SCORES, Score, Voice

from musictx.metre import Metre
from musictx.midi import write_midi
from musictx.midi.tempo_map import TempoMap
from musictx.performance import SPAN_DTYPE, TEMPO_DTYPE, Performance, make_notes, resolve_overlaps

FOLDER = Path(__file__).resolve().parent
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
TOKEN = re.compile(r"(?P<notes>[^/'>^]+)(?P<marks>['>^]*)(/(?P<length>[\d._]+))?(?P<more>['>^]*)$")
SHORT = 0.5  # a note marked ' lasts half as long
ROLL = 0.035  # seconds from note to note of a rolled chord


def pitch_of(name: str) -> int:
    """MIDI pitch of a name such as ``F#4`` or ``Cb4`` (which is B3)."""
    found = re.fullmatch(r"([A-G])([#b]?)(-?\d)", name)
    if not found:
        raise ValueError(f"{name!r} is not a note name such as F#4")
    letter, sign, octave = found.groups()
    return 12 * (int(octave) + 1) + STEPS[letter] + {"#": 1, "b": -1, "": 0}[sign]


def length_of(text: str) -> Fraction:
    """Quarters in a length such as ``8.`` or ``2_8``."""
    total = Fraction(0)
    for part in text.split("_"):
        whole = Fraction(4, int(part.rstrip(".")))
        total += whole * (Fraction(3, 2) if part.endswith(".") else 1)
    return total


class Typed(NamedTuple):
    """A note as typed; times in quarters, `place` counts from the lowest note of its chord."""

    start: Fraction
    length: Fraction
    pitch: int
    marks: str
    place: int


def read_voice(voice: Voice, bar: float, pickup: float) -> tuple[list[Typed], Fraction]:
    """Notes of a voice, and its length in quarters."""
    notes: list[Typed] = []
    now, length = Fraction(0), Fraction(1)
    for token in voice.notes.split():
        if token == "|":
            if (now - Fraction(pickup)) % Fraction(bar):
                raise ValueError(f"a bar line stands at {float(now)} quarters: {voice.notes.strip()[:60]}")
            continue
        found = TOKEN.match(token)
        if not found:
            raise ValueError(f"{token!r} is no note, chord or rest")
        length = length_of(found["length"]) if found["length"] else length
        if found["notes"] != "-":
            marks = found["marks"] + found["more"]
            chord = sorted(pitch_of(name) for name in found["notes"].split("+"))
            notes += [Typed(now, length, pitch, marks, place) for place, pitch in enumerate(chord)]
        now += length
    return notes, now


def points(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Times (quarters) and values of ``"0:116 14:108"``."""
    pairs = np.array([[float(x) for x in point.split(":")] for point in text.split()])
    return pairs[:, 0], pairs[:, 1]


def perform(score: Score) -> tuple[Performance, float]:
    """Play a score as a pianist might: the performance, and its notated length in seconds."""
    random = np.random.default_rng(list(score.name.encode()))
    beats, bpm = points(score.tempo)
    starts = np.concatenate([[0.0], np.cumsum(np.diff(beats) * 60 / bpm[:-1])])

    def seconds(at: float) -> float:
        step = int(np.searchsorted(beats, at, side="right")) - 1
        return float(starts[step] + (at - beats[step]) * 60 / bpm[step])

    read = [read_voice(voice, score.bar, score.pickup) for voice in score.voices]
    lengths = {length for _, length in read}
    if len(lengths) != 1:
        raise ValueError(f"{score.name}: the voices are not equally long: {[float(x) for x in lengths]}")
    total = float(lengths.pop())
    rows, struck = [], set()
    for voice, (typed, _) in zip(score.voices, read, strict=True):
        for start, length, pitch, marks, place in typed:
            if (start, pitch) in struck:
                continue  # two voices meet on one key
            struck.add((start, pitch))
            held = SHORT if "'" in marks else voice.held
            phase = (start - Fraction(score.pickup)) % Fraction(score.bar)
            accent = 4 if phase == 0 else 1 if phase.denominator == 1 else -2
            loud = float(np.interp(float(start), *points(score.dynamics))) + voice.loudness
            onset, offset = seconds(float(start)), seconds(float(start + length * Fraction(held)))
            if not score.mechanical:
                loud += accent + 9 * (">" in marks) + random.normal(0, 1.5)
                late = random.normal(0, 0.005) + (ROLL * place if "^" in marks else 0.002 * place)
                offset = max(onset + late + 0.04, offset + random.normal(0, 0.006))
                onset = max(0.0, onset + late)
            rows.append((onset, min(offset, seconds(total)), pitch, round(np.clip(loud, 1, 127))))
    pedals = []
    for span in score.pedal.split():
        down, up = map(float, span.split("-"))
        pedals.append((seconds(down) + 0.06 * (down > 0), seconds(up)))  # down just after the bass
    tempos = np.array(list(zip(starts, bpm, strict=True)), TEMPO_DTYPE)
    notes = resolve_overlaps(make_notes(*zip(*rows, strict=True)))
    music = Performance(notes, np.array(pedals, SPAN_DTYPE), tempos, metre=metre_of(score, tempos))
    return music, seconds(total)


def metre_of(score: Score, tempos: np.ndarray) -> Metre:
    """Bars and tempo of a score; what stands before the first bar line is a short bar of its own."""
    clock = TempoMap.for_writing(tempos)
    division = int(clock.division)
    unit = next(unit for unit in (4, 8, 16) if not (score.bar * unit % 4 or score.pickup * unit % 4))
    bars = [(0, score.pickup), (int(score.pickup * division), score.bar)][not score.pickup :]
    signatures = [(tick, int(quarters * unit / 4), unit) for tick, quarters in bars]
    return Metre.of(division, zip(clock.ticks.tolist(), clock.micros.tolist(), strict=True), signatures)


def main() -> None:
    """Write the files."""
    entries = []
    for score in SCORES:
        performance, end = perform(score)
        write_midi(performance, FOLDER / f"{score.name}.mid")
        entries.append(
            {
                "name": score.name,
                "file": f"{score.name}.mid",
                "title": score.title,
                "composer": score.composer,
                "description": score.description,
                "source": score.source,
                "licence": score.licence,
                "primer_end": round(end, 2),
            }
        )
        print(f"{score.name:20} {len(performance):4} notes {end:6.2f} s")
    text = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
    (FOLDER / "primers.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
