"""How fast the web demo feels: first note, first sound, lead over the playhead, answer in a duet, arcs.

Measured in a real Chromium on a real server, from the click as the browser dispatches it.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from musictx.errors import MusictxError
from musictx.lab.bench.common import machine
from musictx.lab.bench.duet import answers_of
from musictx.lab.bench.slowdown import check_slowdown, held

MODELS = ("vanilla", "relative", "rope")
HOW_TO_GET_CHROMIUM = (
    "no Chromium found: install Debian's package `chromium`, or run `playwright install chromium`, "
    "or name one in MUSICTX_CHROMIUM"
)
PASSAGE = 4.0  # seconds of a lane that are filled in
START_SECONDS = 120  # a server that has not answered by then has failed

# The probe is no part of the page, and would be refused by the page's policy.
VIEW: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "bypass_csp": True}
# Notes when the button was clicked, when each lane showed its first note, and when the output sounded.
PROBE = """
async () => {
  const { sound } = window.musictx;
  await window.musictx.ready;
  const source = `registerProcessor('probe', class extends AudioWorkletProcessor {
    process([input]) {
      let peak = 0;
      for (const channel of input) for (const x of channel) peak = Math.max(peak, Math.abs(x));
      if (peak > 1e-3) this.port.postMessage(currentTime);
      return true;
    }
  })`;
  sound.wake();
  const code = new Blob([source], { type: 'text/javascript' });
  await sound.context.audioWorklet.addModule(URL.createObjectURL(code));
  const node = new AudioWorkletNode(sound.context, 'probe');
  sound.output.connect(node);
  window.probe = { click: null, seen: {}, sound: null, sounds: null };
  node.port.onmessage = () => {
    const now = performance.now();
    window.probe.sound ??= now;
    window.probe.sounds?.push(now);
  };
  document.addEventListener('click', (event) => {
    if (!event.target.closest('[data-testid=continue]')) return;
    Object.assign(window.probe, { click: event.timeStamp, seen: {}, sound: null });
  }, true);
  for (const lane of document.querySelectorAll('.lane')) {
    new MutationObserver(() => {
      if (Number(lane.dataset.notes) > 0) window.probe.seen[lane.dataset.model] ??= performance.now();
    }).observe(lane, { attributes: true, attributeFilter: ['data-notes'] });
  }
}
"""

# When a note was tapped, and when each lane had drawn what its model listened to.
TAPS = """
() => {
  const begin = (event) => { window.tap = { at: event.timeStamp, drawn: {} }; };
  document.addEventListener('pointerup', begin, true);
  for (const lane of document.querySelectorAll('.lane')) {
    const words = lane.querySelector('.roll-words');
    const drawn = () => { window.tap.drawn[lane.dataset.model] = performance.now(); };
    new MutationObserver(() => {
      if (!words.hidden) requestAnimationFrame(drawn);
    }).observe(words, { attributes: true, attributeFilter: ['hidden'] });
  }
}
"""
PLACE = """
(share) => {
  const { transport, lanes } = window.musictx;
  const { element } = lanes.lane('relative').roll;
  element.scrollIntoView({ block: 'center' });
  const { notes, primerCount } = transport.scores.get('relative');
  const note = notes[primerCount + Math.floor(share * (notes.length - primerCount))];
  const { left, top, height } = lanes.lane('relative').roll.boxOf(note);
  const frame = element.getBoundingClientRect();
  return [frame.left + left + 1, frame.top + top + height / 2];
}
"""

# Counts the seconds without sound since the clock started.
SILENCE = """
() => {
  const { transport } = window.musictx;
  let last = performance.now();
  window.silence = 0;
  clearInterval(window.silenceTimer);
  window.silenceTimer = setInterval(() => {
    const now = performance.now();
    if (transport.state === 'waiting' && transport.statistics.waits) window.silence += (now - last) / 1000;
    last = now;
  }, 50);
}
"""


def find_chromium() -> str | None:
    """Path of a Chromium: ``MUSICTX_CHROMIUM``, or one on the path; None leaves it to playwright."""
    named = os.environ.get("MUSICTX_CHROMIUM")
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return named or next((path for path in found if path), None)


@contextmanager
def open_chromium(*flags: str) -> Iterator[Any]:
    """A headless Chromium, driven by playwright, with more flags if they are given.

    Raises
    ------
    MusictxError
        If playwright or a Chromium is missing; the message says how to get one.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise MusictxError("the browser is driven by playwright: pip install playwright") from None
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(flags))
        except Error as error:
            raise MusictxError(f"{HOW_TO_GET_CHROMIUM} ({error.message.splitlines()[0]})") from None
        try:
            yield browser
        finally:
            browser.close()


