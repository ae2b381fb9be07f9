// The way to the server and back. Lanes go through Gradio's events, everything else through plain requests.

const SILENCE = 4000; // milliseconds without a word from a running lane after which the server is asked
const PATIENCE = 3; // how often it may be asked before a lane that says nothing is given up

const address = (path) => new URL(`musictx/${path}`, document.baseURI);

/** What the server answers (JSON, or a file), or an Error whose message is a plain sentence. */
async function ask(path, options) {
  let response;
  try {
    response = await fetch(address(path), options);
  } catch {
    throw new Error("The server does not answer. Nothing here is lost; try again when the connection is back.");
  }
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  const answer = isJson ? await response.json().catch(() => null) : await response.blob();
  if (!response.ok || answer === null) throw new Error("The server could not answer. Try again.");
  if (answer.error) throw new Error(sentence(answer.error));
  return answer;
}

/** A capital first, unless a file's name comes first; a full stop last. */
export function sentence(text) {
  const whole = /^\p{Ll}+[\s,]/u.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

function json(body) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

export const server = {
  presets: async () => ask("presets"),
  vote: async (vote) => ask("vote", json(vote)),
  download: async (body) => ask("download", json(body)),
  alive: async () => ask("alive", { cache: "no-store" }),
  // Also while the page is being left; a server that does not answer has nothing to stop.
  stop: async (run, lane) =>
    ask(`stop?${new URLSearchParams({ run, lane })}`, { method: "POST", keepalive: true }).catch(() => {}),
  upload: async (file, tracks) => {
    const query = new URLSearchParams({ name: file.name, ...(tracks ? { tracks: tracks.join(",") } : {}) });
    return ask(`upload?${query}`, { method: "POST", body: file });
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

  /**
   * Ask a lane to stop. No message comes any more.
   *
   * Not by Gradio's `cancels`: it knows a run only once the server has answered, and a Stop before that is lost.
   */
  stop(lane) {
    const open = this.open.get(lane);
    if (!this.open.delete(lane)) return;
    server.stop(open.run, lane);
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
    const alive = await server.alive().then(
      () => true,
      () => false,
    );
    this.asking = false;
    for (const [lane, open] of silent) {
      open.heardFrom = performance.now();
      open.asked += 1;
      if ((alive && open.asked <= PATIENCE) || this.open.get(lane) !== open) continue;
      this.open.delete(lane);
      const next = alive ? "press Continue to try again" : "the page comes back by itself when the server does";
      this.listener.lost(lane, `The connection to the server was lost. What is there stays; ${next}.`);
    }
  }
}
