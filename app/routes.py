"""Everything that the page asks for besides the lanes: its own files, presets, uploads, downloads, votes.

Apart from votes, and of takes that were asked about last what a model reads in them, nothing of a visitor
stays on the server between two requests: visitors cannot be mixed up.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

import musictx
from musictx.errors import MusictxError

from .downloads import MEDIA_TYPES, render_midi, render_sound, wanted_format
from .guard import MAX_JSON_BYTES
from .head import STATIC
from .insight import Insight
from .limits import InTurns, SlowWork
from .model_files import ModelFiles
from .models import LaneModel, differ_in_positions_only
from .payloads import Malformed
from .presets import presets
from .shelf import Shelf
from .stage import Stage
from .streaming import part_name
from .uploads import MAX_BYTES, describe_upload, keep_file
from .votes import VoteBook

PREFIX = "/musictx"

_PIANO = Path(musictx.__file__).parent / "render" / "piano"
_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def routes(
    models: Sequence[LaneModel], votes: VoteBook, stage: Stage, sent: Shelf | None = None
) -> list[BaseRoute]:
    """The routes to mount beside Gradio's own, below `PREFIX`; that for files of programs is in its place.

    Parameters
    ----------
    models : sequence of LaneModel
    votes : VoteBook
    stage : Stage
    sent : Shelf, optional
        Where files of programs are kept.
    """
    reading = SlowWork(2, 8, "the server is reading other files; try again in a moment")
    rendering = SlowWork(1, 31, "the server is making other visitors' sound files; try again in a moment")
    writing = SlowWork(4, 40, "the server is writing other files; try again in a moment")
    keeping = SlowWork(1, 500, "too many votes come at once; send yours again in a moment")
    looking = SlowWork(2, 24, "the server is looking at other visitors' music; try again in a moment")
    insight = Insight(models)
    questions = {"attention": insight.attention, "surprise": insight.surprise, "again": insight.again}
    files = ModelFiles(models)
    facts = [{**lane.facts(), "file": files.facts.get(lane.key)} for lane in models]
    lanes = {"models": facts, "alike": differ_in_positions_only(models)}

    async def describe(request: Request) -> Response:
        return JSONResponse(lanes)

    async def vote(request: Request) -> Response:
        sent = await _json(request)
        await keeping.run(votes.add, sent)
        return JSONResponse({})

    async def upload(request: Request) -> Response:
        return JSONResponse(await reading.run(describe_upload, *await _uploaded(request)))

    async def download(request: Request) -> Response:
        sent = await _json(request)
        kind = wanted_format(sent)
        if kind == "mid":
            return Response(await writing.run(render_midi, sent), media_type=MEDIA_TYPES[kind])
        with ExitStack() as held:
            held.enter_context(rendering.place())
            size, pieces = await rendering.turn(render_sound, sent)
            return InTurns(size, pieces, rendering, MEDIA_TYPES[kind], held.pop_all())

    async def look(request: Request) -> Response:
        question = questions.get(request.path_params["what"])
        if question is None:
            raise Malformed(f"ask for one of {', '.join(questions)}")
        return JSONResponse(await looking.run(question, await _json(request)))

    async def stop(request: Request) -> Response:
        asked = request.query_params
        stage.stop(part_name(asked.get("run", ""), asked.get("lane", "")))
        return JSONResponse({})

    async def rest(request: Request) -> Response:
        asked = request.query_params
        run, lane = asked.get("run", "").partition(".")[0][:40], asked.get("lane", "")[:40]
        stage.rest(run, lane, asked.get("rests") == "true")
        return JSONResponse({})

    async def keep(request: Request) -> Response:
        assert sent
        return await keep_file(request, sent)

    return [
        *([Route("/gradio_api/upload", keep, methods=["POST"])] if sent else []),
        Mount(
            PREFIX,
            app=_below_a_proxy(
                Router(
                    routes=[
                        Route("/alive", _plainly(_alive)),
                        Route("/models", _plainly(describe)),
                        Route("/models/{name}", _plainly(files.answer)),
                        Route("/presets", _plainly(_presets)),
                        Route("/upload", _plainly(upload), methods=["POST"]),
                        Route("/download", _plainly(download), methods=["POST"]),
                        Route("/vote", _plainly(vote), methods=["POST"]),
                        Route("/look/{what}", _plainly(look), methods=["POST"]),
                        Route("/stop", _plainly(stop), methods=["POST"]),
                        Route("/rest", _plainly(rest), methods=["POST"]),
                        Mount("/static", StaticFiles(directory=STATIC)),
                        Mount("/piano", StaticFiles(directory=_PIANO)),
                    ]
                )
            ),
        ),
    ]


def _below_a_proxy(app: ASGIApp) -> ASGIApp:
    """Routes that are found too where a proxy takes off the front of each path, and Gradio knows of it."""

    async def found(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "root_path": PREFIX}, receive, send)

    return found


def _plainly(handler: Handler) -> Handler:
    """Answer errors with one plain sentence in JSON, never with a traceback.

    A file that cannot be used is no fault of the request: its answer has status 200, so that the
    browser does not report a failed request besides. What no page sends is answered with status 400.
    """

    @functools.wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except MusictxError as error:
            return JSONResponse(
                {"error": str(error)}, status_code=400 if isinstance(error, Malformed) else 200
            )
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            _log.exception("%s", request.url.path)
            return JSONResponse({"error": "something went wrong on the server; try again"}, status_code=500)

    return answer


async def _alive(request: Request) -> Response:
    return JSONResponse({})


async def _presets(request: Request) -> Response:
    return JSONResponse(await anyio.to_thread.run_sync(presets))


async def _uploaded(request: Request) -> tuple[bytes, str, list[int] | None]:
    """The file that a visitor sends, its name, and which of its tracks are wanted."""
    name = Path(request.query_params.get("name", "") or "The file").name[:120]
    wanted = request.query_params.get("tracks")
    try:
        tracks = None if wanted is None else [int(index) for index in wanted.split(",") if index][:1024]
    except ValueError:
        raise MusictxError("the choice of tracks did not arrive; reload the page and try again") from None
    if tracks == []:
        raise MusictxError("no track is chosen; choose at least one")
    limit = f"{name} is larger than {MAX_BYTES // 2**20} MB; choose a smaller MIDI file"
    return await _body(request, MAX_BYTES, limit), name, tracks


async def _json(request: Request) -> Any:
    content = await _body(
        request, MAX_JSON_BYTES, "this is too much music at once; choose a shorter selection"
    )
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Malformed("the request did not arrive whole; try again") from None


async def _body(request: Request, limit: int, sentence: str) -> bytes:
    """The request's body, refused as soon as it grows past `limit` bytes."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise MusictxError(sentence)
    return bytes(content)
