// The selections that can be filled in: what is marked in the lanes, the primer's in its piece, and what is marked in
// the piece that is composed.

import { savePrimer } from "./io/save.js";
import { movedMetre, onBarLine } from "./music/metre.js";
import { barsOf, rowsOf, withSelection } from "./music/piece.js";
import { isBefore } from "./music/rounding.js";
import { cutRows, pedalledRows } from "./music/score.js";
import { onGrid } from "./music/selection.js";
import { branchOf } from "./music/takes.js";

const AROUND = 3000; // ms before and after a selection with which one hears how it fits
const [BEFORE, AFTER] = [120_000, 60_000]; // ms around the primer that are sent: more than a model reads

/** What is looped in the lanes. Filled in, it makes another take. */
export class LaneSelection {
  blind; lanes; listening; making;

  constructor({ making, listening, lanes, blind, models }) {
    Object.assign(this, { making, listening, lanes, blind });
    this.players = models.all; // the models that have lanes
  }

  /** What is marked, {start, end} in ms, or null. */
  get gap() {
    const { loop } = this.listening;
    const { take } = this.making;
    return loop && take ? onGrid({ start: 1000 * loop.from, end: 1000 * loop.to }) : null;
  }

  /** Whether it says how much of a take Keep keeps: what is composed is filled in in the piece. */
  get isKept() {
    return Boolean(this.making.take.model);
  }

  /** Move an edge, "from" or "to", to a time (s). */
  move(edge, time) {
    this.listening.moveLoop(edge, time);
  }

  /** Why the selection cannot be filled in, or an empty text. */
  faultOf({ start }) {
    if (this.blind.on) return "Selections can be filled in after the vote.";
    const inPrimer = start < this.making.take.length;
    return inPrimer ? "This selection begins in the primer. Mark one in what the models played." : "";
  }

  /** Whether there is something in a lane that it can lead into. */
  follows(model, { end }) {
    return this.making.take.scores.get(model).notes.some(({ on }) => !isBefore(1000 * on, end));
  }

  /** What the model of some `work` (filling.js) is asked for. */
  begin(work) {
    const { take } = this.making;
    Object.assign(work, { now: take, before: take.scores.get(work.model) });
    return { gap: work.gap, notes: work.before.rows(), pedals: [], begins: take.begins, metre: take.metre };
  }

  /** Whether the music is still what it is about. */
  isStill({ now }) {
    return this.making.take === now;
  }

  /** There are takes of the selection: what is shown becomes another take, and the one before stays. */
  open(work) {
    const { model, gap, seed } = work;
    const { making } = this;
    making.step();
    const filled = [...making.take.filled, { model, from: gap.start, to: gap.end, seed }];
    work.now = { ...branchOf(making.take), filled };
    making.history.add(work.now);
    this.staying(() => making.adopt(work.now));
  }

  put({ model, gap, before }, rows) {
    this.making.exchange(model, before.filled(gap, rows));
  }

  listen({ model, gap }) {
    this.listening.listenAround(model, { from: gap.start / 1000, to: gap.end / 1000 });
  }

  undo() {
    this.staying(() => this.making.undo());
  }

  /** Change takes with the time axis and what is marked on it as they are. */
  staying(change) {
    const [{ part }, { loop }] = [this.lanes, this.listening];
    change();
    this.lanes.part = part;
    this.lanes.showView();
    this.listening.setLoop(loop);
  }
}

/** The window of the primer, while its line is open. Filled in, it makes another primer. */
export class PrimerSelection {
  listening; making; models; primer; primers;

  constructor({ making, listening, models, primer, primers }) {
    Object.assign(this, { making, listening, models, primer, primers });
    this.players = models.players;
  }

  get gap() {
    return this.primer.fills ? this.primer.selection : null;
  }

  faultOf() {
    return "";
  }

  follows(_, { end }) {
    return this.primer.source.notes.some(([on]) => !isBefore(on, end));
  }

  begin(work) {
    const { source } = this.primer;
    const { start, end } = work.gap;
    const from = Math.max(0, start - BEFORE);
    Object.assign(work, { now: source, before: source, from });
    const begins = !source.continues && !source.notes.some(([on]) => on < from);
    const around = cutRows(source.notes, source.pedals, from, end + AFTER);
    const metre = movedMetre(source.metre, from);
    return { ...around, begins, metre, gap: { start: start - from, end: end - from } };
  }

  isStill({ now, gap }) {
    const { source, selection } = this.primer;
    return source === now && selection.start === gap.start && selection.end === gap.end;
  }

  open() {
    this.making.step();
  }

  put(work, rows) {
    const { model, gap, before, from } = work;
    const outside = pedalledRows(before.notes, before.pedals).filter(([on]) => isBefore(on, gap.start) || !isBefore(on, gap.end));
    const inside = rows.map(([on, off, ...rest]) => [on + from, off + from, ...rest]);
    const notes = pedalledRows([...outside, ...inside], []);
    const title = `${before.title}, filled in by ${this.models.of(model).name}`;
    const { composer, continues, metre } = before;
    work.now = { title, composer, continues, metre, notes, pedals: [] };
    const { view } = this.primer.roll;
    this.primers.set(work.now, gap);
    this.primer.roll.setView(view);
  }

  listen({ gap }) {
    this.listening.playAround(gap);
  }

  undo() {
    this.making.undo();
  }

  /** Save the whole piece, with what was filled in. */
  save() {
    return savePrimer(this.primer.source);
  }
}

/** What is marked in the piece that is composed. Filled in, it makes another state of it. */
export class PieceSelection {
  compose; listening;

  constructor({ compose, listening, models }) {
    Object.assign(this, { compose, listening });
    this.players = models.players;
  }

  get gap() {
    const { on, view } = this.compose;
    return on && view.mark ? onGrid({ start: 1000 * view.mark.from, end: 1000 * view.mark.to }) : null;
  }

  move(edge, time) {
    const { mark, end } = this.compose.view;
    const at = onBarLine(barsOf(this.compose.sections), time);
    const moved = { ...mark, [edge]: Math.min(Math.max(0, at), end) };
    if (moved.to - moved.from >= 0.1) this.compose.mark(moved);
  }

  faultOf() {
    return "";
  }

  follows(_, { end }) {
    return rowsOf(this.compose.sections).some(([on]) => !isBefore(on, end));
  }

  begin(work) {
    const { sections } = this.compose;
    const { start, end } = work.gap;
    const from = Math.max(0, start - BEFORE);
    Object.assign(work, { now: sections, before: sections, from });
    const begins = sections[0].from.begins !== false && !from;
    // Without what is there now: a note that its keys cut short is whole again.
    const around = cutRows(rowsOf(withSelection(sections, work.gap, [], {})), [], from, end + AFTER);
    const metre = movedMetre(barsOf(sections)?.facts(), from);
    return { ...around, begins, metre, gap: { start: start - from, end: end - from } };
  }

  isStill({ now }) {
    return this.compose.sections === now;
  }

  open(work) {
    work.now = [...work.before];
    this.compose.change(work.now);
  }

  put(work, rows) {
    const { model, gap, seed, before, from } = work;
    const inside = rows.map(([on, off, ...rest]) => [on + from, off + from, ...rest]);
    work.now = withSelection(before, gap, inside, { model, from: gap.start, to: gap.end, seed });
    this.compose.exchange(work.now);
  }

  listen({ gap }) {
    const { view } = this.compose;
    const [start, end] = [Math.max(0, gap.start - AROUND), Math.min(1000 * view.end, gap.end + AROUND)];
    this.listening.playPassage({ start, end }, view);
  }

  undo() {
    this.compose.go(-1);
  }
}
