// The piece that is composed: sections one after the other, each as it was kept. A list of sections never changes.
//
// A section is {rows, length, from}: notes on its own axis and its length, in whole milliseconds, and what it came from:
// {primer: title, begins, metre} or {take, model, seed, run, since, until, filled: [{model, from, to, seed}]}, where
// `since` and `until` are the times in the take (ms) between which it was kept.

import { Metre } from "./metre.js";
import { isBefore } from "./rounding.js";
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
export const runsOf = (sections) => new Set(sections.filter(isKept).map(({ from }) => from.run));

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
    const section = starts.findLastIndex((start) => start <= Math.round(1000 * note.on));
    // A note on the line on which the piece ends belongs to the section before it.
    note.section = Math.min(sections.length - 1, Math.max(0, section));
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
  const origin = { take: lane, model: take.model, seed: take.seeds[lane], run: take.run, since: from, until: to, filled: [] };
  // By what they are and not by their times: a note that keeps the beat may lie a little before the cut.
  const played = score.rows().filter((_, k) => !score.notes[k].primer);
  const inside = played.filter(([on]) => (from === cut || on >= from) && on < to);
  // What was drawn from a piece that is empty now begins with as much of that as the model was given.
  const before = [...sections, ...(take.source.piece && sections.length ? [] : newPrimer(sections, take))];
  const last = before.length - 1;
  if (from === cut) {
    const start = startsOf(before)[last];
    // The take's primer ends where the piece does: with what is kept, its last notes ring on.
    const shift = lengthOf(before) - cut - start;
    before[last] = { ...before[last], rows: ringingOn(before[last].rows, score, shift, to) };
  }
  const start = lengthOf(before);
  const place = placing(before, take, from);
  const rows = inside.map(([on, off, ...rest]) => [
    Math.max(0, place(on) - start),
    place(Math.min(off, to)) - start,
    ...rest,
  ]);
  const end = lineBeside(barsOf(before), start + to - from);
  return [...before, { rows, length: end - start, from: origin }];
}

/** Whether the last section is this selection {from, to} (ms) of what a take plays in a lane. */
export function endsWith(sections, take, lane, { from, to }) {
  const last = sections.at(-1);
  const same = last?.from.run === take.run && last.from.take === lane && last.from.until === to;
  return same && Math.abs(last.length - (to - from)) <= SAME;
}

/** What turns times of a take (ms) into those of the piece, at whose end what it plays `from` there on begins. */
function placing(sections, take, from) {
  const start = lengthOf(sections);
  const bars = barsOf(sections);
  const origin = originOf(sections, take);
  if (origin === null) return (time) => time - from + start;
  if (Math.abs(origin + from - start) <= SAME) return (time) => time + origin;
  if (!bars) return (time) => time - from + start;
  const place = carrying(bars, origin + from, start);
  return (time) => place(time + origin);
}

/** Where the axis of a take begins in the piece (ms), or null if that did not go before it. */
function originOf(sections, take) {
  const [{ from, length }] = sections;
  if (from.primer === take.source.title && Math.abs(length - take.length) <= SAME) return 0;
  return take.source.piece ? take.selection.start : null;
}

/** The bar line (ms) beside which a time lies, or that time: models play in hundredths of a second, bars may not. */
function lineBeside(bars, time) {
  const line = Math.round(1000 * (bars?.barLines((time + 2 * SAME) / 1000).at(-1) ?? -Infinity));
  return Math.abs(line - time) <= SAME ? line : time;
}

/** The tick of a time (ms), or of the bar line beside it. */
const tickOf = (bars, time) => bars.nearest(lineBeside(bars, time) / 1000);

/** What carries times (ms) along by as many ticks as lie between two of them. */
function carrying(bars, from, to) {
  const by = tickOf(bars, to) - tickOf(bars, from);
  return (time) => Math.round(1000 * bars.moved(time / 1000, by));
}

/** The sections without one, which is not the first: what follows it comes earlier, and stays on the bars. */
export function withoutSection(sections, index) {
  const bars = barsOf(sections);
  const starts = startsOf(sections);
  if (!bars) return sections.toSpliced(index, 1);
  const place = carrying(bars, starts[index + 1], starts[index]);
  const later = sections.slice(index + 1).map((section, k) => {
    const [start, end] = starts.slice(index + 1 + k, index + 3 + k);
    const own = (time) => place(time + start) - place(start);
    const rows = section.rows.map(([on, off, ...rest]) => [own(on), own(off), ...rest]);
    return { ...section, rows, length: place(end) - place(start) };
  });
  const before = sections.slice(0, index);
  const gap = later.length ? place(starts[index + 1]) - starts[index] : 0; // less than a hundredth of a second
  before[index - 1] = { ...before[index - 1], length: before[index - 1].length + gap };
  return [...before, ...later];
}

/** The sections with one of them once more at the end, on the bars as it is. */
export function withRepeat(sections, index) {
  const bars = barsOf(sections);
  const starts = startsOf(sections);
  const [start, stop, end] = [starts[index], starts[index + 1], starts.at(-1)];
  if (!bars) return [...sections, sections[index]];
  const carry = carrying(bars, start, end);
  const own = (time) => carry(time + start) - end;
  const rows = sections[index].rows.map(([on, off, ...rest]) => [Math.max(0, own(on)), own(off), ...rest]);
  return [...sections, { ...sections[index], rows, length: own(stop - start) }];
}

/** The primer of a take as a section; nothing if something that was drawn from it was kept already. */
function newPrimer(sections, take) {
  if (sections.some(({ from }) => from.run === take.run)) return [];
  const rows = pedalledRows(take.notes, take.pedals).map(([on, off, ...rest]) => [on, Math.min(off, take.length), ...rest]);
  const { begins, metre } = take;
  const length = sections.length ? take.length : lineBeside(metre && new Metre(metre), take.length);
  const primer = { rows, length, from: { primer: take.source.title, begins, metre } };
  const struck = (all) => JSON.stringify(all.map(([on, , pitch]) => [on, pitch])); // notes may ring on by now
  const known = sections.some(({ from, rows: own }) => from.primer === primer.from.primer && struck(own) === struck(rows));
  return known ? [] : [primer];
}

/** The sections with other notes (rows on the piece's axis) in a selection {start, end} (ms). */
export function withSelection(sections, { start, end }, rows, filling) {
  const starts = startsOf(sections);
  return sections.map((section, k) => {
    const [first, last] = [starts[k], starts[k + 1]];
    if (!isBefore(first, end) || !isBefore(start, last)) return section;
    const outside = section.rows.filter(([on]) => isBefore(on + first, start) || !isBefore(on + first, end));
    const inside = rows.filter(([on]) => on >= first && (on < last || k === sections.length - 1));
    if (outside.length === section.rows.length && !inside.length) return section;
    const filled = [...(section.from.filled ?? []), filling];
    return { ...section, rows: [...outside, ...moved(inside, -first)].sort(byOnset), from: { ...section.from, filled } };
  });
}

/** The tracks of the piece as it is saved: what it began with, and what was kept, which says whose it is. */
export function tracksOf(sections, version) {
  const kept = sections.filter(isKept).map(({ from }) => from);
  const names = [...new Set(kept.map(({ model }) => model))].join(", ");
  const seeds = `seed${kept.length > 1 ? "s" : ""} ${kept.map(({ seed }) => seed).join(", ")}`;
  const title = `Continuation: ${names}, ${seeds}, musictx ${version}`;
  const cut = isKept(sections[0]) ? 0 : sections[0].length;
  return { ...sourceOf(sections), cut: kept.length ? cut : null, names: ["Primer", title] };
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
