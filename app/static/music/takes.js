// What has been made so far: takes, each with a score for every model, and the steps back to earlier ones.

import { unheard } from "./hearing.js";
import { REAL } from "./models.js";

const MAX_TAKES = 9;
const MAX_STEPS = 30;
const SEEDS = 2 ** 31;
const MORE_SEED = 7919; // a lane that goes on draws from another seed than the one it began with

/** The seed so many after another. */
export function nextSeed(seed, steps) {
  return (seed + steps) % SEEDS;
}

/** A name for what is asked of the models. */
export function newRun() {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (word) => word.toString(36)).join("");
}

/**
 * A new take: the cut primer, how it is continued, and for each lane a score, a state and what was said about it. The
 * lanes are models, or several takes of one `model`.
 */
export function newTake(lanes, primer, settings) {
  const { model } = lanes[0];
  const take = {
    ...primer.cut(),
    model,
    seeds: Object.fromEntries(lanes.map(({ key }, k) => [key, model ? nextSeed(settings.seed, k) : settings.seed])),
    expected: primer.expected(lanes),
    source: primer.source,
    selection: { ...primer.selection },
    settings,
    run: newRun(),
    parts: {},
    more: {}, // by model, for each part after the first from where it goes on (s), or null: from the end
    filled: [], // {model, from, to, seed} of each selection that was filled in
    states: {},
    errors: {},
    messages: {},
    scores: new Map(),
    heard: unheard(),
  };
  const score = primer.score();
  for (const { key } of lanes) take.scores.set(key, Object.assign(score.clone(), { complete: false, known: 0 }));
  const real = !model && primer.goesOn(settings.seconds);
  if (real) {
    take.scores.set(REAL, real);
    take.states[REAL] = "done";
  }
  return take;
}

/** Whether a model has played something. */
export function hasMusic(take) {
  return [...take.scores].some(([model, score]) => model !== REAL && score.continuationCount);
}

/**
 * What a lane's part is asked for; the first part continues the primer, later ones what is there, or what is there
 * until `from` (s).
 */
export function nextPart(take, model, from = null) {
  const part = (take.parts[model] ?? -1) + 1;
  take.parts[model] = part;
  const { begins, metre, model: player } = take;
  // A part that was taken back and asked for again has another name: the server may have stopped the first one.
  const run = `${take.run}.${part}.${newRun().slice(0, 8)}`;
  const common = { run, primer_length: take.length, begins, metre, model: player };
  const own = take.seeds[model];
  const settings = { ...take.settings, seed: part ? nextSeed(own, MORE_SEED * part) : own };
  if (part === 0) return { ...common, notes: take.notes, pedals: take.pedals, length: take.length, settings };
  const score = take.scores.get(model);
  // A part that was stopped ended where whoever follows a link would play on: say where.
  const start = take.messages[model]?.state === "done" ? from : (from ?? score.end);
  take.more[model] = [...(take.more[model] ?? []), start];
  const length = Math.ceil(100 * score.extend(from ?? undefined) - 1e-6) * 10;
  return { ...common, notes: score.rows(), pedals: [], length, settings };
}

/** Equal primers and settings give equal music. */
function contentOf({ notes, pedals, length, begins, settings, model }) {
  return JSON.stringify([notes, pedals, length, begins, settings, model]);
}

/** A take as it is now. What was heard of it is shared with the copy, for no step back can undo that. */
function copyOf(take) {
  const copy = { ...take };
  for (const key of ["parts", "more", "states", "errors", "messages"]) copy[key] = { ...take[key] };
  copy.scores = new Map([...take.scores].map(([model, score]) => [model, score.clone()]));
  return copy;
}

/** No more comes of a take. */
export function endOf({ scores, states }) {
  for (const [model, score] of scores) {
    score.finish();
    if (states[model] !== "error") states[model] = "done";
  }
}

/** A take that begins as another is now, and goes its own way. */
export function branchOf(take) {
  return { ...copyOf(take), run: newRun() };
}

/** The takes of this page and the steps that led to how it is now. */
export class History {
  constructor() {
    this.takes = [];
    this.steps = [];
    this.heard = new Map(); // by content, what was heard of it
  }

  /** A new take. Music that is made again is no less known for that. */
  add(take) {
    const content = contentOf(take);
    take.heard = this.heard.get(content) ?? take.heard;
    this.heard.set(content, take.heard);
    this.takes = [...this.takes, take].slice(-MAX_TAKES);
  }

  /** A take of the same primer with the same settings as another, or undefined. */
  find(take) {
    const content = contentOf(take);
    return this.takes.find((each) => contentOf(each) === content);
  }

  /** Remember how things stand: `now` is {source, selection, settings, take}. */
  step(now) {
    if (!now.source) return;
    this.steps.push({ ...now, selection: { ...now.selection }, copy: now.take && copyOf(now.take), takes: this.takes });
    if (this.steps.length > MAX_STEPS) this.steps.shift();
  }

  /** Take the last step back. The take in the answer is as it was then. */
  undo() {
    const step = this.steps.pop();
    if (!step) return null;
    const replaced = (take) => (take === step.take ? step.copy : take);
    this.takes = step.takes.map(replaced);
    for (const earlier of this.steps) {
      earlier.takes = earlier.takes.map(replaced);
      earlier.take = replaced(earlier.take);
    }
    if (step.copy) endOf(step.copy); // what was still being made when the step was taken has ended since
    return { ...step, take: step.copy };
  }
}
