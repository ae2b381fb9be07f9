// A lane: one model's name, state, numbers, buttons and roll.

import { h, icon, setUsable } from "./dom.js";
import { Roll } from "./roll.js";

const NAMES = { vanilla: "Vanilla", relative: "Relative", rope: "RoPE" };
const LETTERS = ["A", "B", "C"];
const TAGLINES = {
  vanilla: "counts places from the start",
  relative: "knows how far back each note is",
  rope: "turns each note a little further",
};

export class Lane {
  /** `act(what, model)` is called for the buttons: hear, more, primer, midi, wav. */
  constructor(model, act, onseek) {
    this.model = model;
    this.letter = "";
    this.blind = false;
    this.message = null; // the server's last one
    this.roll = new Roll(onseek);
    this.roll.element.classList.add("lane-roll");
    this.title = h("h3");
    this.tagline = h("p", { class: "tagline" });
    this.numbers = h("p", { class: "numbers" });
    const button = (what, testid, text, label, ...inner) =>
      h(
        "button",
        { type: "button", "data-testid": testid, "data-label": label, onclick: () => act(what, model) },
        ...inner,
        text,
      );
    this.hearButton = button("hear", `solo-${model}`, "Listen", "Listen to", icon("ear"));
    this.hearButton.classList.add("hear");
    this.actions = {
      more: button("more", `more-${model}`, "More", "Continue further:"),
      primer: button("primer", `primer-${model}`, "As primer", "Use as the primer:"),
      midi: button("midi", `midi-${model}`, ".mid", "Download as MIDI:"),
      wav: button("wav", `wav-${model}`, ".wav", "Download as sound:"),
    };
    this.error = h("p", { class: "lane-error", role: "alert" });
    this.element = h(
      "article",
      {
        class: "lane",
        "data-testid": `lane-${model}`,
        "data-model": model,
        "data-notes": "0",
        "data-state": "waiting",
      },
      h(
        "div",
        { class: "lane-head" },
        h("div", { class: "lane-name" }, this.title, this.hearButton),
        this.tagline,
        this.numbers,
        h("div", { class: "lane-actions" }, ...Object.values(this.actions)),
      ),
      h("div", { class: "lane-body" }, this.roll.element, this.error),
    );
    this.set("waiting");
  }

  get score() {
    return this.roll.score;
  }

  get name() {
    return this.blind ? this.letter : NAMES[this.model];
  }

  get state() {
    return this.element.dataset.state;
  }

  set(state, error = "") {
    this.element.dataset.state = state;
    this.error.textContent = error;
    this.refresh();
  }

  place(index, blind) {
    this.letter = LETTERS[index];
    this.blind = blind;
    this.element.dataset.blind = blind;
    this.refresh();
  }

  setHeard(heard) {
    this.element.classList.toggle("heard", heard);
    this.hearButton.setAttribute("aria-pressed", heard);
    this.hearButton.lastChild.textContent = heard ? "Heard" : "Listen";
  }

  /** Bring names, numbers and buttons up to date. */
  refresh() {
    const { score } = this;
    const count = score?.continuationCount ?? 0;
    this.title.textContent = this.name;
    this.tagline.textContent = this.blind ? "one of the three" : TAGLINES[this.model];
    this.element.setAttribute("aria-label", `${this.name}: ${count} notes`);
    this.roll.notes.setAttribute("aria-label", `Piano roll of ${this.name}: ${count} notes continue the primer`);
    const usable = this.state === "done" || this.state === "error";
    for (const [what, button] of Object.entries(this.actions)) {
      const told = this.blind && (what === "midi" || what === "wav"); // a file's name would tell the model's
      setUsable(button, score && usable && (count > 0 || what === "more") && !told);
    }
    for (const button of [this.hearButton, ...Object.values(this.actions)]) {
      button.setAttribute("aria-label", `${button.dataset.label} ${this.name}`);
    }
    this.hearButton.disabled = !score;
    this.showNumbers();
  }

  /** Show the last message's numbers: notes, and how fast they come. Speed would give a hidden model away. */
  showNumbers() {
    const { score } = this;
    if (!score) {
      this.numbers.textContent = "";
      return;
    }
    let text = this.state === "waiting" && !score.continuationCount ? "" : `${score.continuationCount} notes`;
    if (this.message?.tokens && !this.blind) {
      const { tokens_per_second: tokens, music_per_second: music } = this.message;
      text += `\n${Math.round(tokens)} tokens/s · ${music.toFixed(1)} s of music/s`;
    }
    this.numbers.textContent = text;
  }

  draw() {
    this.roll.draw();
    this.showNumbers();
    this.element.dataset.notes = this.score?.continuationCount ?? 0;
  }
}
