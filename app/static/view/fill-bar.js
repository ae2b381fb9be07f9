// The line in which a selection is filled in: by whom, how far that is, and which of the takes it is to be.

import { counted, preciseClock } from "../music/sentences.js";
import { h, momentField, paint, setUsable } from "./dom.js";
import { icon } from "./icons.js";

const REACHABLE = ":not([hidden]) > button:enabled:not([hidden])";

export class FillBar {
  element; models; name;

  /**
   * `name` begins the names of its buttons, `players` are the models that can fill in. `on` has start(model), stop(),
   * choose(index), keep(), undo() and, where the selection can be moved in this line, move(edge, s); where the whole
   * piece can be saved, save().
   */
  constructor(element, name, models, players, on) {
    Object.assign(this, { element, name, models });
    const buttons = players.map(({ key, name: text, colour }) => [
      key,
      paint(this.button(key, "", () => on.start(key), text), colour),
    ]);
    this.players = new Map(buttons);
    const edge = (which, what) => momentField(`${name}-${which}`, which, what, (time) => on.move(which, time));
    this.edges = on.move ? [edge("from", "Start of the selection"), edge("to", "End of the selection")] : [];
    this.progress = h("progress", { max: "1", "aria-label": "How far the attempts are" });
    this.made = h("span", { "data-testid": `${name}-made`, "aria-hidden": "true" }); // the same in words
    this.status = h("strong", { role: "status", "data-testid": `${name}-status` });
    this.hint = h("p", { class: "hint", role: "status", "data-testid": `${name}-hint` });
    this.previous = this.button("previous", "The take before", () => on.choose(this.shown - 1));
    this.next = this.button("next", "The next take", () => on.choose(this.shown + 1));
    const group = (role, label, ...inner) => h("div", { class: role, role: "group", "aria-label": label }, ...inner);
    const save = on.save && this.button("save", "Save the whole piece as MIDI", () => on.save(), "Save piece");
    this.word = h("span");
    const mark = [this.word, ...this.edges.map(({ label }) => label)];
    this.parts = {
      mark,
      offer: [
        ...mark,
        h("span", {}, "with"),
        group("fillers", "Who replaces this selection", ...this.players.values()),
        ...(save ? [save] : []),
      ],
      follow: [this.progress, this.made, this.button("stop", "Stop, and leave this selection as it is", () => on.stop(), "Stop")],
      choose: [
        group("pair", "Takes of the selection", this.previous, this.next),
        this.button("keep", "Keep this take", () => on.keep(), "Keep"),
        this.button("undo", "Discard these takes and restore what was there before", () => on.undo(), "Restore"),
      ],
    };
    element.append(this.status, ...this.all, this.hint);
    this.hide();
  }

  button(what, label, onclick, text) {
    const attributes = { type: "button", "data-testid": `${this.name}-${what}`, title: label, onclick };
    if (text) return h("button", attributes, text);
    return h("button", { ...attributes, class: "icon", "aria-label": label }, icon(what));
  }

  /** What may stand in the line, each once. */
  get all() {
    return new Set(Object.values(this.parts).flat());
  }

  /** There is no selection. */
  hide() {
    this.element.hidden = true;
  }

  /** Begin the line with a word and the times of a selection {start, end} in ms. */
  begin(word, { start, end }) {
    this.word.textContent = word;
    for (const [k, { input }] of this.edges.entries()) input.value = preciseClock([start, end][k] / 1000);
  }

  /** Let one say by its times what is marked. */
  mark(selection, hint) {
    this.begin("Marked", selection);
    this.show("mark", "", hint);
  }

  /** Offer to fill in a selection. `fault` says why not now, `able` who could. */
  offer(selection, fault, hint, able) {
    this.begin("Fill in", selection);
    for (const [key, button] of this.players) {
      setUsable(button, !fault && able(key));
      const { name } = this.models.of(key);
      button.title = able(key) ? `${name} replaces this selection` : `Nothing follows this selection in what ${name} played`;
    }
    this.show("offer", "", fault || hint);
  }

  /** A model plays candidates, `made` of them from 0 to 1; `says`, what there is to say besides. */
  follow({ model, made, candidates, says }) {
    this.progress.value = made;
    const { name } = this.models.of(model);
    this.made.textContent = `${Math.floor(100 * made)} %`;
    const doing = [name, made < 1 ? "makes" : "weighs", candidates, "attempts …"]; // how many is said with the first
    this.show("follow", says || doing.filter(Boolean).join(" "), "");
  }

  /** Let one choose among the takes, of which one is `shown`. */
  choose({ model, takes, shown, candidates }) {
    this.shown = shown;
    setUsable(this.previous, shown > 0);
    setUsable(this.next, shown < takes.length - 1);
    const text = `${this.models.of(model).name}, take ${shown + 1} of ${takes.length}: ${counted(takes[shown].length, "note")}`;
    const how = `${takes.length} of ${candidates} attempts, drawn at random; the better they lead on, the likelier.`;
    this.show("choose", text, how);
  }

  show(what, status, hint) {
    const focused = this.element.contains(document.activeElement);
    this.element.hidden = false;
    for (const part of this.all) part.hidden = !this.parts[what].includes(part);
    if (this.status.textContent !== status) this.status.textContent = status;
    if (this.hint.textContent !== hint) this.hint.textContent = hint;
    // The button that was pressed may be gone: who goes on by keyboard does so from those in its place.
    if (focused && document.activeElement.closest("[hidden]")) this.element.querySelector(REACHABLE)?.focus();
  }
}
