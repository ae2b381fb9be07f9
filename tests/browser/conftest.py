"""A real Chromium on a real server with real models; one of each for the whole run."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from shared import once

from musictx.app.presets import presets
from musictx.errors import MusictxError
from musictx.lab.bench.app import open_chromium
from musictx.lab.votes.book import read_rows

MODELS = ("vanilla", "relative", "rope")
FIRST = presets()[0]  # the card that is chosen on arrival
# ms for anything that a page does, while the visitors of all workers wait for each other. How fast a page is,
# `musictx bench app` measures.
PATIENCE = 240_000
StartSite = Callable[[Sequence[str]], "Place"]
OTHER_NAME = "musictx.test"  # leads here, but to the browser it is no page of this computer
NO_NETWORK = f"--host-resolver-rules=MAP {OTHER_NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(open_chromium(NO_NETWORK))
        except MusictxError as error:
            if os.environ.get("CI"):
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield browser


def small_model(
    folder: Path, card: dict[str, Any] | None = None, *, endless: bool = False, **config: Any
) -> str:
    """A quick model, untrained, with a training length that its music soon passes. Returns its folder."""
    import torch

    from musictx.checkpoint import save_model
    from musictx.events import END
    from musictx.model import ModelConfig, MusicTransformer

    torch.manual_seed(len(folder.name))
    small = {"layers": 1, "width": 32, "heads": 2, "context_length": 96, "position": "relative", **config}
    model = MusicTransformer(ModelConfig(**small))
    weight = torch.nn.init.normal_(model.head.weight, std=0.3)  # not all events alike, as they are at first
    if endless:  # the end of the piece is the unlikeliest of all, whatever was played
        with torch.no_grad():
            weight -= weight.mean(1, keepdim=True)
            weight[END], model.norm.bias[:] = -1, 1
    save_model(model, folder, card)
    return str(folder)


@pytest.fixture(scope="session")
def model_folders() -> dict[str, str]:
    """The shipped models; small untrained ones where a clone has none yet."""
    from musictx.checkpoint import list_models
    from musictx.shipped import shipped_folder

    def make(folder: Path) -> dict[str, str]:
        shipped = list_models()
        return {
            name: str(shipped_folder("checkpoints") / name)
            if name in shipped
            else small_model(folder / name, position=name, layers=2, width=64, context_length=1024)
            for name in MODELS
        }

    return once("models", make)


@pytest.fixture(scope="session")
def as_shipped(model_folders: dict[str, str]) -> list[str] | None:
    """The models of a page for which none are named; small ones where a clone has none yet."""
    from musictx.checkpoint import list_models
    from musictx.shipped import SHIPPED_MODELS

    return None if {*SHIPPED_MODELS} <= {*list_models()} else list(model_folders.values())


@dataclass
class Place:
    """Where a page comes from."""

    address: str
    process: subprocess.Popen[bytes] | None  # None: shared with other workers
    fresh: Place | None = None  # where a profile that was never here finds the same page; here, if None


@dataclass
class Server(Place):
    """One running demo."""

    votes: Path = field(kw_only=True)
    outside: Path = field(kw_only=True)
    log: Path = field(kw_only=True)


@pytest.fixture(scope="session")
def start_server(
    model_folders: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    """Start a demo with options of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def start(visitors: int = 3, at: Server | None = None, models: Sequence[str] = ()) -> Server:
        port = int(urlsplit(at.address).port or 0) if at else free_port()
        folder = tmp_path_factory.mktemp("server")
        process = start_demo(folder, port, models or list(model_folders.values()), visitors)
        started.append(process)
        return demo_in(folder, port, process)

    yield start
    end(started)


def start_demo(
    folder: Path, port: int, models: Sequence[str] | None, visitors: int
) -> subprocess.Popen[bytes]:
    """Start a demo that keeps all that it writes in a folder, and wait until it answers."""
    files = demo_in(folder, port)
    options = {"port": port, "models": models, "votes": str(files.votes), "visitors": visitors}
    serve = str(Path(__file__).with_name("serve.py"))
    command = [sys.executable, serve, str(files.outside), json.dumps(options)]
    environment = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
    with files.log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    if not answers(process, f"{files.address}musictx/alive"):
        pytest.fail(f"the demo did not start:\n{files.log.read_text()[-2000:]}")
    return process


