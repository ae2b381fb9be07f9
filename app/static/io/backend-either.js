// Where the models play, if there is a choice: on the server, or on this computer.

import { megabytes } from "../music/models.js";
import { recall, remember } from "./memory.js";

const KEY = "musictx.place";
const CHOICES = ["auto", "server", "here"];
const LONG = 2; // so many visitors ahead need not be waited for

/** Lets lanes play at either place. The choice is "server", "here", or "auto": the server, until many wait there. */
export class EitherBackend {
  here; server; tell;

  /** `server` and `here` are players; `tell` shows a sentence. */
  constructor(server, here, tell) {
    Object.assign(this, { server, here, tell });
    this.choice = CHOICES.includes(recall(KEY)) ? recall(KEY) : "auto";
    this.waiting = new Map(); // lanes at the server whose turn has not come, with what was asked for
    this.changed = () => {}; // called when the place has changed
  }

  get isHere() {
    return this.choice === "here";
  }

  get playing() {
    return [...this.server.playing, ...this.here.playing];
  }

  /** The visitor's choice: it stays, and what still waits for the server moves here if it is to. */
  choose(choice) {
    this.choice = choice;
    remember(KEY, choice);
    if (this.isHere) this.bringHere();
    this.changed();
  }

  /** Let a lane play what `request` asks for; `on` is called with each message. */
  start(lane, request, on) {
    this.stop(lane);
    if (this.isHere && this.here.can(lane, request)) {
      this.here.start(lane, request, on);
      return;
    }
    this.waiting.set(lane, { request, on });
    this.server.start(lane, request, (message) => {
      if (message.state !== "waiting") this.waiting.delete(lane);
      else if (message.place >= LONG && this.choice === "auto") this.leaveQueue(message.place);
      if (message.state !== "waiting" || this.waiting.has(lane)) on(message);
    });
  }

  /** Stop a lane. No message comes any more. */
  stop(lane) {
    this.waiting.delete(lane);
    this.server.stop(lane);
    this.here.stop(lane);
  }

  leave(lanes) {
    this.here.leave(lanes);
  }

  rest(lanes) {
    this.server.rest(lanes);
    this.here.rest(lanes);
  }

  /** Too many wait before this visitor: play here, until something else is chosen or the page is loaded again. */
  leaveQueue(ahead) {
    if (!this.bringHere()) return;
    this.choice = "here";
    this.tell(
      `${ahead} visitors are ahead of you at the server, so the models play on this computer, which downloads them once ` +
        `(${megabytes(this.here.bytes)} MB). You can choose the server under Settings.`,
    );
    this.changed();
  }

  /** Let the lanes that wait play here, if they can; whether there was one. */
  bringHere() {
    const able = [...this.waiting].filter(([lane, { request }]) => this.here.can(lane, request));
    for (const [lane, { request, on }] of able) {
      this.stop(lane);
      this.here.start(lane, request, on);
    }
    return able.length > 0;
  }
}
