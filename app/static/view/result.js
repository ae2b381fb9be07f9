// The line above the lanes: with theme or without, what came of the take, and what comes of several.

import { themeWords } from "../music/sentences.js";
import { h, setUsable } from "./dom.js";

const MODES = { off: "Without theme", on: "With theme" };
const MANNERS = { off: { theme: 0, form: 0 }, on: { theme: 0.5 } }; // the settings that they choose

export class ResultBar {
  /**
   * `words` is where the results stand, `how` where the headline's line says how the models play. `on` has theme(settings)
   * and series().
   */
  constructor(element, words, how, on) {
    this.how = how;
    const button = (name, text) => {
      return h("button", { type: "button", "data-testid": `theme-${name}`, onclick: () => on.theme(MANNERS[name]) }, text);
    };
    this.modes = new Map(Object.entries(MODES).map(([name, text]) => [name, button(name, text)]));
    const title = "Play this primer with five seeds in the background, and count what happens";
    this.series = h("button", { type: "button", "data-testid": "series", title, onclick: () => on.series() }, "Five takes");
    this.answer = h("span", { class: "result-answer", "data-testid": "answer" });
    this.counts = h("strong", { role: "status", "data-testid": "series-result" });
    const label = "Do the models develop the theme?";
    const group = h("div", { class: "pair", role: "group", "aria-label": label, title: label }, ...this.modes.values());
    element.append(group, this.series);
    words.append(this.counts, this.answer);
  }

  /** `set` are the settings as they are, `played` those of the take that is shown; whether another take can be made. */
  showTheme({ theme, form }, played, usable) {
    const pressed = { off: !theme && !form, on: theme > 0 };
    for (const [name, each] of this.modes) {
      each.setAttribute("aria-pressed", pressed[name]);
      setUsable(each, usable);
    }
    const text = themeWords(played);
    if (this.how.textContent !== text) this.how.textContent = text;
  }

  /** What the headline says, once more beside the lanes. */
  showAnswer(text) {
    this.answer.textContent = text;
  }

  /** How far a series is, {take, takes}, or null; and what has come of it so far. */
  showSeries(running, words, usable) {
    this.series.textContent = running ? "Stop" : "Five takes";
    setUsable(this.series, usable);
    const text = running ? `Take ${running.take} of ${running.takes} … ${words}` : words;
    if (this.counts.textContent !== text) this.counts.textContent = text;
  }
}
