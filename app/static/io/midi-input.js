// MIDI keyboards, where the browser offers Web MIDI.

import { PEDAL_DOWN, RESET_CONTROLLERS, SUSTAIN } from "../midi/notes.js";
import { askForMidi, isEcho } from "./midi-access.js";

const endsAll = (controller) => controller === 120 || controller > 122; // all sound off, all notes off and its kin

/**
 * Listens to every MIDI input, also to those plugged in later. `on` has noteOn(pitch, velocity), noteOff(pitch) and
 * pedal(down).
 */
export class MidiInput {
  constructor(on) {
    this.on = on;
    this.held = new Map(); // what each input holds down
  }

  /** Ask the browser for its MIDI keyboards. Returns a sentence for the visitor. */
  async connect() {
    let access;
    try {
      access = await askForMidi();
    } catch (error) {
      return error.message;
    }
    access.onstatechange = () => this.listen(access);
    const names = this.listen(access).map((input) => input.name || "a MIDI keyboard");
    return names.length ? `Listening to ${names.join(", ")}.` : "No MIDI keyboard found yet. Plug one in and play.";
  }

  /** The same without asking: where the visitor has allowed it before. */
  async resume() {
    const allowed = await navigator.permissions?.query({ name: /** @type {any} */ ("midi") }).catch(() => null);
    if (allowed?.state === "granted") await this.connect();
  }

  /** Listen to what is plugged in now, and let go what an input held that is gone. Returns the inputs. */
  listen(access) {
    const inputs = new Map([...access.inputs].filter(([, input]) => input.state === "connected"));
    for (const id of this.held.keys()) if (!inputs.has(id)) this.release(id);
    for (const [id, input] of inputs) {
      if (!this.held.has(id)) this.held.set(id, { pitches: new Set(), pedal: false });
      input.onmidimessage = (event) => this.receive(event.data, this.held.get(id));
    }
    return [...inputs.values()];
  }

  receive([status, first, second], held) {
    const kind = status & 0xf0;
    const [isOn, isOff] = [kind === 0x90 && second > 0, kind === 0x80 || (kind === 0x90 && second === 0)];
    if ((isOn || isOff) && isEcho(first, isOn)) return;
    if (isOn) {
      held.pitches.add(first);
      this.on.noteOn(first, second);
    } else if (isOff) {
      held.pitches.delete(first);
      this.on.noteOff(first);
    } else if (kind === 0xb0 && endsAll(first)) {
      this.lift(held);
    } else if (kind === 0xb0 && (first === SUSTAIN || first === RESET_CONTROLLERS)) {
      held.pedal = first === SUSTAIN && second >= PEDAL_DOWN; // a reset lifts it
      this.on.pedal(held.pedal);
    }
  }

  /** Every key that an input holds comes up. */
  lift({ pitches }) {
    for (const pitch of pitches) this.on.noteOff(pitch);
    pitches.clear();
  }

  release(id) {
    const held = this.held.get(id);
    this.held.delete(id);
    this.lift(held);
    if (held.pedal) this.on.pedal(false);
  }
}
