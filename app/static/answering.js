// The duet: what is played on the piano is answered by a model on the same piano, and both become one recording.

import { Conversation } from "./music/conversation.js";
import { cutRows, Score } from "./music/score.js";
import { newRun, nextSeed } from "./music/takes.js";
import { Transport } from "./sound/transport.js";

const RECENT = 600_000; // ms of the recording that a model reads at most
const TICK = 15; // milliseconds between two looks at the clock
const [MIN_SECONDS, MAX_SECONDS] = [4, 20]; // seconds of an answer, which is as long as what it answers

const now = () => performance.now() / 1000;

export class Answering {
  free; panel; piano; player; quiet; say; values;

  /**
   * `player` lets models play (io/backend-server.js), as `values` of the settings say; `say` shows a sentence; `quiet` stops
   * what else sounds, `free` what else the models play: a server plays one thing at a time for a visitor.
   */
  constructor({ sound, piano, panel, player, values, say, quiet, free }) {
    Object.assign(this, { piano, panel, player, values, say, quiet, free });
    this.transport = new Transport(sound, () => {});
    this.conversation = null; // while the duet is on
    this.score = null; // of the answer that is prepared or sounds
    this.begun = false; // whether it has begun to sound
    this.shift = null; // what the recording's time (ms) is ahead of the answer's
    this.due = null; // when (s) the pause was over
    this.turns = 0;
  }

  switch(on) {
    if (on === Boolean(this.conversation)) return;
    clearInterval(this.timer);
    if (on) {
      this.piano.startRecording();
      this.answered = this.piano.recorder.length; // where in the recording the last answer ended
      this.conversation = new Conversation(this.panel.pause, {
        prepare: () => this.prepare(),
        drop: () => this.forget(),
        answer: (due) => this.answer(due),
        silence: () => this.finish(),
      });
      this.timer = setInterval(() => this.tick(), TICK);
    } else {
      this.finish();
      this.conversation = null;
    }
    this.show();
  }

  /** Another model or pause was chosen. */
  changed() {
    if (!this.conversation) return;
    this.conversation.pause = this.panel.pause;
    this.show();
  }

  press(pitch) {
    if (!this.conversation) return;
    this.conversation.press(pitch);
    this.show();
  }

  lift(pitch) {
    this.conversation?.lift(pitch, now());
  }

  get answers() {
    return this.conversation?.state === "answering";
  }

  pedal(down) {
    this.conversation?.pedal(down, now());
  }

  tick() {
    this.conversation.tick(now());
    if (this.begun) this.follow();
    this.show();
  }

  show(says) {
    this.panel.show(this.conversation?.state ?? "off", says ?? this.says);
  }

  /** Let the model play on before the pause is over, so that its first notes are there by then. */
  prepare() {
    this.free();
    const { piece } = this.piano.recorder;
    const ends = [...piece.notes, ...piece.pedals].map((row) => row[1]);
    const end = Math.ceil(ends.reduce((last, time) => Math.max(last, time), 0) / 10) * 10;
    const start = Math.max(0, end - RECENT);
    const { notes, pedals } = cutRows(piece.notes, piece.pedals, start, Infinity);
    const length = end - start;
    // The time that one thinks before the first key does not count.
    const begun = piece.notes.reduce((first, [on]) => (on >= this.answered ? Math.min(first, on) : first), end);
    const values = this.values();
    this.turns += 1;
    const settings = {
      ...values,
      seed: nextSeed(values.seed, this.turns),
      seconds: Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, (end - begun) / 1000)),
    };
    this.model = this.panel.model;
    this.says = "";
    const score = (this.score = new Score(notes, length / 1000));
    const request = { run: `${newRun()}.0`, begins: !start, notes, pedals, length, settings };
    this.player.start(this.model, request, (message) => this.score === score && this.receive(message));
  }

  receive(message) {
    const { score } = this;
    this.says = message.state === "waiting" ? "The models are playing for other visitors; the answer comes later." : "";
    if (message.state === "loading") this.says = "The model is being downloaded …";
    if (message.primer) score.adopt(message.primer, message.held);
    if (message.notes) score.receive(message);
    if (message.state === "done" || message.state === "error") score.finish();
    if (message.error) this.say(message.error, true);
    this.transport.nudge();
    this.begin();
  }

  /** The pause was over at `due`. */
  answer(due) {
    this.due = due;
    this.begin();
  }

  /** Sound from the model's first note on, once it is there and it is the model's turn. */
  begin() {
    if (this.conversation?.state !== "answering" || this.begun) return;
    const { score } = this;
    const first = score.notes[score.base];
    if (first && !(score.complete && score.end - first.on < 0.1)) {
      this.begun = true;
      this.quiet();
      this.transport.load(new Map([["answer", score]]), "answer", first.on);
      this.transport.play();
    } else if (score.complete) this.finish(); // it has nothing to say
    this.show();
  }

  /** Show the keys that sound, and see whether the answer is over. */
  follow() {
    const { transport, score, piano } = this;
    const at = transport.position;
    if (transport.state === "playing") this.shift = piano.recorder.time() - Math.round(1000 * at);
    const sounding = score.notes.slice(score.base).filter(({ on, off }) => on <= at && (off ?? at) >= at);
    piano.showOthers(sounding.map(({ pitch }) => pitch));
    if (score.complete && at >= score.end) this.finish();
  }

  /** The answer is over, or the other one plays: what has sounded of it joins the recording. */
  finish() {
    const { score, begun, piano } = this;
    const at = this.transport.position;
    const ended = begun && score.complete && at >= score.end;
    this.forget(!ended);
    this.conversation.ended();
    if (piano.pedalDown) piano.recorder.pedal(true);
    if (!begun || this.shift === null) return;
    const played = score.notes.slice(score.base).filter(({ on }) => on < at);
    const until = piano.recorder.time();
    const ms = (time) => Math.round(1000 * time + this.shift);
    const rows = played.map(({ on, off, pitch, velocity }) => {
      const from = Math.max(0, Math.min(ms(on), until - 1)); // the sound's clock ticks more coarsely than the recorder's
      return [from, Math.max(from + 1, Math.min(ms(off ?? at), ms(at), until)), pitch, velocity];
    });
    this.shift = null;
    piano.recorder.add(rows);
    this.answered = piano.recorder.length;
  }

  /** Leave an answer that is being made, since the models are wanted for something else. */
  giveWay() {
    if (!this.score || this.score.complete) return;
    const { conversation } = this;
    if (conversation.state === "waiting") Object.assign(conversation, { state: "listening", played: false, prepared: false });
    this.finish();
  }

  /** Leave an answer; what of it rings may ring on if it is not `silent`. */
  forget(silent = true) {
    if (this.score) this.player.stop(this.model);
    if (silent) this.transport.stop();
    this.score = null;
    this.begun = false;
    this.says = "";
    this.piano.showOthers([]);
  }
}
