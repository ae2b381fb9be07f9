// The line above the lanes in which one chooses what to see inside the models.

import { h, setUsable } from "./dom.js";
import { legend } from "./surprise.js";

const HINT =
  "Tap a note, or hold L while music plays: arcs lead to the notes that each model attended to most when it chose that one.";
const WAIT = "The server is reading the music …";
const TOGETHER = 4; // heads whose arcs are shown at once

export class InsightBar {
  /** `on` has surprise(on), again(on) and heads(from, to), which counts from the head that looks back farthest. */
  constructor(element, on) {
    this.element = element;
    this.on = on;
    this.fault = ""; // why nothing can be seen now
    this.explained = this.waits = false; // whether the legend says what is seen, and whether that is on its way
    const button = (testid, text, title, onclick) =>
      h("button", { type: "button", "data-testid": testid, "aria-pressed": "false", title, onclick }, text);
    const pressed = (each) => each.getAttribute("aria-pressed") === "true";
    this.surprise = button("surprise", "Surprise", "Colour notes by how much each surprised the model", () =>
      on.surprise(!pressed(this.surprise)),
    );
    this.again = button(
      "again",
      "The primer again",
      "Append the primer to the take: how much less does it surprise each model the second time?",
      () => on.again(!pressed(this.again)),
    );
    this.groups = h("div", { class: "groups", role: "group", "aria-label": "Heads" });
    this.heads = h(
      "details",
      { class: "fold", hidden: true },
      h("summary", { "data-testid": "heads" }, "Heads"),
      h(
        "div",
        { class: "popover" },
        h("p", {}, "A model attends with several heads; those that look back farthest come first."),
        this.groups,
      ),
    );
    this.hint = h("p", { class: "hint", role: "status", "data-testid": "inside-hint" });
    this.legend = legend();
    element.append(this.surprise, this.again, this.heads, this.hint, this.legend);
  }

  /** `fault` says why nothing can be seen now. */
  show(open, fault, { surprise, again }) {
    this.element.hidden = !open;
    for (const each of [this.surprise, this.again]) setUsable(each, !fault);
    this.surprise.setAttribute("aria-pressed", surprise);
    this.again.setAttribute("aria-pressed", again);
    this.legend.hidden = !surprise || Boolean(fault);
    Object.assign(this, { fault, explained: surprise && !fault });
    this.tell();
  }

  /** Whether colours are still on their way. */
  wait(waits) {
    this.waits = waits;
    this.tell();
  }

  tell() {
    this.hint.hidden = this.explained && !this.waits;
    const text = this.fault || (this.waits ? WAIT : HINT);
    if (this.hint.textContent !== text) this.hint.textContent = text;
  }

  /** Offer the heads, `count` of them, a few at a time. */
  offer(count) {
    this.heads.hidden = !count;
    if (this.count === count) return;
    this.count = count;
    const starts = Array.from({ length: Math.ceil(count / TOGETHER) }, (_, k) => k * TOGETHER);
    const groups = starts.map((from) => [from, Math.min(count, from + TOGETHER)]);
    if (groups.length > 1) groups.push([0, count]);
    const buttons = groups.map(([from, to], k) => {
      const text = to - from === count ? "all" : to - from > 1 ? `${from + 1}–${to}` : String(to);
      const choose = () => {
        for (const each of buttons) each.setAttribute("aria-pressed", each === buttons[k]);
        this.on.heads(from, to);
      };
      return h(
        "button",
        { type: "button", "data-testid": `heads-${text}`, "aria-pressed": String(k === 0), onclick: choose },
        text,
      );
    });
    this.groups.replaceChildren(...buttons);
  }
}
