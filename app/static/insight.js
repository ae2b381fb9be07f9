// What can be seen inside the models: the notes that they listened to when they chose a note.

import { REAL } from "./music/models.js";
import { noteNear } from "./music/score.js";
import { listeningWords } from "./music/sentences.js";
import { isSite, services } from "./io/place.js";

const NO_SERVER =
  "What the models listen to is worked out by a server, and this page has none. `musictx app`, on your own computer, is one.";

export class Insight {
  /** `take` gives the take that is shown, or null; `running` whether its models still play. */
  constructor({ lanes, listening, blind, take, running }) {
    Object.assign(this, { lanes, listening, blind });
    this.takeOf = take;
    this.isRunning = running;
    this.known = new WeakMap(); // by score: what was asked of it as it stands
    this.asked = null; // the last question about arcs; answers to earlier ones come too late
    this.shown = null; // the notes of the take in which arcs are shown
    this.held = false; // whether the key is held that shows arcs for what sounds
  }

  /** Why nothing can be seen now, or an empty text. */
  get fault() {
    if (isSite) return NO_SERVER;
    if (!this.takeOf()) return "Let the models play first.";
    if (this.blind.on) return "What the models listen to is shown after the vote.";
    return this.isRunning() ? "The models are still playing. Look when they have ended." : "";
  }

  /** Names are hidden, or the music is another: what is shown is no longer so. */
  refresh() {
    if (this.shown && (this.fault || this.shown !== this.state)) this.clear();
  }

  /** The models in the lanes. */
  get order() {
    return this.lanes.order.filter((model) => model !== REAL);
  }

  /** What the lanes hold now, as a text. */
  get state() {
    const scores = [...(this.takeOf()?.scores.values() ?? [])];
    return scores.map((score) => `${score.notes.length} ${score.known} ${score.base}`).join();
  }

  clear() {
    this.asked = this.shown = null;
    for (const model of this.lanes.order) this.lanes.lane(model).roll.arcs.show(null);
  }

  /** Let the server read the take, so that the first answer comes at once. */
  prepare() {
    if (this.fault) return;
    for (const model of this.order) {
      const known = this.of(model);
      known.prepared ??= this.ask("attention", model, { note: null }).catch(() => (known.prepared = null));
    }
  }

  /** A note of a lane was tapped, or (null) a place without one. */
  tap(model, note) {
    if (!note || this.fault || model === REAL) this.clear();
    else this.look(note.on, model, note);
  }

  /** Show for each lane what its model listened to for the note at a moment; `note` is the one of `model`. */
  async look(at, model = null, note = null) {
    const asked = (this.asked = Symbol("question"));
    this.shown = this.state;
    const answers = this.order.map(async (each) => {
      const { roll } = this.lanes.lane(each);
      const chosen = each === model ? note : noteNear(roll.score.notes, at, note?.pitch);
      if (!chosen) return roll.arcs.show(null, "no note here");
      try {
        const { notes } = roll.score;
        const { arcs } = await this.ask("attention", each, { note: notes.indexOf(chosen) });
        if (this.asked !== asked) return null;
        const found = { note: chosen, arcs: arcs.map(([row, weight]) => ({ note: notes[row], weight })) };
        return roll.arcs.show(found, listeningWords(found));
      } catch (error) {
        return this.asked === asked && roll.arcs.show(null, error.message, true);
      }
    });
    await Promise.all(answers);
  }

  /** While the key is held, what sounds is looked at; once it is let go in music that plays on, no longer. */
  async hold(held) {
    if (held === this.held) return;
    this.held = held;
    const { transport } = this.listening;
    if (!held && transport.state === "playing") this.clear();
    let before = null;
    while (this.held && !this.fault) {
      const at = this.listening.playsLanes ? transport.position : 0;
      const { roll } = this.lanes.lane(this.listening.heard);
      const note = noteNear(roll.score.notes, at);
      if (note && note !== before) await this.look(at, this.listening.heard, note);
      before = note;
      await new Promise(requestAnimationFrame);
    }
  }

  /** What is known of a lane as it stands. */
  of(model) {
    const score = this.takeOf().scores.get(model);
    const state = `${score.notes.length} ${score.known}`;
    if (this.known.get(score)?.state !== state) this.known.set(score, { state });
    return this.known.get(score);
  }

  ask(what, model, more = {}) {
    const { scores, length, begins } = this.takeOf();
    return services.look(what, { lane: model, notes: scores.get(model).rows(), length, begins, ...more });
  }
}
