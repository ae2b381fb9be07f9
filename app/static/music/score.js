// Notes of a primer and of a lane. Times are seconds on the axis on which 0 is the primer's start;
// rows, as the server and links have them, are [onset, offset, pitch, velocity] in whole milliseconds.

import { resolveOverlaps } from "../engine/events.js";
import { applyPedal } from "../engine/primer.js";
import { isBefore } from "./rounding.js";

const SAME = 0.01; // seconds between the notes of a chord, at most
const BEFORE = 4; // seconds before the training length from which one hears it pass
export const LATEST = 3_600_000; // ms after which a server takes no note's end: one that never ended would be the file's length
const LATELY = 2; // seconds after which a note no longer is what was struck last

/** What begins in [start, end) of rows and pedals, on the axis on which 0 is `start`; what sounds at the end sounds on. */
export function cutRows(rows, pedals, start, end) {
  const notes = rows.filter(([on]) => on >= start && on < end);
  const spans = pedals.filter(([down, up]) => up > start && down < end);
  const until = (time) => Math.min(time - start, LATEST);
  return {
    notes: notes.map(([on, off, pitch, velocity]) => [on - start, until(off), pitch, velocity]),
    pedals: spans.map(([down, up]) => [Math.max(down, start) - start, until(up)]),
  };
}

/** Rows with the sustain pedal turned into note ends, and each pitch ended where it is struck again. */
export function pedalledRows(rows, pedals) {
  const notes = rows.map(([on, off, pitch, velocity]) => ({ on, off, pitch, velocity }));
  const spans = pedals.map(([down, up]) => ({ down, up })).sort((a, b) => a.down - b.down);
  return applyPedal(notes, spans).map(({ on, off, pitch, velocity }) => [on, off, pitch, velocity]);
}

function noteOf([on, off, pitch, velocity], primer) {
  return { on: on / 1000, off: off === null ? null : off / 1000, pitch, velocity, primer };
}

/** The note that was struck last at a moment, or shortly before it; of a chord the one of `pitch`, or the highest. */
export function noteNear(notes, at, pitch = null) {
  const struck = notes.filter(({ on }) => on <= at + SAME && on > at - LATELY);
  const last = Math.max(...struck.map(({ on }) => on));
  const chord = struck.filter(({ on }) => on > last - SAME);
  return chord.find((note) => note.pitch === pitch) ?? chord.sort((a, b) => b.pitch - a.pitch)[0] ?? null;
}

/** What one lane plays: the primer's notes, then the continuation's as they become known. */
export class Score {
  constructor(primerRows, length) {
    this.length = length; // end of the primer, where the continuation starts
    this.notes = primerRows.map((row) => noteOf(row, true));
    this.primerCount = this.notes.length;
    this.base = this.notes.length; // where the current part's notes start
    this.known = 0; // nothing is missing before this time; the server says so with its first message
    this.partStart = length; // end of what the models were last given
    this.complete = false;
    this.fetching = false; // its model is on its way to this computer
    this.beyond = null; // from here on the music is longer than what the model was trained on
  }

  /** A finished score of a piece until `end` (s), of which the primer is what begins before `length`. */
  static finished(rows, length, end = length) {
    const score = new Score(rows, length);
    for (const note of score.notes) note.primer = note.on < length;
    score.primerCount = score.notes.filter((note) => note.primer).length;
    score.known = end;
    score.complete = true;
    return score;
  }

  get end() {
    let end = Math.max(this.length, this.complete ? 0 : this.known);
    for (const note of this.notes) end = Math.max(end, note.off ?? note.on);
    return end;
  }

  /** From where one hears the music grow longer than what the model was trained on (s). */
  get turn() {
    return Math.max(0, this.beyond - BEFORE);
  }

  get continuationCount() {
    return this.notes.length - this.primerCount;
  }

  /** The server's view of what it continues: the primer as the model reads it, and which notes of it go on. */
  adopt(rows, held) {
    if (rows.length === this.base) {
      this.notes.sort((a, b) => a.on - b.on || a.pitch - b.pitch);
      rows.forEach((row, k) => Object.assign(this.notes[k], noteOf(row, this.notes[k].primer)));
    } else {
      this.notes = rows.map((row) => noteOf(row, row[0] / 1000 < this.length));
      this.primerCount = this.notes.filter((note) => note.primer).length;
    }
    this.base = rows.length;
    for (const k of held) if (this.notes[k]) this.notes[k].off = null;
  }

  /** Go on after the end, or from a moment before it: everything until then is what the next part continues. */
  extend(from = this.end) {
    const end = Math.min(from, this.end);
    this.notes = this.notes.filter((note) => note.on < end);
    for (const note of this.notes) if (note.off > end) note.off = end;
    if (this.beyond !== null && this.beyond >= end) this.beyond = null;
    for (const note of this.notes) note.off ??= end;
    this.base = this.notes.length;
    this.complete = false;
    this.known = end;
    this.partStart = end;
    return end;
  }

  /** Take in one message; whatever is here already stays as it is. */
  receive({ at, notes, offs, known, beyond }) {
    this.fetching = false;
    if (this.base + at > this.notes.length) return; // messages were lost; a later one says it all again
    notes.forEach(([on, pitch, velocity], k) => {
      this.notes[this.base + at + k] ??= noteOf([on, null, pitch, velocity], false);
    });
    for (const [index, off] of offs) {
      const note = index >= 0 ? this.notes[this.base + index] : this.notes[-index - 1];
      if (note) note.off = off / 1000;
    }
    this.known = Math.max(this.known, known / 1000);
    // A lane that is continued further is read anew from its last events; what was passed stays passed.
    if (beyond != null) this.beyond ??= beyond / 1000;
  }

  /** No more notes will come: what still sounds ends with the music. */
  finish() {
    if (this.complete) return;
    for (const note of this.notes) note.off ??= Math.max(note.on, this.known);
    this.complete = true;
  }

  /** Where the continuation begins (ms): on the beat its first note may lie just before the primer's last hundredth. */
  get cut() {
    const first = this.notes.find(({ primer }) => !primer);
    return Math.round(1000 * Math.min(this.length, first?.on ?? Infinity));
  }

  /** Rows of everything, or of the continuation alone (on its own axis). */
  rows(continuationOnly = false) {
    const shift = continuationOnly ? this.cut : 0;
    const ms = (seconds) => Math.round(seconds * 1000) - shift;
    return this.notes
      .filter((note) => !continuationOnly || !note.primer)
      .map((note) => [
        ms(note.on),
        ms(note.off ?? Math.max(note.on, this.known)),
        note.pitch,
        note.velocity,
      ]);
  }

  /** This score with other notes (rows) in a selection {start, end} in ms; a held note ends where its key is struck again. */
  filled({ start, end }, rows) {
    const copy = this.clone();
    const outside = copy.notes.filter(({ on }) => isBefore(1000 * on, start) || !isBefore(1000 * on, end));
    const inside = rows.map((row) => noteOf(row, false));
    copy.notes = resolveOverlaps([...outside, ...inside]);
    return copy;
  }

  clone() {
    const copy = Object.assign(Object.create(Score.prototype), this);
    copy.notes = this.notes.map((note) => ({ ...note }));
    return copy;
  }
}