def demo_in(folder: Path, port: int, process: subprocess.Popen[bytes] | None = None) -> Server:
    votes, outside, log = folder / "votes.sqlite", folder / "outside", folder / "log"
    return Server(f"http://127.0.0.1:{port}/", process, votes=votes, outside=outside, log=log)


def shared_demo(name: str, models: Sequence[str] | None) -> Server:
    """One demo for the visitors of all workers."""

    def make(folder: Path) -> dict[str, Any]:
        port = free_port()
        process = start_demo(folder, port, models, visitors=8)
        return {"folder": str(folder), "port": port, "pid": process.pid}

    made = once(name, make)
    return demo_in(Path(made["folder"]), made["port"])


def stop(place: Place) -> None:
    """Be gone, as a server is that was killed."""
    assert place.process, "other workers need it"
    place.process.kill()
    place.process.wait(timeout=20)


def end(started: Sequence[subprocess.Popen[bytes]]) -> None:
    """All at once: each takes its time."""
    for process in started:
        process.terminate()
    for process in started:
        process.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(process: subprocess.Popen[bytes], address: str) -> bool:
    """Wait until a file is served; false if there will be none."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


@pytest.fixture(scope="session")
def server(as_shipped: list[str] | None) -> Server:
    return shared_demo("demo", as_shipped)


@pytest.fixture(scope="module")
def page(chromium: Any, endless_server: Server) -> Iterator[Any]:
    """A page from which the modules can be imported; the studio itself is not needed."""
    opened = chromium.new_page()
    opened.goto(f"{endless_server.address}musictx/static/icon.svg")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def endless_models() -> list[str]:
    """Untrained models under the usual names: quick, and they play for as long as they are asked to."""

    def make(folder: Path) -> dict[str, str]:
        options: dict[str, Any] = {"endless": True, "context_length": 512}
        return {name: small_model(folder / name, position=name, **options) for name in MODELS}

    return list(once("endless-models", make).values())


@pytest.fixture(scope="session")
def endless_server(endless_models: list[str]) -> Server:
    return shared_demo("endless-demo", endless_models)


@pytest.fixture(scope="session")
def start_site() -> Iterator[StartSite]:
    """Serve the page with some models as a folder of files, below a path, by Python's own web server."""
    started: list[subprocess.Popen[bytes]] = []

    def start(models: Sequence[str]) -> Place:
        address, process = serve_files(site_with(models))
        started.append(process)
        return Place(address, process)

    yield start
    end(started)


def site_with(models: Sequence[str] | None) -> Path:
    """A folder that has the page with these models below a path; written once."""
    from musictx.app.site import write_site

    def make(folder: Path) -> dict[str, str]:
        write_site(folder / "music", models, told=lambda _: None)
        return {"folder": str(folder)}

    return Path(once(f"site-{zlib.crc32(str(models).encode())}", make)["folder"])


def serve_files(folder: Path) -> tuple[str, subprocess.Popen[bytes]]:
    """The page's address, and the process that serves it."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "-d", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/music/"
    assert answers(process, f"{address}index.html")
    return address, process


def shared_site(name: str, models: Sequence[str] | None) -> Place:
    """One server of a site for all workers."""
    folder = site_with(models)

    def make(_: Path) -> dict[str, Any]:
        address, process = serve_files(folder)
        return {"address": address, "pid": process.pid}

    return Place(once(name, make)["address"], None)


@pytest.fixture(scope="session")
def endless_site(endless_models: list[str]) -> Place:
    return shared_site("endless-site", endless_models)


@pytest.fixture(scope="session")
def shipped_site(as_shipped: list[str] | None) -> Place:
    return shared_site("shipped-site", as_shipped)


@pytest.fixture(scope="session")
def offline_site(
    start_site: StartSite, endless_models: list[str], endless_site: Place, usual_context: Any
) -> Place:
    """A site that the usual profile has played once; its server is gone."""
    place = start_site(endless_models)
    place.fresh = endless_site
    studio = Studio(usual_context.new_page(), place.address).open()
    studio.run(seconds=2)
    studio.wait_done()  # each lane has kept its model
    studio.page.wait_for_function("() => navigator.serviceWorker.ready.then((kept) => Boolean(kept.active))")
    studio.page.close()
    stop(place)
    return place


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of the page run either way, about half of them each; with --both-ways, all run both ways."""
    if "way" in metafunc.fixturenames:
        ways = ["server", "site"]
        if not metafunc.config.getoption("both_ways"):
            ways = [ways[zlib.crc32(metafunc.definition.name.encode()) % 2]]
        metafunc.parametrize("way", ways)


