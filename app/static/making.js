// What is made: runs of the models, the takes that come of them, and the steps back.

import { Runs } from "./io/runs.js";
import { dragLane, MAKING, saveAll, saveLane } from "./io/save.js";
import { lastSelection } from "./music/selection.js";
import { History, newTake } from "./music/takes.js";

const SAME = "This primer, seed and settings were played before, so it is the same music again. Another seed gives another.";
const NO_NOTE = "There is no note in the selection: move the handles, choose a primer or play a few notes.";

export class Making {
  lanes; listening; models; notice; on; primer; primers; settings;

  /**
   * `player` lets models play (io/backend-server.js). `on` has refresh(), called when buttons must be brought up to date,
   * fit(), when a lane has grown, arrange(), when lanes may stand in another order, begun(), when the models begin,
   * focus(), which leads to Continue, changed(), when settings are others, playing(), before models begin, or the next
   * key would replace what is continued, and alone(): nothing else may play them; lanes(), for whom a new take is,
   * entering(take), which of them is heard first, and keep(lane), which takes what a lane played into the piece.
   */
  constructor({ player, models, lanes, listening, settings, primer, primers, blind, notice }, on) {
    Object.assign(this, { models, lanes, listening, settings, primer, primers, blind, notice, on });
    this.history = new History();
    this.runs = new Runs(player, lanes, {
      notice: (text) => notice.say(text),
      changed: () => on.refresh(),
      arrived: () => {
        on.fit();
        listening.transport.nudge();
      },
    });
  }

  get take() {
    return this.runs.take;
  }

  get running() {
    return this.runs.running;
  }

  /** Why the models cannot play on now, or null. */
  findFault() {
    return this.primers.fault ?? this.settings.findFault() ?? (this.primer.cut().notes.length ? null : NO_NOTE);
  }

  /** Put away what was made, and take up what else was: {history, take}. */
  exchangeHistory({ history, take }) {
    this.runs.stop();
    const before = { history: this.history, take: this.take };
    Object.assign(this, { history });
    this.runs.take = take;
    return before;
  }

  /** `before`: the settings as they were before some were changed to play so, for Undo. */
  continueMusic({ silent = false, more = {}, before = this.settings.chosen } = {}) {
    if (this.running || !this.primer.source) return;
    this.on.playing();
    const fault = this.findFault();
    if (fault) {
      this.notice.say(fault, true);
      return;
    }
    this.on.alone();
    this.step(before);
    const take = newTake(this.on.lanes(), this.primer, this.settings.values);
    take.bars = this.settings.chosen.bars; // its length as it was chosen
    this.notice.say(this.history.find(take) ? SAME : "");
    this.history.add(take);
    this.listening.heard = this.on.entering(take);
    this.adopt(take);
    const { transport } = this.listening;
    transport.at = this.listening.entrance;
    this.runs.start(take, more, this.listening.heard);
    if (silent) return;
    transport.play();
    this.on.begun();
  }

  /** Show a take and make it what the transport plays. */
  adopt(take) {
    this.runs.take = take;
    const lanes = [...take.scores.keys()];
    if (!lanes.includes(this.listening.heard)) this.listening.heard = lanes[0];
    this.on.arrange();
    this.lanes.show(take, null, take.expected, take.metre);
    this.listening.loadLanes(take);
    this.on.fit();
    this.on.refresh();
  }

  /** Go to another take. */
  show(take) {
    if (take === this.take) return;
    this.runs.stop();
    this.return(take);
  }

  /** Show a take with its primer and settings. */
  return(take) {
    this.settings.set({ ...take.settings, bars: take.bars });
    this.primers.set(take.source, take.selection);
    this.adopt(take);
  }

  /** Leave what was made: the lanes wait for the next primer. */
  leave() {
    this.runs.stop();
    this.runs.take = null;
    this.listening.loadPrimer();
  }

