"""Facts about the sound: measured on the rendered frames and on the files themselves."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musictx.errors import MusictxError
from musictx.performance import SPAN_DTYPE, Performance, make_notes
from musictx.render import audio
from musictx.render.audio import PIANO, render_audio, write_wav

RATE = 44_100


def one(pitch: int, velocity: int = 80, onset: float = 0.0, seconds: float = 1.0, pedals=()) -> Performance:
    spans = np.array(list(pedals), SPAN_DTYPE)
    return Performance(make_notes([onset], [onset + seconds], [pitch], velocity), spans)


def level(sound: np.ndarray, start: float = 0.0, end: float | None = None) -> float:
    """RMS of a span of time."""
    part = sound[int(start * RATE) : None if end is None else int(end * RATE)]
    return float(np.sqrt(np.mean(np.square(part)))) if len(part) else 0.0


def strongest(sound: np.ndarray, low: float, high: float) -> float:
    """Frequency (Hz) of the strongest partial between two frequencies."""
    mono = sound.mean(1)[: 2 * RATE]
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 1 << 19))
    hertz = np.fft.rfftfreq(1 << 19, 1 / RATE)
    inside = (hertz > low) & (hertz < high)
    return float(hertz[inside][spectrum[inside].argmax()])


def test_frames_are_stereo_float32_and_start_at_time_zero():
    sound = render_audio(one(60, onset=1.5))
    assert sound.dtype == np.float32 and sound.shape[1] == 2
    assert not sound[: int(1.499 * RATE)].any()
    assert level(sound, 1.5, 1.6) > 0.01


@pytest.mark.parametrize("pitch", [33, 50, 60, 68, 69, 70, 80, 93])
def test_pitch_is_in_tune(pitch):
    expected = 440 * 2 ** ((pitch - 69) / 12)
    sound = render_audio(one(pitch, seconds=2.0))
    assert strongest(sound, expected * 0.95, expected * 1.05) == pytest.approx(expected, rel=0.01)


def test_a4_sounds_its_fundamental():
    assert strongest(render_audio(one(69, seconds=2.0)), 30, 5000) == pytest.approx(440, rel=0.01)


def test_louder_at_every_step_of_velocity():
    levels = [level(render_audio(one(64, velocity)), 0, 0.5) for velocity in range(1, 128, 6)]
    assert all(soft < loud for soft, loud in pairwise(levels))


def test_louder_is_brighter():
    def share_of_treble(velocity: int) -> float:
        mono = render_audio(one(57, velocity)).mean(1)[: RATE // 2]
        power = np.abs(np.fft.rfft(mono * np.hanning(len(mono)))) ** 2
        return float(power[np.fft.rfftfreq(len(mono), 1 / RATE) > 1000].sum() / power.sum())

    shares = [share_of_treble(velocity) for velocity in (30, 58, 77, 100)]
    assert shares == sorted(shares) and shares[-1] > 1.5 * shares[0]


def test_neighbouring_notes_are_equally_loud():
    decibels = [20 * np.log10(level(render_audio(one(pitch)), 0, 0.5)) for pitch in range(36, 85)]
    assert np.abs(np.diff(decibels)).max() < 1.5


@pytest.mark.parametrize("velocity", [40, 127])
def test_forty_notes_at_once_never_clip(velocity):
    chord = make_notes([0.5] * 40, [3.0] * 40, np.arange(40, 80), velocity)
    sound = render_audio(Performance(chord))
    assert np.abs(sound).max() < 1.0
    if velocity == 127:
        assert np.abs(sound).max() > 0.9  # turned down as far as needed, not further


def test_limiter_leaves_quiet_music_alone_and_gives_the_gain_back():
    quiet = make_notes([0.0, 4.0], [1.0, 5.0], [60, 72], 60)
    chord = make_notes([1.5] * 30, [1.6] * 30, np.arange(30, 60), 127)
    alone = render_audio(Performance(quiet))
    both = render_audio(Performance(np.concatenate([quiet, chord])))
    np.testing.assert_array_equal(both[: int(1.4 * RATE)], alone[: int(1.4 * RATE)])
    assert level(both, 4.0, 4.5) == pytest.approx(level(alone, 4.0, 4.5), rel=0.02)


def test_limiter_turns_down_before_the_peak_without_a_click():
    sound = np.full((2, 64 * 400), 0.5, np.float32)
    peak = slice(64 * 200, 64 * 210)
    sound[:, peak] = 8.0
    limited = audio._Limiter(RATE)(sound, 64 * 300)
    factor = limited[0] / sound[0, : 64 * 300]
    assert factor[0] == 1.0 and factor[peak] == pytest.approx(audio.CEILING / 8, rel=1e-3)
    assert np.abs(np.diff(factor)).max() < 0.003  # per frame: as smooth as a quick fade
    assert factor[peak.start - int(0.03 * RATE)] == 1.0  # and no earlier than needed


def test_blocks_join_without_a_seam(monkeypatch):
    random = np.random.default_rng(1)
    onset = np.sort(random.uniform(0, 12, 300))
    loud = make_notes(onset, onset + 0.5, random.integers(30, 100, 300), 120)
    whole = render_audio(Performance(loud))
    monkeypatch.setattr(audio, "BLOCK", 1.7)
    pieces = render_audio(Performance(loud))
    assert np.abs(whole).max() > 0.96  # the limiter was at work
    assert whole.shape == pieces.shape
    np.testing.assert_allclose(pieces, whole, atol=2e-4)


def test_the_tail_rings_on_after_the_note_and_dies_away():
    sound = render_audio(one(48, seconds=1.0))
    assert len(sound) > 1.2 * RATE
    assert level(sound, 1.02, 1.06) > 0.001
    assert level(sound, 1.5, 1.6) < 0.05 * level(sound, 0.9, 1.0)
    assert np.abs(sound[-10:]).max() < 1e-3  # no click at the end


def test_a_note_released_early_ends_early():
    short, long = (render_audio(one(60, seconds=s)) for s in (0.2, 2.0))
    assert len(short) < len(long) - 1.5 * RATE
    np.testing.assert_array_equal(short[: int(0.199 * RATE)], long[: int(0.199 * RATE)])


def test_the_pedal_prolongs():
    dry = render_audio(one(60, seconds=0.3))
    held = render_audio(one(60, seconds=0.3, pedals=[(0.1, 3.0)]))
    assert level(held, 2.0, 2.5) > 0.001
    assert len(dry) < 1.5 * RATE < 3.0 * RATE < len(held)


def test_the_highest_strings_ring_without_damper_until_struck_again():
    once = render_audio(one(92, seconds=0.1))
    assert level(once, 1.0, 1.2) > 1e-4 and len(once) > 4 * RATE
    damped = render_audio(one(86, seconds=0.1))
    assert len(damped) < 1.5 * RATE
    twice = render_audio(Performance(make_notes([0.0, 1.0], [0.1, 1.1], [92, 92], [110, 20])))
    assert level(twice, 1.6, 2.0) < 0.5 * level(render_audio(one(92, 110, seconds=0.1)), 1.6, 2.0)


def test_a_new_stroke_stops_the_old_sound_of_its_string():
    loud_then_soft = make_notes([0.0, 0.5], [3.0, 3.0], [60, 60], [120, 30])
    other_string = make_notes([0.0, 0.5], [3.0, 3.0], [60, 61], [120, 30])
    same, other = (render_audio(Performance(notes)) for notes in (loud_then_soft, other_string))
    assert level(same, 0.8, 1.5) < 0.5 * level(other, 0.8, 1.5)


def test_bass_sits_left_and_treble_right():
    bass, treble = (np.sqrt(np.mean(render_audio(one(pitch)) ** 2, axis=0)) for pitch in (30, 96))
    assert bass[0] > 1.2 * bass[1] and treble[1] > 1.2 * treble[0]


@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_other_sample_rates_keep_pitch_and_length(rate):
    sound = render_audio(one(69, seconds=2.0), sample_rate=rate)
    assert len(sound) / rate == pytest.approx(len(render_audio(one(69, seconds=2.0))) / RATE, abs=0.01)
    mono = sound.mean(1)[: 2 * rate]
    peak = np.abs(np.fft.rfft(mono * np.hanning(len(mono)))).argmax() / 2
    assert peak == pytest.approx(440, rel=0.01)


def test_every_pitch_and_velocity_extreme_is_finite():
    notes = make_notes(np.arange(128) * 0.05, np.arange(128) * 0.05 + 0.02, np.arange(128), [1, 127] * 64)
    sound = render_audio(Performance(notes))
    assert np.isfinite(sound).all() and np.abs(sound).max() < 1.0


def test_write_wav_holds_what_render_audio_gives(tmp_path: Path):
    performance = one(60)
    write_wav(performance, tmp_path / "out.wav")
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.format, info.subtype, info.channels, info.samplerate) == ("WAV", "PCM_16", 2, RATE)
    written, _ = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)
    np.testing.assert_allclose(written, render_audio(performance), atol=1.1 / 32768)
    assert os.listdir(tmp_path) == ["out.wav"]


def test_an_empty_performance_is_refused_and_the_old_file_stays(tmp_path: Path):
    (tmp_path / "out.wav").write_bytes(b"old")
    with pytest.raises(MusictxError, match="no notes"):
        write_wav(Performance(), tmp_path / "out.wav")
    with pytest.raises(MusictxError, match="no notes"):
        render_audio(Performance())
    assert (tmp_path / "out.wav").read_bytes() == b"old"


def test_ten_hours_are_refused(tmp_path: Path):
    with pytest.raises(MusictxError, match=r"10\.0 hours; at most 6"):
        write_wav(one(60, onset=36_000), tmp_path / "out.wav")
    with pytest.raises(MusictxError, match="at most 1 can"):
        render_audio(one(60, onset=36_000))
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    for place, reason in {
        "absent/out.wav": "absent/out.wav cannot be written: there is no folder",
        "file/out.wav": "file/out.wav cannot be written: there is no folder",
        "folder.wav": "folder.wav is a folder",
    }.items():
        (tmp_path / "file").touch()
        (tmp_path / "folder.wav").mkdir(exist_ok=True)
        with pytest.raises(MusictxError, match=reason):
            write_wav(one(60), tmp_path / place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.wav"]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_a_full_disk_is_named_and_the_device_stays():
    with pytest.raises(MusictxError, match=r"/dev/full' cannot be written: No space left"):
        write_wav(one(60), "/dev/full")
    assert Path("/dev/full").is_char_device()


def test_a_sample_rate_out_of_range_is_refused():
    with pytest.raises(MusictxError, match="sample rate"):
        render_audio(one(60), sample_rate=100)


def test_the_shipped_sounds_are_whole_small_and_attributed():
    index = json.loads((PIANO / "index.json").read_text())
    assert {entry["file"] for entry in index} == {path.name for path in PIANO.glob("*.flac")}
    assert {entry["pitch"] for entry in index if entry["layer"] == "loud"} == set(range(21, 109, 3))
    assert sum(path.stat().st_size for path in PIANO.iterdir()) < 6e6
    for entry in index:
        info = soundfile.info(PIANO / entry["file"])
        assert (info.channels, info.samplerate, info.subtype) == (1, RATE, "PCM_16")
        assert info.duration == pytest.approx(entry["seconds"], abs=0.001) and info.duration <= 8.0
    licence = (PIANO / "LICENSE.md").read_text()
    assert "Alexander Holm" in licence and "creativecommons.org/licenses/by/3.0" in licence


def test_the_sounds_start_at_once_and_the_layers_lie_in_phase():
    for pitch in (36, 57, 72, 90):
        loud, soft = (soundfile.read(PIANO / f"{name}-{pitch:03d}.flac")[0] for name in ("loud", "soft"))
        assert np.abs(loud[: RATE // 100]).max() > 0.02 * np.abs(loud).max()
        early = slice(0, RATE // 4)
        assert np.corrcoef(loud[early], soft[early])[0, 1] > 0.7
