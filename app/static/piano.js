// The panel in which a person plays a primer: keys, record, undo, clear, metronome, MIDI.

import { h, isTyping } from "./dom.js";
import { Keyboard } from "./keyboard.js";
import { connectMidi } from "./midi-input.js";
import { Recorder } from "./recorder.js";

// One row of letters for the white keys and the one above for the black ones, by place on the keyboard.
const ROW = [
  "KeyA",
  "KeyW",
  "KeyS",
  "KeyE",
  "KeyD",
  "KeyF",
  "KeyT",
  "KeyG",
  "KeyY",
  "KeyH",
  "KeyU",
  "KeyJ",
  "KeyK",
  "KeyO",
  "KeyL",
  "KeyP",
  "Semicolon",
];
const CAPTIONS = ["A", "W", "S", "E", "D", "F", "T", "G", "Y", "H", "U", "J", "K", "O", "L", "P", ";"];
const KEY_VELOCITY = 76;

/** `on` has recorded({notes, pedals}), notice(sentence) and quiet(), which stops what plays. */
export class Piano {
  constructor(element, sound, on) {
    this.element = element;
    this.sound = sound;
    this.on = on;
    this.octave = 60;
    this.voices = new Map();
    this.sustained = new Map();
    this.pedalDown = false;
    this.pressed = new Map();
    this.recorder = new Recorder(() => {
      on.recorded({
        notes: this.recorder.notes.map((row) => [...row]),
        pedals: this.recorder.pedals.map((span) => [...span]),
      });
      this.refresh();
    });
    this.keyboard = new Keyboard(this);
    this.record = h(
      "button",
      { type: "button", "data-testid": "record", "aria-pressed": "false", onclick: () => this.toggleRecording() },
      h("i", { class: "dot" }),
      "Record",
    );
    this.undoButton = h(
      "button",
      { type: "button", "data-testid": "piano-undo", onclick: () => this.recorder.undo() },
      "Undo note",
    );
    this.clearButton = h(
      "button",
      { type: "button", "data-testid": "piano-clear", onclick: () => this.clear() },
      "Clear",
    );
    this.beat = h("input", { type: "checkbox", "data-testid": "metronome", onchange: () => this.setMetronome() });
    this.tempo = h("input", {
      type: "number",
      min: "30",
      max: "240",
      value: "90",
      "aria-label": "Beats a minute",
      onchange: () => this.setMetronome(),
    });
    this.count = h("span", { class: "detail", "data-testid": "recorded" });
    element.append(
      h(
        "div",
        { class: "piano-tools" },
        this.record,
        this.undoButton,
        this.clearButton,
        h("label", { class: "check" }, this.beat, "Metronome"),
        this.tempo,
        h(
          "button",
          { type: "button", "data-testid": "midi-connect", onclick: async () => on.notice(await connectMidi(this)) },
          "MIDI keyboard",
        ),
        this.count,
        h("span", { class: "hint" }, "Keys A to ; play, Z and X change the octave"),
      ),
      h("div", { class: "keyboard-frame" }, this.keyboard.element),
    );
    document.addEventListener("keydown", (event) => this.keyDown(event));
    document.addEventListener("keyup", (event) => this.keyUp(event));
    window.addEventListener("blur", () => this.releaseAll());
    this.showCaptions();
    this.refresh();
  }

  get open() {
    return !this.element.hidden;
  }

  /** Open or close the panel; true if it is open now. */
  toggle() {
    this.element.hidden = this.open;
    if (this.open) {
      const frame = this.keyboard.element.parentElement;
      frame.scrollLeft = this.keyboard.keys.get(64).offsetLeft - frame.clientWidth / 2;
    } else {
      if (this.recorder.recording) this.toggleRecording();
      this.releaseAll();
      this.beat.checked = false;
      this.setMetronome();
    }
    return this.open;
  }

  noteOn(pitch, velocity) {
    this.sound.wake();
    const now = this.sound.context.currentTime;
    for (const map of [this.voices, this.sustained]) {
      const before = map.get(pitch);
      if (before) this.sound.stopString(before, now);
      map.delete(pitch);
    }
    this.voices.set(pitch, this.sound.strike(this.sound.live, pitch, velocity, now));
    this.recorder.noteOn(pitch, velocity);
    this.keyboard.show(pitch, true);
  }

  noteOff(pitch) {
    this.recorder.noteOff(pitch);
    this.keyboard.show(pitch, false);
    const voice = this.voices.get(pitch);
    if (!voice) return;
    this.voices.delete(pitch);
    if (this.pedalDown) this.sustained.set(pitch, voice);
    else this.sound.release(voice, this.sound.context.currentTime);
  }

  pedal(down) {
    this.pedalDown = down;
    this.recorder.pedal(down);
    if (down || !this.sound.context) return;
    for (const voice of this.sustained.values()) this.sound.release(voice, this.sound.context.currentTime);
    this.sustained.clear();
  }

  releaseAll() {
    for (const pitch of [...this.voices.keys()]) this.noteOff(pitch);
    if (this.pedalDown) this.pedal(false);
    this.pressed.clear();
  }

  keyDown(event) {
    if (!this.open || event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.code === "KeyZ" || event.code === "KeyX") {
      const octave = this.octave + (event.code === "KeyX" ? 12 : -12);
      if (octave >= 36 && octave <= 84) this.octave = octave;
      this.showCaptions();
      return;
    }
    const place = ROW.indexOf(event.code);
    if (place < 0) return;
    event.preventDefault();
    this.pressed.set(event.code, this.octave + place);
    this.noteOn(this.octave + place, KEY_VELOCITY);
  }

  keyUp(event) {
    const pitch = this.pressed.get(event.code);
    if (pitch === undefined) return;
    this.pressed.delete(event.code);
    this.noteOff(pitch);
  }

  showCaptions() {
    this.keyboard.label(new Map(CAPTIONS.map((caption, k) => [this.octave + k, caption])));
  }

  toggleRecording() {
    if (this.recorder.recording) this.recorder.stop();
    else {
      this.on.quiet();
      this.recorder.start();
      this.on.notice("Recording starts with your first note.");
    }
    this.refresh();
  }

  clear() {
    const { recording } = this.recorder;
    this.recorder.stop();
    this.recorder.clear();
    if (recording) this.recorder.start();
    this.on.recorded({ notes: [], pedals: [] });
    this.refresh();
  }

  setMetronome() {
    clearInterval(this.metronome);
    if (!this.beat.checked) return;
    const context = this.sound.wake();
    const interval = 60 / Math.min(240, Math.max(30, Number(this.tempo.value) || 90));
    let next = context.currentTime + 0.1;
    let beat = 0;
    this.metronome = setInterval(() => {
      for (; next < context.currentTime + 0.25; next += interval, beat += 1)
        this.sound.click(Math.max(next, context.currentTime), beat % 4 === 0);
    }, 60);
  }

  refresh() {
    const { recording, notes, length } = this.recorder;
    this.record.setAttribute("aria-pressed", recording);
    this.record.lastChild.textContent = recording ? "Stop recording" : "Record";
    this.undoButton.disabled = this.clearButton.disabled = !notes.length;
    this.count.textContent = notes.length ? `${notes.length} notes, ${(length / 1000).toFixed(1)} s` : "";
  }
}
