// Piano rolls: notes on a canvas, what sounds on one above it, and the playhead, which the browser only moves.

import { clock } from "../music/sentences.js";
import { Arcs } from "./arcs.js";
import { drawBars } from "./bars.js";
import { colourOf, prepare } from "./canvas.js";
import { h } from "./dom.js";
import { listenTo } from "./roll-input.js";
import { drawAgain, surpriseColours } from "./surprise.js";

const BLACK = new Set([1, 3, 6, 8, 10]);
const FAINT = 0.4; // of notes that are not listened to, where arcs are shown
const FOOT = 15; // pixels of the time axis below the notes …
const WORDS = 24; // … and of what is said of them, above the axis

/** Lowest and highest pitch of some notes, with room around them, at least `span` semitones apart. */
export function pitchRange(pitches, span = 36) {
  let low = 127;
  let high = 0;
  for (const pitch of pitches) {
    if (pitch < low) low = pitch;
    if (pitch > high) high = pitch;
  }
  if (low > high) return [48, 84];
  const missing = Math.max(0, span - (high - low));
  return [Math.max(0, low - 2 - Math.floor(missing / 2)), Math.min(127, high + 2 + Math.ceil(missing / 2))];
}

/** One lane's roll; `on` is as in `listenTo` (roll-input.js). */
export class Roll {
  constructor(on) {
    this.notes = h("canvas", { class: "roll-notes", role: "img", "aria-label": "Piano roll" });
    this.above = h("canvas", { class: "roll-above", "aria-hidden": "true" });
    this.head = h("div", { class: "roll-head", hidden: true });
    this.arcs = new Arcs(this);
    this.againWords = h("p", { class: "roll-again", role: "status", hidden: true });
    this.nats = null; // by note, where surprise is shown
    this.colours = null; // of a piece, the name of each section's
    this.again = null; // the primer that is set again after the take: see surprise.js
    this.element = h("div", { class: "roll" }, this.notes, this.arcs.element, this.above, this.head);
    this.element.append(this.arcs.words, this.againWords);
    this.view = { start: 0, end: 10, low: 48, high: 84 };
    this.score = null;
    this.expected = null; // where the training length will be passed, before that is known
    this.marksLength = true; // whether the training length is marked
    this.hides = false; // whether what the model plays is hidden
    this.loop = null; // {from, to}
    this.metre = null; // the bars on which the music lies, if it does
    this.countsBars = false; // whether the axis has their numbers, and not the time
    this.width = this.height = 0; // as last drawn: asking the page for it would cost a layout in every frame
    this.glowing = null; // the notes that are lit; null if that has to be drawn anew
    listenTo(this, on);
  }

  /** Pixels below the notes. */
  get foot() {
    return FOOT + (this.arcs.words.hidden && this.againWords.hidden ? 0 : WORDS);
  }

  scales(width, height) {
    const { start, end, low, high } = this.view;
    const line = (height - this.foot) / (high - low + 1);
    return { x: (time) => ((time - start) / (end - start)) * width, y: (pitch) => (high - pitch) * line, line };
  }

  /** A note's place on the roll, in pixels: {left, top, width, height}. */
  boxOf(note, { x, y, line } = this.scales(this.width, this.height)) {
    const height = Math.max(2, Math.min(line * 0.86, 9));
    const left = x(note.on);
    const width = Math.max(2, x(this.endOf(note)) - left - 0.75);
    return { left, top: y(note.pitch) + (line - height) / 2, width, height };
  }

  draw() {
    const { context, width, height } = prepare(this.notes);
    Object.assign(this, { width, height });
    this.glowing = null; // is drawn anew with the next playhead
    if (!width) return;
    const scales = this.scales(width, height);
    const { x, y, line } = scales;
    const colour = (name) => colourOf(this.element, name);
    this.drawGround(context, width, height - this.foot, x, y, line, colour);
    this.drawAxis(context, width, height, x, colour);
    if (!this.score) return;
    const { score } = this;
    const colours = (this.colours ?? ["--lane", "--primer"]).map(colour);
    const part = (note) => (this.colours ? note.section : Number(note.primer));
    const surprise = this.nats && surpriseColours(this.element);
    for (const note of score.notes) {
      if (this.hides && !note.primer) continue;
      if (this.endOf(note) < this.view.start || note.on > this.view.end) continue;
      const box = this.boxOf(note, scales);
      const loud = surprise ? 1 : 0.5 + 0.5 * Math.min(1, note.velocity / 100);
      context.globalAlpha = (this.arcs.found ? FAINT : 1) * loud;
      context.fillStyle = surprise ? surprise(this.nats.get(note)) : colours[part(note)];
      context.beginPath();
      context.roundRect(box.left, box.top, box.width, box.height, Math.min(2, box.height / 2));
      context.fill();
    }
    context.globalAlpha = 1;
    if (this.again) drawAgain(context, this, scales);
    const beyond = score.beyond ?? this.expected;
    if (this.marksLength && beyond !== null) this.drawTrainingLength(context, x(beyond), width, height, colour);
    if (this.loop) this.drawLoop(context, x, height, colour);
    this.arcs.draw();
  }

  /** Where a note ends as it is drawn: how long one of the primer's goes on would tell of what is hidden. */
  endOf({ on, off }) {
    const end = off ?? Math.max(on + 0.05, this.score.known);
    return this.hides ? Math.min(end, this.score.length) : end;
  }

