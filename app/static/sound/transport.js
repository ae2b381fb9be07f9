// The clock: one playhead for all lanes, notes scheduled ahead of it, and patience with slow lanes and lines.

import { HOLD } from "../music/constants.js";
import { leadNeeded, Pace } from "./lead.js";
import { Turns } from "./turns.js";
import { Voices } from "./voices.js";

const LOOK_AHEAD = 1.4; // seconds of music scheduled in advance: a page that stalls goes on sounding
const TICK = 60; // milliseconds between two looks at what must be scheduled
const CAUGHT_UP = 0.35; // seconds ahead with which a lane that came later is awaited like the others
const PIANO_LEAD = 4; // how far ahead the samples must be here, so that a slow line makes one pause and not many
const TURN = 0.15; // the end of a loop is prepared this long before it comes
const TAIL = 1.2; // seconds that the last notes may ring

/**
 * Moves one playhead through several scores, of which one is heard. `onchange` is called when the state
 * changes: "stopped", "playing" or "waiting" (for a lane that has not made enough music yet, or for samples).
 * `player` is asked to let lanes rest, if there is one.
 */
export class Transport {
  constructor(sound, onchange, player) {
    this.sound = sound;
    this.onchange = onchange;
    this.scores = new Map();
    this.heard = null;
    this.loop = null; // {from, to}: what is played again and again
    this.state = "stopped";
    this.waitsFor = null; // while it waits: "models", "turn" (the lane's), "piano", or "lost piano" if the samples do not arrive
    this.at = 0; // where the playhead stands while it does not move
    this.segment = null; // what plays now: the lane that is heard, and which context time is which musical time
    this.behind = new Set(); // lanes whose models came later, or whose turn comes later; the others sound meanwhile
    this.statistics = { late: 0, waits: 0, leads: {} };
    this.pace = new Pace();
    this.turns = new Turns(player);
    this.asked = 0; // seconds of music that the models were asked for
    this.timer = null;
  }

  /** Exchange what is played; models that still play were asked for so many seconds. The old sound stops. */
  load(scores, heard, at = 0, asked = 0) {
    this.stop();
    this.asked = asked;
    this.pace.reset();
    this.turns.reset();
    this.scores = scores;
    this.heard = heard;
    this.at = at;
    this.behind.clear();
    this.statistics = { late: 0, waits: 0, leads: {} };
  }

  get end() {
    let end = 0;
    for (const score of this.scores.values()) end = Math.max(end, score.end);
    return end;
  }

  get complete() {
    return [...this.scores.values()].every((score) => score.complete);
  }

  /** Whether the lane that is heard is all there. */
  get isWhole() {
    return Boolean(this.scores.get(this.heard)?.complete);
  }

  /** Whether there will be no more to hear, though lanes may be made whose turn came later. */
  get isOver() {
    return this.complete || (this.isWhole && this.later.length > 0);
  }

  /** The lanes that the playhead waits for, with their scores. */
  get awaited() {
    return [...this.scores].filter(([name, { complete }]) => !complete && (name === this.heard || !this.behind.has(name)));
  }

  /** Up to here every awaited lane's music is known. */
  get known() {
    return Math.min(...this.awaited.map(([, score]) => score.known));
  }

  /** The lanes whose turn comes later. */
  get later() {
    if (!this.turns.taken) return [];
    return [...this.scores].filter(([name, { complete }]) => !complete && name !== this.heard).map(([name]) => name);
  }

  /** Up to here every awaited lane has music, the primer among it, which no model has to make. */
  get made() {
    return Math.min(...this.awaited.map(([, score]) => Math.max(score.known, score.partStart)));
  }

  /** A lane whose model is still on its way, or whose turn comes later, is not waited for until it has caught up. */
  lookBehind() {
    const { later } = this;
    this.turns.rest(this.isWhole ? [] : later);
    for (const [name, score] of this.scores) {
      if (score.fetching || later.includes(name)) this.behind.add(name);
      else if (score.complete || score.known - this.position > CAUGHT_UP) this.behind.delete(name);
    }
  }

  /** Up to here the piano has the samples for what is heard. */
  get playable() {
    const { samples } = this.sound;
    if (samples.complete) return Infinity;
    return this.ahead.find((note) => !samples.of(note))?.on ?? Infinity;
  }

  /** Up to here the music can sound. */
  get frontier() {
    return Math.min(this.known, this.playable);
  }

  /** How many seconds are still to be made. */
  get rest() {
    return Math.max(0, ...this.awaited.map(([, score]) => score.partStart + this.asked - this.at));
  }

  /** How far the playhead can be moved. What the models were given is there before they say so. */
  get reach() {
    return Math.min(this.end, this.made);
  }

