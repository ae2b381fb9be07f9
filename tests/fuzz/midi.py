"""MIDI files with random damage: to their bytes, to their events, and files made of nothing but oddities."""

from __future__ import annotations

from pathlib import Path
from random import Random

import mido
import numpy as np

from musictx.errors import MusictxError
from musictx.events import decode, encode, is_grammatical
from musictx.midi import inspect_midi, read_midi, write_midi
from musictx.performance import Performance
from musictx.shipped import shipped_folder
from tests.fuzz.mutation import ODD_BYTES, damage_bytes

CORPORA = Path(__file__).resolve().parents[3] / "shared" / "data"
MAX_FOUND = 40  # files of the corpora that cases begin with, where there are any
MAX_BYTES = 20_000  # of each of them
MAX_EVENTS = 3_000  # of a track
MAX_CHECKED = 100  # tokens whose grammar is checked one by one
DAY = 24 * 3600.0
ODD_DELTAS = (0, 1, 0x7F, 0x80, 0x3FFF, 0x1FFFFF, 0x0FFFFFFF)
ODD_DIVISIONS = (0, 1, 24, 96, 480, 32767, 0x8000, 0xE728, 0xE250, 0xFF01, 0xFFFF)
ODD_EVENTS = (
    b"\xff\x51\x03\0\0\0",  # tempo: none, the fastest, the slowest, of a wrong length
    b"\xff\x51\x03\0\0\1",
    b"\xff\x51\x03\xff\xff\xff",
    b"\xff\x51\x01\x40",
    b"\xff\x2f\x00",  # an end of the track, wherever
    b"\xff\x58\x04\0\0\0\0",
    b"\xff\x59\x02\x80\x02",
    b"\xff\x21\x01\x7f",  # another port
    b"\xff\x54\x05\xff\xff\xff\xff\xff",
    b"\xff\x03\x85\x00name",  # a name shorter than it says
    b"\xff\x03\x04\xff\xfe\x00\n",
    b"\xff\x7f\xff\xff\xff\x7f",  # as long as can be said
    b"\xf0\x05\x7e\x7f\x09\x01\xf7",
    b"\xf0\x7f\x01",
    b"\xf7\x00",
    b"\xf1\x00",
    b"\xf8",
    b"\xb0\x40\x7f",  # pedal, all notes off, reset
    b"\xb0\x40\x00",
    b"\xb0\x7b\x00",
    b"\xb0\x79\x00",
    b"\xc0\x7f",
    b"\xe0\x00\x40",
    b"\x90\x3c\x40",
    b"\x80\x3c\x40",
    b"\x3c\x40",  # running status
    b"\x99\x24\x64",  # a drum
)

Track = list[tuple[int, bytes]]  # delta time and message


