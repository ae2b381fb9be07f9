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
    this.reach(this.element.firstChild);
    this.element.addEventListener("focusin", (event) => this.reach(event.target.closest(".preset")));
    this.element.addEventListener("keydown", (event) => this.move(event));
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

  /** Tab leads to one card and its button; the arrow keys lead to the others. */
  reach(reached) {
    for (const card of this.element.children)
      for (const button of card.children) button.tabIndex = card === reached ? 0 : -1;
  }

  move(event) {
    const cards = [...this.element.children];
    const here = cards.indexOf(event.target.closest(".preset"));
    const target = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: cards.length - 1 }[event.key];
    if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // they do not move on the time line here
    const place = [...cards[here].children].indexOf(event.target);
    cards[target]?.children[place]?.focus();
  }

  redraw() {
    for (const [k, card] of [...this.element.children].entries()) {
      const { notes, pedals } = this.presets[k];
      drawThumbnail(card.querySelector("canvas"), pedalledRows(notes, pedals));
    }
  }

  /** Show which one is chosen; none if there is no card of this name. */
  mark(name) {
    for (const card of this.element.children) {
      card.firstChild.setAttribute("aria-pressed", card.dataset.name === name);
      if (card.dataset.name === name && !this.element.contains(document.activeElement)) this.reach(card);
    }
  }
}
