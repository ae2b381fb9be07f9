// The duet's switch beside the piano: with whom, after what pause, and whose turn it is.

import { h, paint } from "./dom.js";

const [MIN_SECONDS, MAX_SECONDS] = [0.3, 5]; // seconds of a pause

export class DuetPanel {
  /** `on` has switch(on), changed(), when another model or pause was chosen, and save(). */
  constructor(models, on) {
    this.models = models;
    this.model = models.composer;
    this.toggle = h(
      "button",
      {
        type: "button",
        "data-testid": "duet",
        "aria-pressed": "false",
        title: "Play, pause, and a model answers on the same piano",
        onclick: () => on.switch(this.toggle.getAttribute("aria-pressed") !== "true"),
      },
      "Duet",
    );
    this.partners = new Map(
      models.players.map(({ key, name }) => {
        const choose = () => {
          this.choose(key);
          on.changed();
        };
        return [key, h("button", { type: "button", "data-testid": `duet-${key}`, onclick: choose }, name)];
      }),
    );
    const pause = { type: "number", min: MIN_SECONDS, max: MAX_SECONDS, step: "0.1", value: "0.8", inputmode: "decimal" };
    this.pauseField = h("input", { ...pause, "data-testid": "duet-pause", onchange: () => on.changed() });
    this.save = h("button", { type: "button", "data-testid": "duet-save", onclick: () => on.save() }, "Save .mid");
    this.hint = h("span", { class: "detail" }, "Play, and when you pause, a model answers on the same piano.");
    this.turn = h("strong", { role: "status", "aria-live": "polite", "data-testid": "turn" });
    const partners = { class: "pair", role: "group", "aria-label": "Who answers", hidden: models.players.length < 2 };
    this.element = h(
      "div",
      { class: "duet", "data-state": "off" },
      this.toggle,
      h("div", partners, ...this.partners.values()),
      h("label", { class: "field" }, "after a pause of", this.pauseField, "s"),
      this.hint,
      this.turn,
      this.save,
    );
    this.choose(this.model);
  }

  /** How long (s) a pause is. */
  get pause() {
    return Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, Number(this.pauseField.value) || 0.8));
  }

  choose(model) {
    this.model = model;
    for (const [key, button] of this.partners) button.setAttribute("aria-pressed", key === model);
  }

  /** Whose turn it is: `state` is that of the conversation, or "off"; `says`, what the model has to say besides. */
  show(state, says = "") {
    if (this.shown === `${state}${says}${this.model}`) return;
    this.shown = `${state}${says}${this.model}`;
    const { name, colour } = this.models.of(this.model);
    this.toggle.setAttribute("aria-pressed", state !== "off");
    this.element.dataset.state = state;
    this.hint.hidden = state !== "off";
    paint(this.element.parentElement, colour); // the keys that the model plays have its colour
    this.element.parentElement.dataset.turn = state === "answering" ? "model" : "yours";
    const yours = `Your turn: play, and when you pause, ${name} answers.`;
    const turn = state === "answering" ? `${name} answers. Play to take over.` : yours;
    const text = state === "off" ? "" : says || turn;
    if (this.turn.textContent !== text) this.turn.textContent = text;
  }
}
