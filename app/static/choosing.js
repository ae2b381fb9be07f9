// What is kept of takes teaches: each Keep is a choice, stored in this browser unless that is switched off.

import { Choices } from "./io/choices.js";
import { saveChoices } from "./io/save.js";
import { choiceOf } from "./music/choice.js";
import { ChoicesLine } from "./view/choices.js";

const NO_ROOM = "There is no room for more choices in this browser: save them as a file, then let it forget them.";

const SAME = 20; // ms by which a section may miss what it follows

/** Whether a section begins where its take does, or where one before it ends. */
const followsOn = (take) => ({ from, length }, _, sections) => {
  const { since = from.until - length } = from; // pieces of earlier versions do not say it
  const before = sections.filter((other) => other.from.take === from.take).map((other) => other.from.until);
  return [take.length, ...before].some((end) => Math.abs(since - end) <= SAME);
};

export class Choosing {
  /** `say` tells something in a sentence. */
  constructor(models, say) {
    this.models = models;
    this.choices = new Choices();
    this.line = new ChoicesLine({
      switch: (on) => {
        this.choices.on = on;
        this.show();
      },
      save: () => {
        saveChoices(this.choices);
        const played = this.models.players.find(({ weights }) => weights === this.choices.all.at(-1).model);
        say(`choices.jsonl is saved. To teach from it: musictx tune ${played?.key ?? "MODEL"} choices.jsonl --output runs/tuned`);
      },
      clear: () => {
        this.choices.clear();
        this.show();
      },
    });
    this.show();
  }

  /** Store what of a take is in `sections` of the piece, and what is not. Returns a sentence if there is no room. */
  store(take, sections) {
    if (!this.choices.on || !take?.model) return "";
    const kept = new Map();
    for (const { from } of sections) kept.set(from.take, Math.max(kept.get(from.take) ?? 0, from.until / 1000));
    // Of a take whose beginning was left out nobody knows whether it is liked.
    const choice = sections.every(followsOn(take)) ? choiceOf(take, kept, this.models.of(take.model).weights) : null;
    const stored = this.choices.put(take.run, choice);
    this.show();
    return stored ? "" : NO_ROOM;
  }

  /** Nothing of a run is kept any more. */
  forget(run) {
    if (this.choices.on) this.choices.put(run, null);
    this.show();
  }

  show() {
    this.line.show(this.choices.on, this.choices.all.length);
  }
}
