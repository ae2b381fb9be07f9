// The piece that is composed: one roll, what each section came from, and what can be done with it.

import { barsOf, isKept, lengthOf, scoreOf, startsOf } from "../music/piece.js";
import { onBarLine } from "../music/metre.js";
import { clock, counted } from "../music/sentences.js";
import { Score } from "../music/score.js";
import { moved, turned, zoomed } from "../music/view.js";
import { h, paint, setUsable } from "./dom.js";
import { icon } from "./icons.js";
import { Roll, pitchRange } from "./roll.js";

const NEAR_END = 50; // ms: a piece that was paused there has ended
const NOTHING = "Keep what you like of the takes: it is put together here, and you go on from its end.";

export class PieceView {
  element; models; on;

  /**
   * `on` has play(from), from a moment (ms) on, pause(), undo(), redo(), mark({from, to}), save(), other(open), clear(),
   * remove(index), repeat(index) and drag(event), when the file is dragged away.
   */
  constructor(element, models, on) {
    Object.assign(this, { element, models, on });
    this.sections = [];
    this.cursor = 0; // where one begins to listen (ms)
    this.mark = null; // {from, to} (s): the selection that is marked
    this.part = null; // the span that the roll shows; null: all of it
    this.roll = new Roll({
      seek: (time) => this.seek(1000 * time),
      tap: () => {},
      loop: (from, to) => on.mark({ from, to }),
      zoom: (factor, at) => this.look(zoomed(this.shown, factor, at, this.end)),
      pan: (seconds) => this.look(moved(this.shown, seconds, this.end)),
    });
    Object.assign(this.roll, { marksLength: false, countsBars: true });
    const button = (testid, text, title, onclick) => h("button", { type: "button", "data-testid": testid, title, onclick }, text);
    const symbol = (testid, name, label, onclick) =>
      h(
        "button",
        { type: "button", class: "icon", "data-testid": testid, "aria-label": label, title: label, onclick },
        icon(name),
      );
    this.playButton = h("button", {
      type: "button",
      class: "icon round",
      "data-testid": "piece-play",
      onclick: () => (this.playing ? on.pause() : on.play(this.cursor)),
    });
    this.detail = h("span", { class: "detail" });
    this.undoButton = symbol("piece-undo", "undo", "Undo the last change of the piece", on.undo);
    this.redoButton = symbol("piece-redo", "redo", "Bring back what was undone", on.redo);
    this.zooms = h(
      "div",
      { class: "pair", role: "group", "aria-label": "Zoom of the piece" },
      symbol("piece-zoom-out", "farther", "Zoom out", () => this.zoom(2)),
      symbol("piece-zoom-in", "nearer", "Zoom in", () => this.zoom(1 / 2)),
    );
    this.fillButton = button("piece-fill", "Fill in", "Let a model play a passage of the piece again", () => this.fill());
    this.fillButton.setAttribute("aria-pressed", "false");
    this.otherButton = button("piece-other", "Other primer", "Bring another idea into the piece", () =>
      on.other(this.otherButton.getAttribute("aria-pressed") !== "true"),
    );
    const save = "Save the piece as a MIDI file, or drag it from here into another program";
    this.saveButton = button("piece-save", "Save .mid", save, on.save);
    this.saveButton.draggable = true;
    this.saveButton.addEventListener("dragstart", on.drag);
    this.soundButton = button("piece-save-wav", "Save .wav", "Save the piece as sound", on.saveSound);
    this.clearButton = button("piece-new", "New piece", "Begin another piece; Undo brings this one back", on.clear);
    this.strip = h("div", { class: "sections", role: "group", "aria-label": "Sections of the piece" });
    this.fillLine = h("div", { class: "fill", id: "piece-fill", role: "group", "aria-label": "Fill in the piece" });
    this.empty = h("p", { class: "hint" }, NOTHING);
    this.body = h("div", { class: "piece-body" }, this.strip, this.roll.element);
    this.head = h(
      "div",
      { class: "primer-head" },
      this.playButton,
      h("div", { class: "primer-title" }, h("strong", {}, "Your piece"), this.detail),
      h("div", { class: "pair" }, this.undoButton, this.redoButton),
      this.zooms,
      this.fillButton,
      this.otherButton,
      this.saveButton,
      this.soundButton,
      this.clearButton,
    );
    element.append(this.head, this.fillLine, this.empty, this.body);
    this.setPlaying(false);
  }

