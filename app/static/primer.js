// The primer: its roll with two handles, from which everything starts.

import { clock, h, icon } from "./dom.js";
import { cutRows, pedalledRows, Score } from "./score.js";
import { colourOf, pitchRange, prepare } from "./roll.js";

const DEFAULT_SECONDS = 10; // how much of the end of an upload is chosen at first
const FEWEST_NOTES = 8; // … or more, if that has too few notes
const LONGEST_SECONDS = 120;
const SHORTEST = 200; // milliseconds

/** The last seconds of a piece, with enough notes in them to say something. */
function lastStretch(rows, seconds = DEFAULT_SECONDS) {
  if (!rows.length) return { start: 0, end: 0 };
  const end = Math.max(...rows.slice(-400).map((row) => row[1]));
  const enough = rows[Math.max(0, rows.length - FEWEST_NOTES)][0];
  const start = Math.min(Math.max(0, end - seconds * 1000), enough);
  return { start: Math.max(start, end - LONGEST_SECONDS * 1000, 0), end };
}

/** A piece and the stretch of it that the models hear. `on` has changed(), play() and tracks(indices). */
export class Primer {
  constructor(element, on) {
    this.on = on;
    this.source = null;
    this.stretch = { start: 0, end: 0 };
    this.playButton = h("button", {
      type: "button",
      class: "icon round",
      "data-testid": "primer-play",
      onclick: () => on.play(),
    });
    this.title = h("strong");
    this.detail = h("span", { class: "detail" });
    this.from = this.numberField("primer-start", "from", "Start of the primer in seconds", "start");
    this.to = this.numberField("primer-end", "to", "End of the primer in seconds", "end");
    this.trackList = h("div", { class: "popover" });
    this.tracks = h("details", { class: "fold", "data-testid": "tracks" }, h("summary", {}, "Tracks"), this.trackList);
    this.canvas = h("canvas", { role: "img", "aria-label": "Piano roll of the primer" });
    this.window = h("div", { class: "window" });
    this.handles = { start: this.handle("start"), end: this.handle("end") };
    this.playhead = h("div", { class: "primer-playhead", hidden: true });
    this.roll = h(
      "div",
      { class: "primer-roll" },
      this.canvas,
      this.window,
      this.playhead,
      ...Object.values(this.handles),
    );
    element.append(
      h(
        "div",
        { class: "primer-head" },
        this.playButton,
        h("div", { class: "primer-title" }, this.title, this.detail),
        this.tracks,
        h("div", { class: "range" }, this.from.label, this.to.label),
      ),
      this.roll,
    );
    this.dragging();
    this.setPlaying(false);
  }

  numberField(testid, text, label, edge) {
    const input = h("input", {
      type: "number",
      step: "0.1",
      min: "0",
      "data-testid": testid,
      "aria-label": label,
      onchange: () => this.move(edge, Math.round(Number(input.value) * 1000)),
    });
    return { input, label: h("label", { class: "field" }, text, input) };
  }

