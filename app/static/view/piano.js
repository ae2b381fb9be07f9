// The panel in which a person plays a primer: keys, record, undo, clear, metronome, MIDI.

import { h, setUsable } from "./dom.js";
import { Keyboard } from "./keyboard.js";
import { Letters } from "./letters.js";
import { MidiInput } from "../io/midi-input.js";
import { Recorder } from "../music/recorder.js";
import { counted } from "../music/sentences.js";

const NEW = "What you play becomes the primer; it begins with your first note.";
const ADDED = "What you play is added after your last note. Clear begins a new recording.";

/** Bars of four at a tempo, of which the first note is the first beat. */
const metreAt = (bpm) => ({ division: 480, tempos: [[0, Math.round(60_000_000 / bpm)]], signatures: [[0, 4, 4]], start: 0 });

/**
 * `on` has recorded({notes, pedals, metre}) and, after Undo and Clear, takenBack of the same; recording(), that
 * which is the primer now, or null; notice(sentence); and quiet(), which stops what plays.
 */
export class Piano {
  constructor(element, sound, on) {
    this.element = element;
    this.sound = sound;
    this.on = on;
    this.voices = new Map();
    this.sustained = new Map();
    this.pedalDown = false;
    this.duet = null; // who listens to what is played: has press(pitch), lift(pitch), pedal(down) and switch(on)
    this.others = []; // pitches that somebody else plays
    this.metre = null; // bars of the recording, if it began with the metronome on
    this.recorder = new Recorder(() => {
      on.recorded({ ...this.recorder.piece, metre: this.metre });
      this.refresh();
    });
    this.keyboard = new Keyboard(this);
    this.letters = new Letters(this.keyboard, this);
    this.midi = new MidiInput(this);
    this.record = h(
      "button",
      { type: "button", "data-testid": "record", "aria-pressed": "false", onclick: () => this.toggleRecording() },
      h("i", { class: "dot" }),
      "Record",
    );
    this.undoButton = h(
      "button",
      { type: "button", "data-testid": "piano-undo", onclick: () => this.takeBack("undo") },
      "Undo note",
    );
    this.clearButton = h(
      "button",
      { type: "button", "data-testid": "piano-clear", onclick: () => this.takeBack("clear") },
      "Clear",
    );
    this.beat = h("input", { type: "checkbox", "data-testid": "metronome", onchange: () => this.setMetronome() });
    this.tempo = h("input", {
      type: "number",
      min: "30",
      max: "240",
      value: "90",
      "aria-label": "Beats per minute",
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
        h("button", { type: "button", "data-testid": "midi-connect", onclick: () => this.connect() }, "Connect MIDI keyboard"),
        this.count,
        h("span", { class: "hint" }, "Keys A to ; play, Z and X change the octave"),
      ),
      this.letters.octaves,
      h("div", { class: "keyboard-frame" }, this.keyboard.element),
    );
    window.addEventListener("blur", () => this.releaseAll());
    this.refresh();
  }

  /** Listen to MIDI keyboards, and say to which. */
  async connect() {
    this.on.notice(await this.midi.connect());
  }

  get open() {
    return !this.element.hidden;
  }

  /** Open or close the panel; true if it is open now. */
  toggle() {
    this.element.hidden = this.open;
    if (this.open) {
      this.sound.wake(); // a finger on a key is no click: the sound would stay off
      this.letters.show();
      this.startRecording();
      this.midi.resume();
    } else {
      this.endRecording();
      this.releaseAll();
      this.beat.checked = false;
      this.setMetronome();
    }
    return this.open;
  }

  noteOn(pitch, velocity) {
    this.sound.wake();
    this.duet?.press(pitch);
    const now = this.sound.context.currentTime;
    for (const map of [this.voices, this.sustained]) {
      const before = map.get(pitch);
      if (before) this.sound.stopString(before, now);
      map.delete(pitch);
    }
    this.voices.set(pitch, this.sound.strike(this.sound.live, pitch, velocity, now));
    if (this.recorder.isEmpty) {
      this.metre = this.beat.checked ? metreAt(this.bpm) : null;
      this.recorder.beat = this.metre ? 60_000 / this.bpm : 0;
    }
    this.recorder.noteOn(pitch, velocity);
    this.keyboard.show(pitch, true);
  }

  noteOff(pitch) {
    this.recorder.noteOff(pitch);
    this.duet?.lift(pitch);
    this.keyboard.show(pitch, false);
    const voice = this.voices.get(pitch);
    if (!voice) return;
    this.voices.delete(pitch);
    if (this.pedalDown) this.sustained.set(pitch, voice);
    else this.sound.release(voice, this.sound.context.currentTime);
  }

  pedal(down) {
    this.pedalDown = down;
    if (!(down && this.duet?.answers)) this.recorder.pedal(down); // an answer sounds dry
    this.duet?.pedal(down);
    if (down || !this.sound.context) return;
    for (const voice of this.sustained.values()) this.sound.release(voice, this.sound.context.currentTime);
    this.sustained.clear();
  }

  releaseAll() {
    for (const pitch of [...this.voices.keys()]) this.noteOff(pitch);
    if (this.pedalDown) this.pedal(false);
    this.letters.pressed.clear();
    this.keyboard.struck.clear();
  }

  /** Show the keys that somebody else holds down. */
  showOthers(pitches) {
    for (const pitch of this.others) if (!this.voices.has(pitch)) this.keyboard.show(pitch, false);
    for (const pitch of pitches) this.keyboard.show(pitch, true);
    this.others = pitches;
  }

  toggleRecording() {
    if (this.recorder.recording) this.endRecording();
    else this.startRecording();
  }

  startRecording() {
    this.on.quiet();
    const before = this.on.recording();
    this.metre = before?.metre ?? null;
    this.recorder.start(before, this.metre ? this.metre.tempos[0][1] / 1000 : 0);
    this.on.notice(this.recorder.notes.length ? ADDED : NEW);
    this.refresh();
  }

  endRecording() {
    this.duet?.switch(false);
    this.recorder.stop();
    this.refresh();
  }

  /** Undo the last note or clear all: `how` says which. */
  takeBack(how) {
    this.duet?.switch(false);
    this.recorder[how]();
    this.on.takenBack({ ...this.recorder.piece, metre: this.metre });
    this.refresh();
  }

  get bpm() {
    return Math.min(240, Math.max(30, Number(this.tempo.value) || 90));
  }

  setMetronome() {
    clearInterval(this.metronome);
    if (!this.beat.checked) return;
    const context = this.sound.wake();
    const interval = 60 / this.bpm;
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
    this.element.dataset.notes = String(notes.length);
    for (const each of [this.undoButton, this.clearButton]) setUsable(each, notes.length > 0);
    this.count.textContent = notes.length ? `${counted(notes.length, "note")}, ${(length / 1000).toFixed(1)} s` : "";
  }
}
