// Where the models play: on the server, through Gradio's events, one for each lane.

import { changeRests } from "./rests.js";
import { server } from "./server.js";

const SILENCE = 4000; // milliseconds without a word from a running lane after which the server is asked
const PATIENCE = 3; // how often it may be asked before a lane that says nothing is given up

/**
 * Lets lanes play. Another place to play at needs the same `start`, `stop`, `leave`, `rest` and `playing`.
 *
 * A message is {state: "waiting", place} while others play, {state: "running", …} with the notes so far as
 * `Score.receive` takes them, and at the end {state: "done", …} or {state: "error", error}.
 */
export class ServerBackend {
  /** `models` are the models' keys in the order in which the server has them. */
  constructor({ trigger, watch, props }, models) {
    this.trigger = trigger;
    this.models = models;
    this.open = new Map();
    watch("value", () => this.receive(props.value));
    setInterval(() => this.watchOver(), 1000);
  }

  /** The lanes that play, or wait for their turn. */
  get playing() {
    return [...this.open.keys()];
  }

  /** Let a lane play what `request` asks for, with its `model` or the lane's own; `on` is called with each message. */
  start(lane, request, on) {
    this.stop(lane);
    this.open.set(lane, { run: request.run, on, heardFrom: performance.now(), asked: 0, rests: false });
    this.trigger(`play_${this.models.indexOf(request.model ?? lane)}`, { ...request, lane });
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

  /** Lanes that nobody plays cost nothing here. */
  leave() {}

  /** Let these lanes rest, and no others. */
  rest(lanes) {
    for (const [lane, open] of changeRests(this.open, lanes)) server.rest(open.run, lane, open.rests);
  }

  /** Take in one message, as text; those of an earlier run or part are dropped. */
  receive(text) {
    if (typeof text !== "string" || !text) return;
    const message = JSON.parse(text);
    const open = this.open.get(message.lane);
    if (!open || open.run !== message.run) return;
    open.heardFrom = performance.now();
    open.asked = 0;
    if (message.state === "done" || message.state === "error") this.open.delete(message.lane);
    open.on(message);
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
      const next = alive ? "try again" : "the page reconnects when the server is back";
      const error = `The connection to the server was lost. The music so far stays; ${next}.`;
      open.on({ state: "error", error });
    }
  }
}
