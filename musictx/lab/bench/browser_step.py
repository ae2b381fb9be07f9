"""What a token costs in a browser: the page's own engine next to onnxruntime-web, and the same in Python.

All on the same tokens with the same weights, one thread each, in turns. onnxruntime-web runs what
`musictx export` writes: its cache has a fixed capacity, over all of which it attends at each step, so the
capacity is just what the measured steps need.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from musictx.errors import MusictxError
from musictx.lab.bench.app import open_chromium
from musictx.lab.bench.common import interleaved, machine, spread, threads
from musictx.lab.bench.generate import STEPS, step_work
from musictx.lab.bench.site import serve_files

RUNTIME = "ort.wasm.min.mjs"  # of npm's package onnxruntime-web, in its folder dist

# Each player shows its model the tokens before the steps once, then does the same steps again and again.
PLAYERS = """
async ({ model, before, capacity, steps, runtime }) => {
  const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
  const tokens = Array.from({ length: before + steps }, (_, k) => (37 * k) % 388);
  const { Engine } = await import("./engine/engine.js");
  const own = async (bits) => {
    const engine = await Engine.make(await bytes("engine/engine.wasm"));
    engine.open(await bytes(`${model}-${bits}.bin`));
    for (let at = 0; at < before; at += engine.block)
      engine.feed(tokens.slice(at, Math.min(at + engine.block, before)));
    return () => {
      engine.rewind(before);
      for (const token of tokens.slice(before)) engine.feed([token]);
      return engine.logits;
    };
  };
  const onnx = async () => {
    const ort = await import(`./runtime/${runtime}`);
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(`${model}.onnx`, { executionProviders: ["wasm"] });
    const cache = {};
    const feed = async (part, position) => {
      const feeds = {
        tokens: new ort.Tensor("int64", BigInt64Array.from(part, BigInt), [part.length]),
        position: new ort.Tensor("int64", [BigInt(position)], []),
        ...cache,
      };
      const { logits, ...fresh } = await session.run(feeds);
      for (const [name, { data, dims }] of Object.entries(fresh)) {
        const [groups, count, width] = dims;
        const kept = cache[name.slice(4)].data;
        const size = count * width;
        for (let g = 0; g < groups; g += 1)
          kept.set(data.subarray(g * size, (g + 1) * size), (g * capacity + position) * width);
      }
      return logits.data;
    };
    for (const { name, shape } of session.inputMetadata)
      if (name.includes("."))
        cache[name] = new ort.Tensor("float32", new Float32Array(shape.reduce((a, b) => a * b)), shape);
    await feed(tokens.slice(0, before), 0);
    return async () => {
      let logits;
      for (let k = before; k < before + steps; k += 1) logits = await feed([tokens[k]], k);
      return logits;
    };
  };
  window.players = { 8: await own(8), 32: await own(32), onnx: await onnx() };
}
"""
TURN = """
async (player) => {
  const begun = performance.now();
  const logits = await window.players[player]();
  window.said = { ...window.said, [player]: logits };
  return performance.now() - begun;
}
"""
APART = (
    "Math.max(...window.said[32].map((logit, k) => (k < 388 ? Math.abs(logit - window.said.onnx[k]) : 0)))"
)


def bench_browser_step(
    runtime: Path, *, models: Sequence[str], before: int = 512, repetitions: int = 5
) -> dict[str, Any]:
    """Milliseconds of a step in Chromium and in Python.

    Parameters
    ----------
    runtime : path
        The folder ``dist`` of npm's package onnxruntime-web.
    models : sequence of str
        Shipped models, or folders.
    before : int
        Tokens that the models have seen when the steps begin.
    repetitions : int
        Turns of each contestant; in a turn it makes `musictx.lab.bench.generate.STEPS` steps.

    Returns
    -------
    dict
        ``milliseconds_per_step``: for each model, of the page's engine (``browser, 8 bits`` and
        ``browser, float32``), ``onnxruntime-web, float32``, and ``Python, 8 bits``. ``logits_apart``: the
        largest difference between the two float32 contestants' logits after the last step.

    Raises
    ------
    MusictxError
        There is no onnxruntime-web in the folder, no Chromium, or a model cannot be written for one of them.
    """
    from musictx.app.head import STATIC
    from musictx.app.web_model import web_model
    from musictx.checkpoint import load_model
    from musictx.export.onnx_model import export_onnx

    if not (runtime / RUNTIME).is_file():
        raise MusictxError(
            f"{runtime} has no {RUNTIME}: give the folder dist of npm's package onnxruntime-web "
            "(npm pack onnxruntime-web, then unpack it)"
        )
    facts = machine()
    found: dict[str, Any] = {}
    apart: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="musictx-") as name, open_chromium() as browser, threads(1):
        folder = Path(name)
        (folder / "index.html").write_text("<!doctype html><title>steps</title>")
        shutil.copytree(STATIC / "engine", folder / "engine")
        shutil.copytree(runtime, folder / "runtime")
        for key in models:
            model = load_model(key)
            label = Path(key).name
            for bits in (8, 32):
                (folder / f"{label}-{bits}.bin").write_bytes(web_model(model, bits=bits))
            export_onnx(model, folder / f"{label}.onnx", capacity=before + STEPS)
            with serve_files(folder) as url:
                page = browser.new_page()
                page.goto(url)
                sizes = {"before": before, "capacity": before + STEPS, "steps": STEPS}
                page.evaluate(PLAYERS, {"model": label, "runtime": RUNTIME, **sizes})
                taken = _turns(page, step_work(model, before, int8=True), repetitions)
                apart[label] = round(page.evaluate(APART), 6)
                page.close()
            found[label] = {who: spread(values, 1 / STEPS) for who, values in taken.items()}
        version = browser.version
    return {
        "machine": facts,
        "chromium": version,
        "tokens_before": before,
        "milliseconds_per_step": found,
        "logits_apart": apart,
    }


def _turns(page: Any, python: Any, repetitions: int) -> dict[str, list[float]]:
    """Milliseconds of each contestant's turns; the browser's are taken by the browser's clock."""
    names = {"browser, 8 bits": "8", "browser, float32": "32", "onnxruntime-web, float32": "onnx"}
    taken: dict[str, list[float]] = {name: [] for name in names}

    def turn(name: str) -> None:
        taken[name].append(page.evaluate(TURN, names[name]))

    work = {name: (lambda name=name: turn(name)) for name in names}
    seconds = interleaved({**work, "Python, 8 bits": python}, repetitions)
    counted = {name: values[1:] for name, values in taken.items()}  # the first turn does not count
    return {**counted, "Python, 8 bits": [1000 * value for value in seconds["Python, 8 bits"]]}
