// A lane: one model's name, state, numbers, buttons and roll, and what is said of its music.

import { REAL, grouped, megabytes } from "../music/models.js";
import { clock, counted } from "../music/sentences.js";
import { LETTERS, h, paint, setUsable } from "./dom.js";
import { icon } from "./icons.js";
import { Roll } from "./roll.js";

const KEPT = 2000; // ms for which a button says that a take was kept

export class Lane {
  /** `act(what, model, event)` is called for the buttons; `onroll` is for its roll. */
  constructor(models, model, act, onroll) {
    this.models = models;
    this.model = model;
    this.letter = "";
    this.blind = false;
    this.message = null; // the server's last one
    this.expected = null; // where the training length will be passed, in seconds, before that is known
    this.verdict = ""; // the sentence about what happened
    this.roll = new Roll(onroll);
    this.roll.element.classList.add("lane-roll");
    this.title = h("h3");
    this.tagline = h("p", { class: "tagline" });
    this.numbers = h("p", { class: "numbers" });
    const button = (what, testid, text, title, ...inner) =>
      h("button", { type: "button", "data-testid": testid, title, onclick: (event) => act(what, model, event) }, ...inner, text);
    this.hearButton = button("hear", `solo-${model}`, "Listen", null, icon("ear"));
    this.hearButton.classList.add("hear");
    const more = button("more", `more-${model}`, "More", "Continue from where it ended");
    const whole = "Add to the piece: the whole take, or the passage marked with Loop or by a drag with Shift held";
    const own = models.of(model).take
      ? { take: button("take", `keep-${model}`, "Keep", whole), more }
      : {
          more,
          keep: button("keep", `keep-${model}`, "From here", "Keep the music before the playhead and continue from there"),
          primer: button("primer", `primer-${model}`, "As primer", "Use this music as the next primer"),
        };
    this.actions = {
      ...own,
      midi: button("midi", `midi-${model}`, ".mid", "Save as a MIDI file, or drag it into another program"),
      wav: button("wav", `wav-${model}`, ".wav", "Save as audio"),
    };
    const { midi } = this.actions;
    midi.draggable = true;
    midi.addEventListener("dragstart", (event) => {
      if (midi.disabled) event.preventDefault();
      else act("drag", model, event);
    });
    this.roll.countsBars = Boolean(own.take);
    this.seed = null; // of a take, whose lane names it
    this.actionsElement = h("div", { class: "lane-actions" }, ...Object.values(this.actions));
    this.said = h("p", { class: "said", "data-testid": `said-${model}` });
    const title = "Listen from just before the training length";
    this.beyondButton = button("beyond", `beyond-${model}`, "", title, icon("play"));
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
        this.actionsElement,
      ),
      h(
        "div",
        { class: "lane-body" },
        h("div", { class: "lane-said" }, this.said, this.beyondButton),
        this.roll.element,
        this.error,
      ),
    );
    this.set("waiting");
  }

  get score() {
    return this.roll.score;
  }

  get name() {
    return this.blind ? this.letter : this.models.of(this.model).name;
  }

  get state() {
    return this.element.dataset.state;
  }

  /** Whether the model has ended: what it played says more than what was expected. */
  get ended() {
    return this.state === "done" && Boolean(this.score?.continuationCount);
  }

  set(state, error = "") {
    this.element.dataset.state = state;
    this.error.textContent = error;
    this.refresh();
  }

  /** `alike`: lanes with buttons of their own would tell which one is the piece itself. */
  place(index, blind, alike) {
    this.actionsElement.hidden = this.model === REAL || (blind && alike);
    this.letter = LETTERS[index];
    this.blind = blind;
    this.element.dataset.blind = blind;
    paint(this.element, blind ? "hidden-lane" : this.models.of(this.model).colour);
    this.refresh();
  }

  /** Show whether this lane is chosen, and whether it sounds now. */
  setHeard(heard, sounds) {
    this.element.classList.toggle("heard", heard);
    this.hearButton.setAttribute("aria-pressed", heard && sounds);
    this.hearButton.lastChild.textContent = heard && sounds ? "Listening" : "Listen";
  }

  /** Say for a moment on the button itself that it was kept: the piece may be out of sight. */
  sayKept() {
    clearTimeout(this.kept);
    this.kept = setTimeout(() => {
      this.kept = null;
      this.refresh();
    }, KEPT);
    this.refresh();
  }

  /** Bring names, numbers and buttons up to date. */
  refresh() {
    const { score } = this;
    const count = score?.continuationCount ?? 0;
    this.title.textContent = this.name;
    this.tagline.textContent = this.blind ? "name hidden" : this.line;
    this.element.setAttribute("aria-label", this.blind ? this.name : `${this.name}: ${counted(count, "note")}`);
    const drawn = this.blind ? "hidden until you vote" : `${counted(count, "note")} after the primer`;
    this.roll.notes.setAttribute("aria-label", `Piano roll of ${this.name}: ${drawn}`);
    const usable = this.state === "done" || this.state === "error";
    const { loop } = this.roll;
    const part = loop ? `Keep ${clock(loop.from)}–${clock(loop.to)}` : "Keep";
    if (this.actions.take) this.actions.take.textContent = this.kept ? "Kept" : part;
    for (const [what, button] of Object.entries(this.actions)) {
      const told = this.blind && (what === "midi" || what === "wav"); // a file's name would tell the model's
      setUsable(button, score && usable && (count > 0 || what === "more") && !told);
    }
    this.hearButton.setAttribute("aria-label", `Listen to ${this.name}`);
    for (const button of Object.values(this.actions))
      button.setAttribute("aria-label", `${button.textContent}: ${this.name}`);
    this.hearButton.disabled = !score;
    this.roll.marksLength = !this.blind && !this.actions.take;
    this.roll.expected = this.ended ? null : this.expected;
    this.roll.hides = this.blind;
    this.showNumbers();
    this.showSaid();
  }

  /** What is said below the name. */
  get line() {
    return this.seed === null ? this.models.tagline(this.model) : `seed ${this.seed}`;
  }

  /** Show notes and, of models beside each other, how fast they come. Both would give a hidden model away. */
  showNumbers() {
    const { score } = this;
    if (!score || this.blind) {
      this.numbers.textContent = "";
      return;
    }
    let text = this.state === "waiting" && !score.continuationCount ? "" : counted(score.continuationCount, "note");
    if (this.message?.tokens && !this.actions.take) {
      const { tokens_per_second: tokens, music_per_second: music } = this.message;
      text += ` · ${Math.round(tokens)} events/s · ${music.toFixed(1)} s of music/s`;
    }
    if (this.numbers.textContent !== text) this.numbers.textContent = text;
  }

  /** What is to be said of the training length before and while the model plays, and of the music after that. */
  showSaid() {
    const beyond = this.score?.beyond ?? null;
    const text = this.blind ? "What happened here appears after you vote." : this.verdict || this.trainingLength(beyond);
    if (this.said.textContent !== text) this.said.textContent = text;
    this.said.classList.toggle("verdict", !this.blind && Boolean(this.verdict));
    const can = !this.blind && beyond !== null && (this.score.continuationCount ?? 0) > 0;
    if (this.beyondButton.hidden === can) this.beyondButton.hidden = !can;
    const listen = can ? `Listen from ${clock(this.score.turn)}` : "";
    if (!can || this.beyondButton.lastChild.textContent === listen) return;
    this.beyondButton.lastChild.textContent = listen;
    this.beyondButton.setAttribute("aria-label", `${listen}: ${this.name}`);
  }

  trainingLength(beyond) {
    if (this.model === REAL || this.models.of(this.model).take) return "";
    const events = `Training length: ${grouped(this.models.of(this.model).training_length)} events`;
    if (beyond !== null) return `${events}, passed at ${clock(beyond)}`;
    return this.expected === null || this.ended ? events : `${events}, about ${clock(this.expected)}`;
  }

  /** How much of the model is here, before it can play. */
  showLoading({ received, total }) {
    this.numbers.textContent = `downloading the model: ${megabytes(received)} of ${megabytes(total)} MB`;
  }

  draw() {
    this.roll.draw();
    this.showNumbers();
    this.showSaid();
    this.element.dataset.notes = this.score?.continuationCount ?? 0;
  }
}
