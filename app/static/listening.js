// What is heard: the primer or the lanes, which of them, and where the playhead stands.

import { recall, remember } from "./io/memory.js";
import { Transport } from "./sound/transport.js";
import { WAITS } from "./view/transport-bar.js";

export class Listening {
  /** `take` gives the take that is shown, or null; `running` whether its models still play. */
  constructor({ sound, lanes, primer, bar, notice, take, running }) {
    Object.assign(this, { sound, lanes, primer, bar, notice });
    this.takeOf = take;
    this.isRunning = running;
    this.program = "primer"; // what the transport plays: "primer" or "lanes"
    this.heard = "relative";
    this.toldWait = null; // what the notice says that the clock waits for
    this.frameAt = 0;
    this.transport = new Transport(sound, () => this.changed());
    this.setVolume(recall("musictx.volume") ?? 0.8);
  }

  get take() {
    return this.takeOf();
  }

  get primerSounds() {
    return this.program === "primer" && this.transport.state !== "stopped";
  }

  get playsLanes() {
    return this.program === "lanes" && Boolean(this.take);
  }

  /** Play the primer, or stop it. */
  playPrimer() {
    if (this.primerSounds) return this.transport.pause();
    const score = this.primer.score();
    if (!score.notes.length) return this.notice.say("There is no note in the chosen stretch.", true);
    this.program = "primer";
    this.transport.load(new Map([["primer", score]]), "primer");
    return this.transport.play();
  }

  /** There is no take any more: the primer is what can be heard. */
  loadPrimer() {
    this.program = "primer";
    this.transport.load(new Map(), null);
  }

  /** Make a take what the transport plays. */
  loadLanes(take) {
    this.program = "lanes";
    this.transport.load(take.scores, this.heard);
  }

  toggle() {
    if (this.transport.state !== "stopped") this.transport.pause();
    else if (!this.take) this.playPrimer();
    else {
      this.showLanes();
      this.transport.play();
    }
  }

  /** Move in what sounds; if nothing does, in the lanes. */
  seek(time) {
    if (this.primerSounds) this.transport.seek(time);
    else this.seekLanes(time);
  }

  seekLanes(time) {
    if (!this.take) return;
    this.showLanes();
    this.transport.seek(time);
  }

  showLanes() {
    if (this.program !== "lanes") this.loadLanes(this.take);
  }

  hear(model) {
    this.heard = model;
    if (this.program === "lanes") this.transport.hear(model);
    this.lanes.hear(model);
    this.drawPlayheads();
  }

  setVolume(value) {
    const volume = Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0.8;
    this.bar.volume.value = volume;
    this.sound.setVolume(volume);
    remember("musictx.volume", volume);
  }

  changed() {
    const { waitsFor } = this.transport;
    if (waitsFor !== this.toldWait) this.notice.say(WAITS[waitsFor] ?? "", waitsFor === "lost piano");
    this.toldWait = waitsFor;
    this.primer.setPlaying(this.primerSounds);
    this.drawPlayheads();
  }

  /** A key was struck whose sound is not here yet. */
  tellLack() {
    const lost = this.sound.samples.lost.size > 0;
    const soon = "This key’s sound is still on its way; try it again in a moment.";
    this.notice.say(lost ? WAITS["lost piano"] : soon, lost);
  }

  /** Once for every frame that the browser draws: move the playheads, and count how long a take was listened to. */
  frame(now, drawn) {
    const playing = this.transport.state === "playing";
    if (drawn || playing) this.drawPlayheads();
    if (playing && this.playsLanes) this.take.heard.seconds += Math.min(0.1, (now - this.frameAt) / 1000);
    this.frameAt = now;
  }

  drawPlayheads() {
    const { position, state, end } = this.transport;
    const { primerSounds, playsLanes } = this;
    this.lanes.drawPlayheads(playsLanes ? position : null, this.heard);
    this.primer.showPlayhead(primerSounds ? position : null);
    const whole = playsLanes && this.isRunning() ? Math.max(end, this.lanes.end) : end;
    const moves = playsLanes || primerSounds;
    this.bar.show(moves ? position : 0, moves ? whole : 0, state, Boolean(this.primer.source), primerSounds);
  }
}
