// The blind test: which of A, B and C keeps the tune best?

import { h } from "./dom.js";

const NAMES = { vanilla: "vanilla", relative: "relative", rope: "RoPE" };

/** A random order of some things. */
export function shuffled(things) {
  const order = [...things];
  const random = crypto.getRandomValues(new Uint32Array(order.length));
  for (let k = order.length - 1; k > 0; k -= 1) {
    const other = random[k] % (k + 1);
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order;
}

export class Vote {
  /** `chosen` is called with a model, or null for "cannot tell". */
  constructor(element, chosen) {
    this.element = element;
    this.chosen = chosen;
  }

  hide() {
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  /** Ask, with the lanes in the order in which they stand. */
  ask(order) {
    this.element.hidden = false;
    this.element.replaceChildren(
      h("strong", {}, "Which one keeps the tune best?"),
      h(
        "div",
        { class: "choices" },
        ...order.map((model, k) =>
          h(
            "button",
            { type: "button", "data-testid": `vote-${"abc"[k]}`, onclick: () => this.chosen(model) },
            "ABC"[k],
          ),
        ),
        h(
          "button",
          { type: "button", class: "quiet", "data-testid": "vote-none", onclick: () => this.chosen(null) },
          "I can’t tell",
        ),
      ),
      h("span", { class: "detail" }, "Listen to all three first. Your vote stays on this machine."),
    );
  }

  reveal(order, choice) {
    const said = choice ? `You chose ${"ABC"[order.indexOf(choice)]}: ${NAMES[choice]}.` : "You could not tell.";
    const names = order.map((model, k) => `${"ABC"[k]} was ${NAMES[model]}`).join(", ");
    this.element.replaceChildren(h("strong", {}, said), h("span", { "data-testid": "reveal" }, ` ${names}.`));
  }
}