@pytest.fixture
def place(way: str, request: pytest.FixtureRequest) -> Place:
    """The page: from a server, or as a folder of files once loaded, whose server is gone.

    A test that names a server instead needs one: for arcs, surprise, its endpoints, its line of visitors.
    """
    place: Place = request.getfixturevalue("endless_server" if way == "server" else "offline_site")
    return place


@pytest.fixture
def unhurried(way: str, request: pytest.FixtureRequest) -> Place:
    """The page, either way, with the shipped models: a long run takes so long that it can be interrupted."""
    place: Place = request.getfixturevalue("server" if way == "server" else "shipped_site")
    return place


@pytest.fixture(scope="session")
def small_server(start_server: Callable[..., Server]) -> Server:
    """One visitor's models play at a time."""
    return start_server(visitors=1)


@dataclass
class Studio:
    """A page of the demo, and what went wrong in it."""

    page: Any
    address: str
    console: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    loses_server: bool = False  # then the browser itself reports refused connections
    leaves_runs: bool = False  # otherwise than by opening the page again

    def open(self, hash: str = "") -> Studio:
        before = len(self.console)
        self.page.goto(self.address + hash)
        self.page.wait_for_selector(".mtx[data-ready=true]")
        self.console[before:] = without_farewell(self.console[before:])
        return self

    def modules(self) -> list[str]:
        """Lines of a head for the modules that the page has, one each, as `preloads` writes them."""
        names = self.page.evaluate(
            """performance.getEntriesByType("resource")
                .map((entry) => entry.name.split("/musictx/static/")[1])
                .filter((path) => path?.endsWith(".js"))"""
        )
        return [f'<link rel="modulepreload" href="musictx/static/{path}">' for path in sorted(set(names))]

    def complaints(self) -> list[str]:
        """What the console must not say."""
        if self.loses_server:
            return []
        return without_farewell(self.console) if self.leaves_runs else self.console

    def get(self, testid: str) -> Any:
        return self.page.get_by_test_id(testid)

    def notice(self) -> Any:
        return self.get("notice")

    def lane(self, model: str) -> Any:
        return self.get(f"lane-{model}")

    def run(self, seconds: float = 5, seed: int = 3, **settings: float) -> None:
        """Press Continue and go on once every lane has said something."""
        self.get("seconds").fill(str(seconds))
        self.get("seed").fill(str(seed))
        for name, value in settings.items():
            self.page.locator(f"[name={name}]").evaluate("(field, value) => { field.value = value }", value)
        self.get("continue").click()

    def wait_done(self, models: tuple[str, ...] = MODELS) -> None:
        for model in models:
            self.page.wait_for_selector(f"[data-testid=lane-{model}][data-state=done]")

    def wait_notes(self, model: str = "relative", count: int = 1) -> None:
        self.page.wait_for_function(
            """([model, count]) =>
                Number(document.querySelector(`[data-testid=lane-${model}]`).dataset.notes) >= count""",
            arg=[model, count],
        )

    def rewind(self) -> None:
        """Pause at the primer's beginning."""
        self.page.evaluate(
            "() => { const { transport } = window.musictx; transport.pause(); transport.seek(0) }"
        )

    def hear_all(self) -> None:
        """Listen to what stands in each lane, for as long as it takes until there may be a vote."""
        for letter in "abcde"[: len(self.order())]:
            self.hear(letter)

    def hear(self, letter: str) -> None:
        """Listen to one lane of a blind test."""
        cut = "[...window.musictx.transport.scores.values()][0].length"
        self.page.keyboard.press(str("abcde".index(letter) + 1))
        self.get("position").fill(str(self.page.evaluate(cut)))
        if self.page.evaluate("window.musictx.transport.state") == "stopped":
            self.get("play").click()
        self.page.wait_for_function(
            "(letter) => document.querySelector(`[data-testid=vote-${letter}]`)"
            ".style.getPropertyValue('--heard') === '100%'",
            arg=letter,
        )

    def rows(self, model: str) -> list[list[int]]:
        """Everything in a lane: [onset ms, offset ms, pitch, velocity]."""
        rows: list[list[int]] = self.page.evaluate(
            "(model) => window.musictx.transport.scores.get(model).rows()", model
        )
        return rows

    def order(self) -> list[str]:
        """The models in the order of the page."""
        order: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('.lane')].map((lane) => lane.dataset.model)"
        )
        return order

    def position(self) -> float:
        return float(self.page.evaluate("window.musictx.transport.position"))


