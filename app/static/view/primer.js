// The primer: a piece, and the selection of it from which everything starts.

import { encode } from "../engine/events.js";
import { applyPedal } from "../engine/primer.js";
import { readMusic } from "../engine/request.js";
import { MIN_SECONDS } from "../music/hearing.js";
import { movedMetre } from "../music/metre.js";
import { expectedBeyond } from "../music/length.js";
import { cutRows, pedalledRows, Score } from "../music/score.js";
import { counted, preciseClock } from "../music/sentences.js";
import { firstSelection, lastSelection, moveEdge, moveSelection, onGrid, wholeBars } from "../music/selection.js";
import { h, momentField } from "./dom.js";
import { icon } from "./icons.js";
import { PrimerRoll } from "./primer-roll.js";

const LONGER = 2000; // ms that a piece must be longer than the primer for there to be something to choose

/**
 * A piece and the selection of it that the models get. `on` has changed(), step(), called before the visitor chooses
 * another selection, play(), tracks(indices) and filling(), when the line is opened or closed in which it is filled in.
 */
export class Primer {
  constructor(element, on) {
    this.on = on;
    this.source = null;
    this.selection = { start: 0, end: 0 };
    this.fillsBars = false; // whether what follows a whole piece begins with a bar
    this.playButton = h("button", {
      type: "button",
      class: "icon round",
      "data-testid": "primer-play",
      onclick: () => on.play(),
    });
    this.title = h("strong");
    this.detail = h("span", { class: "detail" });
    this.from = this.timeField("primer-start", "from", "Start of the primer", "start");
    this.to = this.timeField("primer-end", "to", "End of the primer", "end");
    this.places = h(
      "div",
      { class: "pair", role: "group", "aria-label": "Part of the piece" },
      this.placeButton("primer-beginning", "Beginning", firstSelection),
      this.placeButton("primer-ending", "End", lastSelection),
    );
    const zoom = (testid, symbol, label, factor) =>
      h(
        "button",
        {
          type: "button",
          class: "icon",
          "data-testid": testid,
          "aria-label": label,
          title: label,
          onclick: () => this.roll.zoom(factor),
        },
        icon(symbol),
      );
    this.zooms = h(
      "div",
      { class: "pair", role: "group", "aria-label": "Zoom of the primer" },
      zoom("primer-zoom-out", "farther", "Zoom out", 2),
      zoom("primer-zoom-in", "nearer", "Zoom in", 1 / 2),
    );
    this.fillLine = h("div", { class: "fill", id: "primer-fill", role: "group", "aria-label": "Fill in the primer" });
    this.fillButton = h(
      "button",
      {
        type: "button",
        "data-testid": "primer-fill",
        "aria-expanded": "false",
        "aria-pressed": "false",
        "aria-controls": "primer-fill",
        title: "Let a model replace the selection with music that leads into what follows",
        onclick: () => this.showFilling(!this.fills),
      },
      "Fill in",
    );
    const unfold = { type: "button", class: "icon quiet unfold narrow-only", "data-testid": "primer-unfold" };
    const onclick = () => this.unfold(!this.element.classList.contains("open"));
    unfold["aria-label"] = "The primer’s notes, and which of them to take";
    this.unfoldButton = h("button", { ...unfold, onclick }, icon("unfold"));
    this.trackList = h("div", { class: "popover" });
    this.tracks = h("details", { class: "fold", "data-testid": "tracks" }, h("summary", {}, "Tracks"), this.trackList);
    this.roll = new PrimerRoll({
      move: (edge, time, gesture) => this.move(edge, time, gesture),
      shift: (time, gesture) => this.change(moveSelection(this.selection, time, this.duration), gesture),
    });
    this.element = element;
    element.append(
      h(
        "div",
        { class: "primer-head" },
        this.playButton,
        h("div", { class: "primer-title" }, this.title, this.detail),
        this.unfoldButton,
        this.tracks,
        this.fillButton,
        this.places,
        this.zooms,
        h("div", { class: "range" }, this.from.label, this.to.label),
      ),
      this.fillLine,
      this.roll.element,
    );
    this.setPlaying(false);
  }

  timeField(testid, text, label, edge) {
    return momentField(testid, text, label, (seconds) => this.move(edge, Math.round(1000 * seconds), {}));
  }

  placeButton(testid, text, selectionOf) {
    const onclick = () => this.change(selectionOf(this.source.notes), {});
    return h("button", { type: "button", "data-testid": testid, onclick }, text);
  }

  /** Show another piece: {name, title, composer, notes, pedals, metre, tracks, remarks}. */
  set(source, selection) {
    const sameFile = Boolean(source.file) && source.file === this.source?.file;
    this.source = source;
    this.duration = Math.max(1, ...source.notes.slice(-2000).map((row) => row[1]), selection?.end ?? 0);
    this.pedalled = pedalledRows(source.notes, source.pedals);
    if (!sameFile) this.listTracks();
    this.tickTracks();
    this.roll.load(this.pedalled, this.duration, source.metre);
    this.gesture = null;
    this.choose(selection ?? firstSelection(source.notes));
    this.unfold(this.offersParts);
  }

