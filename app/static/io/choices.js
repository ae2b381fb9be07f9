// What was kept of takes, and what was not: choices from which `musictx tune` teaches a model. They stay in this browser.

import { recall, remember } from "./memory.js";

const KEY = "musictx.choices.1"; // the number says of which version of the page
const OFF = "musictx.choices.off";
const MAX_CHARACTERS = 2_000_000; // characters: as much again is left to the piece

export class Choices {
  get all() {
    return recall(KEY) ?? [];
  }

  constructor() {
    this.off = recall(OFF) === true;
  }

  /** Whether choices are stored. */
  get on() {
    return !this.off;
  }

  set on(on) {
    this.off = !on;
    remember(OFF, this.off);
  }

  /** Store what was chosen of a run's takes, or forget it (null). False if there is no room. */
  put(run, choice) {
    const others = this.all.filter((each) => each.run !== run);
    if (!choice) return remember(KEY, others);
    const all = [...others, { ...choice, run }];
    return JSON.stringify(all).length <= MAX_CHARACTERS && remember(KEY, all);
  }

  clear() {
    remember(KEY, []);
  }

  /** One line for each choice. */
  get file() {
    return new Blob([this.all.map((choice) => `${JSON.stringify(choice)}\n`).join("")], { type: "application/jsonl" });
  }
}
