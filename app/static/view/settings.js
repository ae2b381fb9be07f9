// The form beside the primer: how to continue.

import { SETTINGS, STEADY, WISHES } from "../music/constants.js";
import { nextSeed } from "../music/takes.js";
import { h, setUsable } from "./dom.js";

const NARROW = "(max-width: 860px)"; // as in narrow.css
const NAMES = ["seconds", ...SETTINGS.map(({ name }) => name), "seed"];

/** Whether a field holds a number in its range. Any will do: a step is how far the arrows go, unless it is 1. */
function isUsable({ valueAsNumber, min, max, step }) {
  const inRange = valueAsNumber >= Number(min) && valueAsNumber <= Number(max); // an empty field is in no range
  return inRange && (step !== "1" || Number.isInteger(valueAsNumber));
}

/** The field of a setting, and the sentence below it. */
function rowsOf({ name, label, value, min, max, step, remark }) {
  const [range, about] = [{ type: "number", min, max, step, value }, `about-${name}`];
  const field = h("input", { name, "data-testid": name.replace("_", "-"), ...range, "aria-describedby": about });
  return [h("label", { class: "field" }, `${label} `, field), h("p", { id: about }, remark)];
}

const FIGURES = ["density", "pitch", "volume"]; // of WISHES

/** The choice between more of a figure, less, and what the model plays by itself. */
function wishOf([more, less], k) {
  const options = [[more, more], ["", FIGURES[k]], [less, less]];
  const select = h(
    "select",
    { "data-testid": `shape-${FIGURES[k]}`, title: `${more} or ${less} than the primer`, "aria-label": FIGURES[k] },
    ...options.map(([value, text]) => h("option", { value }, text)),
  );
  select.value = "";
  return select;
}

export class Settings {
  constructor(form, models, changed) {
    this.form = form;
    this.models = models;
    form.querySelector("[data-settings]").replaceWith(...SETTINGS.flatMap(rowsOf));
    this.wishes = WISHES.map(wishOf);
    this.shaping = form.querySelector("#shaping");
    this.shaping.append(...this.wishes);
    this.placeFold();
    this.defaults = this.kept;
    this.suggested = [this.defaults.seconds, 0]; // a telling length for the primer, and its bars
    this.ownLength = false; // whether the visitor has chosen another
    this.secondsOf = null; // how long so many bars after the primer are (s), where there are bars
    form.addEventListener("change", (event) => {
      const { name } = event.target;
      if (name === "seconds" || name === "bars") this.ownLength = true;
      if (name === "seconds") this.setSeconds(event.target.valueAsNumber);
      if (name === "bars") this.measure();
      if (isUsable(event.target)) event.target.removeAttribute("aria-invalid");
      changed();
    });
  }

  /** On a small screen the fold stands beside the length, and holds what stands below that elsewhere. */
  placeFold() {
    const [fold, seed, bars] = ["#more-settings", "#new-seed", "#bars"].map((name) => this.form.querySelector(name));
    const [line, inside] = [fold.parentElement, fold.querySelector(".popover")];
    const narrow = matchMedia(NARROW);
    const place = () => {
      if (narrow.matches) {
        inside.prepend(bars, this.shaping);
        seed.before(fold);
      } else {
        line.before(bars, this.shaping);
        line.append(fold);
      }
    };
    narrow.addEventListener("change", place);
    place();
  }

  /** Bring the buttons up to date; `invited` says who plays on, if not all models do. */
  show(running, made, invited = null) {
    const find = (name) => this.form.querySelector(`[data-testid=${name}]`);
    const start = find("continue");
    start.setAttribute("aria-disabled", running);
    start.classList.toggle("busy", running);
    const { number, all } = this.models;
    const invitation = all.length > 1 ? `${number.toLowerCase()} models play on` : "the model plays on";
    start.lastChild.textContent = running ? "playing on …" : (invited ?? invitation);
    setUsable(find("stop"), running);
    setUsable(find("vary"), !running && made);
  }

  field(name) {
    return this.form.elements.namedItem(name);
  }

  /** What is sent to the models. */
  get values() {
    const numbers = NAMES.map((name) => [name, Number(this.field(name).value)]);
    const beat = this.secondsOf ? this.field("beat").value : "off";
    const steady = this.field(STEADY).checked ? STEADY : "";
    const wishes = [...this.wishes.map(({ value }) => value), steady].filter(Boolean);
    return { ...Object.fromEntries(numbers), beat, shape: this.shaping.hidden ? "" : wishes.join(",") };
  }

