// The cards of the primers that come with musictx.

import { pedalledRows } from "../music/score.js";
import { h, icon } from "./dom.js";
import { drawThumbnail } from "./roll.js";

export class Cards {
  /** `on` has choose(preset) and play(preset), which chooses it and plays it. */
  constructor(element, on) {
    this.element = element;
    this.on = on;
    this.presets = [];
  }

  show(presets) {
    this.presets = presets;
    this.element.replaceChildren(...presets.map((preset) => this.card(preset)));
    requestAnimationFrame(() => this.redraw());
  }

  card(preset) {
    const short = preset.title.split(/[,(]/)[0].trim();
    const composer = preset.composer
      .replace(/\(.*\)/, "")
      .trim()
      .split(" ")
      .at(-1);
    return h(
      "div",
      { class: "preset", "data-name": preset.name },
      h(
        "button",
        {
          type: "button",
          class: "card",
          "data-testid": `preset-${preset.name}`,
          "aria-pressed": "false",
          title: `${preset.title}. ${preset.description}`,
          onclick: () => this.on.choose(preset),
        },
        h("canvas", { "aria-hidden": "true" }),
        h("strong", {}, short),
        h("small", {}, composer),
      ),
      h(
        "button",
        {
          type: "button",
          class: "icon round play-card",
          "data-testid": `hear-${preset.name}`,
          "aria-label": `Listen to ${short}`,
          onclick: () => this.on.play(preset),
        },
        icon("play"),
      ),
    );
  }

  redraw() {
    for (const [k, card] of [...this.element.children].entries()) {
      const { notes, pedals } = this.presets[k];
      drawThumbnail(card.querySelector("canvas"), pedalledRows(notes, pedals));
    }
  }

  /** Show which one is chosen; none if there is no card of this name. */
  mark(name) {
    for (const card of this.element.children) card.firstChild.setAttribute("aria-pressed", card.dataset.name === name);
  }
}