def bench_app(
    *, seconds: float = 60.0, repetitions: int = 5, address: str | None = None, slowdown: float = 1.0
) -> dict[str, Any]:
    """Measure the demo with its three shipped models.

    Parameters
    ----------
    seconds : float
        Length of the continuation that is listened to for the leads (2 to 180).
    repetitions : int
        Short runs from which the latencies' medians come.
    address : str, optional
        A demo that runs already; without it one is started, and ended afterwards.
    slowdown : float
        How many times slower the server that is started here is to be, to be listened to once more (1 to 20).

    Returns
    -------
    dict
        ``click_to_first_note_seen``: seconds until the first lane (``any``) and each lane shows a note.
        ``click_to_first_sound``: seconds until the output sounds, with the primer's last two seconds
        played first as by default; ``click_to_first_sound_of_the_continuation``: without them.
        ``pause_to_first_sound``: in a duet, for each model, from the end of the pause. Each as
        ``median`` and ``worst``. ``smallest_lead``: for each lane, the least seconds of music known
        ahead of the playhead while the lane was being made; ``waits``, ``seconds_waited`` and
        ``late_notes``: how often and how long the sound had to wait for a lane once it had begun, and how
        many notes came late; ``music_per_second``: seconds of music that each lane made in a second. All of
        these once more as ``slowed``, if there is a slowdown. ``click_to_takes``: seconds until the takes of
        a passage of four seconds that is filled in are there, for each model. ``tap_to_arcs``: seconds from a
        tap on a note until all lanes show what their models listened to, for the ``first`` one, for which the
        server has to read the take, and for those after it.

    Raises
    ------
    MusictxError
        If there is no Chromium or the demo does not start.
    """
    if not 2 <= seconds <= 180:
        raise MusictxError(f"seconds is {seconds:g}; the demo continues for 2 to 180 seconds")
    if repetitions < 1:
        raise MusictxError(f"repetitions is {repetitions}; at least 1 is needed")
    check_slowdown(slowdown)
    if slowdown > 1 and address is not None:
        raise MusictxError("only a demo that is started here can be slowed down")
    from playwright.sync_api import Error

    facts = machine()
    with open_chromium() as browser, running_demo(address) as (url, process):
        page = browser.new_page(**VIEW)
        try:
            page.goto(url)
            page.wait_for_selector(".mtx[data-ready=true]", timeout=60_000)
        except Error as error:
            raise MusictxError(f"no demo answers at {url} ({error.message.splitlines()[0]})") from error
        page.evaluate(PROBE)
        default = [latencies(page, lead_in=2.0, seed=1 + k) for k in range(repetitions)]
        alone = [latencies(page, lead_in=0.0, seed=1 + k) for k in range(repetitions)]
        listened = leads_of(page, seconds)
        if slowdown > 1 and process is not None:
            with held([process], slowdown):
                listened["slowed"] = {"times": slowdown, **leads_of(page, seconds)}
        taps = _taps(page, repetitions)
        fills = fills_of(page, repetitions)
        answers = answers_of(page, MODELS, repetitions)
        version = browser.version
    return {
        "machine": facts,
        "chromium": version,
        "seconds": seconds,
        "click_to_first_note_seen": {
            lane: summary([each["seen"][lane] for each in default]) for lane in ("any", *MODELS)
        },
        "click_to_first_sound": summary([each["sound"] for each in default]),
        "click_to_first_sound_of_the_continuation": summary([each["sound"] for each in alone]),
        "pause_to_first_sound": {model: summary(passed) for model, passed in answers.items()},
        **listened,
        "click_to_takes": {model: summary(passed) for model, passed in fills.items()},
        "tap_to_arcs": {"first": round(taps[0], 3), **summary(taps[1:])},
    }


@contextmanager
def running_demo(address: str | None) -> Iterator[tuple[str, int | None]]:
    """Address of a running demo, with a slash at its end, and its process if it was started here."""
    if address is not None:
        yield address.rstrip("/") + "/", None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "musictx", "app", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
        try:
            url = f"http://127.0.0.1:{port}/"
            _wait_for(url, server)
            yield url, server.pid
        finally:
            server.terminate()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}musictx/alive", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    server.kill()
    said = server.stderr.read().decode(errors="replace").strip() if server.stderr else ""
    raise MusictxError(f"the demo did not start: {said.splitlines()[-1] if said else 'it said nothing'}")


def press_continue(page: Any, **settings: float) -> None:
    """Put in settings, and let the models play."""
    for name, value in settings.items():
        page.locator(f"[name={name}]").evaluate("(field, value) => { field.value = value }", value)
    page.get_by_test_id("continue").click()


