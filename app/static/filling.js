// Filling in: a model replaces a marked selection with music that leads into what follows; one chooses among its takes.

import { GAP_SECONDS } from "./music/constants.js";
import { megabytes } from "./music/models.js";
import { queueWords } from "./music/sentences.js";
import { newRun } from "./music/takes.js";
import { LaneSelection, PieceSelection, PrimerSelection } from "./selections.js";
import { FillBar } from "./view/fill-bar.js";

const [, MAX_SECONDS] = GAP_SECONDS;
const BUSY = "The models are still playing. A selection can be filled in when they have finished.";
const HINT = "A model replaces this selection with music that leads into what follows.";
const KEEPS = "Keep brings this much of a take into the piece.";

/** What fills in selections: one that is marked in the lanes, the primer's, and one that is marked in the piece. */
export function makeFillings(studio, find) {
  const fillings = [
    new Filling(studio, find("#fill"), "fill", new LaneSelection(studio), () => fillings),
    new Filling(studio, find("#primer-fill"), "primer-fill", new PrimerSelection(studio), () => fillings),
    new Filling(studio, find("#piece-fill"), "piece-fill", new PieceSelection(studio), () => fillings),
  ];
  return fillings;
}

class Filling {
  all; making; models; notice; place; player; settings; sound;

  /** `name` begins the names of its buttons; `place` is where the selection is (selections.js); `all` gives the fillings. */
  constructor({ player, models, making, settings, notice, sound }, element, name, place, all) {
    Object.assign(this, { player, models, making, settings, notice, sound, place, all });
    // What is being done: {model, gap, seed, made, candidates, says}; once there are takes, {takes, shown, step} as well,
    // of which the last takes them back. The place keeps there what the music was `before`, and is `now`.
    this.work = null;
    this.bar = new FillBar(element, name, models, place.players, {
      start: (model) => this.start(model),
      stop: () => this.stop(),
      choose: (index) => this.choose(index),
      keep: () => this.end(),
      undo: () => this.undo(),
      save: place.save && (() => place.save().catch((error) => notice.say(error.message, true))),
      move: place.move && ((edge, time) => this.move(edge, time)),
    });
  }

  /** Whether a model plays candidates. */
  get running() {
    return Boolean(this.work && !this.work.takes);
  }

  /** Why a selection {start, end} in ms cannot be filled in now, or an empty text. */
  faultOf(gap) {
    if (this.making.running || this.all().some(({ running }) => running)) return BUSY;
    const fault = this.place.faultOf(gap);
    if (fault) return fault;
    const seconds = (gap.end - gap.start) / 1000;
    if (seconds > MAX_SECONDS) return `This selection lasts ${seconds.toFixed(1)} s; choose one of up to ${MAX_SECONDS} s.`;
    const follows = this.place.players.some(({ key }) => this.place.follows(key, gap));
    return follows ? "" : "There is no music after this selection to lead into.";
  }

  move(edge, time) {
    this.place.move(edge, time);
    this.refresh();
  }

  start(model) {
    const fault = this.settings.findFault();
    if (fault) {
      this.notice.say(fault, true);
      return;
    }
    this.sound.wake(); // in the click, or some browsers play nothing when the takes are there
    this.making.on.alone();
    const settings = this.settings.values;
    const work = { model, gap: this.place.gap, seed: settings.seed, made: 0, candidates: "", says: "" };
    const request = { run: `${newRun()}.0`, ...this.place.begin(work), settings };
    this.work = work;
    this.player.start(model, request, (message) => this.work === work && this.receive(message));
    this.refreshAll();
  }

  /** Take in a message: how far the candidates are, what is waited for, the takes, or why there are none. */
  receive({ state, error, place, made = state === "waiting" ? 0 : 1, candidates, takes, received, total }) {
    const { work } = this;
    if (state === "error") {
      this.end();
      this.notice.say(error, true);
      return;
    }
    if (state === "loading") {
      Object.assign(work, { made: 0, says: `The model is being downloaded: ${megabytes(received)} of ${megabytes(total)} MB.` });
      this.refresh();
      return;
    }
    const says = state === "waiting" ? queueWords(place) : "";
    Object.assign(work, { made, candidates: candidates ?? work.candidates, says });
    if (takes) {
      this.place.open(work);
      Object.assign(work, { takes, step: this.lastStep });
      this.choose(0);
    }
    this.refreshAll();
  }

  /** Put one of the takes where it belongs, and hear it there. */
  choose(index) {
    this.work.shown = index;
    this.place.put(this.work, this.work.takes[index]);
    this.place.listen(this.work);
    this.refresh();
  }

  stop() {
    this.player.stop(this.work.model);
    this.end();
  }

  undo() {
    this.place.undo();
    this.end();
  }

  /** What is there stays. */
  end() {
    this.work = null;
    this.refreshAll();
  }

  refreshAll() {
    for (const each of this.all()) each.refresh();
  }

  /** What Undo would take back. */
  get lastStep() {
    return this.making.history.steps.at(-1);
  }

  /** Whether what is being done is still about the music as it stands. */
  get isStill() {
    const { work, making } = this;
    const undoable = this.running || work.step === this.lastStep;
    return !making.running && undoable && this.place.isStill(work);
  }

  /** Bring the line up to date. */
  refresh() {
    if (this.work && !this.isStill) this.leave();
    const { work, place, bar } = this;
    const { gap } = place;
    if (work) bar[work.takes ? "choose" : "follow"](/** @type {any} */ (work));
    else if (!gap) bar.hide();
    else if (place.isKept) bar.mark(gap, KEEPS);
    else bar.offer(gap, this.faultOf(gap), HINT, (model) => place.follows(model, gap));
  }

  /** The music is another now: what is still being made is not wanted, and what was chosen stays. */
  leave() {
    const { model } = this.work;
    if (this.running && !this.making.runs.playing.has(model)) this.player.stop(model);
    this.work = null;
  }
}
