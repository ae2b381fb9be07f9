// The three lanes on the page: their order, their common axes, and when they are drawn.

import { MODELS } from "../music/models.js";
import { Lane } from "./lane.js";
import { pitchRange } from "./roll.js";

const REDRAW = 100; // milliseconds between two drawings of a lane that grows: the models need the processor more

export class Lanes {
  /** `on` has act(what, model) and seek(time). */
  constructor(element, on) {
    this.element = element;
    this.lanes = new Map(MODELS.map((model) => [model, new Lane(model, on.act, on.seek)]));
    this.order = [...MODELS];
    this.dirty = new Set();
    this.drawnAt = 0;
  }

  lane(model) {
    return this.lanes.get(model);
  }

  /** Where the time axis ends. */
  get end() {
    return this.lane(MODELS[0]).roll.view.end;
  }

  /** Put the lanes into an order and give them their names, or letters. */
  arrange(order, blind, heard) {
    this.order = order;
    this.element.replaceChildren(...order.map((model) => this.lane(model).element));
    order.forEach((model, index) => this.lane(model).place(index, blind));
    this.hear(heard);
    this.redraw();
  }

  hear(heard) {
    for (const [model, lane] of this.lanes) lane.setHeard(model === heard);
  }

  /** Show a take's scores, or one primer in all lanes if there is no take yet. */
  show(take, primer) {
    for (const [model, lane] of this.lanes) {
      lane.roll.score = take ? take.scores.get(model) : primer;
      lane.message = take?.messages[model] ?? null;
      lane.set(take?.states[model] ?? "waiting", take?.errors[model]);
    }
    this.redraw();
  }

  /** One time axis and one range of pitches for all lanes; `seconds` is what a running lane will add. */
  fit(take, seconds) {
    const scores = [...this.lanes.values()].map((lane) => lane.score).filter(Boolean);
    if (!scores.length) return;
    const expected = (score) => (take && score.complete ? score.end : score.partStart + seconds);
    const end = Math.max(...scores.map((score) => Math.max(score.end, expected(score))));
    const [low, high] = pitchRange(scores.flatMap((score) => score.notes.map((note) => note.pitch)));
    const view = { start: 0, end, low, high };
    const before = this.lane(MODELS[0]).roll.view;
    if (Object.keys(view).every((key) => view[key] === before[key])) return;
    for (const lane of this.lanes.values()) lane.roll.view = view;
    this.redraw();
  }

  redraw() {
    for (const lane of this.lanes.values()) this.dirty.add(lane);
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
