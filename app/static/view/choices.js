// The line that says how many choices there are, and where they lie.

import { counted } from "../music/sentences.js";
import { h } from "./dom.js";

const ENOUGH = 30; // choices that teach something one hears: checkpoints/RESULTS.md

export class ChoicesLine {
  /** `on` has switch(on), save() and clear(). */
  constructor(on) {
    const box = { type: "checkbox", "data-testid": "choices-on", onchange: () => on.switch(this.box.checked) };
    this.box = h("input", box);
    this.words = h("span", { "data-testid": "choices" });
    const button = (testid, text, title, onclick) =>
      h("button", { type: "button", class: "quiet", "data-testid": testid, title, onclick }, text);
    this.saveButton = button("choices-save", "Save them", "Training file for musictx tune", on.save);
    this.clearButton = button("choices-clear", "Forget them", "Delete all choices from this browser", on.clear);
    const label = h("label", { class: "check" }, this.box, "Remember what I keep, to teach a model");
    this.element = h("div", { class: "choices-line" }, label, this.words, this.saveButton, this.clearButton);
  }

  show(on, count) {
    this.box.checked = on;
    const few = count && count < ENOUGH ? ` (${ENOUGH} teach density or pitch)` : "";
    this.words.textContent = `${count ? counted(count, "choice") : "none so far"}${few}, in this browser only`;
    this.saveButton.hidden = this.clearButton.hidden = !count;
  }
}
