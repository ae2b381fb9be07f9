// The primer: a piece, and the stretch of it from which everything starts.

import { countEvents } from "../music/events.js";
import { expectedBeyond } from "../music/length.js";
import { cutRows, pedalledRows, Score } from "../music/score.js";
import { lastStretch, moveEdge, moveStretch, onGrid } from "../music/stretch.js";
import { clock } from "../music/sentences.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { PrimerRoll } from "./primer-roll.js";

/** A piece and the stretch of it that the models get. `on` has changed(), play() and tracks(indices). */
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
    this.roll = new PrimerRoll({
      move: (edge, time) => this.move(edge, time),
      shift: (time) => this.choose(moveStretch(this.stretch, time, this.duration)),
    });
    element.append(
      h(
        "div",
        { class: "primer-head" },
        this.playButton,
        h("div", { class: "primer-title" }, this.title, this.detail),
        this.tracks,
        h("div", { class: "range" }, this.from.label, this.to.label),
      ),
      this.roll.element,
    );
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
    if (Number.isFinite(time)) this.choose(moveEdge(this.stretch, edge, time, this.duration));
    else this.refresh();
  }

  choose(stretch) {
    this.stretch = onGrid(stretch);
    this.refresh();
    this.on.changed();
  }

  /** What is sent to the models: notes and pedal of the stretch, on the axis on which 0 is its start. */
  cut() {
    if (!this.source) return { notes: [], pedals: [], length: 0 };
    const { start, end } = this.stretch;
    return { ...cutRows(this.source.notes, this.source.pedals, start, end), length: end - start };
  }

  /** The events of what is sent to the models, and its length in seconds. */
  measure() {
    const { notes, pedals, length } = this.cut();
    return [countEvents(notes, pedals, length), length / 1000];
  }

  /** By model, where in the music (s) its training length will be passed, about. */
  expected(models) {
    const [events, seconds] = this.measure();
    return Object.fromEntries(
      models.map(({ key, training_length: length }) => [key, seconds + expectedBeyond(events, seconds, length)]),
    );
  }

  /** The stretch as it sounds. */
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

  /** Tick what plays. The list stays as it is, open and with its focus, while tracks of one file are chosen. */
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
    this.from.input.value = (start / 1000).toFixed(1);
    this.to.input.value = (end / 1000).toFixed(1);
    this.roll.show(this.pedalled, this.duration, this.stretch, count);
  }

  draw() {
    this.roll.draw();
  }

  setPlaying(playing) {
    this.playButton.replaceChildren(icon(playing ? "pause" : "play"));
    this.playButton.setAttribute("aria-label", playing ? "Stop the primer" : "Listen to the primer");
  }

  /** Where the playhead stands, in seconds from the stretch's start; null hides it. */
  showPlayhead(position) {
    this.roll.showPlayhead(position === null ? null : this.stretch.start + position * 1000);
  }
}
