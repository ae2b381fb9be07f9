// What composing adds to the form beside the primer: whose takes, how many, and Go on.

import { recall, remember } from "../io/memory.js";
import { h, setUsable } from "./dom.js";

const KEY = "musictx.composing"; // which model, and how many takes
const WORDS = { 2: "two takes", 3: "three takes", 4: "four takes" };
const HINT = "from the end of the piece";

function choice(testid, label, options, value, onchange) {
  const select = h(
    "select",
    { "data-testid": testid, onchange },
    ...options.map(([key, text]) => h("option", { value: key }, text)),
  );
  select.value = value;
  return { select, label: h("label", { class: "field" }, label, select) };
}

export class ComposePanel {
  /** `on` has goOn() and changed(). */
  constructor(find, models, on) {
    const kept = recall(KEY) ?? {};
    const changed = () => {
      remember(KEY, { model: this.model, count: this.count });
      on.changed();
    };
    const model = models.players.some(({ key }) => key === kept.model) ? kept.model : models.composer;
    const names = models.players.map(({ key, name }) => [key, name]);
    this.models = choice("compose-model", "Model", names, model, changed);
    const counts = Object.keys(WORDS).map((count) => [count, count]);
    this.counts = choice("compose-takes", "Takes", counts, kept.count in WORDS ? kept.count : 3, changed);
    this.models.label.hidden = models.players.length < 2;
    const goOn = { type: "button", class: "primary", "data-testid": "go-on", onclick: () => on.goOn() };
    this.words = h("small");
    this.goOn = h("button", goOn, h("span", {}, "Go on"), this.words);
    this.line = h("div", { class: "line composing" }, this.models.label, this.counts.label);
    const start = find("[data-testid=continue]");
    const pair = h("div", { class: "primaries" });
    start.replaceWith(pair, this.line);
    pair.append(start, this.goOn);
  }

  get model() {
    return this.models.select.value;
  }

  get count() {
    return Number(this.counts.select.value);
  }

  /** So many takes, in words. */
  get takes() {
    return WORDS[this.count];
  }

  /** `can`: there is something to go on from; `words` say what comes besides, if anything does. */
  show({ running, can, words }) {
    this.goOn.hidden = !can;
    this.goOn.classList.toggle("busy", running);
    setUsable(this.goOn, !running);
    this.words.textContent = running ? "playing on …" : (words ?? `${this.takes} ${HINT}`);
    for (const { select } of [this.models, this.counts]) select.disabled = running;
  }
}
