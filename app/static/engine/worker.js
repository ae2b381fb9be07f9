// One lane's models in a thread of their own. The page sends
//   {do: "play", model, request} (with a gap in it, to fill that in), {do: "stop"}, or {do: "rest"} and {do: "go on"};
// it gets {message}, as the server's lanes say them, {loading: {run, received, total}} while a model arrives, and
// {full: true} if the browser has no room to keep it.

import { Engine } from "./engine.js";
import { fill } from "./filling.js";
import { play } from "./playing.js";
import { quickSha256 } from "./sha256.js";

const BROKEN = "Something went wrong while this model was playing. The music so far stays; press Continue to try again.";
const KEPT = "musictx-models"; // the browser's cache of model files, by address
// A reload alone does not bring the page's next version, whose models are others.
const OPEN_AGAIN = "Close all tabs of this page, then open it again.";
let current = null; // what is being done; nothing else is wanted
let rest = null; // while it rests: {over, end}, a promise and what fulfils it
let opened = null; // {address, engine} of the model that is here

async function fetchBytes(address, size, progress) {
  let response;
  try {
    response = await fetch(address);
  } catch {
    throw new Error("The model could not be downloaded: there is no connection. Press Continue when it is back.");
  }
  if (!response.ok) throw new Error(`The model could not be downloaded (${response.status}). ${OPEN_AGAIN}`);
  if (!size || !response.body) return new Uint8Array(await response.arrayBuffer());
  const bytes = new Uint8Array(size);
  let received = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (received + part.value.length > size) break; // it is another file; the hash will say so
    bytes.set(part.value, received);
    received += part.value.length;
    progress(received);
  }
  return bytes.subarray(0, received);
}

/** The file of a model {address, bytes, sha256}: kept from an earlier time, or fetched and kept. */
async function modelFile(model, progress) {
  const isWhole = async (file) => (await quickSha256(file)) === model.sha256;
  // Only pages from https or from this computer have a cache, and some private windows have none.
  const cache = await globalThis.caches?.open(KEPT).catch(() => null);
  const kept = await cache?.match(model.address).catch(() => null);
  const before = kept && new Uint8Array(await kept.arrayBuffer());
  if (before && (await isWhole(before))) return before;
  const file = await fetchBytes(model.address, model.bytes, progress);
  if (!(await isWhole(file)))
    throw new Error("The model’s file arrived incomplete or changed. Reload the page; if it happens again, the site is damaged.");
  if (cache) await keep(cache, model.address, file).catch(() => postMessage({ full: true }));
  return file;
}

/** Keep a file. A model that was trained again has another hash in its address: its earlier file only takes up room. */
async function keep(cache, address, file) {
  const name = (url) => url.replace(/-[0-9a-f]+\.bin$/, "");
  for (const { url } of await cache.keys()) if (url !== address && name(url) === name(address)) await cache.delete(url);
  await cache.put(address, new Response(file));
}

/** An engine with the model's file; the one that is here if it has it. */
async function open(model, progress) {
  if (opened?.address === model.address) return opened.engine;
  const code = await fetchBytes(new URL("engine.wasm", import.meta.url));
  let engine;
  try {
    engine = await Engine.make(code);
  } catch {
    throw new Error("This browser cannot run the models: it lacks WebAssembly with SIMD. A newer browser can.");
  }
  const file = await modelFile(model, progress);
  try {
    engine.open(file);
  } catch (error) {
    throw new Error(`The model ${error.message}.`);
  }
  opened = { address: model.address, engine };
  return engine;
}

async function act(task) {
  const { model, request } = task;
  const wanted = () => current === task;
  const say = (message) => wanted() && postMessage({ message });
  try {
    const engine = await open(model, (received) => {
      // Whoever waits for this model hears of it, though the run that asked for it first was stopped.
      if (current?.model.address === model.address)
        postMessage({ loading: { run: current.request.run, received, total: model.bytes } });
    });
    const goesOn = async () => {
      await rest?.over;
      return wanted();
    };
    if (wanted()) await (request.gap ? fill : play)(engine, model, request, say, goesOn);
  } catch (error) {
    const kept = { at: 0, notes: [], offs: [], tokens: 0, known: 0, beyond: null };
    say({ run: request.run, lane: model.name, state: "error", ...kept, error: sentence(error) });
  } finally {
    if (wanted()) current = null;
  }
}

/** What the visitor is told. Errors that this page throws itself are plain sentences; others are faults. */
function sentence(error) {
  if (error.constructor === Error) return error.message;
  console.error(error);
  opened = null; // its memory may be spoiled
  return BROKEN;
}

let before = Promise.resolve(); // one task after another: they share an engine

addEventListener("message", ({ data }) => {
  rest?.end();
  rest = null;
  if (data.do === "rest") {
    let end;
    const over = new Promise((done) => (end = done));
    rest = { over, end };
  }
  if (data.do === "rest" || data.do === "go on") return;
  current = data.do === "stop" ? null : data;
  if (!current) return;
  before = before.then(() => current === data && act(data));
});
