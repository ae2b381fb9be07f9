"""How many visitors one server of the web demo bears: what their pages hear, and how long they wait.

Each visitor speaks Gradio's protocol as the page does, three lanes at a time, and has a playhead that goes on
and waits by the rules of the page (``app/static/sound/transport.js``).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musictx.app.lead import HOLD, PACE_SECONDS, lead_needed
from musictx.errors import MusictxError
from musictx.lab.bench.app import running_demo
from musictx.lab.bench.common import machine
from musictx.midi import read_midi
from musictx.shipped import shipped_primer

PRIMER, PRIMER_SECONDS = "chopin-black-keys", 8.0
LEAD_IN = 2.0  # seconds of the primer that are played first
TICK = 0.06  # seconds between two looks at the playhead
PATIENCE = 1200.0  # seconds after which a visitor gives up


@dataclass
class Listener:
    """One page's playhead: how far the music is known, where it is, and how often it had to wait.

    Parameters
    ----------
    lanes : tuple of str
    at : float
        Where the music begins (s).
    end : float
        Where it will end (s).
    """

    lanes: tuple[str, ...]
    at: float
    end: float = 0.0
    pace: float | None = None  # seconds of music made in a second, once it is known
    first: tuple[float, float] | None = None  # when and up to where the music was known at first
    known: dict[str, float] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    waits: int = 0
    waited: float = 0.0
    since: float | None = None  # when it began to play; None: it waits
    stopped: float | None = None  # when it began to wait, once it has played

    @property
    def frontier(self) -> float:
        """Up to here every lane is known (s)."""
        return min((self.known.get(x, 0.0) for x in self.lanes if x not in self.done), default=float("inf"))

    def tick(self, now: float) -> None:
        """Let the playhead go on until `now` (s)."""
        if self.frontier < float("inf"):
            self.first = self.first or (now, self.frontier)
            watched, made = now - self.first[0], self.frontier - self.first[1]
            if watched >= PACE_SECONDS and made > 0:
                self.pace = made / watched
        if self.since is None:
            rest = max(self.end - self.at, 0.0)
            if self.frontier - self.at >= lead_needed(self.waits, rest, self.pace):
                self.since = now
                if self.stopped is not None:
                    self.waited += now - self.stopped
        elif self.frontier - (self.at + now - self.since) < HOLD:
            self.at, self.since, self.stopped = self.frontier, None, now
            self.waits += 1


@dataclass(frozen=True)
class Run:
    """What one visitor heard of one continuation; times in seconds."""

    came: float
    begun: float
    over: float
    waits: int
    waited: float


def bench_load(
    visitors: int = 5,
    *,
    seconds: float = 30.0,
    between: float = 0.0,
    rounds: int = 1,
    busy: bool = False,
    address: str | None = None,
) -> dict[str, Any]:
    """Let visitors continue music at once.

    Parameters
    ----------
    visitors : int
    seconds : float
        Length of each continuation (2 to 180).
    between : float
        Seconds from one visitor to the next.
    rounds : int
        Continuations of each visitor, one after the other.
    busy : bool
        Send MIDI files and get sound files all the while, two at a time of each.
    address : str, optional
        A demo that runs already; without it one is started, and ended afterwards.

    Returns
    -------
    dict
        ``runs``, and of them ``without_gap``: the sound never waited for a lane; ``gaps`` in all, and
        ``gap_seconds``: the longest wait in all of one run. ``in_line``: seconds from Continue until the
        models began, as ``median`` and ``worst``. ``overtaken``: runs that began after one that came over a
        second later. ``listening_at_once``: the most visitors whose music was going on at one time.
        ``memory``: of the server in MB, at first, after a tenth of the runs, and at the end (if it was
        started here). ``files``: what was sent and got meanwhile.

    Raises
    ------
    MusictxError
        If no demo answers, or a run fails.
    """
    if visitors < 1 or rounds < 1 or not 2 <= seconds <= 180 or between < 0:
        raise MusictxError("at least one visitor and round, and 2 to 180 seconds, are needed")
    with running_demo(address) as (url, pid):
        return asyncio.run(_load(url, pid, visitors, seconds, between, rounds, busy))


async def _load(
    url: str, pid: int | None, visitors: int, seconds: float, between: float, rounds: int, busy: bool
) -> dict[str, Any]:
    import httpx

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits) as client:
        try:
            lanes = await lanes_of(client)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise MusictxError(f"no demo answers at {url} ({error})") from error
        warm = Visitor(client, lanes, 2.0, seed=0)
        await warm.run()  # what is loaded and compiled with the first run
        memory = [_memory(pid)]
        runs: list[Run] = []

        async def visit(number: int) -> None:
            await asyncio.sleep(between * number)
            for k in range(rounds):
                runs.append(await Visitor(client, lanes, seconds, seed=1000 * number + k).run())
                memory.append(_memory(pid))

        others = [asyncio.create_task(_exchange(client, kind, files)) for kind, files in _files(busy)]
        try:
            await asyncio.gather(*(visit(number) for number in range(visitors)))
        except httpx.HTTPError as error:
            raise MusictxError(f"the demo failed under the load: {error!r}") from error
        finally:
            for task in others:
                task.cancel()
        exchanged = [task.result() for task in others if await _ended(task)]
    return {
        "machine": machine(),
        "visitors": visitors,
        "seconds": seconds,
        **summary(runs),
        "memory": {"first": memory[0], "after_a_tenth": memory[len(memory) // 10], "last": memory[-1]},
        "files": {kind: sum(count[kind] for count in exchanged) for kind in ("upload", "wav", "refused")},
    }


def summary(runs: list[Run]) -> dict[str, Any]:
    """Figures of all runs."""
    # Who came within a second came at the same time; a place in line is looked up four times a second.
    overtaken = sum(
        any(other.came > run.came + 1 and other.begun < run.begun - 0.5 for other in runs) for run in runs
    )
    in_line = [run.begun - run.came for run in runs]
    at_once = max(sum(other.begun <= run.begun < other.over for other in runs) for run in runs)
    return {
        "runs": len(runs),
        "without_gap": sum(run.waits == 0 for run in runs),
        "gaps": sum(run.waits for run in runs),
        "gap_seconds": round(max(run.waited for run in runs), 2),
        "in_line": {"median": round(statistics.median(in_line), 2), "worst": round(max(in_line), 2)},
        "overtaken": overtaken,
        "listening_at_once": at_once,
    }


async def lanes_of(client: Any) -> list[tuple[str, int, int]]:
    """Of each lane its name, and what Gradio calls its function and what triggers it."""
    models = (await client.get("musictx/models")).raise_for_status().json()["models"]
    config = (await client.get("config")).raise_for_status().json()
    found = {
        event: (function["id"], component)
        for function in config["dependencies"]
        for component, event in function["targets"]
    }
    return [(model["key"], *found[f"play_{k}"]) for k, model in enumerate(models)]


class Visitor:
    """One page that presses Continue."""

    def __init__(self, client: Any, lanes: list[tuple[str, int, int]], seconds: float, seed: int):
        self.client, self.lanes = client, lanes
        music = read_midi(shipped_primer(PRIMER))
        notes = music.notes[music.notes["onset"] < PRIMER_SECONDS]
        rows = [[round(1000 * n["onset"]), round(1000 * n["offset"])] for n in notes]
        rest = [[int(n["pitch"]), int(n["velocity"])] for n in notes]
        self.request = {
            "run": f"{secrets.token_hex(4)}.0",
            "notes": [a + b for a, b in zip(rows, rest, strict=True)],
            "pedals": [],
            "length": round(1000 * PRIMER_SECONDS),
            "begins": True,
            "settings": {"seconds": seconds, "seed": seed},
        }
        self.end = PRIMER_SECONDS + seconds
        self.session = secrets.token_hex(6)
        self.begun: float | None = None
        self.listener = Listener(tuple(name for name, _, _ in lanes), PRIMER_SECONDS - LEAD_IN, self.end)

    async def run(self) -> Run:
        """Continue, listen to what comes, and say how it was."""
        came = time.monotonic()
        clock = asyncio.create_task(self._listen())
        try:
            for _, function, trigger in self.lanes:
                sent = {"data": [], "event_data": self.request, "fn_index": function, "trigger_id": trigger}
                answer = await self.client.post(
                    "gradio_api/queue/join", json={**sent, "session_hash": self.session}
                )
                answer.raise_for_status()
            while len(self.listener.done) < len(self.lanes):
                await self._receive()
        finally:
            clock.cancel()
        now = time.monotonic()
        left = max(0.0, self.end - self.listener.at - (now - (self.listener.since or now)))
        heard = self.listener
        return Run(came, self.begun or now, now + left, heard.waits, heard.waited)

    async def _listen(self) -> None:
        while True:
            self.listener.tick(time.monotonic())
            await asyncio.sleep(TICK)

    async def _receive(self) -> None:
        """Take in messages until the server closes the stream."""
        query = {"session_hash": self.session}
        async with self.client.stream("GET", "gradio_api/queue/data", params=query) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    for text in _texts(json.loads(line[5:])):
                        self._take(json.loads(text))
                if len(self.listener.done) == len(self.lanes):
                    return

    def _take(self, message: dict[str, Any]) -> None:
        if message["state"] == "error":
            raise MusictxError(f"a lane of the demo failed: {message['error']}")
        if message["state"] == "waiting":
            return
        now = time.monotonic()
        if self.begun is None:
            self.begun = now
        self.listener.known[message["lane"]] = message["known"] / 1000
        if message["state"] == "done":
            self.listener.done.add(message["lane"])
        self.listener.tick(now)


def _texts(message: dict[str, Any]) -> list[str]:
    """A lane's messages in one of Gradio's: whole, or as changes to the one before, which replace it."""
    found = []
    for item in (message.get("output") or {}).get("data") or ():
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, list):
            found += [edit[2] for edit in item if edit[0] == "replace" and isinstance(edit[2], str)]
    return [text for text in found if text.startswith("{")]


def _files(busy: bool) -> list[tuple[str, dict[str, Any]]]:
    """Requests to be made again and again beside the lanes."""
    if not busy:
        return []
    path = Path(shipped_primer("fur-elise"))
    rows = [[250 * k, 250 * k + 240, 48 + k % 40, 70] for k in range(240)]  # a minute
    wav = {"path": "musictx/download", "json": {"format": "wav", "notes": rows}}
    return [("upload", {"path": "musictx/upload?name=a.mid", "content": path.read_bytes()}), ("wav", wav)] * 2


async def _exchange(client: Any, kind: str, files: dict[str, Any]) -> dict[str, int]:
    """Make one request again and again; counts what was answered and what was refused."""
    count = {"upload": 0, "wav": 0, "refused": 0}
    path, rest = files["path"], {name: value for name, value in files.items() if name != "path"}
    try:
        while True:
            answer = (await client.post(path, **rest)).raise_for_status()
            is_json = answer.headers.get("content-type", "").startswith("application/json")
            count["refused" if is_json and "error" in answer.json() else kind] += 1
    except asyncio.CancelledError:
        return count


async def _ended(task: asyncio.Task[Any]) -> bool:
    """Wait for a task that was asked to end; whether it has a result."""
    await asyncio.wait([task])
    return not task.cancelled() and task.exception() is None


def _memory(pid: int | None) -> int | None:
    """Memory of a process in MB; None where that cannot be told."""
    status = Path(f"/proc/{pid}/status")
    if pid is None or not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) >> 10