def wait_done(page: Any, seconds: float) -> None:
    """Wait until every lane has played so many seconds of music, slowly if need be."""
    page.wait_for_function(
        "[...document.querySelectorAll('.lane')].every((lane) => /done|error/.test(lane.dataset.state))",
        timeout=(60 + 20 * seconds) * 1000,
    )
    errors = [text for text in page.locator(".lane-error").all_inner_texts() if text]
    if errors:
        raise MusictxError(f"a lane of the demo failed: {errors[0]}")


def latencies(page: Any, *, lead_in: float, seed: int) -> dict[str, Any]:
    """Seconds from the click to what is seen and heard, in one short run."""
    seconds = 4
    press_continue(page, seconds=seconds, seed=seed, lead_in=lead_in)
    page.wait_for_function("window.probe.sound !== null", timeout=60_000)
    wait_done(page, seconds)
    probe = page.evaluate("window.probe")
    if page.evaluate("window.musictx.transport.state") != "stopped":
        page.get_by_test_id("play").click()
    page.wait_for_function("window.musictx.transport.state === 'stopped'")
    seen = {lane: (probe["seen"][lane] - probe["click"]) / 1000 for lane in MODELS if lane in probe["seen"]}
    if len(seen) < len(MODELS):
        raise MusictxError("a model fell silent in the measurement; try another build of the models")
    return {"seen": {"any": min(seen.values()), **seen}, "sound": (probe["sound"] - probe["click"]) / 1000}


def leads_of(page: Any, seconds: float) -> dict[str, Any]:
    """Listen to one whole run: least lead of each lane, waits, late notes."""
    page.evaluate(SILENCE)
    press_continue(page, seconds=seconds, seed=1, lead_in=2.0)
    page.wait_for_function("window.musictx.transport.state === 'playing'", timeout=60_000)
    wait_done(page, seconds)
    page.wait_for_function("window.musictx.transport.state === 'stopped'", timeout=(60 + 20 * seconds) * 1000)
    heard = page.evaluate("window.musictx.transport.statistics")
    speeds = page.evaluate(
        "Object.fromEntries(Object.entries(window.musictx.take.messages)"
        ".map(([lane, message]) => [lane, message.music_per_second]))"
    )
    leads = heard["leads"]  # none for a lane that was finished before the sound began
    return {
        "smallest_lead": {lane: round(leads[lane], 3) if lane in leads else None for lane in MODELS},
        "waits": heard["waits"],
        "seconds_waited": round(page.evaluate("window.silence"), 1),
        "late_notes": heard["late"],
        "music_per_second": speeds,
    }


def fills_of(page: Any, repetitions: int) -> dict[str, list[float]]:
    """Seconds from the click until the takes of a passage that a model fills in are there."""
    seconds = 3 * PASSAGE
    press_continue(page, seconds=seconds, seed=1, lead_in=0.0)
    wait_done(page, seconds)
    if page.evaluate("window.musictx.transport.state") != "stopped":
        page.get_by_test_id("play").click()
    start = page.evaluate("window.musictx.take.length") / 1000 + PASSAGE / 2
    page.get_by_test_id("loop").click()
    for edge, moment in (("to", start + PASSAGE), ("from", start), ("to", start + PASSAGE)):
        page.get_by_test_id(f"fill-{edge}").fill(f"{moment:.2f}")
        page.get_by_test_id(f"fill-{edge}").press("Enter")
    passed: dict[str, list[float]] = {model: [] for model in MODELS}
    for model in [model for _ in range(repetitions) for model in MODELS]:
        begun = time.monotonic()
        page.get_by_test_id(f"fill-{model}").click()
        page.wait_for_selector("[data-testid=fill-keep]:visible", timeout=120_000)
        passed[model].append(time.monotonic() - begun)
        page.get_by_test_id("fill-undo").click()
    page.get_by_test_id("loop").click()
    return passed


def _taps(page: Any, repetitions: int) -> list[float]:
    """Seconds from a tap on a note to arcs in all lanes, once the models have played; the first one first."""
    page.evaluate(TAPS)
    found = []
    for k in range(repetitions + 1):
        page.mouse.click(*page.evaluate(PLACE, (k + 0.5) / (repetitions + 1)))
        page.wait_for_function(
            "(count) => Object.keys(window.tap?.drawn ?? {}).length === count",
            arg=len(MODELS),
            timeout=60_000,
        )
        found.append(page.evaluate("(Math.max(...Object.values(window.tap.drawn)) - window.tap.at) / 1000"))
        page.keyboard.press("Escape")
    return found


def summary(values: list[float]) -> dict[str, float]:
    """What a figure is reported as."""
    return {"median": round(statistics.median(values), 3), "worst": round(max(values), 3)}
