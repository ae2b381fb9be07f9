// Play, time line, volume, and the switches above the lanes.

import { clock, h, icon, setUsable } from "./dom.js";

/** What is said while the clock waits, by what it waits for. */
export const WAITS = {
  models: "The models are still playing; the sound waits a moment for them.",
  piano: "The piano’s sounds are still on their way; the music waits for them.",
  "lost piano":
    "The piano’s sounds do not arrive, so nothing can be heard. They are asked for again until the server answers.",
};

/** `on` has toggle(), seek(s), volume(v), view(name), blind(on), undo(), share() and take(index). */
export class TransportBar {
  constructor(element, on) {
    this.playButton = h("button", {
      type: "button",
      class: "icon round",
      "data-testid": "play",
      onclick: () => on.toggle(),
    });
    this.time = h("output", { class: "time", "data-testid": "time" });
    this.line = h("input", {
      type: "range",
      min: "0",
      max: "1",
      step: "0.1",
      value: "0",
      class: "line-of-time",
      "data-testid": "position",
      "aria-label": "Position in the music",
      oninput: () => on.seek(Number(this.line.value)),
    });
    this.volume = h("input", {
      type: "range",
      min: "0",
      max: "1",
      step: "0.01",
      class: "volume",
      "aria-label": "Volume",
      "data-testid": "volume",
      oninput: () => on.volume(Number(this.volume.value)),
    });
    this.views = Object.fromEntries(
      [
        ["rows", "Lanes in rows"],
        ["columns", "Lanes in columns"],
      ].map(([view, label]) => [
        view,
        h(
          "button",
          {
            type: "button",
            class: "icon",
            "aria-label": label,
            title: label,
            "data-testid": `view-${view}`,
            onclick: () => on.view(view),
          },
          icon(view),
        ),
      ]),
    );
    this.blindButton = h(
      "button",
      {
        type: "button",
        "data-testid": "blind",
        "aria-pressed": "false",
        title: "Hide the names, listen, vote, then see",
        onclick: () => on.blind(this.blindButton.getAttribute("aria-pressed") !== "true"),
      },
      icon("blind"),
      "Blind test",
    );
    this.undoButton = h(
      "button",
      { type: "button", "data-testid": "undo", disabled: true, onclick: () => on.undo() },
      icon("undo"),
      "Undo",
    );
    this.shareButton = h(
      "button",
      { type: "button", "data-testid": "share", onclick: () => on.share() },
      icon("link"),
      "Copy link",
    );
    this.takes = h("div", { class: "takes", role: "group", "aria-label": "Takes", hidden: true });
    this.on = on;
    element.append(
      this.playButton,
      this.time,
      this.line,
      h("label", { class: "volume-field", title: "Volume" }, icon("sound"), this.volume),
      this.takes,
      h(
        "div",
        { class: "switches" },
        h("div", { class: "pair", role: "group", "aria-label": "Arrangement" }, ...Object.values(this.views)),
        this.blindButton,
        this.undoButton,
        this.shareButton,
      ),
    );
  }

  showView(view) {
    for (const [name, button] of Object.entries(this.views)) button.setAttribute("aria-pressed", name === view);
  }

  showBlind(blind) {
    this.blindButton.setAttribute("aria-pressed", blind);
  }

  showUndo(possible) {
    setUsable(this.undoButton, possible);
  }

  /** Numbered buttons for the takes made so far. They stay the same ones, so that the focus stays where it is. */
  showTakes(takes, current) {
    this.takes.hidden = takes.length < 2;
    const buttons = this.takes.children;
    while (buttons.length > takes.length) this.takes.lastChild.remove();
    while (buttons.length < takes.length) this.takes.append(this.takeButton(buttons.length));
    takes.forEach((take, index) => {
      buttons[index].setAttribute("aria-pressed", take === current);
      buttons[index].setAttribute("aria-label", `Take ${index + 1}, seed ${take.settings.seed}`);
    });
  }

  takeButton(index) {
    return h(
      "button",
      { type: "button", "data-testid": `take-${index + 1}`, onclick: () => this.on.take(index) },
      String(index + 1),
    );
  }

  /** `position` and `end` in seconds; `state` as in Transport; `primer`: it is the primer alone that sounds. */
  show(position, end, state, usable, primer) {
    const text = `${clock(position)} / ${clock(end)}`;
    if (this.time.value !== text) this.time.value = text;
    if (document.activeElement !== this.line || state === "playing") {
      // Only what has changed: every assignment is a layout, and this is called for every frame.
      const most = Math.max(0.1, end).toFixed(1);
      if (this.line.max !== most) this.line.max = most;
      if (Math.abs(this.line.valueAsNumber - position) >= 0.1) this.line.value = position;
    }
    const spoken = `${clock(position)} of ${clock(end)}`;
    if (this.line.getAttribute("aria-valuetext") !== spoken) this.line.setAttribute("aria-valuetext", spoken);
    if (this.shown === `${state}${usable}${primer}`) return;
    this.shown = `${state}${usable}${primer}`;
    this.playButton.replaceChildren(icon(state === "stopped" ? "play" : "pause"));
    this.playButton.setAttribute("aria-label", state === "stopped" ? "Play" : primer ? "Stop the primer" : "Pause");
    this.playButton.dataset.state = state;
    this.playButton.disabled = !usable;
    this.line.disabled = !usable;
  }
}
