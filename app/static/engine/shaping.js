// Denser or calmer, higher or lower, louder or softer than the primer: musictx.sampling.shaping.

import {
  BY,
  DEFAULT_VELOCITY_LEVEL,
  KINDS,
  MAX_NOTE_STEPS,
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
import { density, keepLikely, Steady } from "./steady.js";

/** What a token counts for: density, pitch and loudness. */
const UNITS = [
  density,
  (token) => (isNote(token) ? token : 0),
  (token) => (isVelocity(token) ? token - VELOCITY : 0),
];

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Wishes at work on one continuation. */
export class Shaping {
  /** `shape` has the wishes, with commas between them. */
  constructor(shape, primer) {
    const names = shape.split(",").map((name) => name.trim());
    this.signs = WISHES.map(([more, less]) => Number(names.includes(more)) - Number(names.includes(less)));
    this.steady = names.includes(STEADY) ? new Steady(primer) : null;
    this.maxNote = this.steady?.maxNote ?? MAX_NOTE_STEPS; // for the grammar
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
    const now = [Math.log2(Math.max(this.rate, SPARSEST)), this.pitch, this.loudness];
    let result = this.steady?.steered(logits, allowed) ?? Float64Array.from(logits);
    this.signs.forEach((sign, figure) => {
      const gone = ((now[figure] - this.start[figure]) * sign) / BY[figure];
      const tilt = sign * TILT[figure][Number(sign < 0)] * Math.min(Math.max(2 - 2 * gone, 0), 1);
      const tilted = result.map((logit, token) => logit + tilt * UNITS[figure](token));
      const [first, end] = figure ? KINDS[figure - 1] : [0, 0];
      keepLikely(tilted, result, allowed.filter((token) => token >= first && token < end));
      result = tilted;
    });
    logits.set(result);
  }
}
