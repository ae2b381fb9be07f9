// Denser or calmer, higher or lower, louder or softer than the primer: musictx.sampling.shaping.

import {
  ABOVE,
  BACK_TILT,
  BELOW,
  BY,
  DEFAULT_VELOCITY_LEVEL,
  KINDS,
  MAX_NOTE_STEPS,
  MAX_REST_STEPS,
  PRIMER_NOTES,
  RECENT_NOTES,
  RECENT_SECONDS,
  SPARSEST,
  STEADY,
  STEP_SECONDS,
  TILT,
  TIME_SHIFT,
  USUAL,
  VELOCITY,
  WISHES,
} from "../music/constants.js";
import { isNote, isTime, isVelocity, tokensToTable } from "./events.js";
import { density, keepLikely, rise, Steady, within } from "./steady.js";

/** What a token counts for: density, pitch and loudness. */
const UNITS = [
  density,
  (token) => (isNote(token) ? token : 0),
  (token) => (isVelocity(token) ? token - VELOCITY : 0),
];

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean of the last notes, at first and after each. */
function runningMean(values) {
  const result = values.length ? [mean(values.slice(0, RECENT_NOTES))] : [];
  for (const value of values) result.push(result.at(-1) + (value - result.at(-1)) / RECENT_NOTES);
  return result;
}

/** Notes a second (log2) of the last seconds, before and after each of the notes and at the end. */
function rates(onsets, end, first) {
  const result = [];
  let rate = first;
  onsets.forEach((step, k) => {
    rate += 1 / RECENT_SECONDS;
    result.push(Math.log2(rate));
    rate *= Math.exp((-((onsets[k + 1] ?? end) - step) * STEP_SECONDS) / RECENT_SECONDS);
    result.push(Math.log2(Math.max(rate, SPARSEST)));
  });
  return result;
}

/** Wishes at work on one continuation. */
export class Shaping {
  /** `shape` has the wishes, with commas between them. */
  constructor(shape, primer) {
    const names = shape.split(",").map((name) => name.trim());
    this.signs = WISHES.map(([more, less]) => Number(names.includes(more)) - Number(names.includes(less)));
    this.steady = names.includes(STEADY) ? new Steady(primer) : null;
    this.maxNote = this.steady?.maxNote ?? MAX_NOTE_STEPS; // for the grammar
    this.maxRest = this.steady?.maxRest ?? MAX_REST_STEPS;
    const { events, end } = tokensToTable(primer);
    const notes = events.filter(({ isOn }) => isOn);
    const last = notes.slice(-PRIMER_NOTES);
    const seconds = last.length && Math.max((end - last[0].step) * STEP_SECONDS, 1);
    const figures = [Math.log2(last.length / seconds), mean(last.map((n) => n.pitch)), mean(last.map((n) => n.level))];
    this.start = last.length ? figures : USUAL;
    this.level = last.at(-1)?.level ?? DEFAULT_VELOCITY_LEVEL;
    this.rate = 2 ** this.start[0];
    this.pitch = this.start[1];
    this.loudness = this.start[2];
    const means = [notes.map((n) => n.pitch), notes.map((n) => n.level)].map(runningMean);
    const every = [rates(notes.map((n) => n.step), end, this.rate), ...means];
    const furthest = (choose) =>
      every.map((values, figure) => values.reduce((far, value) => choose(far, value), USUAL[figure]));
    this.least = furthest(Math.min);
    this.most = furthest(Math.max);
  }

  /** Density (log2 of notes a second), pitch and level of the last seconds and notes. */
  get figures() {
    return [Math.log2(Math.max(this.rate, SPARSEST)), this.pitch, this.loudness];
  }

  /** Take the next token. */
  advance(token) {
    this.steady?.advance(token);
    if (isNote(token)) {
      this.rate += 1 / RECENT_SECONDS;
      this.pitch += (token - this.pitch) / RECENT_NOTES;
      this.loudness += (this.level - this.loudness) / RECENT_NOTES;
    } else if (isTime(token)) {
      const seconds = (token - TIME_SHIFT + 1) * STEP_SECONDS;
      this.rate *= Math.exp(-seconds / RECENT_SECONDS);
    } else if (isVelocity(token)) {
      this.level = token - VELOCITY;
    }
  }

  /** Tilt logits in place; `allowed` are the tokens that may come. */
  shape(logits, allowed) {
    let result = this.steady?.steered(logits, allowed) ?? Float64Array.from(logits);
    this.figures.forEach((now, figure) => {
      const tilt = this.#tilt(figure, now);
      if (!tilt) return;
      const tilted = result.map((logit, token) => logit + tilt * UNITS[figure](token));
      const [first, end] = figure ? KINDS[figure - 1] : [0, 0];
      keepLikely(tilted, result, allowed.filter((token) => token >= first && token < end));
      result = tilted;
    });
    logits.set(result);
  }

  /** Nats for one unit more of a figure. */
  #tilt(figure, now) {
    const sign = this.signs[figure];
    if (sign) {
      const gone = ((now - this.start[figure]) * sign) / BY[figure];
      return sign * TILT[figure][Number(sign < 0)] * within(2 - 2 * gone);
    }
    return this.steady ? -BACK_TILT[figure] * this.#beyond(figure, now) : 0;
  }

  /** How far a figure is below the primer's least (to -1) or above its most (to 1). */
  #beyond(figure, now) {
    const [above, below] = [ABOVE[figure], BELOW[figure]];
    return rise(now - this.most[figure], above[0], above[1]) - rise(this.least[figure] - now, below[0], below[1]);
  }
}
