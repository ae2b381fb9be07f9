"""Starting the page's server, so that it needs nothing from outside."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import gradio as gr
import torch
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from musictx.errors import MusictxError
from musictx.process import return_freed_memory

from .faults import Faults
from .guard import Gate
from .head import ICON, OwnHead
from .layout import MAX_LANES, build
from .mcp import text_files
from .models import load_models, warm_up
from .queueing import patch_gradio_queue
from .routes import PREFIX, routes
from .shelf import Shelf, own_folder
from .stage import Stage
from .uploads import MAX_BYTES
from .votes import VoteBook

SENT_BYTES, ANSWER_BYTES = 128 * 2**20, 2**30  # of the files that programs have sent, and that they get
CLEAR_SECONDS = 30.0
PAPER = "var(--musictx-paper, transparent)"  # static/view/base.css has it, light and dark


def launch(
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    models: Sequence[str | Path] | None = None,
    votes: Path | None = None,
    names: Sequence[str] = (),
    frames: Sequence[str] = (),
    prefix: str = "",
    visitors: int = 3,
    open_browser: bool = False,
    block: bool = True,
) -> str:
    """Serve the page.

    Parameters
    ----------
    host : str
        Address to listen at; ``"0.0.0.0"`` lets other machines in.
    port : int, optional
        The first free one from 7860 if not given.
    models : sequence of str or path, optional
        As for `app.models.load_models`.
    votes : Path, optional
        SQLite file for the votes of the blind mode; ``MUSICTX_VOTES`` or the user's data folder if
        not given.
    names : sequence of str
        Host names by which visitors know the server, besides localhost and addresses.
    frames : sequence of str
        Sites that may show the page in a frame, such as ``"https://huggingface.co"``.
    prefix : str
        Path below which a reverse proxy shows the page, such as ``"/music"``.
    visitors : int
        How many visitors' runs may generate at once; others are told their place.
    open_browser : bool
        Show the page in the default browser.
    block : bool
        Return only when the server is stopped; otherwise it goes on in the background.

    Returns
    -------
    str
        The page's address.

    Raises
    ------
    MusictxError
        If a model cannot be loaded or the port is taken.
    """
    # Lanes run in threads of their own; more threads inside each only get in one another's way.
    torch.set_num_threads(1)
    return_freed_memory()
    if prefix and (not prefix.startswith("/") or f"{prefix}/".startswith(f"{PREFIX}/")):
        raise MusictxError(f"--root-path is {prefix!r}; give a path such as /music, and not {PREFIX}")
    _check_address(host, port)
    stage = Stage(visitors)
    lanes = load_models(models)
    warm_up(lanes)
    folder = own_folder(Path(get_upload_folder()))
    sent, answers = Shelf(folder, SENT_BYTES), Shelf(folder, ANSWER_BYTES)
    page = build(lanes, stage, answers)
    book = VoteBook({lane.key: lane.weights for lane in lanes if lane.compared}, votes)
    page.queue(max_size=2 * MAX_LANES, api_open=False)  # no call goes past the line
    patch_gradio_queue(page._queue)
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
        body_background_fill=PAPER, body_background_fill_dark=PAPER
    )
    try:
        with _without_proxy():
            _, address, _ = page.launch(
                server_name=f"[{host}]" if ":" in host else host,  # as an address of IPv6 stands in others
                server_port=port,
                app_kwargs={
                    "routes": routes(lanes, book, stage, sent),
                    "middleware": [Middleware(Faults), Middleware(OwnHead)],
                    "lifespan": _guarded(names, frames, (sent, answers)),
                },
                favicon_path=ICON,
                max_threads=MAX_LANES + 16,
                state_session_capacity=2 * MAX_LANES,  # of so many pages Gradio keeps what they show last
                theme=theme,
                footer_links=["api"],  # the list of endpoints opens from there, and from there alone
                max_file_size=MAX_BYTES,
                mcp_server=find_spec("mcp")
                is not None,  # it comes with gradio[mcp]; Gradio says where the tools are
                root_path=prefix,
                share=False,
                _frontend=False,  # it would ask itself for the page, and end if a busy machine took long
                ssr_mode=False,
                run_history=False,
                inbrowser=open_browser,
                prevent_thread_lock=True,
                quiet=True,
            )
    except OSError as error:  # Gradio's message speaks of its own settings
        raise MusictxError(
            f"cannot listen at {host}: no port from 7860 on is free; choose one (--port)"
        ) from error
    if tools := getattr(page, "mcp_server_obj", None):
        tools.convert_strings_to_filedata = text_files(sent)
    print(f"musictx listens at {address}", flush=True)
    if block:
        page.block_thread()
    return str(address)


@contextmanager
def _without_proxy() -> Iterator[None]:
    """Gradio asks its own server whether it has started: no proxy of this machine is to be asked instead."""
    names = ("NO_PROXY", "no_proxy")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "*"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _guarded(
    names: Sequence[str], frames: Sequence[str], shelves: Sequence[Shelf]
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """What goes on from the server's start to its end: the gate stands around all that answers; files go.

    Gradio puts layers of its own around those that it is given, so the gate is put around them here, before
    the first request comes.
    """

    async def clear() -> None:
        while True:
            await anyio.sleep(CLEAR_SECONDS)
            for shelf in shelves:
                await anyio.to_thread.run_sync(shelf.clear)

    @asynccontextmanager
    async def lifespan(server: Any) -> AsyncIterator[None]:
        server.middleware_stack = Gate(server.middleware_stack, names, frames)
        async with anyio.create_task_group() as group:
            group.start_soon(clear)
            yield
            group.cancel_scope.cancel()
        for shelf in shelves:
            shelf.clear(everything=True)

    return lifespan


def _check_address(host: str, port: int | None) -> None:
    """Find out before the models are loaded, and in plain words, that an address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        place = f"{host}, port {port}" if port else host
        raise MusictxError(f"cannot listen at {place}: {reason}; choose another --port or --host") from error