  /** On a small screen: show the notes, or the title alone. */
  unfold(open) {
    this.element.classList.toggle("open", open);
    this.unfoldButton.setAttribute("aria-expanded", open);
    this.draw();
  }

  /** Whether the piece is so much longer than the primer that there is something to choose. */
  get offersParts() {
    return this.duration - (this.selection.end - this.selection.start) >= LONGER;
  }

  move(edge, time, gesture) {
    if (Number.isFinite(time)) this.change(moveEdge(this.selection, edge, time, this.duration), gesture);
    else this.refresh();
  }

  /** The visitor chooses another selection; one gesture, however long, is one step to take back. */
  change(selection, gesture) {
    const { start, end } = onGrid(selection);
    if (start === this.selection.start && end === this.selection.end) return this.refresh();
    if (gesture !== this.gesture) this.on.step();
    this.gesture = gesture;
    return this.choose(selection);
  }

  choose(selection) {
    this.selection = onGrid(selection);
    this.refresh();
    this.on.changed();
  }

  /** The selection as the models get it. */
  get taken() {
    const { metre, piece } = this.source;
    return this.fillsBars && metre && !piece ? wholeBars(this.selection, this.pedalled, metre) : this.selection;
  }

  /** What is sent to the models: notes, pedal and bars of the selection, on the axis on which 0 is its start. */
  cut() {
    if (!this.source) return { notes: [], pedals: [], metre: null, length: 0, begins: true };
    const { start, end } = this.taken;
    const begins = !this.source.continues && !this.source.notes.some(([on]) => on < start);
    const metre = movedMetre(this.source.metre, start);
    return { ...cutRows(this.source.notes, this.source.pedals, start, end), metre, length: end - start, begins };
  }

  /** The events of what is sent to the models, and its length in seconds. */
  measure() {
    const cut = this.cut();
    const [{ notes, pedals }, seconds] = [readMusic(cut), cut.length / 1000];
    return [encode(applyPedal(notes, pedals), seconds).length, seconds];
  }

  /** By model, where in the music (s) its training length will be passed, about. */
  expected(models) {
    const [events, seconds] = this.measure();
    return Object.fromEntries(
      models.map(({ key, training_length: length }) => [key, seconds + expectedBeyond(events, seconds, length)]),
    );
  }

  /** A selection {start, end} (ms) of the piece as it sounds: what is sent to the models, if it is no other. */
  score({ start, end } = this.taken) {
    const { notes, pedals } = cutRows(this.source.notes, this.source.pedals, start, end);
    const rows = pedalledRows(notes, pedals).map(([on, off, ...rest]) => [on, Math.min(off, end - start), ...rest]);
    return Score.finished(rows, (end - start) / 1000);
  }

  /** The selection, and how the piece goes on for so many seconds; null where it ends too soon to be judged. */
  goesOn(seconds) {
    if (!this.source) return null;
    const { start, end } = this.selection;
    const until = Math.min(this.duration, end + 1000 * seconds);
    if (until - end < 1000 * Math.min(seconds, MIN_SECONDS)) return null;
    const { notes, pedals } = cutRows(this.source.notes, this.source.pedals, start, until);
    const rows = pedalledRows(notes, pedals).map(([on, off, ...rest]) => [on, Math.min(off, until - start), ...rest]);
    const score = Score.finished(rows, (end - start) / 1000, (until - start) / 1000);
    return score.continuationCount ? score : null;
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
          `${track.name || `Track ${track.index + 1}`}: ${track.drums ? "drums, left out" : counted(track.notes, "note")}`,
        ),
      ),
    );
  }

  /** Tick what plays. The list stays as it is, open and with its focus, while tracks of one file are chosen. */
  tickTracks() {
    const { tracks = [] } = this.source;
    for (const [k, box] of this.trackList.querySelectorAll("input").entries()) box.checked = tracks[k].chosen;
  }

  refresh() {
    if (!this.source) return;
    const { start, end } = this.selection;
    const count = this.cut().notes.length;
    this.title.textContent = this.title.title = this.source.title;
    const length = preciseClock((end - start) / 1000);
    this.detail.textContent = `${counted(count, "note")}, ${length} of ${preciseClock(this.duration / 1000)}`;
    this.from.input.value = preciseClock(start / 1000);
    this.to.input.value = preciseClock(end / 1000);
    for (const each of [this.places, this.zooms, this.fillButton]) each.hidden = !this.offersParts;
    this.roll.show(this.selection, count);
  }

  /** Whether the line is open in which a model fills in the selection. */
  get fills() {
    return !this.fillButton.hidden && this.fillButton.getAttribute("aria-expanded") === "true";
  }

  showFilling(open) {
    for (const state of ["aria-expanded", "aria-pressed"]) this.fillButton.setAttribute(state, open);
    this.on.filling();
  }

  draw() {
    this.roll.draw();
  }

  setPlaying(playing) {
    this.playButton.replaceChildren(icon(playing ? "pause" : "play"));
    this.playButton.setAttribute("aria-label", playing ? "Stop the primer" : "Listen to the primer");
  }

  /** Where the playhead stands in the piece (ms); null hides it. */
  showPlayhead(time) {
    this.roll.showPlayhead(time);
  }
}
