// Several takes in the background, one at a time: how often does each model keep what?

import { seriesWords } from "./music/sentences.js";
import { newTake, nextPart, nextSeed } from "./music/takes.js";

const TAKES = 5;

export class Series {
  bar; blind; free; judged; making; models; notice; player; primer; settings;

  /**
   * `studio` has the parts; `judged(take, model)` gives a finished lane's verdict, or null; `free` stops what else the
   * models play: a lane plays one thing at a time.
   */
  constructor({ player, models, making, primer, settings, blind, notice }, bar, judged, free) {
    Object.assign(this, { player, models, making, primer, settings, blind, notice, bar, judged, free });
    this.run = null; // what is played: {takes, missing, settings, bars}, of which the last take still plays
    this.about = null; // the primer, {source, selection}, that is or was played
    this.words = ""; // what came of it
  }

  get running() {
    return this.run !== null;
  }

  toggle() {
    if (this.run) this.stop();
    else this.start();
  }

  start() {
    const fault = this.making.findFault();
    if (fault) {
      this.notice.say(fault, true);
      return;
    }
    this.free();
    this.making.step();
    const { source, selection } = this.primer;
    Object.assign(this, { about: { source, selection }, words: "" });
    this.run = { takes: [], missing: new Set(), settings: this.settings.values, bars: this.settings.chosen.bars };
    this.next();
  }

  /** Whether a series can begin, or be stopped. */
  get usable() {
    return this.running || !(this.making.running || this.blind.on || !this.primer.source);
  }

  next() {
    const { run, models } = this;
    const seed = nextSeed(run.settings.seed, run.takes.length);
    const take = newTake(models.all, this.primer, { ...run.settings, seed });
    take.bars = run.bars;
    run.takes.push(take);
    run.missing = new Set(models.keys);
    for (const model of models.keys) {
      take.states[model] = "waiting";
      this.player.start(model, nextPart(take, model), (message) => this.receive(run, take, model, message));
    }
    this.show();
  }

  receive(run, take, model, message) {
    if (run !== this.run) return;
    const score = take.scores.get(model);
    if (message.primer) score.adopt(message.primer, message.held);
    if (message.notes) {
      score.receive(message);
      take.messages[model] = message;
    }
    if (message.state === "error") {
      this.notice.say(message.error, true);
      this.stop();
      return;
    }
    if (message.state !== "done") return;
    score.finish();
    take.states[model] = message.state;
    run.missing.delete(model);
    if (run.missing.size) return;
    this.making.history.add(take);
    this.count();
    if (run.takes.length === TAKES) this.end();
    else this.next();
    this.making.on.refresh();
  }

  /** What came of the takes so far. */
  count() {
    const whole = this.run.takes.filter((take) => this.models.keys.every((model) => this.judged(take, model)));
    const found = this.models.all.map(({ key, name }) => ({ name, verdicts: whole.map((take) => this.judged(take, key)) }));
    this.words = whole.length ? seriesWords(found, whole.length, this.run.settings) : "";
  }

  /** Something else is to be played, or this is no longer wanted: what is there stays. */
  stop() {
    if (!this.run) return;
    for (const model of this.run.missing) this.player.stop(model);
    this.end();
  }

  end() {
    this.run = null;
    this.show();
  }

  /** Bring the bar up to date. Of another primer than was played there is nothing to say. */
  refresh() {
    const { source, selection } = this.primer;
    const { about } = this;
    const same = about?.selection.start === selection.start && about?.selection.end === selection.end;
    if (about && !(about.source === source && same)) {
      this.about = null;
      this.words = "";
      this.stop();
    }
    const { values } = this.settings;
    this.bar.showTheme(values, this.making.take?.settings ?? values, !this.making.running);
    this.show();
  }

  show() {
    const { run } = this;
    this.bar.showSeries(run && { take: run.takes.length, takes: TAKES }, this.blind.on ? "" : this.words, this.usable);
  }
}
