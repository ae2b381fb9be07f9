// The form beside the primer: how to continue.

const NAMES = ["seconds", "temperature", "top_p", "top_k", "min_p", "seed"];

/** Whether a field holds a number in its range. Any will do: a step is how far the arrows go, unless it is 1. */
function isUsable({ valueAsNumber, min, max, step }) {
  const inRange = valueAsNumber >= Number(min) && valueAsNumber <= Number(max); // an empty field is in no range
  return inRange && (step !== "1" || Number.isInteger(valueAsNumber));
}

export class Settings {
  constructor(form, changed) {
    this.form = form;
    this.defaults = this.values;
    form.addEventListener("change", changed);
  }

  field(name) {
    return this.form.elements.namedItem(name);
  }

  /** What is sent to the models. */
  get values() {
    return Object.fromEntries(NAMES.map((name) => [name, Number(this.field(name).value)]));
  }

  get leadIn() {
    return Math.max(0, Number(this.field("lead_in").value) || 0);
  }

  get continuationOnly() {
    return this.field("continuation_only").checked;
  }

  /** A sentence about the first field that cannot be used, or null. */
  get fault() {
    for (const name of NAMES) {
      const field = this.field(name);
      if (isUsable(field)) continue;
      if (field.closest("details")) field.closest("details").open = true;
      const label = field.closest("label").firstChild.textContent.trim();
      return `${label} must be ${field.step === "1" ? "a whole number" : "a number"} from ${field.min} to ${field.max}.`;
    }
    return null;
  }

  set(values) {
    for (const name of NAMES) if (Number.isFinite(values?.[name])) this.field(name).value = values[name];
  }

  reset() {
    this.set({ ...this.defaults, seed: Number(this.field("seed").value) });
    this.field("lead_in").value = this.field("lead_in").defaultValue;
    this.field("continuation_only").checked = false;
  }

  newSeed() {
    this.field("seed").value = crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
  }

  nextSeed() {
    this.field("seed").value = (Number(this.field("seed").value) + 1) % 2_147_483_648;
  }
}
