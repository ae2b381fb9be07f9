"""How fast the page is without a program behind it: a folder of files, and models that play in the browser.

Measured in a real Chromium on a folder that `musictx site` wrote. The slow line is the server's: the
browser's own tools slow down each worker by itself, so that three models would come over three lines.
"""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from musictx.errors import MusictxError
from musictx.lab.bench.app import MODELS, PROBE, VIEW, fills_of, latencies, leads_of, open_chromium, summary
from musictx.lab.bench.common import machine
from musictx.lab.bench.slowdown import check_slowdown, held

LINE = 20.0  # Mbit/s, of the slow line
PIECE = 30.0  # seconds of music by which speeds are measured

# What the page asks of its lanes, kept to be asked again.
LISTEN = """
() => {
  const { player } = window.musictx;
  const start = player.start.bind(player);
  window.asked = {};
  player.start = (lane, request, on) => {
    window.asked[lane] = request;
    start(lane, request, on);
  };
}
"""

# Lets lanes play at the same time, with nothing drawn or heard; answers each one's last message.
PLAY = """
([lanes, seconds]) => Promise.all(lanes.map((lane) => new Promise((done, fail) => {
  const { settings, ...request } = window.asked[lane];
  window.musictx.player.start(lane, { ...request, settings: { ...settings, seconds } }, (message) => {
    if (message.state === "done") done(message);
    if (message.state === "error") fail(new Error(message.error));
  });
})))
"""


def bench_site(*, seconds: float = 60.0, repetitions: int = 5, slowdown: float = 1.0) -> dict[str, Any]:
    """Measure the page as a folder of files, with the three shipped models.

    Parameters
    ----------
    seconds : float
        Length of the continuation that is listened to (2 to 180).
    repetitions : int
        Short runs from which the medians come.
    slowdown : float
        How many times slower the computer is to be on which the same is listened to once more (1 to 20).

    Returns
    -------
    dict
        ``click_to_first_note_seen``: seconds, for the first lane (``any``) and each lane, with the models
        there. ``times_real_time`` and ``tokens_per_second``: of each lane ``alone`` and of all lanes
        ``at_once``, the time for the primer included. ``smallest_lead``, ``waits``, ``seconds_waited`` and
        ``late_notes``: as `musictx.lab.bench.app.bench_app` has them, and once more as ``slowed``, if there
        is a slowdown. ``click_to_takes``: as there. ``cold``: with nothing kept, over a line of ``megabits``
        Mbit/s, seconds until the page can be used (``ready``), and from then with Continue pressed at once
        until the first note (``click_to_first_note``); ``load_to_first_note`` is their sum, and
        ``load_to_continuation`` the time until a note of it can be heard, after the primer's last two
        seconds. ``megabytes`` is the size of the folder.

    Raises
    ------
    MusictxError
        If there is no Chromium, or a lane fails.
    """
    if not 2 <= seconds <= 180:
        raise MusictxError(f"seconds is {seconds:g}; the page continues for 2 to 180 seconds")
    if repetitions < 1:
        raise MusictxError(f"repetitions is {repetitions}; at least 1 is needed")
    check_slowdown(slowdown)
    facts = machine()
    with open_chromium() as browser, written_site() as (folder, size), serve_files(folder, Files) as url:
        with serve_files(folder, SlowFiles) as slow:
            cold = [_cold(browser, slow) for _ in range(repetitions)]
        page = browser.new_page(**VIEW)
        page.goto(url)
        page.wait_for_selector(".mtx[data-ready=true]", timeout=60_000)
        page.evaluate(PROBE)
        page.evaluate(LISTEN)
        latencies(page, lead_in=2.0, seed=1)  # brings the models
        seen = [latencies(page, lead_in=2.0, seed=2 + k)["seen"] for k in range(repetitions)]
        alone = {lane: _speeds(page, [lane])[lane] for lane in MODELS}
        at_once = _speeds(page, MODELS)
        listened = leads_of(page, seconds)
        fills = fills_of(page, repetitions)
        if slowdown > 1:
            with slowed(browser, slowdown):
                listened["slowed"] = {"times": slowdown, **leads_of(page, seconds)}
        version = browser.version
    speeds = {"alone": alone, "at_once": at_once}
    return {
        "machine": facts,
        "chromium": version,
        "megabytes": round(size / 1e6, 1),
        "click_to_first_note_seen": {
            lane: summary([each[lane] for each in seen]) for lane in ("any", *MODELS)
        },
        "times_real_time": _each(speeds, "music_per_second"),
        "tokens_per_second": _each(speeds, "tokens_per_second"),
        "seconds": seconds,
        **listened,
        "click_to_takes": {model: summary(passed) for model, passed in fills.items()},
        "cold": {"megabits": LINE, **{what: summary([each[what] for each in cold]) for what in cold[0]}},
    }


