// Play, time line, volume, and the switches above the lanes.

import { clock, themeWords } from "../music/sentences.js";
import { h, setUsable } from "./dom.js";
import { icon } from "./icons.js";

/** What is said while the clock waits, by what it waits for; and while a selection loops. */
export const WAITS = {
  loop: "This selection loops. Choose another by its times, or by a Shift-drag over a roll.",
  models: "The models are still composing; playback waits a moment for them.",
  turn: "All lanes at once are too slow now. The one that you hear comes first; playback waits a moment for it.",
  piano: "The piano’s sounds are still loading; playback waits for them.",
  "lost piano":
    "The piano’s sounds cannot be loaded, so nothing can be heard. The page keeps trying until the server answers.",
};

function button(testid, symbol, label, onclick, text) {
  const attributes = { type: "button", "data-testid": testid, title: label, onclick };
  if (text) return h("button", attributes, icon(symbol), text);
  return h("button", { ...attributes, class: "icon", "aria-label": label }, icon(symbol));
}

function range(attributes) {
  return h("input", { type: "range", min: "0", ...attributes });
}

/**
 * `on` has toggle(), seek(s), volume(v), zoom(factor), loop(), inside(), view(name), blind(on, real), undo(), share(),
 * save() and take(index).
 */
export class TransportBar {
  constructor(element, on) {
    this.on = on;
    this.playButton = h("button", {
      type: "button",
      class: "icon round",
      "data-testid": "play",
      onclick: () => on.toggle(),
    });
    this.time = h("span", { class: "time", "data-testid": "time" });
    this.line = range({
      max: "1",
      step: "0.1",
      value: "0",
      class: "line-of-time",
      "data-testid": "position",
      "aria-label": "Position in the music",
      oninput: () => {
        this.line.setAttribute("aria-valuetext", this.spoken(Number(this.line.value), Number(this.line.max)));
        on.seek(Number(this.line.value));
      },
    });
    this.volume = range({
      max: "1",
      step: "0.01",
      class: "volume",
      "aria-label": "Volume",
      "data-testid": "volume",
      oninput: () => on.volume(Number(this.volume.value)),
    });
    const view = (name, label) => button(`view-${name}`, name, label, () => on.view(name));
    this.views = { rows: view("rows", "Lanes in rows"), columns: view("columns", "Lanes in columns") };
    this.nearer = button("zoom-in", "nearer", "Zoom in", () => on.zoom(1 / 2));
    this.farther = button("zoom-out", "farther", "Zoom out", () => on.zoom(2));
    const loop = "Loop a selection; Shift-drag over a roll to choose it";
    this.loopButton = button("loop", "loop", loop, () => on.loop(), "Loop");
    this.blindButton = button(
      "blind",
      "blind",
      "Hide the names, listen, vote, then see who played what",
      () => on.blind(this.blindButton.getAttribute("aria-pressed") !== "true"),
      "Blind test",
    );
    const inside = "What each model attended to, and what surprised it";
    this.insideButton = button("inside", "inside", inside, () => on.inside(), "Look inside");
    this.realButton = button(
      "real",
      "real",
      "Add a lane with how the piece really goes on",
      () => on.blind(true, this.realButton.getAttribute("aria-pressed") !== "true"),
      "Include the original",
    );
    const switches = [this.loopButton, this.insideButton, this.blindButton, this.realButton];
    for (const each of switches) each.setAttribute("aria-pressed", "false");
    this.undoButton = button("undo", "undo", "Undo the last step", () => on.undo(), "Undo");
    this.shareButton = button("share", "link", "A link that plays the same music again", () => on.share(), "Copy link");
    const all = "Save all lanes, as MIDI and as sound, in a ZIP file";
    this.saveButton = button("save-all", "save", all, () => on.save());
    this.takes = h("div", { class: "takes", role: "group", "aria-label": "Takes", hidden: true });
    const group = (label, ...buttons) =>
      h("div", { class: `pair ${label.toLowerCase()}`, role: "group", "aria-label": label }, ...buttons);
    element.append(
      h(
        "div",
        { class: "player" },
        this.playButton,
        this.time,
        this.line,
        h("label", { class: "volume-field", title: "Volume" }, icon("sound"), this.volume),
      ),
      h(
        "div",
        { class: "switches" },
        this.takes,
        group("Zoom", this.farther, this.nearer),
        group("Arrangement", ...Object.values(this.views)),
        this.loopButton,
        this.insideButton,
        this.blindButton,
        this.realButton,
        this.undoButton,
        this.shareButton,
        this.saveButton,
      ),
    );
  }

