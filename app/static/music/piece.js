// The piece that is composed: sections one after the other, each as it was kept. A list of sections never changes.
//
// A section is {rows, length, from}: notes on its own axis and its length, in whole milliseconds, and what it came from:
// {primer: title, begins, metre} or {take, model, seed, run, until, filled: [{model, from, to, seed}]}, where `until` is the
// time in the take (ms) up to which it was kept.

import { Metre } from "./metre.js";
import { pedalledRows, Score } from "./score.js";

const MAX_STATES = 100;
const SAME = 10; // ms by which two times of one note may differ: models have it in hundredths of a second

const byOnset = (a, b) => a[0] - b[0] || a[2] - b[2];
const moved = (rows, by) => rows.map(([on, off, ...rest]) => [on + by, off + by, ...rest]);
const whole = (seconds) => Math.round(100 * seconds) * 10;

/** Where each section begins, and where the last one ends. */
export function startsOf(sections) {
  return sections.reduce((starts, { length }) => [...starts, starts.at(-1) + length], [0]);
}

/** The bars of the primer with which a piece begins, or null. */
const metreOf = (sections) => sections[0]?.from.metre ?? null;
export const barsOf = (sections) => metreOf(sections) && new Metre(metreOf(sections));
export const lengthOf = (sections) => startsOf(sections).at(-1);
export const isKept = (section) => !section.from.primer;

/** All notes, each pitch ended where it is struck again. */
export function rowsOf(sections) {
  const starts = startsOf(sections);
  return pedalledRows(
    sections.flatMap(({ rows }, k) => moved(rows, starts[k])),
    [],
  );
}

/** What sounds, in which a note of a primer says that it is one; each knows its section. */
export function scoreOf(sections) {
  const starts = startsOf(sections);
  const score = Score.finished(rowsOf(sections), 0, starts.at(-1) / 1000);
  for (const note of score.notes) {
    note.section = Math.max(0, starts.findLastIndex((start) => start <= Math.round(1000 * note.on)));
    note.primer = Boolean(sections[note.section].from.primer);
  }
  score.primerCount = score.notes.filter((note) => note.primer).length;
  return score;
}

/** Rows whose notes ring on as far as those of a take, where that begins `shift` ms after them. */
function ringingOn(rows, score, shift, until) {
  return rows.map((row) => {
    const [on, off, pitch, velocity] = row;
    const same = (note) => note.primer && note.pitch === pitch && Math.abs(whole(note.on) + shift - on) <= SAME;
    const note = score.notes.find(same);
    const end = note ? Math.min(whole(note.off), until) + shift : 0;
    return end > off + SAME ? [on, end, pitch, velocity] : row;
  });
}

/** Where a take's continuation begins, and where it ends (ms). */
export function spanOf(take, lane) {
  const score = take.scores.get(lane);
  const cut = whole(score.length);
  return { from: cut, to: Math.max(whole(score.known), cut) || whole(score.end) };
}

/** The sections with a selection {from, to} (ms) of what a take plays in a lane after them, and its primer if it is new. */
export function withTake(sections, take, lane, { from, to }) {
  const score = take.scores.get(lane);
  const { from: cut } = spanOf(take, lane);
  const origin = { take: lane, model: take.model, seed: take.seeds[lane], run: take.run, until: to, filled: [] };
  // By what they are and not by their times: a note that keeps the beat may lie a little before the cut.
  const played = score.rows().filter((_, k) => !score.notes[k].primer);
  const inside = played.filter(([on]) => (from === cut || on >= from) && on < to);
  const before = [...sections, ...(take.source.piece ? [] : newPrimer(sections, take))];
  const last = before.length - 1;
  if (from === cut) {
    const start = startsOf(before)[last];
    // The take's primer ends where the piece does: with what is kept, its last notes ring on.
    const shift = lengthOf(before) - cut - start;
    before[last] = { ...before[last], rows: ringingOn(before[last].rows, score, shift, to) };
  }
  const by = placeOf(take, from, lengthOf(before));
  const rows = inside.map(([on, off, ...rest]) => [Math.max(0, on + by), Math.min(off, to) + by, ...rest]);
  return [...before, { rows, length: onBar(before, to - from), from: origin }];
}

