// What the blind test asks: which of A, B, C … keeps the thread best?

import { keeper } from "../io/backend.js";
import { MIN_SECONDS } from "../music/hearing.js";
import { listed } from "../music/sentences.js";
import { LETTERS, h, setUsable } from "./dom.js";

const OTHERS = { none: "None of them", alike: "Equally good" };
const KEYS = { 0: "none", "=": "alike" };
const SAID = { none: "You found none of them good.", alike: "You found them equally good." };

/** A place of the page that is always there and mostly empty, so that what comes into it is read out. */
export class Vote {
  /** `on` has chosen(model, verdict), where the model is null unless the verdict is "chosen"; save() and ask(). */
  constructor(element, models, on) {
    this.models = models;
    this.element = element;
    this.on = on;
    this.shown = null;
    this.choices = new Map(); // the buttons, by the model or the verdict; empty if nothing is asked
  }

  /** Show something that is named by `what`; if that stands there already, leave it and the focus alone. */
  show(what, ...children) {
    if (what === this.shown) return;
    this.shown = what;
    this.choices = new Map();
    this.element.replaceChildren(...children.filter(Boolean));
  }

  hide() {
    this.show(null);
  }

  /** Ask, with the lanes in the order in which they stand. `shares` says how much of each was heard, from 0 to 1. */
  ask(order, shares) {
    if (this.shown !== `ask ${order}`) {
      const choice = (name, key, text, model, verdict) => {
        const attributes = { type: "button", "data-testid": `vote-${name}`, title: `Key ${key}`, "aria-keyshortcuts": key };
        return h("button", { ...attributes, onclick: () => this.on.chosen(model, verdict) }, text);
      };
      const choices = new Map(
        order.map((model, k) => {
          const key = LETTERS[k].toLowerCase();
          return [model, choice(key, key, LETTERS[k], model, "chosen")];
        }),
      );
      for (const [key, verdict] of Object.entries(KEYS))
        choices.set(verdict, choice(verdict, key, OTHERS[verdict], null, verdict));
      this.detail = h("span", { class: "detail", "data-testid": "to-hear" });
      this.show(
        `ask ${order}`,
        h("strong", {}, "Which one keeps the thread best?"),
        h("div", { class: "choices" }, ...choices.values()),
        this.detail,
      );
      this.choices = choices;
    }
    this.showHeard(order, shares);
  }

  /** What is still to be heard before a vote; words change only when a lane is done with, for they are read out. */
  showHeard(order, shares) {
    const missing = order.filter((model) => shares.get(model) < 1);
    for (const [name, button] of this.choices) {
      setUsable(button, !missing.length);
      const filled = `${Math.floor(100 * (shares.get(name) ?? 0))}%`;
      if (button.style.getPropertyValue("--heard") !== filled) button.style.setProperty("--heard", filled);
    }
    const letters = listed(missing.map((model) => LETTERS[order.indexOf(model)]));
    const text = missing.length
      ? `To vote, first listen to ${MIN_SECONDS} seconds of what ${letters} ${missing.length > 1 ? "play" : "plays"}.`
      : `You have heard them all. Your vote is stored ${keeper}.`;
    if (this.detail.textContent !== text) this.detail.textContent = text;
  }

  /** A key was pressed that may be a vote: a letter of a lane, 0 for none, = for equally good. */
  press(key) {
    const lanes = [...this.choices.keys()].filter((name) => !(name in OTHERS));
    this.choices.get(KEYS[key] ?? lanes[LETTERS.toLowerCase().indexOf(key)])?.click();
  }

  /** Why nothing is asked: whoever has seen the names may remember who played what. */
  decline() {
    this.show(
      "decline",
      h("strong", {}, "This music was shown with its names, so it cannot be judged blind."),
      h("span", { class: "detail" }, "Press Variation for new music without names."),
    );
  }

  /** Say what was behind the letters, and offer to save votes, if that `canSave`, and to ask a friend. */
  reveal(order, choice, verdict, canSave) {
    const name = choice && `${LETTERS[order.indexOf(choice)]}: ${this.models.of(choice).name}`;
    const names = order.map((model, k) => `${LETTERS[k]} was ${this.models.of(model).name}`).join(", ");
    const focused = this.element.contains(document.activeElement);
    const button = (testid, text, onclick) =>
      h("button", { type: "button", "data-testid": testid, onclick }, text);
    this.show(
      "reveal",
      h("strong", {}, choice ? `You chose ${name}.` : SAID[verdict]),
      h("span", { "data-testid": "reveal" }, ` ${names}.`),
      button("ask-friend", "Copy this test for a friend", () => this.on.ask()),
      canSave && button("save-votes", "Save my votes", () => this.on.save()),
    );
    // The button that was pressed is gone; who goes on by keyboard does so from the answer.
    if (focused) this.element.focus();
  }
}
