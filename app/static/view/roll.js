// Piano rolls: notes on a canvas, what sounds on one above it, and the playhead, which the browser only moves.

import { h } from "./dom.js";

const BLACK = new Set([1, 3, 6, 8, 10]);

/** A canvas as sharp as the screen is. Returns its context with the scale set, and its size in CSS pixels. */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Colours come from the style sheet, so that themes need no code. */
export function colourOf(element, name) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

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

/** Draw rows of a whole primer small, for cards. */
export function drawThumbnail(canvas, rows) {
  const { context, width, height } = prepare(canvas);
  if (!rows.length) return;
  const end = Math.max(...rows.map((row) => row[1]));
  const [low, high] = pitchRange(
    rows.map((row) => row[2]),
    24,
  );
  const line = height / (high - low + 1);
  context.fillStyle = colourOf(canvas, "--primer");
  for (const [on, off, pitch] of rows) {
    const x = (on / end) * width;
    context.fillRect(
      x,
      (high - pitch) * line,
      Math.max(1.5, ((off - on) / end) * width - 0.5),
      Math.max(1.5, line * 0.9),
    );
  }
}

/** One lane's roll. `onseek` is called with a time when the roll is clicked or dragged over. */
export class Roll {
  constructor(onseek) {
    this.notes = h("canvas", { class: "roll-notes", role: "img", "aria-label": "Piano roll" });
    this.above = h("canvas", { class: "roll-above", "aria-hidden": "true" });
    this.head = h("div", { class: "roll-head", hidden: true });
    this.element = h("div", { class: "roll" }, this.notes, this.above, this.head);
    this.view = { start: 0, end: 10, low: 48, high: 84 };
    this.score = null;
    this.width = 0; // as last drawn: asking the page for it would cost a layout in every frame
    this.glowing = null; // the notes that are lit; null if that has to be drawn anew
    this.element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.score) return;
      this.element.setPointerCapture(event.pointerId);
      onseek(this.timeAt(event));
    });
    this.element.addEventListener("pointermove", (event) => {
      if (event.buttons & 1 && this.element.hasPointerCapture(event.pointerId)) onseek(this.timeAt(event));
    });
  }

  timeAt(event) {
    const box = this.element.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return this.view.start + share * (this.view.end - this.view.start);
  }

  scales(width, height) {
    const { start, end, low, high } = this.view;
    const line = height / (high - low + 1);
    return { x: (time) => ((time - start) / (end - start)) * width, y: (pitch) => (high - pitch) * line, line };
  }

  draw() {
    const { context, width, height } = prepare(this.notes);
    this.width = width;
    this.glowing = null; // is drawn anew with the next playhead
    if (!width) return;
    const { x, y, line } = this.scales(width, height);
    const colour = (name) => colourOf(this.element, name);
    this.drawGround(context, width, height, x, y, line, colour);
    if (!this.score) return;
    const { score } = this;
    const bar = Math.max(2, Math.min(line * 0.86, 9));
    const inset = (line - bar) / 2;
    const colours = [colour("--lane"), colour("--primer")];
    for (const note of score.notes) {
      const off = note.off ?? Math.max(note.on + 0.05, score.known);
      const left = x(note.on);
      context.globalAlpha = 0.5 + 0.5 * Math.min(1, note.velocity / 100);
      context.fillStyle = colours[note.primer ? 1 : 0];
      context.beginPath();
      context.roundRect(left, y(note.pitch) + inset, Math.max(2, x(off) - left - 0.75), bar, Math.min(2, bar / 2));
      context.fill();
    }
    context.globalAlpha = 1;
    if (score.beyond !== null && score.beyond < this.view.end)
      this.drawBeyond(context, x(score.beyond), height, colour);
  }

  drawGround(context, width, height, x, y, line, colour) {
    const { start, end, low, high } = this.view;
    if (line >= 3.5) {
      context.fillStyle = colour("--roll-black");
      for (let pitch = low; pitch <= high; pitch += 1) {
        if (BLACK.has(pitch % 12)) context.fillRect(0, y(pitch), width, line);
      }
    }
    context.fillStyle = colour("--roll-line");
    for (let pitch = Math.ceil(low / 12) * 12; pitch <= high; pitch += 12)
      context.fillRect(0, Math.round(y(pitch) + line), width, 1);
    if (this.score) {
      context.fillStyle = colour("--roll-primer");
      context.fillRect(0, 0, x(this.score.length), height);
    }
    const step = [1, 2, 5, 10, 15, 30, 60, 120].find((each) => ((end - start) / each) * 44 < width) ?? 300;
    context.fillStyle = colour("--roll-line");
    context.font = `10px ${getComputedStyle(this.element).fontFamily}`;
    context.textBaseline = "bottom";
    for (let time = Math.ceil(start / step) * step; time < end; time += step) {
      context.fillRect(Math.round(x(time)), 0, 1, height);
    }
    if (!this.score) return;
    const cut = Math.round(x(this.score.length));
    context.fillStyle = colour("--ink-soft");
    context.fillRect(cut, 0, 1, height);
    if (!this.score.continuationCount) {
      context.font = `12px ${getComputedStyle(this.element).fontFamily}`;
      context.fillText("plays on from here", cut + 12, height / 2 + 6);
    }
  }

  drawBeyond(context, left, height, colour) {
    context.save();
    context.strokeStyle = colour("--ink-soft");
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(Math.round(left) + 0.5, 0);
    context.lineTo(Math.round(left) + 0.5, height);
    context.stroke();
    context.restore();
    const words = "beyond the training length";
    context.globalAlpha = 0.85;
    context.fillStyle = colour("--card");
    context.fillRect(left + 2, height - 16, context.measureText(words).width + 6, 14);
    context.globalAlpha = 1;
    context.fillStyle = colour("--ink-soft");
    context.fillText(words, left + 5, height - 3);
  }

  /** Move the playhead, and light up the notes that sound under it if this is the lane that is `heard`. */
  drawPlayhead(position, heard) {
    const shown = this.score !== null && position !== null;
    if (this.head.hidden === shown) this.head.hidden = !shown;
    if (shown) {
      this.head.classList.toggle("heard", heard);
      this.head.style.transform = `translateX(${Math.round(this.scales(this.width, 0).x(position))}px)`;
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
      if ((note.off ?? this.score.known) >= position) found.push(note);
    }
    return found;
  }

  drawGlow() {
    const { context, width, height } = prepare(this.above);
    if (!this.glowing.length) return;
    const { x, y, line } = this.scales(width, height);
    const bar = Math.max(3, Math.min(line, 10));
    context.fillStyle = colourOf(this.element, "--glow");
    for (const { on, off, pitch } of this.glowing) {
      const left = x(on);
      context.fillRect(left, y(pitch) + (line - bar) / 2, Math.max(3, x(off ?? this.score.known) - left), bar);
    }
  }
}
