from __future__ import annotations

from typing import Any

import pytest
from midi_helpers import END, note, pedals, rows, times

from musictx.errors import MusictxError
from musictx.midi import notes as midi_notes
from musictx.midi import read_midi, smf
from musictx.performance import apply_pedal

# --- which note-off ends which note


def test_overlapping_notes_of_a_pitch_are_both_there(midi_file: Any) -> None:
    path = midi_file([(0, "on", 60, 50), (480, "on", 60, 90), (960, "off", 60), (1440, "off", 60)])
    music = read_midi(path)
    assert rows(music) == [(0, 1, 60, 50), (0.5, 1.5, 60, 90)]
    assert times(apply_pedal(music)) == [(0, 0.5, 60), (0.5, 1.5, 60)]


def test_overlapping_notes_of_a_pitch_on_two_channels(midi_file: Any) -> None:
    path = midi_file(note(0, 1440, 60), note(480, 960, 60, channel=1))
    assert times(read_midi(path)) == [(0, 1.5, 60), (0.5, 1, 60)]


def test_a_note_off_after_the_new_note_on_of_the_same_tick_ends_the_old_note(midi_file: Any) -> None:
    path = midi_file([(0, "on", 60), (480, "on", 60), (480, "off", 60), (960, "off", 60)])
    assert times(read_midi(path)) == [(0, 0.5, 60), (0.5, 1, 60)]


def test_one_missing_note_off_does_not_shift_all_that_follow(midi_file: Any) -> None:
    good = [n for k in range(3, 9) for n in note(480 * k, 480 * k + 240, 60)]
    path = midi_file([(0, "on", 60), *note(480, 960, 60), *good])
    music = read_midi(path)
    expected = [(0, 0.5, 60), (0.5, 1, 60)] + [(k / 2, k / 2 + 0.25, 60) for k in range(3, 9)]
    assert times(music) == expected
    assert music.remarks == ("1 note without an end ended at the next strike or the end of the track",)


def test_a_note_that_never_ends_lasts_until_the_end_of_the_track(midi_file: Any) -> None:
    path = midi_file([(0, "on", 60), *note(480, 960, 64), (1920, "end")])
    music = read_midi(path)
    assert times(music) == [(0, 2, 60), (0.5, 1, 64)]
    assert "1 note without an end" in music.remarks[0]


def test_note_offs_without_a_note_are_ignored(midi_file: Any) -> None:
    path = midi_file(
        [(0, "off", 60), (0, "off", 62), *note(480, 960, 60), (970, "off", 60), *note(980, 1460, 60)]
    )
    assert times(read_midi(path)) == [(0.5, 1, 60), (round(980 / 960, 6), round(1460 / 960, 6), 60)]


def test_notes_that_end_in_the_tick_in_which_they_start_are_kept(midi_file: Any) -> None:
    path = midi_file([*note(0, 0, 60), *note(480, 960, 60), *note(960, 960, 60)])
    assert times(read_midi(path)) == [(0, 0, 60), (0.5, 1, 60), (1, 1, 60)]
    sloppy = midi_file([*note(0, 0, 60), *note(480, 960, 60), (1440, "on", 60)])
    assert times(read_midi(sloppy)) == [(0, 0, 60), (0.5, 1, 60), (1.5, 1.5, 60)]


def test_only_what_is_played_is_said_to_have_no_end(midi_file: Any) -> None:
    """Strokes of drums need no end."""
    drums = [(0, "on", 36, 90, 9), (480, "on", 36, 90, 9)]
    assert read_midi(midi_file(note(0, 480, 60), drums)).remarks == ("2 drum notes left out",)


def test_pairing_reports_what_has_no_end(midi_file: Any) -> None:
    track = smf.parse_smf(midi_file([(0, "on", 60), (9, "on", 60), (20, "end")]).read_bytes()).tracks[0]
    paired = midi_notes.pair_notes(track)
    assert paired.onset.tolist() == [0, 9]
    assert paired.offset.tolist() == [9, 20]
    assert paired.unended.tolist() == [True, True]


# --- sustain pedal


def test_the_pedal_is_down_from_its_threshold_on(midi_file: Any) -> None:
    path = midi_file(
        [(0, "pedal", 63), (480, "pedal", 64), (960, "pedal", 80), (1440, "pedal", 40), *note(1440, 1920, 60)]
    )
    assert pedals(read_midi(path)) == [(0.5, 1.5)]
    assert pedals(read_midi(path, pedal_threshold=80)) == [(1, 1.5)]
    assert pedals(read_midi(path, pedal_threshold=1)) == [(0, 2)]
    assert pedals(read_midi(path, pedal_threshold=100)) == []


@pytest.mark.parametrize("threshold", [0, 128, -5])
def test_an_impossible_threshold_is_refused(midi_file: Any, threshold: int) -> None:
    with pytest.raises(MusictxError, match=f"threshold.*{threshold}"):
        read_midi(midi_file(note(0, 480, 60)), pedal_threshold=threshold)