  /** A lane's button was pressed. */
  act(what, model, event) {
    if (what === "hear") this.listening.listen(model);
    else if (what === "beyond") this.listening.listenBeyond(model);
    else if (what === "more") this.more(model);
    else if (what === "keep") this.keep(model);
    else if (what === "primer") this.usePrimer(model);
    else if (what === "take") event.detail > 1 || (this.on.keep(model) && this.lanes.lane(model).sayKept()); // once
    else if (what === "drag") dragLane(event, this.take, model, this.models, this.settings.continuationOnly);
    else this.download(model, what === "midi" ? "mid" : "wav");
  }

  async download(model, format) {
    if (format === "wav") this.notice.say(MAKING);
    try {
      await saveLane(this.take, model, this.models, format, this.settings.continuationOnly);
      this.notice.withdraw(MAKING);
    } catch (error) {
      this.notice.say(error.message, true);
    }
  }

  /** Save every lane, as MIDI and as sound. */
  async saveAll() {
    this.notice.say("Making the files …");
    try {
      await saveAll(this.take, this.models, this.settings.continuationOnly);
      this.notice.say("All lanes are saved in one ZIP file.");
    } catch (error) {
      this.notice.say(error.message, true);
    }
  }

  /** Some settings are others: if a take is shown, the models play it so, unless they have already. */
  choose(settings) {
    if (this.running) return;
    const [now, before] = [this.take, this.settings.chosen];
    this.settings.set(settings);
    this.on.changed();
    if (!now || Object.entries(settings).every(([name, value]) => now.settings[name] === value)) return;
    const made = this.history.find({ ...this.primer.cut(), settings: this.settings.values, model: now.model });
    if (made) this.show(made);
    else this.continueMusic({ before });
  }

  /** Let one lane go on where it ended. */
  more(model) {
    const { heard, transport } = this.listening;
    this.on.playing();
    this.on.alone();
    this.step();
    // One that has ended before the playhead catches up; who hears that one goes back to where it ended.
    if (model !== heard) transport.behind.add(model);
    else if (transport.position > this.take.scores.get(model).end) transport.seek(this.take.scores.get(model).end);
    this.runs.startLane(model);
    this.on.fit();
  }

  /** Keep what one lane played until the playhead, and let it go on from there. */
  keep(model) {
    const score = this.take.scores.get(model);
    const at = Math.round(100 * (this.listening.playsLanes ? this.listening.transport.position : 0)) / 100;
    if (at <= score.length || at >= score.end) {
      this.notice.say("Move the playhead into what the model played, to where it is to continue from.", true);
      return;
    }
    this.on.playing();
    this.on.alone();
    this.step();
    this.listening.transport.pause();
    this.runs.startLane(model, at);
    this.listening.transport.seek(at - this.settings.leadIn);
    this.listening.transport.play();
    this.on.fit();
  }

  /** A lane's music becomes the primer. */
  usePrimer(model) {
    const { scores, source, metre, begins } = this.take;
    const notes = scores.get(model).rows();
    const title = `${source.title}, continued by ${this.lanes.lane(model).name}`;
    this.step();
    this.leave();
    this.primers.set({ title, composer: "", notes, pedals: [], metre, continues: !begins }, lastSelection(notes));
    this.notice.say("This is the new primer; its last seconds are selected. Press Continue when you like.");
    // The lane's button is out of use now. A mouse needs no other place, and its space key still plays.
    if (document.activeElement.matches(":focus-visible")) this.on.focus();
  }

  /** A lane's music becomes another. */
  exchange(model, score) {
    this.take.scores.set(model, score);
    this.lanes.exchange(model, score);
    this.listening.arranged();
    this.on.refresh();
  }

  /** Remember how things stand, before something is changed. */
  step(settings = this.settings.chosen) {
    const { source, selection } = this.primer;
    this.history.step({ source, selection, settings, take: this.take });
    this.on.refresh();
  }

  undo() {
    const step = this.history.undo();
    if (!step) return;
    this.on.alone();
    this.leave();
    this.settings.set(step.settings);
    this.primers.set(step.source, step.selection);
    if (step.take) this.adopt(step.take);
    this.on.refresh();
  }
}