@contextmanager
def written_site() -> Iterator[tuple[Path, int]]:
    """A folder as `musictx site` writes it, and its size in bytes."""
    from musictx.app.site import write_site

    with tempfile.TemporaryDirectory(prefix="musictx-") as folder:
        sizes = write_site(Path(folder) / "site", told=lambda _: None)
        yield Path(folder) / "site", sum(sizes.values())


class Files(SimpleHTTPRequestHandler):
    """Python's own server of files, at the end of a line that all visits share."""

    rate = math.inf  # bytes a second
    _line = threading.Lock()
    _free = 0.0  # when the line has done what it was given

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a file in packets, one after the other over all connections."""
        while packet := source.read(2**14):
            with self._line:
                type(self)._free = max(time.monotonic(), self._free) + len(packet) / self.rate
                sent = self._free
            time.sleep(max(0.0, sent - time.monotonic()))
            try:
                outputfile.write(packet)
            except ConnectionError:  # a page that was left wants no more
                return


class SlowFiles(Files):
    """The same over the slow line."""

    rate = LINE * 1e6 / 8


@contextmanager
def serve_files(folder: Path, handler: type[Files] = Files) -> Iterator[str]:
    """The address of a folder's files, while they are served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@contextmanager
def slowed(browser: Any, times: float) -> Iterator[None]:
    """Hold the pages' processes again and again, so that they run on a slower computer, as it were.

    The browser's own tools slow a page down, but not its workers, in which the models play.
    """
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    with held([process["id"] for process in processes if process["type"] == "renderer"], times):
        yield


def _speeds(page: Any, lanes: Any) -> dict[str, dict[str, float]]:
    """How fast lanes play that play at the same time."""
    return dict(zip(lanes, page.evaluate(PLAY, [list(lanes), PIECE]), strict=True))


def _each(speeds: dict[str, dict[str, Any]], what: str) -> dict[str, dict[str, float]]:
    return {
        condition: {lane: said[what] for lane, said in lanes.items()} for condition, lanes in speeds.items()
    }


def _cold(browser: Any, url: str) -> dict[str, float]:
    """A visitor's first time, over a slow line."""
    with browser.new_context(**VIEW) as context:
        page = context.new_page()
        begun = time.monotonic()
        page.goto(url, wait_until="commit")
        page.wait_for_selector(".mtx[data-ready=true]", timeout=60_000)
        ready = time.monotonic()
        page.get_by_test_id("continue").click()
        page.wait_for_function(
            "[...document.querySelectorAll('.lane')].some((lane) => Number(lane.dataset.notes) > 0)",
            timeout=120_000,
        )
        seen = time.monotonic()
        page.wait_for_function(
            "({ transport }) => transport.position > transport.scores.get(transport.heard).length",
            arg=page.evaluate_handle("window.musictx"),
            timeout=120_000,
        )
        sounds = time.monotonic()
    return {
        "ready": ready - begun,
        "click_to_first_note": seen - ready,
        "load_to_first_note": seen - begun,
        "load_to_continuation": sounds - begun,
    }
