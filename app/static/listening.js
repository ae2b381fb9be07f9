// What is heard: the primer or the lanes, which of them, and where the playhead stands.

import { recall, remember } from "./io/memory.js";
import { countHeard } from "./music/hearing.js";
import { Transport } from "./sound/transport.js";
import { WAITS } from "./view/transport-bar.js";

const LOOP = 8; // seconds that are looped at first
const AROUND = 3; // seconds before and after a passage with which one hears how it fits

export class Listening {
  bar; chosen; frame; heardMore; isRunning; lanes; leadIn; notice; passage; primer; sound; source; takeOf;

  /**
   * `take` gives the take that is shown, or null; `running` whether its models still play; `leadIn` how many seconds
   * of the primer come before them; `heardMore` is called when more of the take was heard; `chosen` when another lane is
   * to be heard, or another selection is marked in the lanes.
   */
  constructor({ sound, player, models, lanes, primer, bar, notice, take, running, leadIn, heardMore, chosen }) {
    Object.assign(this, { sound, lanes, primer, bar, notice, leadIn, heardMore, chosen, takeOf: take, isRunning: running });
    this.program = "primer"; // what the transport plays: "primer" or "lanes"
    this.first = models.first;
    this.heard = this.first;
    this.loop = null; // {from, to}: the selection that is marked in the lanes
    this.piece = null; // what else is listened to as the primer is (view/piece.js)
    Object.assign(this, { source: primer, passage: 0 }); // what a passage is of, and where in it (ms) that begins
    this.toldWait = null; // what the notice says that the clock waits for
    this.counted = {}; // what sounded when the last frame was drawn, and where the playhead stood
    this.transport = new Transport(sound, () => this.changed(), player);
    this.setVolume(recall("musictx.volume") ?? 0.8);
  }

  get take() {
    return this.takeOf();
  }

  get primerSounds() {
    return this.passageSounds && this.source === this.primer;
  }

  get passageSounds() {
    return this.program === "primer" && this.transport.state !== "stopped";
  }

  /** Whether the piece was paused on the way. */
  get pausedPiece() {
    return this.program === "primer" && this.source === this.piece && this.transport.scores.size > 0 && !this.atEnd;
  }

  get playsLanes() {
    return this.program === "lanes" && Boolean(this.take);
  }

  get sources() {
    return [this.primer, this.piece].filter(Boolean);
  }

  /** Play the primer, or stop it. */
  playPrimer() {
    if (this.primerSounds) return this.transport.pause();
    return this.playPassage(this.primer.selection);
  }

  /** Play a selection {start, end} (ms) of the primer's piece with a little of what is around it. */
  playAround({ start, end }) {
    this.playPassage({ start: Math.max(0, start - 1000 * AROUND), end: end + 1000 * AROUND });
  }

  playPassage(passage, source = this.primer) {
    const score = source.score(passage);
    if (!score.notes.length) return this.notice.say("There is no note in the selection.", true);
    this.setLoop(null);
    Object.assign(this, { program: "primer", source, passage: passage.start });
    this.transport.load(new Map([["primer", score]]), "primer");
    return this.transport.play();
  }

  /** There is no take any more: the primer is what can be heard. */
  loadPrimer() {
    this.setLoop(null);
    this.program = "primer";
    this.transport.load(new Map(), null);
  }

  /** Make a take what the transport plays. */
  loadLanes(take) {
    this.setLoop(null);
    this.program = "lanes";
    this.transport.load(this.scoresOf(take), this.heard, 0, take.settings.seconds);
  }

  /** The scores of what stands in the lanes now. */
  scoresOf(take) {
    return new Map(this.lanes.order.map((model) => [model, take.scores.get(model)]));
  }

  /** Others stand in the lanes. */
  arranged() {
    if (this.playsLanes) this.transport.scores = this.scoresOf(this.take);
    this.showHeard();
  }

  toggle() {
    if (this.transport.state !== "stopped") this.transport.pause();
    else if (this.pausedPiece) this.piece.on.play(this.piece.cursor);
    else if (!this.take) this.playPrimer();
    else {
      this.showLanes();
      this.transport.play();
    }
  }

  /** Move in what sounds; if nothing does, in the lanes. */
  seek(time) {
    if (this.passageSounds) this.transport.seek(time);
    else this.seekLanes(time);
  }

  seekLanes(time) {
    if (!this.take) return;
    this.showLanes();
    this.transport.seek(time);
  }

  showLanes() {
    if (this.program === "lanes") return;
    this.loadLanes(this.take);
    this.transport.at = this.entrance;
  }

  /** Choose the lane that sounds. */
  hear(model) {
    this.heard = model;
    if (this.program === "lanes") this.transport.hear(model);
    this.showHeard();
    this.drawPlayheads();
    this.chosen();
  }

  showHeard() {
    this.lanes.hear(this.heard, this.playsLanes && this.transport.state !== "stopped");
  }

