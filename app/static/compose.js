// Composing: one model's takes side by side, and the piece that is made of what is kept of them.

import { Choosing } from "./choosing.js";
import { keepPiece, onOtherTab, recallPiece } from "./io/piece-store.js";
import { dragMidi, MAKING, savePiece } from "./io/save.js";
import { endsWith, isKept, lengthOf, runsOf, sourceOf, spanOf, tracksOf } from "./music/piece.js";
import { withoutSection, withRepeat, withTake } from "./music/piece.js";
import { counted } from "./music/sentences.js";
import { hasMusic } from "./music/takes.js";
import { ComposePanel } from "./view/compose-panel.js";
import { PieceView } from "./view/piece.js";

const [SECONDS, BARS] = [15, 4]; // that takes last unless another length is chosen
const PRIMER = 120_000; // ms of the piece's end that are given to the model: more than it reads
const BEFORE = 8; // seconds of the piece that are shown before what is drawn
const MIN_LENGTH = 100; // ms of what can be kept
const [FILE, SOUND] = ["piece.mid", "piece.wav"];
const NO_ROOM =
  "This browser has no room to keep the piece, or keeps nothing for the page. It is here for as long as the page is open: " +
  "save it as a file.";

export class Compose {
  root; shown; shownAt; studio;
  unkept = false; // whether the piece is only here, since the browser has no room

  constructor(studio, find) {
    Object.assign(this, { studio, root: studio.root });
    this.states = recallPiece();
    this.idea = null; // the primer with which the piece began: {source, selection}
    this.stood = null; // the primer that stands for a piece that is empty now
    this.other = false; // whether the primers are shown although there is a piece
    this.view = new PieceView(find("#piece"), studio.models, {
      play: (from) => this.play(from),
      pause: () => studio.listening.transport.pause(),
      undo: () => this.go(-1),
      redo: () => this.go(1),
      mark: (mark) => this.mark(mark),
      save: () => this.save(FILE),
      saveSound: () => this.save(SOUND),
      drag: (event) => dragMidi(event, tracksOf(this.sections, studio.models.version), FILE),
      other: (open) => {
        this.other = open;
        this.refresh();
      },
      clear: () => this.clear(),
      remove: (index) => this.remove(index),
      repeat: (index) => this.repeat(index),
    });
    studio.listening.piece = this.view;
    this.panel = new ComposePanel(find, studio.models, {
      goOn: () => this.goOn(),
      changed: () => studio.showPreview(),
    });
    this.runs = runsOf(this.sections); // of the takes of which something is in the piece
    this.choosing = new Choosing(studio.models, (text) => this.say(text));
    this.view.element.append(this.choosing.line.element);
    const catchUp = () => {
      if (this.unkept) return; // what is stored is older
      this.show(recallPiece());
      this.runs = runsOf(this.sections);
      this.follow(); // takes are drawn from the end that the piece has now
    };
    onOtherTab(catchUp);
    window.addEventListener("pageshow", ({ persisted }) => persisted && catchUp()); // this tab was asleep
  }

  get on() {
    return this.studio.modes.composing;
  }

  get sections() {
    return this.states.now;
  }

  /** The lanes of the takes that are shown, or are going to be drawn. */
  get order() {
    const take = this.studio.take;
    return take?.model ? [...take.scores.keys()] : this.lanes.map(({ key }) => key);
  }

  /** For whom the next takes are. */
  get lanes() {
    const { model, count } = this.panel;
    return this.studio.models.takesOf(model, count);
  }

  /** What was kept of takes. */
  keptOf({ run }) {
    return this.sections.filter(({ from }) => run && from.run === run);
  }

  /** Take what a lane played into the piece: all of it, or what is marked. True if it is there. */
  keep(lane) {
    const { take, listening, notice } = this.studio;
    const span = spanOf(take, lane);
    const { loop } = listening;
    const [start, end] = loop ? [loop.from, loop.to].map((time) => Math.round(1000 * time)) : [span.from, span.to];
    const selection = { from: Math.max(start, span.from), to: Math.min(end, span.to) };
    if (selection.to - selection.from < MIN_LENGTH) {
      notice.say("The selection is outside this take. Mark a part of what it played.", true);
      return false;
    }
    if (endsWith(this.sections, take, lane, selection)) {
      this.say(`Take ${lane} is in the piece already.`);
      return true;
    }
    if (loop) listening.setLoop(null);
    const sections = withTake(this.sections, take, lane, selection);
    this.usePiece(sections);
    this.say(`Take ${lane} is in the piece, which has ${counted(sections.filter(isKept).length, "section")}.`);
    this.change(sections);
    return true;
  }

  /** Draw takes from the end of the piece. If nothing was kept of those that are shown, the one that is heard is. */
  goOn() {
    const { making, settings, listening, take } = this.studio;
    if (making.running) return;
    const played = take?.model && hasMusic(take);
    if (played && !this.keptOf(take).length && !this.keep(listening.heard)) return;
    if (!this.sections.length) return;
    if (take) settings.nextSeed(take.scores.size);
    this.usePiece();
    making.continueMusic();
    if (making.running) this.studio.lanes.showFrom(this.studio.take.length / 1000 - BEFORE);
  }

