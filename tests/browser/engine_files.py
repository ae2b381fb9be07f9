"""What the tests of the browser's engine share: a page beside its files, and reference logits."""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import torch

STATIC = Path(__file__).resolve().parents[2] / "app" / "static"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def translate_path(self, path: str) -> str:
        """``/static/…`` is the page's folder, everything else the test's own."""
        inside = path.split("?")[0].removeprefix("/static/")
        return str(STATIC / inside) if path.startswith("/static/") else super().translate_path(path)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Address at which a folder is served, with the page's own files below ``static/``."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def rounded_to_8_bits(model: torch.nn.Module) -> Any:
    """A copy whose linear maps are what 8 bits with a scale a row can say."""
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for module in rounded.modules():
            if isinstance(module, torch.nn.Linear):
                scale = module.weight.abs().amax(1, keepdim=True) / 127
                module.weight.copy_((module.weight / scale).round() * scale)
    return rounded


@torch.inference_mode()
def logits_of(model: Any, tokens: list[int]) -> np.ndarray:
    """The model's own logits at every position [shape=(tokens, vocabulary)]."""
    logits: np.ndarray = model(torch.tensor(tokens)[None])[0].numpy()
    return logits


# Feeds a model's file with tokens, the first `ahead` in blocks, and compares the logits after each later one
# with the expected ones. Answers the largest difference, and where.
FOLLOW = """
async ({ engine, file, expected, tokens, ahead }) => {
  const { Engine } = await import("/static/engine/engine.js");
  const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const model = await Engine.make(await bytes(engine));
  model.open(await bytes(file));
  const right = new Float32Array((await bytes(expected)).buffer);
  const result = { worst: 0, at: -1 };
  const compare = (position) => {
    model.logits.forEach((logit, token) => {
      const difference = Math.abs(logit - right[position * 391 + token]);
      if (!(difference <= result.worst)) Object.assign(result, { worst: difference, at: position });
    });
  };
  for (let at = 0; at < ahead; at += model.block)
    model.feed(tokens.slice(at, Math.min(at + model.block, ahead)));
  compare(ahead - 1);
  for (let at = ahead; at < tokens.length; at += 1) {
    if (!model.feed([tokens[at]])) return { ...result, full: at };
    compare(at);
  }
  return result;
}
"""


def follow(
    page: Any,
    folder: Path,
    file: bytes,
    expected: np.ndarray,
    tokens: list[int],
    ahead: int,
    engine: str = "",
) -> dict[str, Any]:
    """How far the browser's logits lie from the expected ones: ``worst`` and ``at``."""
    (folder / "model").write_bytes(file)
    (folder / "expected").write_bytes(expected.astype("<f4").tobytes())
    request = {
        "engine": engine or "/static/engine/engine.wasm",
        "file": "/model",
        "expected": "/expected",
        "tokens": tokens,
        "ahead": ahead,
    }
    result: dict[str, Any] = page.evaluate(FOLLOW, request)
    return result
