// What can be seen inside the models: the notes that they listened to when they chose a note, and what surprised them.

import { REAL } from "./music/models.js";
import { noteNear } from "./music/score.js";
import { listeningWords } from "./music/sentences.js";
import { isSite, services } from "./io/backend.js";
import { InsightBar } from "./view/insight-bar.js";
import { setAgain } from "./view/surprise.js";

const NO_SERVER =
  "A server works out what the models attend to, and this page has none. Run musictx app on your own computer to see it.";

export class Insight {
  blind; fit; lanes; listening; transportBar;

  /** `take` gives the take that is shown, or null; `running` whether its models still play; `fit` makes room. */
  constructor({ lanes, listening, blind, bar, take, running, fit }, element) {
    Object.assign(this, { lanes, listening, blind, fit, transportBar: bar });
    this.takeOf = take;
    this.isRunning = running;
    this.known = new WeakMap(); // by score: what was asked of it as it stands
    this.asked = null; // the last question about arcs; answers to earlier ones come too late
    this.shown = null; // the music in which arcs are shown, and of which note
    this.held = false; // whether the key is held that shows arcs for what sounds
    this.heads = null; // {from, to} among those that look back farthest; null: as the server has it
    this.open = false;
    this.chosen = { surprise: false, again: false };
    this.coloured = null; // what the notes' colours were last brought up to date for
    this.bar = new InsightBar(element, {
      surprise: (on) => this.choose({ surprise: on, again: on && this.chosen.again }),
      again: (on) => this.choose({ surprise: on || this.chosen.surprise, again: on }),
      heads: (from, to) => {
        this.heads = { from, to };
        if (this.shown) this.look(...this.shown.question);
      },
    });
    lanes.element.addEventListener("pointerenter", () => this.prepare());
  }

  /** Why nothing can be seen now, or an empty text. */
  get fault() {
    if (isSite) return NO_SERVER;
    if (!this.takeOf()) return "Press Continue first; then this shows what the models attended to.";
    if (this.blind.on) return "What the models attended to appears after you vote.";
    return this.isRunning() ? "The models are still playing. Look when they have finished." : "";
  }

  /** Open or close the line of what can be seen. */
  toggle() {
    this.open = !this.open;
    this.transportBar.showInside(this.open);
    if (this.open) this.prepare();
    else {
      this.clear();
      this.chosen = { surprise: false, again: false };
    }
    this.refresh();
  }

  /** The models in the lanes. */
  get order() {
    return this.lanes.order.filter((model) => model !== REAL);
  }

  choose(chosen) {
    this.chosen = chosen;
    this.refresh();
  }

  /** Names may be hidden now, or the music another: show what is still so. */
  refresh() {
    const { fault, chosen } = this;
    this.bar.show(this.open, fault, chosen);
    if (this.shown && (fault || !this.isStill(this.shown))) this.clear();
    const { surprise, again } = chosen;
    if (!surprise && !this.coloured) return;
    const now = { ...this.state, how: `${fault} ${surprise} ${again}` };
    if (this.coloured?.how === now.how && this.isStill(this.coloured)) return;
    this.coloured = surprise ? now : null;
    this.colour(surprise && !fault, again && !fault);
  }

  /** The music as it stands. */
  get state() {
    const take = this.takeOf();
    const scores = [...(take?.scores.values() ?? [])];
    return { take, scores, text: scores.map((score) => `${score.notes.length} ${score.known} ${score.base}`).join() };
  }

  isStill({ take, scores, text }) {
    const now = this.state;
    return now.take === take && now.text === text && now.scores.every((score, k) => score === scores[k]);
  }

  clear() {
    this.asked = this.shown = null;
    for (const model of this.lanes.order) this.lanes.lane(model).roll.arcs.show(null);
  }

  /** Let the server read the take, so that the first answer comes at once. */
  async prepare() {
    if (this.fault) return;
    /** @type {any[]} */
    const rankings = await Promise.allSettled(this.order.map((model) => this.ranking(model)));
    this.bar.offer(Math.max(0, ...rankings.map(({ value }) => value?.length ?? 0)));
  }

  /** A note of a lane was tapped, or (null) a place without one. */
  tap(model, note) {
    if (!note || this.fault || model === REAL) this.clear();
    else this.look(note.on, model, note);
  }

  /** Show for each lane what its model listened to for the note at a moment; `note` is the one of `model`. */
  async look(at, model, note) {
    const asked = (this.asked = Symbol("question"));
    this.shown = { ...this.state, question: [at, model, note] };
    const answers = this.order.map(async (each) => {
      const { roll } = this.lanes.lane(each);
      const { notes } = roll.score;
      const chosen = each === model ? note : noteNear(notes, at, note.pitch);
      if (!chosen) return roll.arcs.show(null, "no note here");
      try {
        const heads = await this.headsOf(each);
        const { arcs } = await this.ask("attention", each, { note: notes.indexOf(chosen), heads });
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
    const hold = (this.holding = Symbol("hold"));
    while (this.held && this.holding === hold && !this.fault) {
      const at = this.listening.playsLanes ? transport.position : 0;
      const { heard } = this.listening;
      const note = noteNear(this.lanes.lane(heard).score.notes, at);
      if (note && note !== before) await this.look(at, heard, note);
      before = note;
      await new Promise(requestAnimationFrame);
    }
  }

  /** Colour notes by surprise, and set the primer again after the take, or do so no longer. */
  async colour(surprise, again) {
    const how = (this.colouring = Symbol("colours"));
    this.bar.wait(surprise || again);
    const answers = this.order.map(async (model) => {
      const lane = this.lanes.lane(model);
      const { roll } = lane;
      const notes = roll.score?.notes;
      try {
        const first = surprise ? await this.once("surprise", model) : null;
        const second = again ? await this.once("again", model) : null;
        if (this.colouring !== how) return;
        roll.nats = first && new Map(first.nats.map((nats, row) => [notes[row], nats]));
        roll.setAgain(second && setAgain(notes, second));
        this.lanes.redraw([lane]);
      } catch (error) {
        if (this.colouring !== how) return;
        roll.arcs.show(null, error.message, true);
        this.coloured = null; // to be tried again
      }
    });
    await Promise.all(answers);
    if (this.colouring !== how) return;
    this.bar.wait(false);
    this.fit();
  }

  /** The heads of a lane's model, [layer, head], those that look back farthest first. */
  async ranking(model) {
    const { all } = await this.once("attention", model, { note: null });
    return all.map(([layer, head]) => [layer, head]);
  }

  /** The heads whose arcs are wanted; null leaves them to the server. */
  async headsOf(model) {
    if (!this.heads) return null;
    const ranking = await this.ranking(model);
    const from = Math.min(this.heads.from, ranking.length - 1); // a model may have fewer than the others
    return ranking.slice(from, Math.max(this.heads.to, from + 1));
  }

  /** An answer about a lane as it stands, asked for once. */
  once(what, model, more) {
    const score = this.takeOf().scores.get(model);
    const state = `${score.notes.length} ${score.known}`;
    if (this.known.get(score)?.state !== state) this.known.set(score, { state });
    const known = this.known.get(score);
    known[what] ??= this.ask(what, model, more).catch((error) => {
      known[what] = null;
      throw error;
    });
    return known[what];
  }

  ask(what, model, more = {}) {
    const { scores, length, begins, model: player = model } = this.takeOf();
    return services.look(what, { lane: player, notes: scores.get(model).rows(), length, begins, ...more });
  }
}