class MidiFiles:
    """Files for `read_midi`, and what comes after it: events, and a file again."""

    suffix, seconds, megabytes = ".mid", 20.0, 1500

    def __init__(self, folder: Path) -> None:
        found = sorted(CORPORA.rglob("*.mid")) if CORPORA.is_dir() else []
        small = [path for path in found if path.stat().st_size < MAX_BYTES]
        spread = small[:: max(1, len(small) // MAX_FOUND)]
        primers = sorted(shipped_folder("primers").glob("*.mid"))
        self.contents = [path.read_bytes() for path in [*primers, *spread]]
        self.tracks = [track for content in self.contents for track in _tracks(content)]
        self.again = folder / "again.mid"

    def make(self, random: Random) -> bytes:
        """A file."""
        kind = random.random()
        if kind < 0.35:
            return damage_bytes(random.choice(self.contents), random, self.contents)
        made = [self._track(random, kind < 0.8) for _ in range(random.choice((1, 1, 1, 2, 2, 3, 17)))]
        content = _file(made, random)
        return damage_bytes(content, random) if random.random() < 0.2 else content

    def _track(self, random: Random, from_music: bool) -> Track:
        events = list(random.choice(self.tracks)) if from_music else _odd_track(random)
        begin = random.randrange(len(events) + 1)
        lengths = (400, MAX_EVENTS) if random.random() < 0.1 else (5, 20, 60, 200)
        events = events[begin : begin + random.choice(lengths)]
        for _ in range(random.choice((0, 1, 2, 5, 20))):
            _damage(events, random)
        return events

    def check(self, case: Path) -> None:
        """Read, look at, encode, decode, write and read again."""
        try:
            tracks = inspect_midi(case)
            performance = read_midi(case)
        except MusictxError as error:
            _check_sentence(str(error))
            return
        _check(performance)
        for track in tracks[1:2]:
            try:
                _check(read_midi(case, tracks=track.index, pedal_threshold=1))
            except MusictxError as error:
                _check_sentence(str(error))
        tokens = encode(performance)
        assert is_grammatical(tokens[:MAX_CHECKED], closed=len(tokens) <= MAX_CHECKED), (
            "events are grammatical"
        )
        assert np.array_equal(encode(decode(tokens)), tokens), "decoding and encoding gives the same events"
        write_midi(performance, self.again)
        again = read_midi(self.again)
        if _can_be_told_apart(performance.notes):
            assert len(again) == len(performance), "as many notes are read again as were written"

    def close(self) -> None:
        """Nothing was started."""


def _check(music: Performance) -> None:
    """What is true of all music."""
    notes, pedals, tempos = music.notes, music.pedals, music.tempos
    assert len(notes), "there are notes"
    assert np.isfinite(notes["onset"]).all() and np.isfinite(notes["offset"]).all(), "times are numbers"
    assert (notes["onset"] >= 0).all() and (notes["offset"] >= notes["onset"]).all(), (
        "notes end after they begin"
    )
    assert (np.diff(notes["onset"]) >= 0).all(), "notes are in order"
    assert (notes["onset"] <= DAY).all(), "no note begins after a day"
    assert (notes["pitch"] <= 127).all(), "pitches are MIDI's"
    assert ((notes["velocity"] >= 1) & (notes["velocity"] <= 127)).all(), "velocities are MIDI's"
    assert (pedals["offset"] >= pedals["onset"]).all() and (pedals["onset"] >= 0).all(), "pedals come up"
    assert (pedals["onset"][1:] >= pedals["offset"][:-1]).all(), "pedals do not overlap"
    assert (np.diff(tempos["time"]) >= 0).all() and (tempos["bpm"] > 0).all(), "tempos make sense"
    assert np.isfinite(tempos["bpm"]).all(), "tempos are numbers"
    for remark in music.remarks:
        _check_sentence(remark)


def _can_be_told_apart(notes: np.ndarray) -> bool:
    """Whether strikes of one pitch lie further apart than a file that is written can say."""
    notes = np.sort(notes, order=("pitch", "onset"))
    same = notes["pitch"][1:] == notes["pitch"][:-1]
    return not (same & (np.diff(notes["onset"]) < 0.001)).any()


def _check_sentence(said: str) -> None:
    assert said and "\n" not in said and len(said) < 1_000, f"a sentence: {said[:200]!r}"


def _tracks(content: bytes) -> list[Track]:
    """The tracks of a file as events."""
    import io

    return [
        [(message.time, bytes(message.bytes())) for message in list(track)[:MAX_EVENTS]]
        for track in mido.MidiFile(file=io.BytesIO(content), clip=True).tracks
        if len(track) > 3
    ]


def _odd_track(random: Random) -> Track:
    """Notes, pedals and oddities, from nothing."""
    events = []
    channels = random.choice(([0], [0, 9], range(16)))
    for _ in range(random.choice((3, 30, 300))):
        channel, pitch = random.choice(channels), random.choice((0, 60, 61, 127))
        message = random.choice(
            (
                bytes((0x90 | channel, pitch, random.choice((0, 1, 64, 127)))),
                bytes((0x80 | channel, pitch, 64)),
                bytes(
                    (0xB0 | channel, random.choice((64, 66, 120, 121, 123)), random.choice((0, 63, 64, 127)))
                ),
                random.choice(ODD_EVENTS),
            )
        )
        events.append((random.choice((0, 0, 1, 10, 100, 480)), message))
    return events


def _damage(events: Track, random: Random) -> None:
    """One change to a track."""
    at = random.randrange(len(events) + 1)
    length = random.choice((1, 2, 10, 100))
    change = random.randrange(8)
    if change == 0:
        events.insert(at, (random.choice(ODD_DELTAS), random.choice(ODD_EVENTS)))
    elif change == 1:
        del events[at : at + length]
    elif change == 2:
        events[at:at] = events[at : at + length] * random.choice((1, 2, 50))
    elif change == 3:
        part = events[at : at + length]
        random.shuffle(part)
        events[at : at + length] = part
    elif change == 4 and at < len(events):
        events[at] = random.choice(ODD_DELTAS), events[at][1]
    elif change == 5 and at < len(events):
        message = bytearray(events[at][1])
        message[random.randrange(len(message))] = random.choice(ODD_BYTES)
        events[at] = events[at][0], bytes(message)
    elif change == 6:  # no note ends any more
        events[at:] = [event for event in events[at:] if event[1][0] & 0xF0 != 0x80]
    elif change == 7:  # all on one channel
        channel = random.randrange(16)
        for k, (delta, message) in enumerate(events[at : at + length], at):
            if 0x80 <= message[0] < 0xF0:
                events[k] = delta, bytes((message[0] & 0xF0 | channel,)) + message[1:]


def _number(value: int, random: Random) -> bytes:
    """A number of variable length; rarely longer than it may be."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    if random.random() < 0.002:
        parts += [0x80] * random.choice((1, 2, 5))
    return bytes(reversed(parts))


def _file(tracks: list[Track], random: Random) -> bytes:
    """Tracks as a file, whose head and lengths may lie."""
    chunks = []
    for track in tracks:
        body = b"".join(_number(delta, random) + message for delta, message in track)
        if random.random() < 0.9:
            body += b"\x00\xff\x2f\x00"
        length = (
            len(body) if random.random() < 0.9 else random.choice((0, 1, len(body) // 2, 2**31, 2**32 - 1))
        )
        chunks.append(random.choice((b"MTrk",) * 20 + (b"MTrx", b"RIFF")) + length.to_bytes(4, "big") + body)
    usual = random.random() < 0.7
    kind = (0 if len(tracks) == 1 else 1) if usual else random.choice((0, 1, 2, 3, 65535))
    count = len(tracks) if random.random() < 0.9 else random.choice((0, 1, 65535))
    division = random.choice((480, 384, 220) if usual else ODD_DIVISIONS)
    head = b"MThd" + (6).to_bytes(4, "big")
    return head + b"".join(n.to_bytes(2, "big") for n in (kind, count, division)) + b"".join(chunks)
