// The roll of a whole piece, with the window on it that is the primer, and its two handles.

import { colourOf, prepare } from "./canvas.js";
import { h } from "./dom.js";
import { pitchRange } from "./roll.js";

const STEPS = { ArrowLeft: -100, ArrowDown: -100, ArrowRight: 100, ArrowUp: 100, PageDown: -1000, PageUp: 1000 };

/** `on` has move(edge, ms), which moves one edge of the window, and shift(ms), which moves the window's start. */
export class PrimerRoll {
  constructor(on) {
    this.on = on;
    this.rows = [];
    this.stretch = { start: 0, end: 0 };
    this.duration = 1;
    this.canvas = h("canvas", { role: "img", "aria-label": "Piano roll of the primer" });
    this.window = h("div", { class: "window" });
    this.handles = { start: this.handle("start"), end: this.handle("end") };
    this.playhead = h("div", { class: "primer-playhead", hidden: true });
    this.element = h(
      "div",
      { class: "primer-roll" },
      this.canvas,
      this.window,
      this.playhead,
      ...Object.values(this.handles),
    );
    this.dragging();
  }

  handle(edge) {
    return h("div", {
      class: `handle ${edge}`,
      role: "slider",
      tabindex: "0",
      "data-testid": `handle-${edge}`,
      "aria-label": edge === "start" ? "Start of the primer" : "End of the primer",
      onkeydown: (event) => {
        const step = STEPS[event.key];
        const target = step ? this.stretch[edge] + step : { Home: 0, End: this.duration }[event.key];
        if (target === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        this.on.move(edge, target);
      },
    });
  }

  timeAt(event) {
    const box = this.element.getBoundingClientRect();
    return Math.round(((event.clientX - box.left) / box.width) * this.duration);
  }

  dragging() {
    let grip = null;
    this.element.addEventListener("pointerdown", (event) => {
      if (!this.rows.length || event.button !== 0) return;
      const at = this.timeAt(event);
      const { start, end } = this.stretch;
      const edge = event.target.classList.contains("handle") && (event.target === this.handles.start ? "start" : "end");
      if (edge) grip = { edge };
      else if (event.target === this.window) grip = { offset: at - start };
      else grip = { edge: Math.abs(at - start) < Math.abs(at - end) ? "start" : "end" };
      this.element.setPointerCapture(event.pointerId);
      if (grip.edge && !edge) this.on.move(grip.edge, at);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (!grip) return;
      if (grip.edge) this.on.move(grip.edge, this.timeAt(event));
      else this.on.shift(this.timeAt(event) - grip.offset);
    });
    const drop = () => {
      grip = null;
    };
    this.element.addEventListener("pointerup", drop);
    this.element.addEventListener("pointercancel", drop);
  }

  /** Show rows (with the pedal in them) of a piece of `duration` ms, and which stretch of it is chosen. */
  show(rows, duration, stretch, count) {
    Object.assign(this, { rows, duration, stretch });
    for (const [edge, handle] of Object.entries(this.handles)) {
      const seconds = (stretch[edge] / 1000).toFixed(1);
      handle.style.left = `${(stretch[edge] / duration) * 100}%`;
      handle.setAttribute("aria-valuemin", "0");
      handle.setAttribute("aria-valuemax", (duration / 1000).toFixed(1));
      handle.setAttribute("aria-valuenow", seconds);
      handle.setAttribute("aria-valuetext", `${seconds} seconds`);
    }
    this.window.style.left = `${(stretch.start / duration) * 100}%`;
    this.window.style.right = `${(1 - stretch.end / duration) * 100}%`;
    this.canvas.setAttribute("aria-label", `Piano roll of the primer: ${count} notes chosen`);
    this.draw();
  }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    if (!this.rows.length || !width) return;
    const [low, high] = pitchRange(
      this.rows.map((row) => row[2]),
      24,
    );
    const line = height / (high - low + 1);
    const { start, end } = this.stretch;
    const colours = [colourOf(this.element, "--primer"), colourOf(this.element, "--primer-faint")];
    for (const [on, off, pitch] of this.rows) {
      context.fillStyle = colours[on >= start && on < end ? 0 : 1];
      const x = (on / this.duration) * width;
      context.fillRect(
        x,
        (high - pitch) * line,
        Math.max(1.5, ((off - on) / this.duration) * width - 0.5),
        Math.max(1.5, line * 0.85),
      );
    }
  }

  /** Where the playhead stands, in ms; null hides it. */
  showPlayhead(time) {
    this.playhead.hidden = time === null;
    if (time !== null) this.playhead.style.left = `${(time / this.duration) * 100}%`;
  }
}