  /** Set the primer again after the take, or (null) do so no longer. */
  setAgain(again) {
    this.again = again;
    this.againWords.textContent = again?.words ?? "";
    this.againWords.hidden = !again;
  }

  drawGround(context, width, height, x, y, line, colour) {
    const { low, high } = this.view;
    if (line >= 3.5) {
      context.fillStyle = colour("--roll-black");
      for (let pitch = low; pitch <= high; pitch += 1) {
        if (BLACK.has(pitch % 12)) context.fillRect(0, y(pitch), width, line);
      }
    }
    context.fillStyle = colour("--roll-line");
    for (let pitch = Math.ceil(low / 12) * 12; pitch <= high; pitch += 12)
      context.fillRect(0, Math.round(y(pitch) + line), width, 1);
    if (!this.score || this.colours) return;
    const cut = Math.round(x(this.score.length));
    context.fillStyle = colour("--roll-primer");
    context.fillRect(0, 0, cut, height);
    context.fillStyle = colour("--ink-soft");
    context.fillRect(cut, 0, 1, height);
    if (this.score.continuationCount && !this.hides) return;
    context.font = `12px ${getComputedStyle(this.element).fontFamily}`;
    context.textBaseline = "middle";
    const words = this.score.continuationCount ? "hidden until you have voted" : "plays on from here";
    context.fillStyle = colour("--card"); // so that no line crosses the words
    context.fillRect(cut + 8, height / 2 - 9, context.measureText(words).width + 8, 18);
    context.fillStyle = colour("--ink-soft");
    context.fillText(words, cut + 12, height / 2);
  }

  /** Lines and numbers of the time axis: bars, or minutes and seconds. */
  drawAxis(context, width, height, x, colour) {
    const { start, end } = this.view;
    const { countsBars: numbered, metre, element } = this;
    if (metre) drawBars(context, metre, { start, end, width, height, x, colour, element, numbered });
    if (metre && numbered) return;
    const step = [1, 2, 5, 10, 15, 30, 60, 120].find((each) => ((end - start) / each) * 44 < width) ?? 300;
    context.font = `10px ${getComputedStyle(this.element).fontFamily}`;
    context.textBaseline = "bottom";
    for (let time = Math.ceil(start / step) * step; time < end; time += step) {
      const left = Math.round(x(time));
      context.fillStyle = colour("--roll-line");
      if (!metre) context.fillRect(left, 0, 1, height);
      context.fillStyle = colour("--ink-soft");
      if (left + 26 < width) context.fillText(clock(time), left + 3, height - 1);
    }
  }

  drawTrainingLength(context, left, width, height, colour) {
    if (left < 0 || left > width) return;
    const known = this.score.beyond !== null;
    context.save();
    context.strokeStyle = colour("--ink-soft");
    context.setLineDash(known ? [3, 3] : [2, 5]);
    context.beginPath();
    context.moveTo(Math.round(left) + 0.5, 0);
    context.lineTo(Math.round(left) + 0.5, height - this.foot);
    context.stroke();
    context.restore();
    const words = known ? "beyond the training length" : "about the training length";
    context.textBaseline = "top";
    const room = context.measureText(words).width + 6;
    const at = left + room + 2 > width ? left - room - 2 : left + 2; // on the other side where there is no room
    context.globalAlpha = 0.85;
    context.fillStyle = colour("--card");
    context.fillRect(at, 1, room, 13);
    context.globalAlpha = 1;
    context.fillStyle = colour("--ink-soft");
    context.fillText(words, at + 3, 3);
  }

  drawLoop(context, x, height, colour) {
    const [left, right] = [x(this.loop.from), x(this.loop.to)];
    context.fillStyle = colour("--loop");
    context.fillRect(left, 0, right - left, height);
    context.fillStyle = colour("--ink");
    for (const edge of [left, right - 1]) context.fillRect(edge, 0, 1, height);
  }

  /** Move the playhead, and light up the notes that sound under it if this is the lane that is `heard`. */
  drawPlayhead(position, heard) {
    const shown = this.score !== null && position !== null;
    const left = shown ? Math.round(this.scales(this.width, 0).x(position)) : 0;
    const visible = shown && left >= 0 && left <= this.width;
    if (this.head.hidden === visible) this.head.hidden = !visible;
    if (visible) {
      this.head.classList.toggle("heard", heard);
      this.head.style.transform = `translateX(${left}px)`;
    }
    const glowing = shown && heard ? this.soundingAt(position) : [];
    if (this.glowing?.length === glowing.length && glowing.every((note, k) => note === this.glowing[k])) return;
    this.glowing = glowing;
    this.drawGlow();
  }

  soundingAt(position) {
    const found = [];
    for (const note of this.score.notes) {
      if (note.on > position) break;
      if (this.hides && !note.primer) continue;
      if (this.endOf(note) >= position) found.push(note);
    }
    return found;
  }

  drawGlow() {
    const { context, width, height } = prepare(this.above);
    if (!this.glowing.length) return;
    const { x, y, line } = this.scales(width, height);
    const bar = Math.max(3, Math.min(line, 10));
    context.fillStyle = colourOf(this.element, "--glow");
    for (const note of this.glowing) {
      const [left, right] = [x(note.on), x(this.endOf(note))];
      context.fillRect(left, y(note.pitch) + (line - bar) / 2, Math.max(3, right - left), bar);
    }
  }
}