/** What turns times of a take (ms) into those of a section that begins `from` there, and at `start` in the piece. */
function placeOf(take, from, start) {
  // Takes that were drawn from the piece's end stay where they are on its bars, which need not end on hundredths.
  const own = take.selection.start - start;
  return take.source.piece && Math.abs(from + own) <= SAME ? own : -from;
}

/** The length (ms) of another section: models play in hundredths of a second, and bars do not end on those. */
function onBar(sections, length) {
  const end = lengthOf(sections) + length;
  const lines = barsOf(sections)?.barLines((end + 2 * SAME) / 1000) ?? [];
  const line = Math.round(1000 * (lines.at(-1) ?? 0));
  return Math.abs(line - end) <= SAME ? length + line - end : length;
}

/** The primer of a take as a section; nothing if something that was drawn from it was kept already. */
function newPrimer(sections, take) {
  if (sections.some(({ from }) => from.run === take.run)) return [];
  const rows = pedalledRows(take.notes, take.pedals).map(([on, off, ...rest]) => [on, Math.min(off, take.length), ...rest]);
  const { begins, metre } = take;
  const primer = { rows, length: take.length, from: { primer: take.source.title, begins, metre } };
  const known = sections.some(({ from, rows: own }) => from.primer === primer.from.primer && own.length === rows.length);
  return known ? [] : [primer];
}

/** The sections with other notes (rows on the piece's axis) in a selection {start, end} (ms). */
export function withSelection(sections, { start, end }, rows, filling) {
  const starts = startsOf(sections);
  return sections.map((section, k) => {
    const [first, last] = [starts[k], starts[k + 1]];
    if (end <= first || start >= last) return section;
    const outside = section.rows.filter(([on]) => on + first < start || on + first >= end);
    const inside = rows.filter(([on]) => on >= first && (on < last || k === sections.length - 1));
    const filled = [...(section.from.filled ?? []), filling];
    return { ...section, rows: [...outside, ...moved(inside, -first)].sort(byOnset), from: { ...section.from, filled } };
  });
}

/** The piece as a source of primers. */
export function sourceOf(sections) {
  return {
    title: "Your piece",
    composer: "",
    notes: rowsOf(sections),
    pedals: [],
    metre: metreOf(sections),
    continues: sections[0].from.begins === false,
    piece: true,
  };
}

/** The states of a piece and which of them it is in: one list, in which one goes back and forth. */
export class States {
  constructor(all = [[]], at = all.length - 1) {
    Object.assign(this, { all, at });
  }

  get now() {
    return this.all[this.at];
  }

  /** What was undone before is gone. */
  push(state) {
    this.all = [...this.all.slice(0, this.at + 1), state].slice(-MAX_STATES);
    this.at = this.all.length - 1;
  }

  /** Put another in the place of what is there. */
  replace(state) {
    this.all = this.all.with(this.at, state);
  }

  /** Go back (-1) or forth (1). */
  go(steps) {
    this.at = Math.min(this.all.length - 1, Math.max(0, this.at + steps));
  }

  canGo(steps) {
    return this.all[this.at + steps] !== undefined;
  }

  /** Each section once, and the states as places among them. */
  pack() {
    const sections = [...new Set(this.all.flat())];
    const place = new Map(sections.map((section, k) => [section, k]));
    return { sections, all: this.all.map((state) => state.map((section) => place.get(section))), at: this.at };
  }

  static unpack({ sections, all, at }) {
    return new States(
      all.map((state) => state.map((place) => sections[place])),
      at,
    );
  }
}
