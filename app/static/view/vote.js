// What the blind test asks: which of A, B, C … keeps the tune best?

import { keeper } from "../io/place.js";
import { h } from "./dom.js";

const LETTERS = "ABCD";

/** A place of the page that is always there and mostly empty, so that what comes into it is read out. */
export class Vote {
  /** `chosen` is called with a model, or null for "cannot tell". */
  constructor(element, models, chosen) {
    this.models = models;
    this.element = element;
    this.chosen = chosen;
    this.shown = null;
  }

  /** Show something that is named by `what`; if that stands there already, leave it and the focus alone. */
  show(what, ...children) {
    if (what === this.shown) return;
    this.shown = what;
    this.element.replaceChildren(...children);
  }

  hide() {
    this.show(null);
  }

  /** Ask, with the lanes in the order in which they stand. */
  ask(order) {
    this.show(
      `ask ${order}`,
      h("strong", {}, "Which one keeps the tune best?"),
      h(
        "div",
        { class: "choices" },
        ...order.map((model, k) =>
          h(
            "button",
            { type: "button", "data-testid": `vote-${LETTERS[k].toLowerCase()}`, onclick: () => this.chosen(model) },
            LETTERS[k],
          ),
        ),
        h(
          "button",
          { type: "button", class: "quiet", "data-testid": "vote-none", onclick: () => this.chosen(null) },
          "I can’t tell",
        ),
      ),
      h("span", { class: "detail" }, `Listen to each first. Your vote is kept ${keeper}.`),
    );
  }

  /** Why nothing is asked: whoever has seen the names may remember who played what. */
  decline() {
    this.show(
      "decline",
      h("strong", {}, "This music was shown with its names, so it cannot be judged blind."),
      h("span", { class: "detail" }, "Press Variation: what the models play then comes without names."),
    );
  }

  /** Say what was behind the letters; `save`, if votes can be saved as a file, does so. */
  reveal(order, choice, save) {
    const name = choice && `${LETTERS[order.indexOf(choice)]}: ${this.models.of(choice).name}`;
    const said = choice ? `You chose ${name}.` : "You could not tell.";
    const names = order.map((model, k) => `${LETTERS[k]} was ${this.models.of(model).name}`).join(", ");
    const focused = this.element.contains(document.activeElement);
    const saving = { type: "button", class: "quiet", "data-testid": "save-votes", onclick: save };
    const button = save ? [h("button", saving, "Save my votes")] : [];
    this.show("reveal", h("strong", {}, said), h("span", { "data-testid": "reveal" }, ` ${names}.`), ...button);
    // The button that was pressed is gone; who goes on by keyboard does so from the answer.
    if (focused) this.element.focus();
  }
}
