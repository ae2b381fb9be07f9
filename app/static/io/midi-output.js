// A MIDI instrument on which playback sounds besides the page's piano, where the browser offers Web MIDI.

import { askForMidi, tellSent } from "./midi-access.js";

const AHEAD = 100; // ms before its time that a message is handed over: from then on nothing can take it back
const AHEAD_HIDDEN = 1400; // the same in a page that is hidden, which browsers let look once a second at most
const TICK = 25; // ms
const [NOTE_OFF, NOTE_ON, CONTROL] = [0x80, 0x90, 0xb0];
const [SUSTAIN, ALL_OFF] = [64, 123];

/** Sends notes at the moments at which the audio clock has them. */
export class MidiOutput {
  context; on;

  /** `context` gives the audio context; `on` has lost(name), when the port is gone, and changed(), when ports come or go. */
  constructor(context, on) {
    Object.assign(this, { context, on });
    this.access = null;
    this.port = null;
    this.waiting = []; // {when, kind, pitch, velocity, owner}, in the order of their times (s of the audio clock)
    this.sounding = new Map(); // pitch → {owner, when} of its stroke, which may still lie ahead
    this.last = new Map(); // pitch → when its last message is sent (ms of the page)
    this.timer = null;
    window.addEventListener("pagehide", () => this.silence());
  }

  /** Ask for the browser's MIDI outputs; an Error's sentence if there can be none. */
  async connect() {
    this.access = await askForMidi();
    this.access.addEventListener("statechange", () => this.look());
  }

  /** What is plugged in: [[id, name], …]. */
  get ports() {
    const outputs = [...(this.access?.outputs.values() ?? [])].filter(({ state }) => state !== "disconnected");
    return outputs.map(({ id, name }) => [id, name || "a MIDI instrument"]);
  }

  /** Play on a port from now on; on none with an id that is none's. */
  choose(id) {
    this.silence();
    this.port = this.access?.outputs.get(id) ?? null;
    this.on.changed();
  }

  /** Ports have come or gone. */
  look() {
    const { port } = this;
    if (port && !this.ports.some(([id]) => id === port.id)) {
      this.silence();
      this.port = null;
      this.on.lost(port.name || "The MIDI instrument");
    }
    this.on.changed();
  }

  /** A note begins at `when` (s of the audio clock). `owner` can take back what is not handed over. */
  strike(owner, pitch, velocity, when) {
    if (this.port) this.add({ when, kind: NOTE_ON, pitch, velocity, owner });
  }

  release(owner, pitch, when) {
    if (this.port) this.add({ when, kind: NOTE_OFF, pitch, velocity: 64, owner });
  }

  /** Nothing of this owner sounds from `when` on. */
  leave(owner, when) {
    this.waiting = this.waiting.filter((each) => each.owner !== owner || each.when < when);
    const struck = new Map(this.sounding);
    for (const each of this.waiting) if (each.kind === NOTE_ON && each.owner === owner) struck.set(each.pitch, each);
    // No key comes up before it goes down, or it would stay down.
    for (const [pitch, own] of struck) if (own.owner === owner) this.release(owner, pitch, Math.max(when, own.when));
  }

  /** In the order of their times; at the same time a key comes up before it goes down. */
  add(message) {
    const later = ({ when, kind }) => when > message.when || (when === message.when && kind > message.kind);
    const place = this.waiting.findIndex(later);
    this.waiting.splice(place < 0 ? this.waiting.length : place, 0, message);
    this.timer ??= setInterval(() => this.send(), TICK);
    queueMicrotask(() => this.send()); // once all that is known now stands in its order
  }

  /** The time of the page (ms) at which a moment of the audio clock is heard. */
  timeOf(when) {
    const context = this.context();
    const { contextTime, performanceTime } = context.getOutputTimestamp?.() ?? {};
    const [at, now] = performanceTime ? [contextTime, performanceTime] : [context.currentTime, performance.now()];
    return now + 1000 * (when - at);
  }

  /** Hand over what is due. */
  send() {
    const until = performance.now() + (document.hidden ? AHEAD_HIDDEN : AHEAD);
    while (this.waiting.length && this.timeOf(this.waiting[0].when) <= until) {
      const { when, kind, pitch, velocity, owner } = this.waiting.shift();
      if (kind === NOTE_ON) this.sounding.set(pitch, { owner, when });
      else if (this.sounding.get(pitch)?.owner === owner) this.sounding.delete(pitch);
      else continue; // another struck it again meanwhile
      const at = Math.max(this.timeOf(when), this.last.get(pitch) ?? 0); // the clocks drift: a key's messages keep their order
      this.last.set(pitch, at);
      this.port?.send([kind, pitch, velocity], at);
      tellSent(pitch, kind === NOTE_ON, at);
    }
    if (this.waiting.length) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  /** Let all keys up; what was handed over already comes before that. */
  silence() {
    let at = performance.now() + AHEAD;
    this.waiting = [];
    if (this.port?.state === "connected") {
      for (const pitch of this.sounding.keys()) at = Math.max(at, this.last.get(pitch));
      for (const pitch of this.sounding.keys()) this.port.send([NOTE_OFF, pitch, 64], at);
      for (const control of [SUSTAIN, ALL_OFF]) this.port.send([CONTROL, control, 0], at);
    }
    this.sounding.clear();
  }
}