  get end() {
    return lengthOf(this.sections) / 1000;
  }

  get shown() {
    return this.part ?? { start: 0, end: this.end };
  }

  /** Show the piece as it is; `can` says {undo, redo}. */
  show(sections, can) {
    const grown = lengthOf(sections) !== lengthOf(this.sections);
    const focused = document.activeElement;
    const section = [...this.strip.children].findIndex((each) => each.contains(focused));
    const which = section < 0 ? -1 : [...this.strip.children[section].children].indexOf(focused);
    this.sections = sections;
    const kept = sections.filter(isKept);
    this.roll.metre = barsOf(sections);
    const score = (this.roll.score = sections.length ? scoreOf(sections) : null);
    if (grown) {
      this.part = null;
      this.setMark(null);
      this.cursor = Math.min(this.cursor, lengthOf(sections));
    }
    Object.assign(this.element.dataset, { notes: score?.continuationCount ?? 0, sections: kept.length });
    this.element.classList.toggle("empty", !sections.length);
    this.detail.textContent = sections.length ? `${counted(kept.length, "section")}, ${clock(this.end)}` : "";
    this.body.hidden = !sections.length;
    this.empty.hidden = Boolean(sections.length);
    this.head.hidden = !(sections.length || can.undo || can.redo); // of an emptied piece, undo is in reach
    setUsable(this.undoButton, can.undo);
    setUsable(this.redoButton, can.redo);
    const { playButton, zooms, fillButton, saveButton, soundButton, clearButton, otherButton } = this;
    for (const each of [playButton, zooms, fillButton, saveButton, soundButton, clearButton, otherButton])
      each.hidden = !sections.length;
    this.roll.notes.setAttribute("aria-label", `Piano roll of your piece: ${counted(score?.notes.length ?? 0, "note")}`);
    this.roll.colours = sections.map((section) => `--${this.colour(section)}`);
    this.strip.replaceChildren(...sections.map((section, k) => this.label(section, k)));
    this.look(this.part ?? { start: 0, end: this.end });
    // What had the focus is another element now, or gone.
    const there = this.strip.children[Math.min(section, sections.length - 1)];
    if (section >= 0) (there?.children[Math.min(which, there.children.length - 1)] ?? this.undoButton).focus();
    else if (focused === this.clearButton && this.clearButton.hidden) this.undoButton.focus();
  }

  colour({ from }) {
    return from.primer ? "primer" : this.models.of(from.take).colour;
  }

  /** What a section came from, on the button from which one listens to it. */
  label(section, k) {
    const { from } = section;
    const start = startsOf(this.sections)[k];
    const filled = from.filled?.length ? ", filled in" : "";
    const model = this.models.of(from.model)?.name ?? from.model;
    const name = from.primer ? from.primer : `${from.take} · seed ${from.seed}`;
    const whole = from.primer ? `Primer: ${from.primer}` : `Take ${from.take}, seed ${from.seed}, ${model}`;
    const title = `${whole}${filled}, ${clock(start / 1000)}–${clock((start + section.length) / 1000)}`;
    const attributes = { type: "button", title, "aria-label": title, onclick: () => this.on.play(start) };
    const play = h("button", attributes, h("span", {}, name + filled));
    const repeat = this.small("repeat", k, `Repeat at the end of the piece: ${whole}`);
    const remove = k ? this.small("remove", k, `Remove from the piece: ${whole}`) : null; // the rest begins with the first
    return paint(h("div", { class: "section" }, play, repeat, remove), this.colour(section));
  }

