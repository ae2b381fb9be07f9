"""The sound of a `Performance`: a sampled grand piano, and the limiter that keeps it from clipping.

The recordings and the rule by which notes are made of them are described in
``musictx/render/piano/README.md``. The web page makes its notes by the same rule; it has a compressor in
place of the limiter.
"""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Iterator
from fractions import Fraction
from functools import cache, lru_cache
from os import PathLike
from pathlib import Path

import numpy as np

from musictx.errors import MusictxError
from musictx.files import writing
from musictx.performance import Performance, apply_pedal

PIANO = Path(__file__).resolve().parent / "piano"
SAMPLE_RATE = 44_100
LEVEL = 0.7  # of a note at velocity 127, as a factor on the recordings
SOFT, LOUD, BRIGHTEST = 40, 77, 1.5  # velocities of the two layers; how far beyond the loud one to go
FIRST_UNDAMPED = 90  # strings from this pitch up have no damper
RESTRIKE = 0.04  # time constant (s) with which a new stroke stops the old sound of its string
SILENT = 1e-3  # a released note is cut where it has decayed this far
CEILING = 0.97  # no sample goes above this
LOOK_AHEAD = 0.064  # seconds
ATTACK, RELEASE = 1000.0, 20.0  # dB per second by which the limiter lets go of the gain, and takes it back
HOP = 64  # frames per step of the limiter
BLOCK = 10.0  # seconds rendered at a time
MAX_FILE_SECONDS = 6 * 3600  # seconds; a WAV file of 44,100 Hz holds 6.7 hours
MAX_WAV_BYTES = 2**32 - 64  # of sound: its size is a number of 32 bits
MAX_ARRAY_SECONDS = 3600  # seconds; 1.3 GB


