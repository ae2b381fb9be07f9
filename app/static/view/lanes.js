// The lanes on the page: their order, their common axes, and when they are drawn.

import { Metre } from "../music/metre.js";
import { REAL } from "../music/models.js";
import { moved, turned, zoomed } from "../music/view.js";
import { Lane } from "./lane.js";
import { pitchRange } from "./roll.js";

const REDRAW = 100; // milliseconds between two drawings of a lane that grows: the models need the processor more

export class Lanes {
  /**
   * `on` has act(what, model), seek(time), loop(from, to) and tap(model, note), as in `listenTo` (roll-input.js), and
   * stale(): a lane is to be drawn again, by `frame`.
   */
  constructor(element, models, on) {
    this.element = element;
    this.stale = on.stale;
    const roll = {
      seek: on.seek,
      loop: on.loop,
      zoom: (factor, at) => this.zoom(factor, at),
      pan: (seconds) => this.pan(seconds),
    };
    const lane = (key) => new Lane(models, key, on.act, { ...roll, tap: (note) => on.tap(key, note) });
    this.lanes = new Map([...models.keys, REAL, ...models.takes.map(({ key }) => key)].map((key) => [key, lane(key)]));
    this.order = [...models.keys];
    this.whole = { start: 0, end: 10, low: 48, high: 84 };
    this.part = null; // the span that is shown; null: all of it
    this.dirty = new Set();
    this.drawnAt = 0;
    this.showView();
  }

  lane(model) {
    return this.lanes.get(model);
  }

  /** Where the music on the time axis ends. */
  get end() {
    return this.whole.end;
  }

  get view() {
    return { ...this.whole, ...this.part };
  }

  /** Put the lanes into an order and give them their names, or letters. */
  arrange(order, blind) {
    this.order = order;
    const elements = order.map((model) => this.lane(model).element);
    const { children } = this.element;
    const same = elements.length === children.length && elements.every((each, k) => each === children[k]);
    if (!same) this.element.replaceChildren(...elements); // else what has the focus keeps it
    order.forEach((model, index) => this.lane(model).place(index, blind, order.includes(REAL)));
    this.redraw();
  }

  /** Show which lane is chosen, and whether it `sounds`. */
  hear(heard, sounds) {
    for (const [model, lane] of this.lanes) lane.setHeard(model === heard, sounds);
  }

  /**
   * Show a take's scores, or one primer in all lanes if there is no take yet. `expected` says for each model where its
   * training length will be passed; `metre` on which bars the music lies, if it does.
   */
  show(take, primer, expected, metre) {
    const bars = metre ? new Metre(metre) : null;
    for (const [model, lane] of this.lanes) {
      lane.roll.metre = bars;
      lane.roll.score = take ? take.scores.get(model) : primer;
      lane.message = take?.messages[model] ?? null;
      lane.expected = expected[model] ?? null;
      lane.seed = take?.model ? (take.seeds[model] ?? null) : null;
      lane.set(take?.states[model] ?? "waiting", take?.errors[model]);
    }
    this.part = null;
    this.showView();
  }

  /** A lane's score becomes another. */
  exchange(model, score) {
    const lane = this.lane(model);
    lane.roll.score = score;
    lane.refresh();
    this.redraw([lane]);
  }

  /** One time axis and one range of pitches for all lanes; `seconds` is what a running lane will add. */
  fit(take, seconds) {
    const scores = this.order.map((model) => this.lane(model).score).filter(Boolean);
    if (!scores.length) return;
    const expected = (score) => (take && score.complete ? score.end : score.partStart + seconds);
    const again = [...this.lanes.values()].map((lane) => lane.roll.again?.end ?? 0);
    const end = Math.max(...scores.map((score) => Math.max(score.end, expected(score))), ...again);
    const [low, high] = pitchRange(scores.flatMap((score) => score.notes.map((note) => note.pitch)));
    const whole = { start: 0, end, low, high };
    if (Object.keys(whole).every((key) => whole[key] === this.whole[key])) return;
    this.whole = whole;
    this.showView();
  }

  showView() {
    for (const lane of this.lanes.values()) lane.roll.view = this.view;
    this.redraw();
  }

  /** Show a span `factor` times as long, with the moment `at` where it is. */
  zoom(factor, at) {
    const part = zoomed(this.view, factor, at, this.end);
    this.part = part.end - part.start < this.end ? part : null;
    this.showView();
  }

  /** Show what comes after a moment, where there is so much before it that little room is left. */
  showFrom(time) {
    this.part = time > 0 ? { start: time, end: this.end } : null;
    this.showView();
  }

  pan(seconds) {
    if (!this.part) return;
    this.part = moved(this.part, seconds, this.end);
    this.showView();
  }

  /** Keep a moment in view that moves on. */
  follow(at) {
    if (!this.part || at === null) return;
    const part = turned(this.part, at, this.end);
    if (part === this.part) return;
    this.part = part;
    this.showView();
  }

  /** Mark the selection that is played again and again: {from, to}, or null. */
  showLoop(loop) {
    for (const lane of this.lanes.values()) {
      lane.roll.loop = loop;
      lane.refresh();
    }
    this.redraw();
  }

  redraw(lanes = [...this.lanes.values()]) {
    for (const lane of lanes) this.dirty.add(lane);
    this.stale();
  }

  /** Draw what has changed, if it is time; true if something was drawn. */
  frame(now) {
    if (!this.dirty.size || now - this.drawnAt < REDRAW) return false;
    this.drawnAt = now;
    for (const lane of this.dirty) lane.draw();
    this.dirty.clear();
    return true;
  }

  drawPlayheads(position, heard) {
    for (const [model, lane] of this.lanes) lane.roll.drawPlayhead(position, model === heard);
  }
}
