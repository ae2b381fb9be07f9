// The cards of the primers that come with musictx.

import { pedalledRows } from "../music/score.js";
import { colourOf, prepare } from "./canvas.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { pitchRange } from "./roll.js";

/** Draw rows of a whole primer small. */
function drawThumbnail(canvas, rows) {
  const { context, width, height } = prepare(canvas);
  if (!rows.length) return;
  const end = Math.max(...rows.map((row) => row[1]));
  const [low, high] = pitchRange(
    rows.map((row) => row[2]),
    24,
  );
  const line = height / (high - low + 1);
  context.fillStyle = colourOf(canvas, "--primer");
  for (const [on, off, pitch] of rows) {
    const x = (on / end) * width;
    context.fillRect(
      x,
      (high - pitch) * line,
      Math.max(1.5, ((off - on) / end) * width - 0.5),
      Math.max(1.5, line * 0.9),
    );
  }
}

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