  /** What the next takes are drawn from is the end of the piece. */
  usePiece(sections = this.sections) {
    const end = lengthOf(sections);
    const { primer, primers } = this.studio;
    if (primer.source && !primer.source.piece) this.idea = { source: primer.source, selection: primer.selection };
    this.other = false;
    primers.set(sourceOf(sections), { start: Math.max(0, end - PRIMER), end });
  }

  /** Play the piece from somewhere, or from its beginning where nothing follows. */
  play(from) {
    const end = lengthOf(this.sections);
    const start = this.view.score({ start: from, end }).notes.length ? from : 0;
    this.studio.listening.playPassage({ start, end }, this.view);
  }

  /** There is no piece any more: its primer is what takes are drawn from. */
  leavePiece() {
    const first = this.states.all.flat().find(({ from }) => from.primer);
    if (!first) return;
    const { primer, begins, metre = null } = first.from;
    const own = { title: primer, composer: "", notes: first.rows, pedals: [], metre, continues: !begins };
    const { source, selection } = this.idea ?? { source: own, selection: { start: 0, end: first.length } };
    this.stood = source;
    this.studio.primers.set(source, selection);
  }

  /** The piece becomes another. */
  change(sections) {
    this.states.push(sections);
    this.changed();
  }

  /** The last change becomes another. */
  exchange(sections) {
    this.states.replace(sections);
    this.follow();
    this.changed();
  }

  /** The same by keyboard, if there is something. */
  step(steps) {
    if (this.states.canGo(steps)) this.go(steps);
  }

  /** Undo (-1) or bring back (1) the last change. */
  go(steps) {
    this.states.go(steps);
    this.follow();
    this.changed(steps < 0 || this.sections.length > 0); // only New piece leads on to none
  }

  /** Its choices stay: what was kept of it was not disliked. */
  clear() {
    this.rework([], "The piece is empty. Undo brings it back.", false);
  }

  remove(index) {
    this.rework(withoutSection(this.sections, index), "Section removed. Undo brings it back.");
  }

  repeat(index) {
    const words = "Section repeated at the end. Go on continues from there.";
    this.rework(withRepeat(this.sections, index), words);
  }

  /** The piece becomes another, not by a take: takes are drawn from its new end. */
  rework(sections, words, forgets = true) {
    this.states.push(sections);
    this.follow();
    this.say(words);
    this.changed(forgets);
  }

  /** The primer is the piece's end as long as there is a piece. */
  follow() {
    const { source } = this.studio.primer;
    if (!source || !(source.piece || source === this.stood)) return;
    if (this.sections.length) this.usePiece();
    else this.leavePiece();
  }

  /** Show and store what the piece is now, and what is kept of its takes; one that is out of it `forgets` that. */
  changed(forgets = true) {
    this.show(this.states);
    const runs = runsOf(this.sections);
    if (forgets) for (const run of this.runs) if (!runs.has(run)) this.choosing.forget(run);
    this.runs = runs;
    const takes = this.studio.making.history.takes.filter(({ run }) => this.runs.has(run));
    const faults = takes.map((take) => this.choosing.store(take, this.keptOf(take)));
    const fault = faults.find(Boolean);
    if (fault) this.say(fault, true);
    this.unkept = !keepPiece(this.states);
    if (this.unkept) this.say(NO_ROOM, true);
  }

  show(states) {
    this.states = states;
    this.refresh();
    this.studio.refresh();
  }

  say(text, bad) {
    this.studio.notice.say(text, bad);
  }

  mark(mark) {
    this.view.setMark(mark);
    this.studio.refresh();
  }

  async save(name) {
    const { notice, models } = this.studio;
    if (name === SOUND) notice.say(MAKING);
    try {
      await savePiece(tracksOf(this.sections, models.version), name);
      notice.withdraw(MAKING);
    } catch (error) {
      this.say(error.message, true);
    }
  }

  /** How Continue is described; null leaves it to the settings. */
  get invitation() {
    return this.on ? `${this.panel.takes} of ${this.studio.models.of(this.panel.model).name}` : null;
  }

  /** How long takes are unless the visitor has chosen a length. */
  get seconds() {
    return SECONDS;
  }

  /** The same where there are bars. */
  get bars() {
    return BARS;
  }

  /** Bring what belongs to composing up to date. */
  refresh() {
    if (!this.on) return;
    const { states, sections, studio } = this;
    const { running } = studio.making;
    const played = Boolean(studio.take?.model && hasMusic(studio.take));
    const drops = played && !this.keptOf(studio.take).length;
    const fromPiece = Boolean(sections.length && studio.primer.source?.piece);
    this.root.dataset.from = fromPiece && !this.other ? "piece" : "primer";
    if (this.shown !== sections || this.shownAt !== states.at) {
      this.view.show(sections, { undo: states.canGo(-1), redo: states.canGo(1) });
      Object.assign(this, { shown: sections, shownAt: states.at });
    }
    this.view.otherButton.setAttribute("aria-pressed", this.root.dataset.from === "primer");
    const keeps = drops ? `keeps take ${studio.listening.heard}, then ${this.panel.takes}` : null;
    this.panel.show({ running, can: Boolean(sections.length) || drops, words: keeps });
  }
}