def voted(studio: Studio, place: Place, vote: Callable[[], None]) -> dict[str, Any]:
    """Vote, and wait until that is kept: what was kept."""
    before = len(kept_votes(studio, place))
    vote()
    deadline = time.monotonic() + PATIENCE / 1000
    while len(found := kept_votes(studio, place)) == before:
        assert time.monotonic() < deadline, "the vote was not kept"
        studio.page.wait_for_timeout(20)
    studio.get("reveal").wait_for()
    return found[-1]


def kept_votes(studio: Studio, place: Place) -> list[dict[str, Any]]:
    """All votes of the visitor so far: of a server's file, or of a browser that has no server."""
    if not isinstance(place, Server):
        kept: list[dict[str, Any]] = studio.page.evaluate(
            "JSON.parse(localStorage.getItem('musictx.votes')) ?? []"
        )
        return kept
    visitor = studio.page.evaluate("localStorage.getItem('musictx.visitor')")
    return [row for row in read_rows(place.votes) if json.dumps(row["visitor"]) == visitor]


def without_farewell(console: list[str]) -> list[str]:
    """A page is left in mid-run: Gradio says farewell to its connections in the console."""
    return [line for line in console if not re.search("AbortError|Connection errored out", line)]


def new_context(chromium: Any, **options: Any) -> Any:
    """A browser's profile of its own."""
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(PATIENCE)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return context


@pytest.fixture(scope="session")
def usual_context(chromium: Any) -> Iterator[Any]:
    """The profile of pages that ask for nothing special: sharing its cache, they open in half the time."""
    context = new_context(chromium)
    yield context
    context.close()


@pytest.fixture
def open_studio(chromium: Any, usual_context: Any) -> Iterator[Callable[..., Studio]]:
    """Open pages, each of a visitor of their own. At the end every console must be empty."""
    opened: list[Studio] = []

    def open_one(
        place: Place,
        *,
        start: bool = True,
        script: str | None = None,
        context: Any = None,
        **options: Any,
    ) -> Studio:
        context = context or (new_context(chromium, **options) if options else usual_context)
        page = context.new_page()
        studio = Studio(page, (place if context is usual_context else place.fresh or place).address)
        opened.append(studio)
        page.on("console", lambda message: studio.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: studio.console.append(f"error: {error}"))

        def note_outside(sent: Any) -> None:
            if not sent.url.startswith((studio.address, "blob:", "data:", "about:")):
                studio.outside.append(sent.url)

        page.on("request", note_outside)
        if script:
            page.add_init_script(script)
        return studio.open() if start else studio

    yield open_one
    for studio in opened:
        if studio.page.context is not usual_context:
            studio.page.context.close()
        elif not studio.page.is_closed():
            studio.page.evaluate("localStorage.clear()")
            studio.page.close()
    for studio in opened:
        assert studio.complaints() == [], "\n".join(studio.console)
        assert studio.outside == []