  showView(view) {
    for (const [name, each] of Object.entries(this.views)) each.setAttribute("aria-pressed", name === view);
  }

  showBlind({ on, real, goesOn }) {
    this.blindButton.setAttribute("aria-pressed", on);
    this.realButton.setAttribute("aria-pressed", real);
    this.realButton.hidden = !(on && goesOn);
    this.shareButton.lastChild.textContent = on ? "Copy blind link" : "Copy link";
  }

  showInside(open) {
    this.insideButton.setAttribute("aria-pressed", open);
    this.insideButton.setAttribute("aria-expanded", open);
  }

  showLoop(loop) {
    this.loopButton.setAttribute("aria-pressed", Boolean(loop));
    this.loopButton.lastChild.textContent = loop ? `${clock(loop.from)}–${clock(loop.to)}` : "Loop";
  }

  /** With one model there is nothing to choose between. */
  showLanes(count) {
    this.blindButton.hidden = count < 2;
  }

  /** Whether there is a step to take back, and whether there is music to loop and to save. */
  showUsable(undo, lanes, save) {
    setUsable(this.undoButton, undo);
    setUsable(this.loopButton, lanes);
    setUsable(this.saveButton, save);
  }

  /** Numbered buttons for the takes made so far. They stay the same ones, so that the focus stays where it is. */
  showTakes(takes, current) {
    this.takes.hidden = takes.length < 2 && (!takes.length || takes[0] === current);
    const buttons = this.takes.children;
    while (buttons.length > takes.length) this.takes.lastChild.remove();
    while (buttons.length < takes.length) this.takes.append(this.takeButton(buttons.length));
    const several = new Set(takes.map(({ source }) => source.title)).size > 1;
    takes.forEach((take, index) => {
      const { title } = take.source;
      const begins = several && title !== takes[index - 1]?.source.title; // takes of one primer stand behind its name
      if (begins) buttons[index].dataset.primer = title.split(/[,(]/)[0].trim();
      else delete buttons[index].dataset.primer;
      buttons[index].title = `${title}: seed ${take.settings.seed}, ${themeWords(take.settings)}`;
      buttons[index].setAttribute("aria-pressed", take === current);
      const filled = take.filled.length ? ", filled in" : "";
      buttons[index].setAttribute("aria-label", `Take ${index + 1}, seed ${take.settings.seed}${filled}`);
    });
  }

  takeButton(index) {
    return h(
      "button",
      { type: "button", "data-testid": `take-${index + 1}`, onclick: () => this.on.take(index) },
      String(index + 1),
    );
  }

  spoken(position, end) {
    return `${clock(position)} of ${clock(end)}`;
  }

  /** `position` and `end` in seconds; `state` as in Transport; `primer`: it is the primer alone that sounds. */
  show(position, end, state, usable, primer) {
    const text = `${clock(Math.min(position, end))} / ${clock(end)}`;
    if (this.time.textContent !== text) this.time.textContent = text;
    if (document.activeElement !== this.line || state === "playing") {
      // Only what has changed: every assignment is a layout, and this is called for every frame.
      const most = Math.max(0.1, end).toFixed(1);
      if (this.line.max !== most) this.line.max = most;
      if (Math.abs(this.line.valueAsNumber - position) >= 0.1) this.line.value = position;
    }
    const spoken = this.spoken(position, end);
    const quiet = document.activeElement === this.line && state === "playing"; // or a screen reader says every second
    if (!quiet && this.line.getAttribute("aria-valuetext") !== spoken) this.line.setAttribute("aria-valuetext", spoken);
    if (this.shown === `${state}${usable}${primer}`) return;
    this.shown = `${state}${usable}${primer}`;
    this.playButton.replaceChildren(icon(state === "stopped" ? "play" : "pause"));
    this.playButton.setAttribute("aria-label", state === "stopped" ? "Play" : primer ? "Stop the primer" : "Pause");
    this.playButton.dataset.state = state;
    this.playButton.disabled = !usable;
    this.line.disabled = !usable;
  }
}