  /** A small button that does something with a section. */
  small(what, k, label) {
    const attributes = { type: "button", class: what, "data-testid": `piece-${what}-${k}`, onclick: () => this.on[what](k) };
    return h("button", { ...attributes, title: label, "aria-label": label }, icon(what));
  }

  /** Choose from where one listens; what sounds goes on from there. */
  seek(time) {
    this.cursor = Math.round(Math.min(Math.max(0, time), lengthOf(this.sections)));
    if (this.playing) this.on.play(this.cursor);
    else this.showPlayhead(null);
  }

  look(part) {
    const { start, end } = part;
    this.part = end - start < this.end ? part : null;
    const [low, high] = pitchRange((this.roll.score?.notes ?? []).map(({ pitch }) => pitch));
    this.roll.view = { start, end: Math.max(end, start + 1), low, high };
    const scale = 100 / Math.max(end - start, 1);
    const starts = startsOf(this.sections);
    for (const [k, each] of [...this.strip.children].entries()) {
      const [left, right] = [starts[k], starts[k + 1]].map((time) => Math.min(Math.max(time / 1000, start), end) - start);
      each.style.left = `${scale * left}%`;
      each.style.width = `${scale * (right - left)}%`;
      each.hidden = right <= left;
    }
    this.draw();
  }

  /** Show `factor` times as much of the piece, around where one listens if that is in view. */
  zoom(factor) {
    const { start, end } = this.shown;
    const at = (this.at ?? this.cursor) / 1000;
    this.look(zoomed({ start, end }, factor, at >= start && at <= end ? at : (start + end) / 2, this.end));
  }

  /** A selection {start, end} (ms) of the piece as it sounds. */
  score({ start, end }) {
    const sounding = scoreOf(this.sections).rows().filter(([on, off]) => off > start && on < end);
    const rows = sounding.map(([on, off, ...rest]) => [on - start, off - start, ...rest]);
    return Score.finished(rows, (end - start) / 1000);
  }

  setMark(mark) {
    this.mark = this.roll.loop = mark;
    this.fillButton.setAttribute("aria-pressed", Boolean(mark));
    this.draw();
  }

  /** Mark the bar of the cursor, or two seconds from it on, or near the end of the piece; or nothing any more. */
  fill() {
    if (this.mark) return this.on.mark(null);
    const late = Math.max(0, this.end - 4);
    const from = this.cursor ? Math.min(this.cursor / 1000, late) : late;
    return this.on.mark(this.bar ?? { from, to: Math.min(this.end, from + 2) });
  }

  /** The bar of the cursor, {from, to} (s), or the last one that something follows; null where there are no bars. */
  get bar() {
    const bars = this.roll.metre;
    const lines = bars ? bars.barLines(this.end + 0.02).map((line) => onBarLine(bars, line)) : [];
    const last = lines.length - 3;
    if (last < 0) return null;
    const at = this.cursor ? lines.findLastIndex((line) => 1000 * line <= this.cursor) : last;
    const first = Math.min(Math.max(0, at), last);
    return { from: lines[first], to: lines[first + 1] };
  }

  draw() {
    this.roll.loop = this.mark;
    this.roll.draw();
    this.showPlayhead(this.at ?? null);
  }

  /** Where it was paused one listens on, and *Fill in* marks the bar there. */
  setPlaying(playing) {
    if (this.playing && !playing && this.at != null) this.cursor = this.at < lengthOf(this.sections) - NEAR_END ? this.at : 0;
    this.playing = playing;
    this.playButton.replaceChildren(icon(playing ? "pause" : "play"));
    this.playButton.setAttribute("aria-label", playing ? "Pause the piece" : "Listen to the piece");
  }

  /** Where the playhead stands in the piece (ms); null shows from where one would listen. */
  showPlayhead(time) {
    this.at = time;
    if (this.part && time !== null) {
      const part = turned(this.part, time / 1000, this.end);
      if (part !== this.part) this.look(part);
    }
    this.roll.drawPlayhead((time ?? this.cursor) / 1000, time !== null);
  }
}
