"""Fixtures shared by all tests: small real MIDI files, and the shared data where it is present."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mido
import pytest
import shared
from hypothesis import settings
from promises import unshown
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

# The tests know what is in the environment of what they start: settings of whoever runs them go.
_SETTINGS = ("MUSICTX_VOTES", "XDG_DATA_HOME", "LOCALAPPDATA", "LOCAL_RANK", "WORLD_SIZE")
_PYTHON = ("PYTHONWARNINGS", "PYTHONDONTWRITEBYTECODE")
_TERMINALS = ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
for _name in list(os.environ):
    if (
        _name.startswith(("GRADIO_", "SPACE_", "OMP_", "MKL_", "TORCH_"))
        or _name in _SETTINGS + _PYTHON + _TERMINALS
    ):
        del os.environ[_name]
# The workers share the cores: PyTorch has one thread in each, and in what they start. It is not imported yet.
os.environ["OMP_NUM_THREADS"] = "1"

# The same examples in every run, and no failures because a machine is busy.
settings.register_profile("tests", derandomize=True, deadline=None)
settings.load_profile("tests")

MidiFileMaker = Callable[..., Path]


# These count notes that sound too late, and silences: they come last, and stay with one worker.
TIMED = (
    "tests/browser/test_listening.py::test_music_sounds_without_gaps",
    "tests/browser/test_listening.py::test_pausing_silences_everything",
    "tests/browser/test_rolls.py::test_a_selection_is_played_again",
)
# The longest come first, so that no worker is left alone with one at the end.
LONG = (
    "tests/training/test_machines.py",
    "tests/training/test_run.py",
    "tests/test_compiled.py",
    "tests/docs/test_tutorials.py",
    "tests/browser/test_page.py",
    "tests/browser/test_lanes.py",
    "tests/browser/test_keyboard.py",
)
# Tests of one worker, so that what they share, such as a server, is made once.
TOGETHER = (
    TIMED,
    ("tests/browser/test_api.py",),
    ("tests/browser/test_models.py",),
    (
        "tests/browser/test_places.py",
        "tests/browser/test_page.py::test_a_visitor_who_must_wait",
    ),
    ("tests/app/test_insight.py",),
    ("tests/export/test_hub.py",),
    ("tests/sampling/test_shaping.py",),
    ("tests/lab/bench/test_bench.py",),
    ("tests/test_install.py",),
)


class Shared(LoadScopeScheduling):
    """The workers share the tests, one by one; those of `TOGETHER` stay together.

    Every other worker begins with the tests in a browser, for which it starts a Chromium and servers of its
    own; they mostly wait, while the others compute.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((names[0] for names in TOGETHER if nodeid.startswith(names)), nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        browses = int(node.gateway.id.removeprefix("gw")) % 2 == 0
        suits = (scope for scope in self.workqueue if scope.startswith("tests/browser/") == browses)
        if suit := next(suits, None):
            self.workqueue.move_to_end(suit, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shared:
    config.option.loadscopereorder = False
    return Shared(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> tuple[bool, ...]:
        timed, browses, is_long = (item.nodeid.startswith(names) for names in (TIMED, "tests/browser/", LONG))
        return timed, browses, not is_long

    items.sort(key=place)
    if not config.getoption("slow"):
        left_out = [item for item in items if item.get_closest_marker("slow")]
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=left_out)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shared.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shared.end()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow", action="store_true", help="run those marked as slow too: more cases of what others show"
    )
    parser.addoption(
        "--both-ways", action="store_true", help="run each test of the page from a server and as a folder"
    )
    parser.addoption(
        "--promises", action="store_true", help="fail if a test that tests/PROMISES.md names was not run"
    )


OUTCOMES: dict[str, str] = {}  # of all tests, in the process that has the workers


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        OUTCOMES[report.nodeid] = report.outcome


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.getoption("--promises"):
        for name, outcome in unshown(OUTCOMES).items():
            terminalreporter.write_line(f"promise not shown, {outcome}: {name}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput") or not session.config.getoption("--promises"):
        return
    if "not run" in unshown(OUTCOMES).values() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the corpora as `data/corpora.py` lays them out; tests that need it are skipped without it."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MUSICTX_CORPORA", beside))
    if not folder.is_dir():
        pytest.skip("needs the corpora (data/README.md) in the folder that MUSICTX_CORPORA names")
    return folder


@pytest.fixture
def midi_file(tmp_path: Path) -> MidiFileMaker:
    """Make a real MIDI file: ``midi_file(track, track, …, type=1, division=480, name="test.mid")``.

    A track is a list of ``(tick, what, *values)`` with absolute ticks; those of one tick stay in order:
    ``on pitch [velocity [channel]]``, ``off pitch [channel]``, ``pedal value [channel]``,
    ``control number value [channel]``, ``program number [channel]``, ``tempo bpm``, ``name text``, ``end``.
    Without tempo, 960 ticks are a second.
    """

    def make(
        *tracks: Sequence[tuple[Any, ...]], type: int = 1, division: int = 480, name: str = "test.mid"
    ) -> Path:
        midi = mido.MidiFile(type=type, ticks_per_beat=division)
        for rows in tracks:
            track = mido.MidiTrack()
            now = 0
            for tick, what, *values in sorted(rows, key=lambda row: row[0]):
                message = _message(what, *values)
                message.time = tick - now
                now = tick
                track.append(message)
            midi.tracks.append(track)
        path = tmp_path / name
        midi.save(path)
        return path

    return make


def _message(what: str, first: Any = 0, second: int | None = None, channel: int = 0) -> Any:
    if what == "on":
        velocity = 64 if second is None else second
        return mido.Message("note_on", note=first, velocity=velocity, channel=channel)
    if what == "control":
        return mido.Message("control_change", control=first, value=second, channel=channel)
    channel = second or 0
    if what == "off":
        return mido.Message("note_off", note=first, channel=channel)
    if what == "pedal":
        return mido.Message("control_change", control=64, value=first, channel=channel)
    if what == "program":
        return mido.Message("program_change", program=first, channel=channel)
    if what == "tempo":
        return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(first))
    if what == "name":
        return mido.MetaMessage("track_name", name=first)
    return mido.MetaMessage("end_of_track")


@pytest.fixture
def raw_midi_file(tmp_path: Path) -> MidiFileMaker:
    """Make a file from hand-written track bytes: ``raw_midi_file(track, …, type=0, division=480)``."""

    def make(*tracks: bytes, type: int = 0, division: int = 480, name: str = "raw.mid") -> Path:
        head = b"MThd" + (6).to_bytes(4, "big")
        head += b"".join(number.to_bytes(2, "big") for number in (type, len(tracks), division))
        chunks = b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)
        path = tmp_path / name
        path.write_bytes(head + chunks)
        return path

    return make
