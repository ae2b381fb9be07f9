// Arcs over a roll: from a note back to the notes that the model listened to when it chose it.

import { h, svg } from "./dom.js";

const MAX_WIDTH = 9; // pixels of an arc that has all of the attention
const MIN_WIDTH = 0.7; // pixels of the thinnest
const TOP = 3; // pixels above the highest arc

export class Arcs {
  constructor(roll) {
    this.roll = roll;
    this.found = null; // {note, arcs: [{note, weight}]}, the strongest first
    this.element = svg("svg", { class: "roll-arcs", "aria-hidden": "true" });
    this.words = h("p", { class: "roll-words", role: "status", hidden: true });
  }

  /** Show what was found, or null, and say something of it. */
  show(found, words = "", bad = false) {
    this.found = found;
    this.words.textContent = words;
    this.words.hidden = !words;
    this.words.classList.toggle("bad", bad);
    this.roll.element.classList.toggle("looking", found !== null);
    this.roll.draw(); // which draws the arcs as well
  }

  draw() {
    const { found, roll } = this;
    if (!found || !roll.width) return this.element.replaceChildren();
    const scales = roll.scales(roll.width, roll.height);
    const end = roll.boxOf(found.note, scales);
    const paths = found.arcs.map(({ note, weight }) => this.path(note, weight, roll.boxOf(note, scales), end));
    const notes = [...found.arcs.map(({ note }) => note), found.note].map((note) => {
      const { left, top, width, height } = roll.boxOf(note, scales);
      const kind = note === found.note ? "chosen" : note.primer ? "heard primer" : "heard";
      return svg("rect", { class: kind, x: left, y: top, width, height, rx: 1.5 });
    });
    this.words.classList.toggle("left", end.left > roll.width / 2);
    return this.element.replaceChildren(...paths.reverse(), ...notes);
  }

  /** One arc: it begins in the middle of the note that was heard, and rises the higher the farther it leads. */
  path(note, weight, from, to) {
    const [x, y] = [from.left + Math.min(from.width, 8) / 2, from.top];
    const [tx, ty] = [to.left + Math.min(to.width, 8) / 2, to.top];
    const highest = TOP - Math.sqrt(Math.max(0, y - TOP) * Math.max(0, ty - TOP)); // so that it reaches TOP and no more
    const peak = Math.max(highest, Math.min(y, ty) - 12 - Math.abs(tx - x) / 3);
    return svg("path", {
      d: `M${x.toFixed(1)} ${y.toFixed(1)} Q${((x + tx) / 2).toFixed(1)} ${peak.toFixed(1)} ${tx.toFixed(1)} ${ty.toFixed(1)}`,
      "stroke-width": Math.max(MIN_WIDTH, MAX_WIDTH * Math.sqrt(weight)).toFixed(2),
      "data-onset": note.on,
      "data-pitch": note.pitch,
      "data-weight": weight,
    });
  }
}
