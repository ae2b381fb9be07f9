// Where the models play: on this computer, each lane in a worker of its own.

import { aloneOnTheLine } from "../sound/line.js";
import { changeRests } from "./rests.js";

const SILENCE = 20; // seconds without a word from a running lane after which it is taken for lost
const LOST = "The browser stopped this model. The music so far stays; press Continue to try again.";
const FULL = "This browser has no room to keep the models; they are downloaded again each time.";
const NO_WORKER = "This browser cannot run the models in the background. Update it, or try another one.";

/** Lets lanes play; a place to play at like the server (backend-server.js), with {state: "loading"} messages besides. */
export class BrowserBackend {
  /**
   * `models` maps a model's key to its {name, address, bytes, sha256, context_length, limit}.
   *
   * @param {Map<string, any>} models
   * @param {(sentence: string) => void} tell shows a sentence
   */
  constructor(models, tell = () => {}) {
    this.models = models;
    this.tell = tell;
    this.workers = new Map();
    this.here = new Map(); // lane → the key of the model that has come
    this.coming = new Map(); // lane → what to call when its model has come, or is not wanted any more
    this.open = new Map();
    setInterval(() => this.watchOver(), 1000);
  }

  /** Of all models' files. */
  get bytes() {
    return [...this.models.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether a lane can play what is asked for. */
  can(lane, { model = lane }) {
    return this.models.has(model);
  }

  /** The lanes that play. */
  get playing() {
    return [...this.open.keys()];
  }

  /** Let a lane play what `request` asks for, with its `model` or the lane's own; `on` is called with each message. */
  start(lane, request, on) {
    this.stop(lane);
    const key = request.model ?? lane;
    const model = this.models.get(key);
    const open = { run: request.run, key, on, silent: 0, rests: false };
    const play = () => this.worker(lane)?.postMessage({ do: "play", model, request });
    this.open.set(lane, open);
    if (this.here.get(lane) === key) return play();
    open.inLine = true;
    on({ state: "loading", received: 0, total: model.bytes });
    return aloneOnTheLine(() => {
      if (this.open.get(lane) !== open) return null; // it was stopped meanwhile
      open.inLine = false;
      play();
      return new Promise((done) => this.coming.set(lane, done));
    });
  }

  /** A lane's model has come, or is not wanted any more: the next one may come. */
  arrive(lane) {
    this.coming.get(lane)?.();
    this.coming.delete(lane);
  }

  /** Begin the workers of lanes before they are needed: their code is there when Continue is pressed. */
  begin(lanes) {
    for (const lane of lanes) this.worker(lane);
  }

  /** Let these lanes rest, and no others. */
  rest(lanes) {
    for (const [lane, { rests }] of changeRests(this.open, lanes))
      this.workers.get(lane)?.postMessage({ do: rests ? "rest" : "go on" });
  }

  /** Stop a lane. No message comes any more. */
  stop(lane) {
    if (this.open.delete(lane)) this.workers.get(lane)?.postMessage({ do: "stop" });
    this.arrive(lane);
  }

  /** End the workers of lanes that nobody plays: each holds a model. */
  leave(lanes) {
    for (const lane of lanes) {
      if (this.open.has(lane)) continue;
      this.workers.get(lane)?.terminate();
      this.workers.delete(lane);
      this.here.delete(lane);
    }
  }

  worker(lane) {
    if (this.workers.has(lane)) return this.workers.get(lane);
    let worker;
    try {
      worker = new Worker(new URL("../engine/worker.js", import.meta.url), { type: "module", name: lane });
    } catch {
      queueMicrotask(() => this.lose(lane, NO_WORKER));
      return null;
    }
    worker.onmessage = ({ data }) => this.receive(lane, data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.lose(lane, event.message ? LOST : NO_WORKER);
    };
    this.workers.set(lane, worker);
    return worker;
  }

  receive(lane, { message, loading, full }) {
    if (full) {
      this.tell(FULL);
      return;
    }
    if (message) this.arrive(lane);
    const open = this.open.get(lane);
    if (!open || open.run !== (message ?? loading).run) return; // of an earlier run or part
    if (message && message.state !== "error") this.here.set(lane, open.key);
    open.silent = 0;
    if (message?.state === "done" || message?.state === "error") this.open.delete(lane);
    open.on(message ?? { state: "loading", ...loading });
  }

  lose(lane, error) {
    this.workers.get(lane)?.terminate();
    this.workers.delete(lane);
    this.here.delete(lane);
    this.arrive(lane);
    const open = this.open.get(lane);
    if (this.open.delete(lane)) open.on({ state: "error", error });
  }

  /** A phone may end a worker and say nothing. Counted in ticks: a page that sleeps does not tick. */
  watchOver() {
    for (const [lane, open] of [...this.open]) {
      open.silent += open.inLine || open.rests ? 0 : 1;
      if (open.silent > SILENCE) this.lose(lane, LOST);
    }
  }
}
