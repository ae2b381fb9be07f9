// The way to the server and back. Lanes go through Gradio's events, everything else through plain requests.

const SILENCE = 4000; // milliseconds without a word from a running lane after which the server is asked
const PATIENCE = 3; // how often it may be asked before a lane that says nothing is given up

const address = (path) => new URL(`musictx/${path}`, document.baseURI);

/** The server's answer, or an Error whose message is a plain sentence. */
async function ask(path, options) {
  let response;
  try {
    response = await fetch(address(path), options);
  } catch {
    throw new Error("The server does not answer. Nothing here is lost; try again when the connection is back.");
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({ error: "the server could not answer; try again" }));
  throw new Error(sentence(error));
}

export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

function json(body) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

export const server = {
  presets: async () => (await ask("presets")).json(),
  vote: async (vote) => ask("vote", json(vote)),
  download: async (body) => (await ask("download", json(body))).blob(),
  alive: async () => ask("alive", { cache: "no-store" }),
  upload: async (file, tracks) => {
    const query = new URLSearchParams({ name: file.name, ...(tracks ? { tracks: tracks.join(",") } : {}) });
    return (await ask(`upload?${query}`, { method: "POST", body: file })).json();
  },
};

/**
 * Starts and stops lanes and hands on their messages. `listener` gets `message(lane, message)` and
 * `lost(lane, sentence)`; messages of an earlier run or part are dropped here.
 */
export class Wire {
  constructor({ trigger, watch, props }, listener) {
    this.trigger = trigger;
    this.listener = listener;
    this.open = new Map();
    watch("value", () => this.receive(props.value));
    setInterval(() => this.watchOver(), 1000);
  }

  start(lane, payload) {
    this.stop(lane);
    this.open.set(lane, { run: payload.run, heardFrom: performance.now(), asked: 0 });
    this.trigger(`play_${lane}`, payload);
  }

  /** Ask a lane to stop. No message comes any more. */
  stop(lane) {
    if (!this.open.delete(lane)) return;
    this.trigger(`stop_${lane}`);
  }

  receive(text) {
    if (typeof text !== "string" || !text) return;
    const message = JSON.parse(text);
    const open = this.open.get(message.lane);
    if (!open || open.run !== message.run) return;
    open.heardFrom = performance.now();
    open.asked = 0;
    if (message.state === "done" || message.state === "error") this.open.delete(message.lane);
    this.listener.message(message.lane, message);
  }

  async watchOver() {
    if (this.asking) return;
    const silent = [...this.open].filter(([, open]) => performance.now() - open.heardFrom > SILENCE);
    if (!silent.length) return;
    this.asking = true;
    const alive = await server.alive().then(() => true, () => false);
    this.asking = false;
    for (const [lane, open] of silent) {
      open.heardFrom = performance.now();
      open.asked += 1;
      if ((alive && open.asked <= PATIENCE) || this.open.get(lane) !== open) continue;
      this.open.delete(lane);
      this.listener.lost(lane, "The connection to the server was lost. What is there stays; press Continue to try again.");
    }
  }
}