def test_a_last_pedal_that_never_comes_up_ends_with_the_piece(midi_file: Any) -> None:
    path = midi_file([(0, "on", 60), (0, "pedal", 127), (480, "off", 60), *note(480, 1920, 62)])
    assert pedals(read_midi(path)) == [(0, 2)]
    assert times(apply_pedal(read_midi(path))) == [(0, 2, 60), (0.5, 2, 62)]


def test_notes_after_the_last_pedal_up_are_there(midi_file: Any) -> None:
    path = midi_file([(0, "pedal", 127), *note(0, 240, 60), (480, "pedal", 0), *note(960, 1440, 62)])
    assert times(apply_pedal(read_midi(path))) == [(0, 0.5, 60), (1, 1.5, 62)]


def test_a_note_already_held_when_the_pedal_goes_down_is_sustained(midi_file: Any) -> None:
    path = midi_file([(0, "on", 60), (240, "pedal", 127), (480, "off", 60), (960, "pedal", 0)])
    assert times(apply_pedal(read_midi(path))) == [(0, 1, 60)]


def test_a_file_without_pedal_keeps_its_notes(midi_file: Any) -> None:
    music = read_midi(midi_file(note(0, 480, 60)))
    assert pedals(music) == []
    assert times(apply_pedal(music)) == [(0, 0.5, 60)]


def test_a_pedal_written_in_a_track_of_its_own_acts_on_its_channel(midi_file: Any) -> None:
    moves = [(0, "pedal", 127), (960, "pedal", 0)]
    for tracks in (moves, note(0, 480, 60)), (note(0, 480, 60), moves):
        assert pedals(read_midi(midi_file(*tracks))) == [(0, 1)]


def test_two_hands_in_two_tracks_on_one_channel_share_the_pedal(midi_file: Any) -> None:
    right = [(0, "pedal", 127), *note(0, 480, 72), (960, "pedal", 0)]
    music = read_midi(midi_file(right, note(0, 480, 48)))
    assert times(apply_pedal(music)) == [(0, 1, 48), (0, 1, 72)]


def test_a_pedal_lengthens_only_notes_of_its_channel(midi_file: Any) -> None:
    piano = [(0, "pedal", 127), *note(0, 480, 48), (960, "pedal", 0)]
    music = read_midi(midi_file(piano, note(0, 480, 72, channel=1)))
    assert times(apply_pedal(music)) == [(0, 1, 48), (0, 0.5, 72)]
    assert any("different sustain pedals" in remark for remark in music.remarks)
    assert pedals(read_midi(midi_file(piano, note(0, 480, 72, channel=1)), tracks=0)) == [(0, 1)]


def test_channels_of_different_ports_are_different(raw_midi_file: Any) -> None:
    notes = b"\x00\x90\x3c\x40\x60\x80\x3c\x00" + b"\x60\xff\x01\x00" + END
    one = b"\x00\xff\x21\x01\x00\x00\xb0\x40\x7f" + notes
    two = b"\x00\xff\x21\x01\x01" + notes.replace(b"\x3c", b"\x40")
    music = read_midi(raw_midi_file(one, two, type=1, division=96))
    assert music.duration == 0.5
    piano = b"\x00\xff\x21\x01\x00\x00\xb0\x40\x7f" + notes[:-8] + b"\x60\xb0\x40\x00" + END
    music = read_midi(raw_midi_file(piano, two, type=1, division=96))
    assert times(apply_pedal(music)) == [(0, 1, 60), (0, 0.5, 64)]


def test_channels_that_pedal_alike_keep_their_pedal(midi_file: Any) -> None:
    def hand(pitch: int, channel: int) -> list[tuple[Any, ...]]:
        return [(0, "pedal", 127, channel), *note(0, 480, pitch, channel=channel), (960, "pedal", 0, channel)]

    music = read_midi(midi_file(hand(48, 0), hand(72, 1)))
    assert pedals(music) == [(0, 1)]
    assert music.remarks == ()


def test_a_pedal_lifted_and_pressed_in_one_tick_lets_go(midi_file: Any) -> None:
    moves = [(0, "pedal", 127), *note(0, 240, 60), (480, "pedal", 0), (480, "pedal", 127), (960, "pedal", 0)]
    music = read_midi(midi_file(moves))
    assert pedals(music) == [(0, 0.5), (0.5, 1)]
    assert times(apply_pedal(music)) == [(0, 0.5, 60)]


def test_resetting_the_controllers_lifts_the_pedal(midi_file: Any) -> None:
    path = midi_file([(0, "pedal", 127), *note(0, 480, 60), (960, "control", 121, 0), *note(960, 1920, 62)])
    assert pedals(read_midi(path)) == [(0, 1)]


def test_a_change_of_program_does_not_touch_the_pedal(midi_file: Any) -> None:
    path = midi_file(
        [(0, "pedal", 127), *note(0, 240, 60), (480, "program", 5), *note(480, 720, 62), (960, "pedal", 0)]
    )
    assert pedals(read_midi(path)) == [(0, 1)]