  /** What the visitor chose: a length in bars, too. */
  get chosen() {
    return { ...this.values, bars: Number(this.field("bars").value) };
  }

  /** What the page keeps of them across a reload: how one listens and saves, too. */
  get kept() {
    return { ...this.chosen, lead_in: this.leadIn, continuation_only: this.continuationOnly };
  }

  /** The primer lies on bars, of which `secondsOf` says how long so many after it are; or (null) on none. */
  useBars(secondsOf) {
    this.secondsOf = secondsOf;
    this.form.querySelector("#bars").hidden = !secondsOf;
    if (secondsOf) this.measure();
    else this.field("bars").value = "";
  }

  /** A length in bars, if one was chosen, as seconds; as many of them as fit. */
  measure() {
    const [bars, seconds] = [this.field("bars"), this.field("seconds")];
    let count = Math.min(Number(bars.max), Math.max(0, Math.round(Number(bars.value))));
    if (!count) return;
    while (count > 1 && this.secondsOf(count) > Number(seconds.max)) count -= 1;
    while (count < Number(bars.max) && this.secondsOf(count) < Number(seconds.min)) count += 1;
    this.setSeconds(this.secondsOf(count), count);
  }

  /** Bars need not last whole seconds. */
  setSeconds(seconds, bars = /** @type {number | string} */ ("")) {
    const field = this.field("seconds");
    field.step = bars || !Number.isInteger(seconds) ? "any" : 1;
    if (bars) field.value = Math.round(100 * Math.min(Number(field.max), Math.max(Number(field.min), seconds))) / 100;
    else if (Number.isFinite(seconds)) field.value = seconds;
    this.field("bars").value = bars;
  }

  get leadIn() {
    return Math.max(0, Number(this.field("lead_in").value) || 0);
  }

  get continuationOnly() {
    return this.field("continuation_only").checked;
  }

  /** A sentence about the first field that cannot be used, to which the focus goes; or null. */
  findFault() {
    for (const name of NAMES) {
      const field = this.field(name);
      field.setAttribute("aria-invalid", !isUsable(field));
      if (isUsable(field)) continue;
      if (field.closest("details")) field.closest("details").open = true;
      field.focus();
      const label = field.closest("label").firstChild.textContent.trim();
      const kind = field.step === "1" ? "a whole number" : "a number";
      return `${label} must be ${kind} from ${field.min} to ${field.max}.`;
    }
    return null;
  }

  /** Put in values; a length that comes with them stays, whatever the primer, if it is the visitor's `own`. */
  set(values, own = this.ownLength) {
    this.ownLength = own;
    for (const name of NAMES) {
      const field = this.field(name);
      if (!Number.isFinite(values?.[name])) continue;
      if (name === "seconds") this.setSeconds(values.seconds);
      else field.value = name === "theme" ? Math.min(values.theme, field.max) : values[name];
    }
    if (values?.bars) this.field("bars").value = values.bars;
    if (values?.beat) this.field("beat").value = values.beat;
    if (values?.lead_in != null) this.field("lead_in").value = values.lead_in;
    if (values?.continuation_only != null) this.field("continuation_only").checked = values.continuation_only;
    if (values?.shape == null) return;
    const named = values.shape.split(",");
    this.field(STEADY).checked = named.includes(STEADY);
    for (const [k, pair] of WISHES.entries()) this.wishes[k].value = pair.find((wish) => named.includes(wish)) ?? "";
  }

  /** How models play in this mode unless the visitor asks for something else. */
  useMode(composing) {
    this.usual = { shape: composing ? STEADY : "" };
    Object.assign(this.defaults, this.usual);
  }

  /** What is said of settings that this page cannot follow, as old links have them; empty if it can. */
  lack(values) {
    const can = !(values.theme > this.field("theme").max);
    return can ? "" : " It was made with more Theme than this page offers, so the music differs.";
  }

  /** Offer a length, or so many bars; it is taken unless the visitor has chosen one. */
  suggest(seconds, bars = 0) {
    this.suggested = [seconds, bars];
    if (this.ownLength) return;
    if (bars && this.secondsOf) this.setSeconds(this.secondsOf(bars), bars);
    else this.setSeconds(seconds);
  }

  reset() {
    this.ownLength = false;
    this.set({ ...this.defaults, seed: Number(this.field("seed").value) });
    this.suggest(...this.suggested);
  }

  newSeed() {
    this.field("seed").value = crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
  }

  nextSeed(steps = 1) {
    this.field("seed").value = nextSeed(Number(this.field("seed").value), steps);
  }
}
