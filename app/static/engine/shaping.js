// Denser or calmer, higher or lower, louder or softer than the primer, and steady: musictx.sampling.shaping.

import {
  BEYOND,
  BY,
  DEFAULT_VELOCITY_LEVEL,
  DENSE,
  HELD,
  KINDS,
  LONG_HELD,
  NOTE,
  NOTE_OFF,
  OPEN,
  PAD,
  PRIMER_NOTES,
  RECENT_NOTES,
  RECENT_SECONDS,
  RELEASE_TILT,
  SHORTEST,
  SPARSEST,
  STEADY,
  STEADY_TILT,
  STEPS_PER_SECOND,
  STEP_SECONDS,
  TILT,
  TIME_SHIFT,
  USUAL,
  VELOCITY,
  WISHES,
} from "../music/constants.js";
import { tokensToTable } from "./events.js";

const isNote = (token) => token < NOTE_OFF;
const isRelease = (token) => token >= NOTE_OFF && token < TIME_SHIFT;
const isVelocity = (token) => token >= VELOCITY && token < PAD;
const isTime = (token) => token >= TIME_SHIFT && token < VELOCITY;

/** What a token counts for: density, pitch and loudness. */
const UNITS = [
  (token) => {
    if (isTime(token)) return -Math.log2(Math.max((token - TIME_SHIFT + 1) / SHORTEST, 1));
    return isNote(token) || isVelocity(token) ? NOTE : 0;
  },
  (token) => (isNote(token) ? token : 0),
  (token) => (isVelocity(token) ? token - VELOCITY : 0),
];

/** The logarithm of the sum of the exponentials. */
function logSum(scores) {
  const most = Math.max(...scores);
  return most + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0));
}

/** The most notes within a second; at least DENSE, and OPEN where there are none. */
function densest(onsets) {
  let most = onsets.length ? DENSE : OPEN;
  for (let first = 0, next = 0; first < onsets.length; first += 1) {
    while (onsets[next] < onsets[first] + STEPS_PER_SECOND) next += 1;
    most = Math.max(most, next - first);
  }
  return most;
}

/** How far a figure is beyond what it was at most, from BEYOND on and to a bound. */
const over = (now, most) => Math.min(Math.max(Math.log2(now / most) - BEYOND, 0), 1);

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Wishes at work on one continuation. */
export class Shaping {
  /** `shape` has the wishes, with commas between them. */
  constructor(shape, primer) {
    const names = shape.split(",").map((name) => name.trim());
    this.signs = WISHES.map(([more, less]) => Number(names.includes(more)) - Number(names.includes(less)));
    this.steady = Number(names.includes(STEADY));
    const { events, end } = tokensToTable(primer);
    const notes = events.filter(({ isOn }) => isOn);
    this.densest = densest(notes.map(({ step }) => step));
    const last = notes.slice(-PRIMER_NOTES);
    const seconds = last.length && Math.max((end - last[0].step) * STEP_SECONDS, 1);
    const figures = [Math.log2(last.length / seconds), mean(last.map((n) => n.pitch)), mean(last.map((n) => n.level))];
    this.start = last.length ? figures : USUAL;
    this.level = last.at(-1)?.level ?? DEFAULT_VELOCITY_LEVEL;
    this.rate = 2 ** this.start[0];
    this.second = this.rate; // the same of the last second alone
    this.pitch = this.start[1];
    this.loudness = this.start[2];
    this.clock = 0; // steps
    this.struck = new Map(); // when each key that is held was struck
    this.mostHeld = HELD;
    for (const token of primer) {
      this.hold(token);
      this.mostHeld = Math.max(this.mostHeld, this.struck.size);
    }
  }

  /** Which keys are held, and since when. */
  hold(token) {
    if (isNote(token)) this.struck.set(token, this.clock);
    else if (isRelease(token)) this.struck.delete(token - NOTE_OFF);
    else if (isTime(token)) this.clock += token - TIME_SHIFT + 1;
  }

  /** Take the next token. */
  advance(token) {
    this.hold(token);
    if (isNote(token)) {
      this.rate += 1 / RECENT_SECONDS;
      this.second += 1;
      this.pitch += (token - this.pitch) / RECENT_NOTES;
      this.loudness += (this.level - this.loudness) / RECENT_NOTES;
    } else if (isTime(token)) {
      const seconds = (token - TIME_SHIFT + 1) * STEP_SECONDS;
      this.rate *= Math.exp(-seconds / RECENT_SECONDS);
      this.second *= Math.exp(-seconds);
    } else if (isVelocity(token)) {
      this.level = token - VELOCITY;
    }
  }

  /** Tilt logits in place; `allowed` are the tokens that may come. */
  shape(logits, allowed) {
    const now = [Math.log2(Math.max(this.rate, SPARSEST)), this.pitch, this.loudness];
    const away = this.steady * STEADY_TILT * over(this.second, this.densest);
    let result = Float64Array.from(logits, (logit, token) => logit - away * UNITS[0](token));
    const release = this.steady * RELEASE_TILT * over(this.struck.size, this.mostHeld);
    for (const [key, since] of this.struck) {
      result[NOTE_OFF + key] += release * Math.min((this.clock - since) / LONG_HELD, 1);
    }
    this.signs.forEach((sign, figure) => {
      const gone = ((now[figure] - this.start[figure]) * sign) / BY[figure];
      const tilt = sign * TILT[figure][Number(sign < 0)] * Math.min(Math.max(2 - 2 * gone, 0), 1);
      const tilted = result.map((logit, token) => logit + tilt * UNITS[figure](token));
      const [first, end] = figure ? KINDS[figure - 1] : [0, 0];
      const kind = allowed.filter((token) => token >= first && token < end);
      if (kind.length) {
        const lost = logSum(kind.map((token) => result[token])) - logSum(kind.map((token) => tilted[token]));
        for (const token of kind) tilted[token] += lost; // as likely as a whole
      }
      result = tilted;
    });
    logits.set(result);
  }
}