  /** The notes of the lane that is heard that are still to be struck. */
  get ahead() {
    const notes = this.scores.get(this.heard)?.notes ?? [];
    if (this.segment) return notes.slice(this.segment.lane.next);
    return notes.filter(({ on, off }) => on >= this.at || off === null || off > this.at);
  }

  get position() {
    if (this.state !== "playing") return this.at;
    const { context } = this.sound;
    const passed = context.currentTime - this.segment.context;
    return Math.min(this.segment.music + Math.max(0, passed), this.frontier);
  }

  play() {
    if (this.state !== "stopped" || !this.scores.size) return;
    this.sound.wake();
    if (this.complete && this.at >= this.end - 0.05) this.at = 0;
    this.firstStart = true;
    this.set("waiting");
    this.timer ??= setInterval(() => this.tick(), TICK);
    this.tick();
  }

  pause() {
    if (this.state === "stopped") return;
    this.at = this.position;
    this.silence();
    this.turns.rest([]);
    this.set("stopped");
    clearInterval(this.timer);
    this.timer = null;
  }

  stop() {
    this.pause();
    this.at = 0;
  }

  seek(time) {
    const target = Math.max(0, Math.min(time, this.reach));
    const running = this.state !== "stopped";
    this.silence();
    this.at = target;
    if (running) {
      this.firstStart = true;
      this.set("waiting");
      this.tick();
    } else this.onchange();
  }

  /** Choose the lane that is heard: at the same musical moment one fades out and the other in. */
  hear(name) {
    const { position, segment } = this;
    this.heard = name;
    // The new lane may have to wait.
    if (segment && (!this.sound.samples.complete || this.behind.has(name))) return this.seek(position);
    if (segment) {
      segment.lane.leave();
      segment.lane = this.enter(this.sound.context.currentTime, position);
      if (this.state === "playing") this.advance();
    }
    this.onchange();
  }

  /** New notes have come; look at once whether something waits for them. */
  nudge() {
    if (this.state !== "stopped") this.tick();
  }

  set(state, waitsFor = null) {
    if (state === this.state && waitsFor === this.waitsFor) return;
    this.state = state;
    this.waitsFor = waitsFor;
    this.onchange();
  }

  get lacksPiano() {
    return this.playable < Math.min(this.known, this.at + PIANO_LEAD);
  }

  /** What holds the clock up. That the models begin is seen, and needs no word. */
  get obstacle() {
    if (this.lacksPiano) return this.sound.samples.lost.size ? "lost piano" : "piano";
    if (this.turns.taken) return "turn";
    return this.firstStart ? null : "models";
  }

  tick() {
    const { samples } = this.sound;
    if (!samples.complete) samples.prefer(this.ahead);
    this.lookBehind();
    this.pace.see(this.made, performance.now() / 1000);
    if (this.turns.begin(this.rest, this.pace)) this.pace.reset();
    if (this.state === "waiting") this.tryToStart();
    if (this.state === "playing") this.advance();
  }

  tryToStart() {
    if (this.sound.context.state !== "running") return;
    const waits = this.firstStart ? 0 : this.statistics.waits;
    if (this.lacksPiano || this.known - this.at < leadNeeded(waits, this.rest, this.pace.perSecond)) {
      this.set("waiting", this.obstacle);
      return;
    }
    this.firstStart = false;
    const begin = this.sound.context.currentTime + 0.04;
    const lane = this.segment?.lane ?? this.enter(begin, this.at);
    this.segment = { lane, context: begin, music: this.at };
    this.set("playing");
  }

  enter(when, at) {
    return new Voices(this.sound, this.scores.get(this.heard), when, at);
  }

  advance() {
    const { segment } = this;
    const position = this.position;
    const frontier = this.frontier;
    const turn = this.loop && segment.music <= this.loop.to ? this.loop.to : Infinity; // also when this comes late
    const horizon = Math.min(position + LOOK_AHEAD, frontier, turn);
    const when = (time) => segment.context + time - segment.music;
    for (const [name, score] of this.awaited)
      this.statistics.leads[name] = Math.min(this.statistics.leads[name] ?? Infinity, score.known - position);
    this.statistics.late += segment.lane.schedule(horizon, when);
    if (turn - position < TURN && frontier >= turn) {
      this.segment.lane.leave(when(turn));
      this.segment = { lane: this.enter(when(turn), this.loop.from), context: when(turn), music: this.loop.from };
      this.advance(); // its first notes, before the next look
    } else if (frontier - position < HOLD) {
      this.at = frontier;
      if (frontier === this.known) this.statistics.waits += 1;
      this.set("waiting", this.obstacle);
    } else if (this.isOver && position > this.end + TAIL) {
      this.pause();
      this.at = this.end;
      this.onchange();
    }
  }

  silence() {
    if (!this.segment) return;
    this.segment.lane.leave();
    this.segment = null;
  }
}
