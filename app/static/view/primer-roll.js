// The roll of a piece, with the window on it that is the primer, and its two handles.

import { Metre } from "../music/metre.js";
import { counted, preciseClock } from "../music/sentences.js";
import { moved, turned, zoomed } from "../music/view.js";
import { caught } from "./bars.js";
import { colourOf, prepare } from "./canvas.js";
import { h } from "./dom.js";
import { goesSideways, isMouse } from "./roll-input.js";
import { pitchRange } from "./roll.js";

const STEPS = { ArrowLeft: -100, ArrowDown: -100, ArrowRight: 100, ArrowUp: 100, PageDown: -1000, PageUp: 1000 };
const WIDEST = 60_000; // ms of a long piece that the roll shows at first
const WHEEL = 1.0015; // by how much a wheel zooms for each pixel

/**
 * `on` has move(edge, ms, gesture), which moves one edge of the window, and shift(ms, gesture), which moves all of it
 * to start there. What belongs to one drag, or to one run of keys, comes with the same gesture.
 */
export class PrimerRoll {
  constructor(on) {
    this.on = on;
    this.rows = [];
    this.selection = { start: 0, end: 0 };
    this.duration = 1;
    this.metre = null;
    this.view = { start: 0, end: 1 }; // ms
    this.canvas = h("canvas", { role: "img", "aria-label": "Piano roll of the primer" });
    this.window = h("div", { class: "window", "data-testid": "primer-window" });
    this.handles = { start: this.handle("start"), end: this.handle("end") };
    this.playhead = h("div", { class: "primer-playhead", hidden: true });
    this.roll = h("div", { class: "primer-roll" }, this.canvas, this.window, this.playhead, ...this.ends);
    this.overview = h(
      "div",
      { class: "overview", title: "The whole piece", "data-testid": "overview" },
      h("canvas", { "aria-hidden": "true" }),
      h("div", { class: "overview-window" }),
    );
    this.element = h("div", { class: "primer-rolls" }, this.roll, this.overview);
    this.drag(this.roll, (event) => this.grip(event));
    this.drag(this.overview, () => this.gripOverview());
    this.roll.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  get ends() {
    return Object.values(this.handles);
  }

  handle(edge) {
    let keys = null;
    return h("div", {
      class: `handle ${edge}`,
      role: "slider",
      tabindex: "0",
      "data-testid": `handle-${edge}`,
      "aria-label": edge === "start" ? "Start of the primer" : "End of the primer",
      "aria-description": "With Shift held the whole primer moves.",
      onfocus: () => (keys = {}),
      onkeydown: (event) => {
        const step = STEPS[event.key];
        const target = step ? this.selection[edge] + step : { Home: 0, End: this.duration }[event.key];
        if (target === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        if (event.shiftKey) this.on.shift(this.selection.start + target - this.selection[edge], keys);
        else this.on.move(edge, target, keys);
      },
    });
  }

  /** Follow a pointer: `grip` says for the event that begins a drag what each of its events does, and if that one does. */
  drag(element, grip) {
    let pull = null;
    let down = null; // where a finger began, until it is clear that it does not scroll the page
    let jumps = false;
    element.addEventListener("pointerdown", (event) => {
      if (!this.rows.length || event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      ({ pull, jumps } = grip(event));
      down = isMouse(event) ? null : event;
      if (jumps && !down) pull(event);
    });
    element.addEventListener("pointermove", (event) => {
      if (down && !goesSideways(event, down)) return;
      down = null;
      pull?.(event);
    });
    element.addEventListener("pointerup", () => {
      if (down && jumps) pull(down);
      pull = down = null;
    });
    element.addEventListener("pointercancel", () => (pull = down = null));
  }

  timeAt(event, element, { start, end }) {
    const box = element.getBoundingClientRect();
    return Math.round(start + ((event.clientX - box.left) / box.width) * (end - start));
  }

  /** A handle moves its edge, the window moves at its length, and so it does when one clicks beside it. */
  grip(event) {
    const time = (each) => this.timeAt(each, this.roll, this.view);
    const onBar = (at, each) => (each.altKey ? at : this.caught(at));
    const gesture = {};
    const edge = Object.keys(this.handles).find((each) => event.target === this.handles[each]);
    if (edge) return { pull: (each) => this.on.move(edge, onBar(time(each), each), gesture), jumps: false };
    const { start, end } = this.selection;
    const inside = event.target === this.window;
    const offset = inside ? time(event) - start : (end - start) / 2;
    const pull = (each) => this.on.shift(onBar(time(each) - offset, each), gesture);
    return { pull, jumps: !inside };
  }

  /** The bar line (ms) that a time means, or that time; with Alt held it is always the time. */
  caught(time) {
    const { start, end } = this.view;
    return Math.round(1000 * caught(this.metre, time / 1000, (1000 * this.roll.clientWidth) / (end - start)));
  }

  gripOverview() {
    const gesture = {};
    const half = (this.selection.end - this.selection.start) / 2;
    const whole = { start: 0, end: this.duration };
    const pull = (each) => this.on.shift(this.timeAt(each, this.overview, whole) - half, gesture);
    return { pull, jumps: true };
  }

  wheel(event) {
    const { start, end } = this.view;
    if (event.ctrlKey || event.metaKey) this.zoom(WHEEL ** event.deltaY, this.timeAt(event, this.roll, this.view));
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = (event.deltaX / this.roll.clientWidth) * (end - start);
      this.setView(inMilliseconds(moved(inSeconds(this.view), by / 1000, this.duration / 1000)));
    } else return; // the page scrolls
    event.preventDefault();
  }

  /** Show `factor` times as much of the piece; without `at` around the primer, which stays in view. */
  zoom(factor, at = null) {
    const middle = (this.selection.start + this.selection.end) / 2;
    this.view = inMilliseconds(zoomed(inSeconds(this.view), factor, (at ?? middle) / 1000, this.duration / 1000));
    if (at === null) this.reveal();
    this.setView(this.view);
  }

  /** Bring what is chosen into view: as a whole if it fits, or else where it begins. */
  reveal() {
    const { start, end } = this.selection;
    const far = end - start < this.view.end - this.view.start ? end - 1 : start;
    for (const time of [far, start]) {
      const at = Math.min(time, this.duration - 1) / 1000;
      this.view = inMilliseconds(turned(inSeconds(this.view), at, this.duration / 1000));
    }
  }

  setView(view) {
    this.view = view;
    this.place();
    this.draw();
  }

  /** Take in another piece: rows with the pedal in them, its length in ms, and its bars, if it has any. */
  load(rows, duration, metre) {
    this.rows = rows;
    this.duration = duration;
    this.metre = metre ? new Metre(metre) : null;
    this.view = { start: 0, end: Math.min(duration, WIDEST) };
  }

  /** Show which selection is chosen, and how many notes are in it. */
  show(selection, count) {
    this.selection = selection;
    this.reveal();
    for (const [edge, handle] of Object.entries(this.handles)) {
      handle.setAttribute("aria-valuemin", "0");
      handle.setAttribute("aria-valuemax", (this.duration / 1000).toFixed(1));
      handle.setAttribute("aria-valuenow", (selection[edge] / 1000).toFixed(1));
      handle.setAttribute("aria-valuetext", preciseClock(selection[edge] / 1000));
    }
    this.canvas.setAttribute("aria-label", `Piano roll of the primer: ${counted(count, "note")} chosen`);
    this.place();
    this.draw();
  }

  /** Where a time stands, in percent of what is shown. */
  left(time, { start, end } = this.view) {
    return ((time - start) / (end - start)) * 100;
  }

  place() {
    const { start, end } = this.selection;
    const inside = (time) => Math.min(100, Math.max(0, this.left(time)));
    for (const [edge, handle] of Object.entries(this.handles)) {
      const left = this.left(this.selection[edge]);
      handle.style.left = `${inside(this.selection[edge])}%`;
      handle.classList.toggle("outside", left < -0.01 || left > 100.01);
    }
    this.window.style.left = `${inside(start)}%`;
    this.window.style.right = `${100 - inside(end)}%`;
    this.overview.hidden = this.view.end - this.view.start >= this.duration;
    const whole = { start: 0, end: this.duration };
    const box = this.overview.lastChild;
    box.style.left = `${this.left(start, whole)}%`;
    box.style.right = `${100 - this.left(end, whole)}%`;
  }

  draw() {
    this.drawNotes(this.canvas, this.view);
    if (!this.overview.hidden) this.drawNotes(this.overview.firstChild, { start: 0, end: this.duration });
  }

  drawNotes(canvas, view) {
    const { context, width, height } = prepare(canvas);
    if (!this.rows.length || !width) return;
    const [low, high] = pitchRange(
      this.rows.map((row) => row[2]),
      24,
    );
    const line = height / (high - low + 1);
    const { start, end } = this.selection;
    const colours = [colourOf(this.roll, "--primer"), colourOf(this.roll, "--primer-faint")];
    const scale = width / (view.end - view.start);
    context.fillStyle = colourOf(this.roll, "--roll-bar");
    const lines = canvas === this.canvas && this.metre ? this.metre.barLines(view.end / 1000) : [];
    for (const line of lines.length * 6 < width ? lines : []) {
      if (1000 * line >= view.start) context.fillRect(Math.round((1000 * line - view.start) * scale), 0, 1, height);
    }
    for (const [on, off, pitch] of this.rows) {
      if (off < view.start || on > view.end) continue;
      context.fillStyle = colours[on >= start && on < end ? 0 : 1];
      const long = Math.max(1.5, (off - on) * scale - 0.5);
      context.fillRect((on - view.start) * scale, (high - pitch) * line, long, Math.max(1.5, line * 0.85));
    }
  }

  /** Where the playhead stands, in ms; null hides it. */
  showPlayhead(time) {
    const left = time === null ? -1 : this.left(time);
    this.playhead.hidden = left < 0 || left > 100;
    if (!this.playhead.hidden) this.playhead.style.left = `${left}%`;
  }
}

const inSeconds = ({ start, end }) => ({ start: start / 1000, end: end / 1000 });
const inMilliseconds = ({ start, end }) => ({ start: start * 1000, end: end * 1000 });