  /** Choose a lane and play it, or pause it if it sounds already. */
  listen(model) {
    if (!this.take) this.playPrimer();
    else if (this.playsLanes && this.heard === model && this.transport.state !== "stopped") this.transport.pause();
    else {
      this.showLanes();
      this.hear(model);
      if (this.atEnd) this.transport.seek(this.entrance);
      this.transport.play();
    }
  }

  /** Play a lane around a selection {from, to}, again and again. */
  listenAround(model, { from, to }) {
    this.showLanes();
    this.hear(model);
    this.transport.loop = { from: Math.max(0, from - AROUND), to: Math.min(this.transport.end, to + AROUND) };
    this.transport.seek(this.transport.loop.from);
    this.transport.play();
  }

  /** Play a lane from just before its training length. */
  listenBeyond(model) {
    this.showLanes();
    this.hear(model);
    this.transport.seek(this.take.scores.get(model).turn);
    this.transport.play();
  }

  get atEnd() {
    return this.transport.complete && this.transport.at >= this.transport.end - 0.05;
  }

  /** Where one begins to listen to a take: a little before the models come in. */
  get entrance() {
    return Math.max(0, this.take.length / 1000 - this.leadIn());
  }

  /** Play a selection again and again, or end that. Without a selection it is the next few seconds. */
  toggleLoop() {
    if (this.loop) return this.setLoop(null);
    this.showLanes();
    const { end } = this.transport;
    const from = Math.max(0, Math.min(this.transport.position, end - LOOP));
    this.setLoop({ from, to: Math.min(end, from + LOOP) });
    return this.notice.say(WAITS.loop);
  }

  setLoop(loop) {
    if (loop) {
      this.showLanes();
      if (this.transport.position < loop.from || this.transport.position > loop.to) this.transport.seek(loop.from);
    } else this.notice.withdraw(WAITS.loop);
    this.loop = this.transport.loop = loop;
    this.lanes.showLoop(loop);
    this.bar.showLoop(loop);
    this.chosen();
  }

  /** Move one edge ("from" or "to") of the loop to a time, or to the playhead. */
  moveLoop(edge, time = null) {
    if (!this.take) return;
    this.showLanes(); // their playhead, though the primer was heard last
    const { end, position } = this.transport;
    const loop = { from: 0, to: end, ...this.loop, [edge]: Math.min(Math.max(0, time ?? position), end) };
    if (loop.to - loop.from >= 0.25) this.setLoop(loop);
  }

  setVolume(value) {
    const volume = Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0.8;
    this.bar.volume.value = volume;
    this.sound.setVolume(volume);
    remember("musictx.volume", volume);
  }

  changed() {
    const { waitsFor } = this.transport;
    if (waitsFor !== this.toldWait) {
      if (WAITS[waitsFor]) this.notice.say(WAITS[waitsFor], waitsFor === "lost piano");
      else this.notice.withdraw(WAITS[this.toldWait]);
    }
    this.toldWait = waitsFor;
    for (const each of this.sources) each.setPlaying(this.passageSounds && this.source === each);
    this.showHeard();
    this.drawPlayheads();
    this.nextFrame();
  }

  /** Follow what moves, from the next frame that the browser draws. */
  nextFrame() {
    this.frame ??= requestAnimationFrame(() => this.follow());
  }

  /** Move the playheads, and count how long a take was listened to. A page on which nothing moves draws no frames. */
  follow() {
    this.frame = null;
    const playing = this.transport.state === "playing";
    if (this.lanes.frame(performance.now()) || playing) this.drawPlayheads();
    this.count();
    if (playing || this.lanes.dirty.size) this.nextFrame();
  }

  /** Count what sounded since the last frame, by the music's clock: however seldom frames are drawn. */
  count() {
    const { state, segment, position } = this.transport;
    const voices = this.playsLanes && state === "playing" ? segment.lane : null;
    if (voices && voices === this.counted.voices) {
      countHeard(this.take.heard, this.heard, this.take.scores.get(this.heard), this.counted.at, position);
      this.heardMore();
    }
    this.counted = { voices, at: position };
  }

  drawPlayheads() {
    const { state, end } = this.transport;
    const latency = (state === "playing" && this.sound.context.outputLatency) || 0; // until one hears it
    const position = Math.max(0, this.transport.position - latency);
    const { passageSounds, playsLanes } = this;
    if (playsLanes && state === "playing") this.lanes.follow(position);
    this.lanes.drawPlayheads(playsLanes ? position : null, this.heard);
    const at = passageSounds ? this.passage + 1000 * position : null;
    for (const each of this.sources) each.showPlayhead(this.source === each ? at : null);
    const whole = playsLanes && this.isRunning() ? Math.max(end, this.lanes.end) : end;
    const moves = playsLanes || passageSounds;
    this.bar.show(moves ? position : 0, moves ? whole : 0, state, Boolean(this.primer.source), passageSounds);
  }
}
