"""Runs the demo for the tests and writes down every attempt to reach anything but this machine."""

import json
import sys
from pathlib import Path
from typing import Any

OUTSIDE = Path(sys.argv[1])
OPTIONS: dict[str, Any] = json.loads(sys.argv[2])
LOOPBACK = {"127.0.0.1", "localhost", "::1", "0.0.0.0", "", None}


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in LOOPBACK:
        with OUTSIDE.open("a") as log:
            log.write(f"{event} {host}\n")


sys.addaudithook(watch)
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from musictx.app import launch  # noqa: E402  (the watch must stand before anything is imported)

launch(
    "127.0.0.1",
    OPTIONS["port"],
    models=OPTIONS["models"],
    votes=Path(OPTIONS["votes"]),
    visitors=OPTIONS["visitors"],
)
