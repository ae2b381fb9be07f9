// Where the models play: on this computer, each lane in a worker of its own.

const SILENCE = 20; // seconds without a word from a running lane after which it is taken for lost
const LOST = "The browser ended this model. What is there stays; press Continue to try again.";
const FULL = "This browser has no room to keep the models; they are fetched again the next time. Free some space for that.";
const NO_WORKER = "This browser cannot run the models beside the page. Update it, or try another one.";

export const MOST_THEME = 0.5; // beyond, models try several ways at once: too slow for one thread, and for a duet

/** Lets lanes play; a place to play at like the server (play.js), with {state: "loading"} messages besides. */
export class HerePlayer {
  /** `models` maps a lane's name to its {name, address, bytes, sha256, context_length, limit}; `tell` shows a sentence. */
  constructor(models, tell = () => {}) {
    this.models = models;
    this.tell = tell;
    this.workers = new Map();
    this.open = new Map();
    setInterval(() => this.watchOver(), 1000);
  }

  /** Whether lanes play on this computer. */
  get isHere() {
    return true;
  }

  /** Of all models' files. */
  get bytes() {
    return [...this.models.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether a lane can play what is asked for. */
  can(lane, { settings }) {
    return this.models.has(lane) && !(settings.theme > MOST_THEME);
  }

  /** The lanes that play. */
  get playing() {
    return [...this.open.keys()];
  }

  /** Let a lane play what `request` asks for; `on` is called with each message. */
  start(lane, request, on) {
    this.stop(lane);
    this.open.set(lane, { run: request.run, on, silent: 0 });
    this.worker(lane)?.postMessage({ do: "play", model: this.models.get(lane), request });
  }

  /** Show a lane's model a primer before Continue, so that its first note comes sooner; if the model is here. */
  prepare(lane, request) {
    if (this.workers.has(lane) && !this.open.has(lane))
      this.workers.get(lane).postMessage({ do: "prepare", model: this.models.get(lane), request });
  }

  /** Stop a lane. No message comes any more. */
  stop(lane) {
    if (this.open.delete(lane)) this.workers.get(lane)?.postMessage({ do: "stop" });
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
    const open = this.open.get(lane);
    if (!open || open.run !== (message ?? loading).run) return; // of an earlier run or part
    open.silent = 0;
    if (message?.state === "done" || message?.state === "error") this.open.delete(lane);
    open.on(message ?? { state: "loading", ...loading });
  }

  lose(lane, error) {
    this.workers.get(lane)?.terminate();
    this.workers.delete(lane);
    const open = this.open.get(lane);
    if (this.open.delete(lane)) open.on({ state: "error", error });
  }

  /** A phone may end a worker and say nothing. Counted in ticks: a page that sleeps does not tick. */
  watchOver() {
    for (const [lane, open] of [...this.open]) {
      open.silent += 1;
      if (open.silent > SILENCE) this.lose(lane, LOST);
    }
  }
}
