"""Requests to a running server, with random damage to their JSON, paths, heads and bytes."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

from musictx.shipped import shipped_primer
from tests.fuzz.models import SCHEMES, save_small_model
from tests.fuzz.mutation import ODD_TEXTS, damage_bytes, damage_json

ROOT = Path(__file__).resolve().parents[2]
SERVE = ROOT / "tests" / "browser" / "serve.py"
PATIENCE = 30.0  # seconds within which a server answers
MAX_READ = 200_000  # bytes of an answer
MAX_MEMORY = 1500  # MB that the server may grow by
ROWS = [[0, 500, 60, 80], [500, 900, 64, 70], [900, 1500, 67, 90]]
SETTINGS = {"seconds": 2, "temperature": 1, "top_p": 0.98, "top_k": 0, "min_p": 0, "seed": 3}
PLAY = {
    "run": "a.0",
    "notes": ROWS,
    "pedals": [[0, 900]],
    "length": 2000,
    "begins": True,
    "settings": SETTINGS,
}
FILL = {**PLAY, "gap": {"start": 500, "end": 900}}
VOTE = {
    "order": ["rope", "vanilla", "relative"],
    "choice": "relative",
    "verdict": None,
    "visitor": "a",
    "heard": {"rope": 3.5},
    "settings": SETTINGS,
    "notes": ROWS,
    "pedals": [],
    "length": 2000,
    "primer_name": "mine",
    "heard_seconds": 12.5,
}
JOIN = {"data": [None], "event_data": PLAY, "fn_index": 0, "trigger_id": 2, "session_hash": "abc"}
FORM_HEAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mid"\r\n\r\n'
FORM_END = b"\r\n--x--\r\n"
LOOK = {"lane": "rope", "notes": ROWS, "length": 1000, "begins": True, "note": 2, "heads": [[0, 0]]}
CALL: dict[str, Any] = {"data": [None, "rope", 2, 3, 1, 0.98, 0, 0, 0.5, 0, 1, False, 0, "off", False]}
CALL_WITH_FILE = {"data": ["file", *CALL["data"][1:11], True, 1, "strict", True]}  # its path is put in
# Method, path and JSON (or bytes) of what a page and programs send.
REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/", None),
    ("GET", "/musictx/alive", None),
    ("GET", "/musictx/models", None),
    ("GET", "/musictx/presets", None),
    ("GET", "/musictx/static/studio.js", None),
    ("GET", "/musictx/static/view/base.css", None),
    ("GET", "/musictx/piano/soft-060.flac", None),
    ("POST", "/musictx/stop?run=a.0&lane=rope", None),
    ("POST", "/musictx/rest?run=a.0&lane=rope&rests=true", None),
    ("POST", "/musictx/upload?name=a.mid&tracks=0,1", b"midi"),
    ("POST", "/musictx/upload?name=a.mid", b"midi"),
    ("POST", "/musictx/download", {"format": "mid", "notes": ROWS, "pedals": [[0, 900]]}),
    ("POST", "/musictx/download", {"format": "wav", "notes": ROWS, "pedals": []}),
    ("POST", "/musictx/vote", VOTE),
    ("POST", "/musictx/look/attention", LOOK),
    ("POST", "/musictx/look/surprise", LOOK),
    ("POST", "/musictx/look/again", LOOK),
    ("GET", "/config", None),
    ("GET", "/gradio_api/info", None),
    ("POST", "/gradio_api/queue/join", JOIN),
    ("POST", "/gradio_api/queue/join", {**JOIN, "fn_index": 1}),
    ("POST", "/gradio_api/queue/join", {**JOIN, "event_data": FILL}),
    ("POST", "/gradio_api/call/continue", CALL),
    ("POST", "/gradio_api/call/continue", CALL_WITH_FILE),
    ("POST", "/gradio_api/call/continue", CALL_WITH_FILE),
    ("POST", "/gradio_api/call/info", {"data": []}),
    ("GET", "/gradio_api/queue/data?session_hash=abc", None),
    ("POST", "/gradio_api/upload?upload_id=x", b"form"),
    ("GET", "/gradio_api/file=/etc/passwd", None),
    ("POST", "/gradio_api/cancel", {"session_hash": "abc", "fn_index": 0, "event_id": "x"}),
)


class Requests:
    """A server with small models; a case is what one connection sends."""

    suffix, seconds, megabytes = ".http", 60.0, 500

    def __init__(self, folder: Path) -> None:
        models = [str(save_small_model(folder / scheme, scheme)) for scheme in SCHEMES]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = {"port": self.port, "models": models, "votes": str(folder / "votes.sqlite"), "visitors": 3}
        self.log = folder / "log"
        environment = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
        with self.log.open("wb") as output:
            command = [sys.executable, str(SERVE), str(folder / "outside"), json.dumps(options)]
            self.server = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        self._wait()
        self.midi = Path(shipped_primer("fur-elise")).read_bytes()
        self.told, self.memory = self.log.stat().st_size, self._memory()
        self.file, self.sent_at = "", -math.inf

    def _wait(self) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self.server.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/musictx/alive", timeout=5).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"the server did not start: {self.log.read_text()[-2000:]}")

    def make(self, random: Random) -> bytes:
        """A request as bytes."""
        method, path, body = random.choice(REQUESTS)
        content = b""
        if body == b"midi":
            content = damage_bytes(self.midi, random) if random.random() < 0.7 else self.midi
        elif body == b"form":
            content = FORM_HEAD + damage_bytes(self.midi, random) + FORM_END
            if random.random() < 0.3:
                content = damage_bytes(FORM_HEAD, random) + self.midi + FORM_END
        elif body is CALL_WITH_FILE:
            file = {"path": self._sent(), "meta": {"_type": "gradio.FileData"}}
            content = damage_json({"data": [file, *body["data"][1:]]}, random)
        elif body is not None:
            content = damage_json(body, random)
        head = {"Host": f"127.0.0.1:{self.port}", "Content-Type": "application/json", "Connection": "close"}
        if body == b"form":
            head["Content-Type"] = "multipart/form-data; boundary=x"
        if content or method == "POST":
            head["Content-Length"] = str(len(content))
        for _ in range(random.choice((0, 0, 0, 1, 2))):
            change = random.randrange(5)
            if change == 0:
                odd = quote(random.choice(ODD_TEXTS), errors="replace")
                path = path[: random.randrange(len(path) + 1)] + odd
            elif change == 1:
                path = path.replace(
                    "/", random.choice(("//", "/../", "/%2e%2e/", "/%00", "?")), random.choice((1, 9))
                )
            elif change == 2:
                method = random.choice(("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "X"))
            elif change == 3:
                names = (
                    "Content-Length",
                    "Host",
                    "Origin",
                    "Content-Type",
                    "Range",
                    "Accept-Encoding",
                    "Cookie",
                )
                values = (
                    "",
                    "0",
                    "-1",
                    "99999999999",
                    "x",
                    "bytes=0-",
                    "bytes=5-2,-1",
                    "null",
                    "[::",
                    "évil.org",
                )
                head[random.choice(names)] = random.choice(values)
            elif change == 4 and content:
                content = damage_bytes(content, random)
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
        request = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + content
        return damage_bytes(request, random) if random.random() < 0.1 else request

    def check(self, case: Path) -> None:
        """Send the request, read what comes, and see how the server fares."""
        answer = self._send(case.read_bytes().replace(b"127.0.0.1:0", f"127.0.0.1:{self.port}".encode()))
        assert b"HTTP/1.1 5" not in answer[:40], f"an error of the server: {answer[:2000]!r}"
        if event := re.search(rb'"event_id":"(\w+)"', answer):
            path = b"/gradio_api/call/continue/" + event[1]
            answer += self._send(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path)
        for words in (
            b'"error": null',
            b"Something went wrong while this model",
            b"something went wrong on the server",
            b"Traceback",
        ):
            assert words not in answer, f"an error of the server: {answer[-2000:]!r}"
        assert self.server.poll() is None, f"the server has ended: {self.log.read_text()[-2000:]}"
        size = self.log.stat().st_size
        if size > self.told:
            with self.log.open("rb") as log:
                log.seek(self.told)
                said = log.read().decode("utf-8", "replace")
            self.told = size
            # Gradio's own tracebacks tell of data that no page sends; the sender gets a plain error.
            frames = [line for line in said.splitlines() if line.startswith("  File")]
            ours = [line for line in frames[-1:] if f'"{ROOT}' in line and "site-packages" not in line]
            assert not ours, f"a traceback:\n{said[-4000:]}"
        grown = self._memory() - self.memory
        assert grown < MAX_MEMORY, f"the server has grown by {grown} MB"

    def _sent(self) -> str:
        """Path of a file that the server keeps for some minutes."""
        if time.monotonic() - self.sent_at > 300:
            content = FORM_HEAD + self.midi + FORM_END
            head = (
                f"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(content)}\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\nConnection: close\r\n\r\n"
            )
            kept = re.search(rb'\["([^"]+)"\]', self._send(head.encode() + content))
            self.file, self.sent_at = kept[1].decode() if kept else self.file, time.monotonic()
        return self.file

    def _send(self, request: bytes) -> bytes:
        """What the server answers, as far as it comes soon."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as link:
            try:
                link.sendall(request)
                link.shutdown(socket.SHUT_WR)
                answer = link.recv(65536)
                link.settimeout(0.3)  # a stream of events goes on and on
                while len(answer) < MAX_READ and (more := link.recv(65536)):
                    answer += more
            except TimeoutError as error:
                if not answer:
                    raise AssertionError(f"no answer within {PATIENCE:g} s") from error
            except OSError as error:
                if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                    raise  # those three: a request that is refused before it is read
        return answer

    def _memory(self) -> int:
        """Memory of the server in MB."""
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) >> 10

    def close(self) -> None:
        """End the server."""
        self.server.terminate()
        self.server.wait(30)
