"""Whole continuations through nginx, with the lines that tests/PROMISES.md gives for it."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest

from musictx.app import launch
from musictx.checkpoint import save_model
from musictx.lab.bench.load import Visitor, lanes_of
from musictx.lab.votes.book import read_rows
from musictx.model import ModelConfig, MusicTransformer

PROMISES = Path(__file__).resolve().parents[1] / "PROMISES.md"
BELOW_A_PATH, SHARED_OUT = re.findall(r"```nginx\n(.*?)```", PROMISES.read_text(), re.DOTALL)
MAIN = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error;
events {{ }}
http {{
    log_format told "$remote_addr $upstream_addr $status";
    access_log {folder}/access told;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {lines}
}}
"""
VOTE = {"order": ["vanilla", "rope"], "choice": "rope", "notes": [[0, 400, 60, 70]], "length": 2000}
StartNginx = Callable[[str], None]


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    for position in ("vanilla", "rope"):
        config = ModelConfig(position, layers=1, width=32, heads=2, context_length=64)
        save_model(MusicTransformer(config), tmp_path / position)
    return [tmp_path / "vanilla", tmp_path / "rope"]


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[StartNginx]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("needs nginx")
    started: list[subprocess.Popen[bytes]] = []

    def start(lines: str) -> None:
        configuration = tmp_path / "nginx.conf"
        configuration.write_text(MAIN.format(folder=tmp_path, lines=lines))
        started.append(subprocess.Popen([program, "-c", str(configuration), "-e", str(tmp_path / "error")]))

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=20)
    gr.close_all(verbose=False)


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def visit(address: str, came_from: str) -> None:
    """Continue the primer, as a page does, and vote."""

    async def act() -> None:
        transport = httpx.AsyncHTTPTransport(local_address=came_from, retries=20)
        async with httpx.AsyncClient(base_url=address, transport=transport, timeout=60) as client:
            deadline = time.monotonic() + 20
            while (await client.get("musictx/alive")).status_code != 200:
                assert time.monotonic() < deadline
            visitor = Visitor(client, await lanes_of(client), 2.0, seed=1)
            await visitor.run()
            assert visitor.listener.done == {"vanilla", "rope"}
            assert (await client.post("musictx/vote", json=VOTE | {"settings": {}})).json() == {}

    asyncio.run(act())


def test_a_continuation_below_a_path(models: list[Path], start_nginx: StartNginx, tmp_path: Path) -> None:
    inside, outside = free_ports(2)
    launch(port=inside, models=models, votes=tmp_path / "votes", prefix="/music", block=False)
    start_nginx(f"server {{ listen {outside}; {BELOW_A_PATH.replace('7860', str(inside))} }}")
    visit(f"http://localhost:{outside}/music/", "127.0.0.1")
    assert len(read_rows(tmp_path / "votes")) == 1


def test_two_servers_share_the_visitors_and_their_votes(
    models: list[Path], start_nginx: StartNginx, tmp_path: Path
) -> None:
    one, two, outside = free_ports(3)
    for port in (one, two):
        launch(port=port, models=models, votes=tmp_path / "votes", block=False)
    lines = (
        SHARED_OUT.replace("7860", str(one))
        .replace("7861", str(two))
        .replace("listen 80", f"listen {outside}")
    )
    start_nginx(lines)
    visitors = 20  # with six, one server may have all: where one goes follows from the ports
    for number in range(1, visitors + 1):
        visit(f"http://127.0.0.1:{outside}/", f"127.0.0.{number}")
    told = [line.split() for line in (tmp_path / "access").read_text().splitlines()]
    assert {status for _, _, status in told} == {"200"}
    served = {came_from: {server for who, server, _ in told if who == came_from} for came_from, _, _ in told}
    assert len(served) == visitors
    assert all(len(servers) == 1 for servers in served.values())  # each stays with one
    assert len(Counter(servers.pop() for servers in served.values())) == 2  # and both have some
    assert len(read_rows(tmp_path / "votes")) == visitors
