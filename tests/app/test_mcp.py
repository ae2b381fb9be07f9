"""The endpoints as MCP tools, where `gradio[mcp]` is installed, and not a word of them where it is not."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from musictx.app import launch
from musictx.app.mcp import text_files
from musictx.app.shelf import MIN_BYTES, Shelf
from musictx.checkpoint import save_model
from musictx.errors import MusictxError
from musictx.model import ModelConfig, MusicTransformer
from musictx.shipped import shipped_primer


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What a server with a small model says when it has started."""
    folder = tmp_path_factory.mktemp("mcp")
    torch.manual_seed(0)
    model = MusicTransformer(ModelConfig(layers=1, width=32, heads=2, context_length=96))
    torch.nn.init.normal_(model.head.weight, std=0.3)
    save_model(model, folder / "tiny")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *text, **options: lines.append(" ".join(map(str, text))))
        launch(port=port, models=[folder / "tiny"], votes=folder / "votes.sqlite", block=False)
    torch.set_num_threads(threads)
    yield "\n".join(lines)


def test_the_server_says_where_programs_find_it(said: str) -> None:
    assert "listens at http://127.0.0.1:" in said
    assert ("MCP" in said) == (find_spec("mcp") is not None)


def test_a_tool_plays_on(said: str) -> None:
    pytest.importorskip("mcp", reason="needs gradio[mcp]")
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    address = re.search(r"(http\S+/mcp/)", said)
    assert address

    async def talk() -> tuple[list[Any], Any, Any]:
        async with (
            streamablehttp_client(address[1]) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            name = next(tool.name for tool in tools if "continue" in tool.name)
            played = await session.call_tool(name, {"seconds": 2, "seed": 1, "sound": False})
            refused = await session.call_tool(name, {"seconds": 2000})
            content = base64.b64encode(Path(shipped_primer("fur-elise")).read_bytes()).decode()
            primer = f"data:audio/midi;base64,{content}"
            options = {"seconds": 2, "seed": 1, "sound": False, "primer_end": 3}
            continued = await session.call_tool(name, {**options, "primer": primer})
            return tools, played, refused, continued

    tools, played, refused, continued = asyncio.run(talk())
    assert len(tools) == 2
    schema = next(tool.inputSchema for tool in tools if "continue" in tool.name)
    assert "seed" in schema["properties"] and "A MIDI file" in json.dumps(schema)
    assert not played.isError and ".mid" in json.dumps(
        [part.model_dump(mode="json") for part in played.content]
    )
    assert not continued.isError and continued.content != played.content
    assert not list(Path(os.environ["GRADIO_TEMP_DIR"]).glob("*/file"))  # Gradio keeps no texts
    assert refused.isError and "choose a number from 2 to 180" in refused.content[0].text


def test_texts_become_files_that_are_counted(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, 2 * MIN_BYTES)
    read = text_files(shelf)
    sent = {"primer": "data:audio/midi;base64," + base64.b64encode(b"MThd").decode(), "model": "data:,x"}
    made = read(sent, [["primer"]])
    assert made["model"] == "data:,x" and Path(made["primer"]["path"]).read_bytes() == b"MThd"
    assert Path(made["primer"]["path"]).is_relative_to(tmp_path)
    for text in ("http://example.org/a.mid", "/etc/passwd", "data:audio/midi,MThd", "data:;base64,?"):
        with pytest.raises(MusictxError, match="MIDI file"):
            read({"primer": text}, [["primer"]])
    read(sent, [["primer"]])
    with pytest.raises(MusictxError, match="too many files"):
        read(sent, [["primer"]])
