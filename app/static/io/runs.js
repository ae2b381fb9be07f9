// While the models play: starting and stopping lanes, and what their messages do to the take.

import { REAL } from "../music/models.js";
import { queueWords } from "../music/sentences.js";
import { nextPart } from "../music/takes.js";

/** `on` has notice(text), arrived(), called after every message, and changed(), when a lane starts or ends. */
export class Runs {
  constructor(player, lanes, on) {
    this.player = player;
    this.lanes = lanes;
    this.on = on;
    this.take = null;
    this.playing = new Set(); // lanes of the take; the player may play other things
    this.queued = false;
    this.pendingMore = {};
  }

  get running() {
    return this.playing.size > 0;
  }

  /** Let all models play on, the one in `heard` first. `more`: from where each lane goes on further, as in a take. */
  start(take, more, heard) {
    this.take = take;
    this.pendingMore = Object.fromEntries(Object.entries(more).map(([model, from]) => [model, [...from]]));
    const order = this.lanes.order.filter((model) => model !== REAL);
    for (const model of order.sort((a, b) => Number(b === heard) - Number(a === heard))) this.startLane(model);
  }

  /** Play a lane's next part: the first one, or more of what is there, or of what is there until `from` (s). */
  startLane(model, from = null) {
    if (this.playing.has(model)) return;
    const part = nextPart(this.take, model, from);
    this.playing.add(model);
    this.setState(model, "waiting");
    this.player.start(model, part, (message) => this.receive(model, message));
    this.on.changed();
  }

  /** Stop the models; what is there stays, and goes on sounding. */
  stop() {
    this.pendingMore = {};
    if (this.queued) this.on.notice("");
    this.queued = false;
    for (const model of [...this.playing]) {
      this.player.stop(model);
      this.end(model, "done");
    }
  }

  receive(model, message) {
    const { take } = this;
    if (message.state === "waiting") {
      this.on.notice(queueWords(message.place));
      this.queued = true;
      return;
    }
    if (message.state === "loading") {
      take.scores.get(model).fetching = true;
      this.lanes.lane(model).showLoading(message);
      return;
    }
    if (!message.notes) {
      this.end(model, message.state, message.error); // the connection was lost
      return;
    }
    const lane = this.lanes.lane(model);
    const score = take.scores.get(model);
    if (message.primer) {
      if (this.queued || message.remark) this.on.notice(message.remark);
      this.queued = false;
      score.adopt(message.primer, message.held);
    }
    const first = score.continuationCount === 0;
    score.receive(message);
    take.messages[model] = message;
    lane.message = message;
    if (message.state === "running") {
      if (lane.state !== "running") this.setState(model, "running");
    } else {
      this.end(model, message.state, message.error);
    }
    // The first note is shown at once, the others with the next drawing.
    if (first && score.continuationCount) lane.draw();
    else this.lanes.redraw([lane]);
    this.on.arrived();
  }

  end(model, state, error = "") {
    this.playing.delete(model);
    this.take.scores.get(model).finish();
    this.setState(model, state, error);
    this.lanes.redraw([this.lanes.lane(model)]);
    if (state === "done" && this.pendingMore[model]?.length) this.startLane(model, this.pendingMore[model].shift());
    this.on.changed();
  }

  setState(model, state, error = "") {
    this.take.states[model] = state;
    this.take.errors[model] = error;
    this.lanes.lane(model).set(state, error);
  }
}