  handle(edge) {
    return h("div", {
      class: `handle ${edge}`,
      role: "slider",
      tabindex: "0",
      "data-testid": `handle-${edge}`,
      "aria-label": edge === "start" ? "Start of the primer" : "End of the primer",
      onkeydown: (event) => {
        const step = { ArrowLeft: -100, ArrowDown: -100, ArrowRight: 100, ArrowUp: 100, PageDown: -1000, PageUp: 1000 }[
          event.key
        ];
        const target = step ? this.stretch[edge] + step : { Home: 0, End: this.duration }[event.key];
        if (target === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        this.move(edge, target);
      },
    });
  }

  dragging() {
    let grip = null;
    const time = (event) => {
      const box = this.roll.getBoundingClientRect();
      return Math.round(((event.clientX - box.left) / box.width) * this.duration);
    };
    this.roll.addEventListener("pointerdown", (event) => {
      if (!this.source || event.button !== 0) return;
      const at = time(event);
      const { start, end } = this.stretch;
      const edge = event.target.classList.contains("handle") && (event.target === this.handles.start ? "start" : "end");
      if (edge) grip = { edge };
      else if (event.target === this.window) grip = { offset: at - start, length: end - start };
      else grip = { edge: Math.abs(at - start) < Math.abs(at - end) ? "start" : "end" };
      this.roll.setPointerCapture(event.pointerId);
      if (grip.edge && !edge) this.move(grip.edge, at);
    });
    this.roll.addEventListener("pointermove", (event) => {
      if (!grip) return;
      if (grip.edge) this.move(grip.edge, time(event));
      else {
        const start = Math.max(0, Math.min(time(event) - grip.offset, this.duration - grip.length));
        this.choose({ start, end: start + grip.length });
      }
    });
    const drop = () => {
      grip = null;
    };
    this.roll.addEventListener("pointerup", drop);
    this.roll.addEventListener("pointercancel", drop);
  }

  /** Show another piece: {name, title, composer, notes, pedals, tracks, remarks}. */
  set(source, stretch) {
    const sameFile = Boolean(source.file) && source.file === this.source?.file;
    this.source = source;
    this.duration = Math.max(1, ...source.notes.slice(-2000).map((row) => row[1]), stretch?.end ?? 0);
    this.pedalled = pedalledRows(source.notes, source.pedals);
    if (!sameFile) this.listTracks();
    this.tickTracks();
    this.choose(stretch ?? lastStretch(source.notes));
  }

  move(edge, time) {
    if (!Number.isFinite(time)) return this.refresh();
    const { start, end } = this.stretch;
    if (edge === "start") {
      const first = Math.max(0, Math.min(time, this.duration - SHORTEST));
      this.choose({ start: first, end: Math.min(Math.max(end, first + SHORTEST), first + LONGEST_SECONDS * 1000) });
    } else {
      const last = Math.min(this.duration, Math.max(time, SHORTEST));
      this.choose({ start: Math.max(Math.min(start, last - SHORTEST), last - LONGEST_SECONDS * 1000, 0), end: last });
    }
  }

  choose({ start, end }) {
    // Whole hundredths of a second, as the models have it.
    this.stretch = { start: Math.round(start / 10) * 10, end: Math.round(end / 10) * 10 };
    this.refresh();
    this.on.changed();
  }

  /** What is sent to the models: notes and pedal of the stretch, on the axis on which 0 is its start. */
  cut() {
    if (!this.source) return { notes: [], pedals: [], length: 0 };
    const { start, end } = this.stretch;
    return { ...cutRows(this.source.notes, this.source.pedals, start, end), length: end - start };
  }

  /** The stretch as it is heard. */
  score() {
    const { notes, pedals, length } = this.cut();
    const rows = pedalledRows(notes, pedals).map(([on, off, ...rest]) => [on, Math.min(off, length), ...rest]);
    return Score.finished(rows, length / 1000);
  }

  listTracks() {
    const { tracks = [] } = this.source;
    this.tracks.hidden = tracks.length < 2;
    this.tracks.open = false;
    this.trackList.replaceChildren(
      ...tracks.map((track) =>
        h(
          "label",
          { class: "check" },
          h("input", {
            type: "checkbox",
            value: track.index,
            disabled: track.drums,
            onchange: () =>
              this.on.tracks([...this.trackList.querySelectorAll("input:checked")].map((box) => Number(box.value))),
          }),
          `${track.name || `Track ${track.index + 1}`}: ${track.drums ? "drums, left out" : `${track.notes} notes`}`,
        ),
      ),
    );
  }

  /** Tick what is heard. The list stays as it is, open and with its focus, while tracks of one file are chosen. */
  tickTracks() {
    const { tracks = [] } = this.source;
    for (const [k, box] of this.trackList.querySelectorAll("input").entries()) box.checked = tracks[k].chosen;
  }

  refresh() {
    if (!this.source) return;
    const { start, end } = this.stretch;
    const count = this.cut().notes.length;
    this.title.textContent = this.source.title;
    this.detail.textContent = `${count} notes in ${((end - start) / 1000).toFixed(1)} s of ${clock(this.duration / 1000)}`;
    for (const [edge, field] of [
      ["start", this.from],
      ["end", this.to],
    ]) {
      const handle = this.handles[edge];
      field.input.value = (this.stretch[edge] / 1000).toFixed(1);
      handle.style.left = `${(this.stretch[edge] / this.duration) * 100}%`;
      handle.setAttribute("aria-valuemin", "0");
      handle.setAttribute("aria-valuemax", (this.duration / 1000).toFixed(1));
      handle.setAttribute("aria-valuenow", (this.stretch[edge] / 1000).toFixed(1));
      handle.setAttribute("aria-valuetext", `${(this.stretch[edge] / 1000).toFixed(1)} seconds`);
    }
    this.window.style.left = `${(start / this.duration) * 100}%`;
    this.window.style.right = `${(1 - end / this.duration) * 100}%`;
    this.canvas.setAttribute("aria-label", `Piano roll of the primer: ${count} notes chosen`);
    this.draw();
  }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    if (!this.source || !width) return;
    const [low, high] = pitchRange(
      this.source.notes.map((row) => row[2]),
      24,
    );
    const line = height / (high - low + 1);
    const { start, end } = this.stretch;
    const colours = [colourOf(this.roll, "--primer"), colourOf(this.roll, "--primer-faint")];
    for (const [on, off, pitch] of this.pedalled) {
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

  setPlaying(playing) {
    this.playButton.replaceChildren(icon(playing ? "pause" : "play"));
    this.playButton.setAttribute("aria-label", playing ? "Stop the primer" : "Hear the primer");
  }

  /** Where the playhead stands, in seconds from the stretch's start; null hides it. */
  showPlayhead(position) {
    this.playhead.hidden = position === null;
    if (position !== null)
      this.playhead.style.left = `${((this.stretch.start + position * 1000) / this.duration) * 100}%`;
  }
}