def render_audio(performance: Performance, *, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Play a performance on the sampled piano.

    Parameters
    ----------
    performance : Performance
        Up to an hour of it; `write_wav` takes more.
    sample_rate : int
        Frames per second.

    Returns
    -------
    np.ndarray [shape=(frames, 2), dtype=float32]
        Left and right, never above ±0.97. Frame 0 is time 0 of the performance; the last notes
        ring out.

    Raises
    ------
    MusictxError
        There are no notes, or too much time to be kept in memory.

    Examples
    --------
    >>> from musictx import Performance, make_notes, render_audio
    >>> sound = render_audio(Performance(make_notes([0], [1], [60])), sample_rate=8000)
    >>> len(sound) > 8000, sound.shape[1], sound.dtype.name
    (True, 2, 'float32')
    """
    return np.concatenate(list(_blocks(performance, sample_rate, MAX_ARRAY_SECONDS)[1]))


def write_wav(performance: Performance, path: str | PathLike[str], *, sample_rate: int = SAMPLE_RATE) -> None:
    """Play a performance on the sampled piano into a WAV file (16 bit, stereo).

    Memory does not grow with the length of the performance, and a file that was there before is
    replaced only when the new one is complete.

    Parameters
    ----------
    performance : Performance
        Up to six hours of it.
    path : path-like
    sample_rate : int
        Frames per second.

    Raises
    ------
    MusictxError
        There are no notes, the performance is too long, or the file cannot be written.

    Examples
    --------
    >>> import wave
    >>> from musictx import Performance, make_notes, write_wav
    >>> write_wav(Performance(make_notes([0], [1], [60])), "out.wav")
    >>> wave.open("out.wav").getframerate()
    44100
    """
    _, pieces = wav_pieces(performance, sample_rate=sample_rate)
    with writing(path) as file:
        file.writelines(pieces)


def wav_pieces(performance: Performance, *, sample_rate: int = SAMPLE_RATE) -> tuple[int, Iterator[bytes]]:
    """The WAV file of `write_wav` in pieces, each made when it is asked for: for one that goes over a line.

    Parameters
    ----------
    performance : Performance
    sample_rate : int
        Frames per second.

    Returns
    -------
    size : int
        Bytes of the whole file.
    pieces : iterator of bytes
        Its head, and then ten seconds each.

    Raises
    ------
    MusictxError
        There are no notes, or the performance is too long.

    Examples
    --------
    >>> from musictx import Performance, make_notes
    >>> from musictx.render.audio import wav_pieces
    >>> size, pieces = wav_pieces(Performance(make_notes([0], [1], [60])))
    >>> size == sum(map(len, pieces))
    True
    """
    frames, blocks = _blocks(performance, sample_rate, MAX_FILE_SECONDS)
    if 4 * frames > MAX_WAV_BYTES:
        raise MusictxError(
            f"at {sample_rate} Hz that is more than a WAV file holds; choose a lower sample rate"
        )
    head = io.BytesIO()
    with wave.open(head, "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(sample_rate)
        wav.setnframes(frames)
        wav.writeframesraw(b"")
        start = head.getvalue()  # before the end, which would put 0 frames there

    def pieces() -> Iterator[bytes]:
        yield start
        for block in blocks:
            yield np.rint(block * 32767).astype("<i2").tobytes()

    return len(start) + 4 * frames, pieces()


def _blocks(performance: Performance, rate: int, max_seconds: float) -> tuple[int, Iterator[np.ndarray]]:
    """Check what is asked for; then the number of frames, and blocks of them, made one at a time."""
    if not 8_000 <= rate <= 192_000:
        raise MusictxError(f"the sample rate must be between 8000 and 192000 Hz, not {rate}")
    if not len(performance):
        raise MusictxError("there are no notes to play: the performance is empty")
    if not performance.duration <= max_seconds:
        hours = performance.duration / 3600
        raise MusictxError(
            f"the performance lasts {hours:.1f} hours; at most {max_seconds / 3600:g} can be played"
        )
    return _render(performance, rate)


def _render(performance: Performance, rate: int) -> tuple[int, Iterator[np.ndarray]]:
    """The number of frames, and an iterator that adds up the notes of one block after the other."""
    start, held, pitch, velocity, decay = _strokes(performance, rate)
    strings = {p: _strings(p, rate) for p in np.unique(pitch).tolist()}
    longest = np.array([strings[p].shape[1] for p in pitch.tolist()])
    length = np.minimum(longest, held + np.ceil(decay * -np.log(SILENT)).astype(np.int64))
    total = int((start + length).max())
    block = int(BLOCK * rate) // HOP * HOP
    ahead = int(LOOK_AHEAD * rate) // HOP * HOP

    def blocks() -> Iterator[np.ndarray]:
        """What rings on is carried from each to the next."""
        mix = np.zeros((2, block + ahead + int(length.max())), np.float32)
        limiter = _Limiter(rate)
        first = 0
        for done in range(0, total, block):
            last = int(np.searchsorted(start, done + block + ahead))
            for i in range(first, last):
                sound = _sound(strings[pitch[i]], velocity[i], held[i], length[i], decay[i])
                at = start[i] - done
                for side, share in enumerate(_pan(pitch[i])):
                    mix[side, at : at + length[i]] += share * sound
            first = last
            yield limiter(mix[:, : block + ahead], min(block, total - done)).T
            mix[:, :-block] = mix[:, block:].copy()
            mix[:, -block:] = 0

    return total, blocks()


def _strokes(performance: Performance, rate: int) -> tuple[np.ndarray, ...]:
    """When each string is struck and for how long it is free; pitch, velocity, decay. Times in frames."""
    notes = apply_pedal(performance).notes
    pitch = notes["pitch"].astype(np.int64)
    by_string = np.lexsort((notes["onset"], pitch))
    again = np.full(len(notes), np.inf)  # when the same string is struck again
    same = pitch[by_string][1:] == pitch[by_string][:-1]
    again[by_string[:-1]] = np.where(same, notes["onset"][by_string][1:], np.inf)
    free = np.where(pitch >= FIRST_UNDAMPED, again, notes["offset"])
    free = np.minimum(free, notes["onset"] + 60.0)  # longer than any string here rings
    damper = np.interp(pitch, [21, FIRST_UNDAMPED], [0.13, 0.07])
    decay = np.where(free >= again, RESTRIKE, damper)
    start = np.rint(notes["onset"] * rate).astype(np.int64)
    held = np.rint((free - notes["onset"]) * rate).astype(np.int64)
    return start, np.maximum(held, 0), pitch, notes["velocity"].astype(np.int64), decay * rate


def _sound(strings: np.ndarray, velocity: int, held: int, length: int, decay: float) -> np.ndarray:
    """One note, mono: the two layers mixed by velocity, let go after `held` frames."""
    level = LEVEL * (velocity / 127) ** 1.5 / 32768
    loud = min(max((velocity - SOFT) / (LOUD - SOFT), 0.0), BRIGHTEST)
    sound = strings[0, :length] * np.float32(level * loud)
    sound += strings[1, :length] * np.float32(level * (1 - loud))
    if length > held:
        fall = np.exp(np.arange(length - held, dtype=np.float32) / np.float32(-decay))
        sound[held:] *= (fall - np.float32(SILENT)) / np.float32(1 - SILENT)
    return sound


def _pan(pitch: int) -> tuple[np.float32, np.float32]:
    """Shares of left and right: the bass a little to the left, the treble to the right."""
    angle = np.pi / 4 * (1 + 0.4 * np.clip((pitch - 64) / 44, -1, 1))
    return np.float32(np.cos(angle) * np.sqrt(2)), np.float32(np.sin(angle) * np.sqrt(2))


@cache
def _index() -> dict[str, dict[int, tuple[str, float]]]:
    """Layer -> sampled pitch -> file and gain."""
    layers: dict[str, dict[int, tuple[str, float]]] = {}
    for entry in json.loads((PIANO / "index.json").read_text(encoding="utf-8")):
        layers.setdefault(entry["layer"], {})[entry["pitch"]] = entry["file"], entry["gain"]
    return layers


@lru_cache(maxsize=128)
def _strings(pitch: int, rate: int) -> np.ndarray:
    """Both layers, loud and soft, of the string for `pitch`, tuned from the nearest sampled note.

    Kept for the next performance as 16-bit numbers at the pitch's final level: about 1.2 MB each.

    Returns
    -------
    np.ndarray [shape=(2, frames), dtype=int16]
    """
    import soundfile
    from scipy.signal import resample_poly

    layers = []
    for layer in ("loud", "soft"):
        sampled = min(_index()[layer], key=lambda p: abs(p - pitch))
        file, gain = _index()[layer][sampled]
        sound, file_rate = soundfile.read(PIANO / file, dtype="float32")
        ratio = Fraction(rate / file_rate * 2 ** ((sampled - pitch) / 12)).limit_denominator(250)
        if ratio != 1:
            sound = resample_poly(sound, ratio.numerator, ratio.denominator)
        layers.append(sound * gain)
    strings = np.zeros((2, max(map(len, layers))), np.int16)
    for row, sound in zip(strings, layers, strict=True):
        row[: len(sound)] = np.clip(np.rint(sound * 32768), -32768, 32767)
    return strings


class _Limiter:
    """A peak limiter that looks ahead: it lowers the gain before a peak and lets it rise slowly after.

    The gain of each hop of frames is the highest that keeps the hop under the ceiling, never
    falls by more than `ATTACK` and never rises by more than `RELEASE` dB per second; between hops
    it moves in straight lines that stay below both.
    """

    def __init__(self, rate: int) -> None:
        self.fall, self.rise = ATTACK * HOP / rate, RELEASE * HOP / rate  # dB per hop
        self.last = 0.0  # dB, of the hop before

    def __call__(self, mix: np.ndarray, frames: int) -> np.ndarray:
        """Limit the first `frames` of `mix` [shape=(2, n)], a whole number of hops unless it is the end."""
        peaks = np.abs(mix[:, : mix.shape[1] // HOP * HOP]).max(0).reshape(-1, HOP).max(1)
        hops = -(-frames // HOP)
        if self.last > -1e-6 and peaks.max() <= CEILING:
            return mix[:, :frames].copy()
        gain = -20 * np.log10(np.maximum(peaks / CEILING, 1.0))
        steps = np.arange(len(gain) + 1)
        rising = np.minimum.accumulate(np.append(self.last, gain) - self.rise * steps) + self.rise * steps
        back = (rising + self.fall * steps)[::-1]
        gain = np.minimum.accumulate(back)[::-1] - self.fall * steps
        edges = np.minimum(gain, np.append(gain[1:], gain[-1]))  # at the end of each hop, from the one before
        factor = 10 ** (edges[: hops + 1] / 20)
        self.last = float(gain[hops])
        smooth = np.interp(np.arange(frames) / HOP, np.arange(hops + 1), factor)
        return (mix[:, :frames] * smooth).astype(np.float32)
