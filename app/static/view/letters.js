// The computer's letters as piano keys, and the octave in which they stand.

import { h, isTyping } from "./dom.js";
import { pitchName } from "../music/pitches.js";

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
const VELOCITY = 76;
const [LOWEST, HIGHEST] = [36, 84];
const TOP = 96; // the last key of the piano

/**
 * Z and X change the octave, and so do the buttons of `octaves`, which a screen shows that is too narrow for all keys:
 * there the keys in view move with the letters. `on` has open, noteOn(pitch, velocity) and noteOff(pitch).
 */
export class Letters {
  constructor(keyboard, on) {
    this.keyboard = keyboard;
    this.on = on;
    this.octave = 60;
    this.pressed = new Map();
    this.lower = this.button("octave-lower", "Lower", "An octave lower", -12);
    this.higher = this.button("octave-higher", "Higher", "An octave higher", 12);
    this.place = h("span", { class: "detail", "aria-live": "polite", "data-testid": "octave" });
    this.octaves = h(
      "div",
      { class: "octaves", role: "group", "aria-label": "Keys in view" },
      this.lower,
      this.place,
      this.higher,
    );
    document.addEventListener("keydown", (event) => this.keyDown(event));
    document.addEventListener("keyup", (event) => this.keyUp(event));
  }

  button(testid, text, label, pitches) {
    return h(
      "button",
      { type: "button", "data-testid": testid, "aria-label": label, onclick: () => this.move(pitches) },
      text,
    );
  }

  move(pitches) {
    this.octave = Math.min(HIGHEST, Math.max(LOWEST, this.octave + pitches));
    this.show();
  }

  show() {
    const { octave } = this;
    this.keyboard.label(new Map(CAPTIONS.map((caption, k) => [octave + k, caption])));
    this.keyboard.reveal(octave, Math.min(TOP, octave + ROW.length - 1));
    this.place.textContent = `Octave from ${pitchName(octave)}`;
    // Not `disabled`, which would take the focus away from who presses it by keyboard.
    this.lower.setAttribute("aria-disabled", octave === LOWEST);
    this.higher.setAttribute("aria-disabled", octave === HIGHEST);
  }

  keyDown(event) {
    if (!this.on.open || event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
      return;
    if (event.code === "KeyZ") this.move(-12);
    if (event.code === "KeyX") this.move(12);
    const place = ROW.indexOf(event.code);
    if (place < 0) return;
    event.preventDefault();
    this.pressed.set(event.code, this.octave + place);
    this.on.noteOn(this.octave + place, VELOCITY);
  }

  keyUp(event) {
    const pitch = this.pressed.get(event.code);
    if (pitch === undefined) return;
    this.pressed.delete(event.code);
    this.on.noteOff(pitch);
  }
}
