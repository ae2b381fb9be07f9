// Music that keeps to what its primer does: musictx.sampling.steady.

import {
  DENSE,
  DENSEST,
  DENSE_FROM,
  HELD,
  LONG,
  LONGER,
  LONG_HELD,
  LOOSE,
  MAJOR,
  MAX_NOTE_STEPS,
  MAX_REST_STEPS,
  NOTE,
  NOTE_OFF,
  NOTE_ON,
  NOTE_TILT,
  OPEN,
  PATTERN_FROM,
  PATTERN_FULL,
  PATTERN_LEAST,
  PATTERN_MOST,
  PATTERN_TILT,
  RELEASE_TILT,
  REST,
  SCALE_EQUAL,
  SCALE_HIGH,
  SCALE_LOW,
  SCALE_TILT,
  SHORTEST,
  STEPS_PER_SECOND,
  STEP_SECONDS,
  STRICT,
  STRICT_TEMPERATURE,
  TIME_SHIFT,
} from "../music/constants.js";
import { isNote, isRelease, isTime, isVelocity, tokensToTable } from "./events.js";
import { Ostinato } from "./ostinato.js";

/** What a token counts for. */
export function density(token) {
  if (isTime(token)) return -Math.log2(Math.max((token - TIME_SHIFT + 1) / SHORTEST, 1));
  return isNote(token) || isVelocity(token) ? NOTE : 0;
}

/** Make the scores of `kind` as likely as a whole as those before, in place. */
export function keepLikely(scores, before, kind) {
  if (!kind.length) return;
  const lost = logSum(kind.map((token) => before[token])) - logSum(kind.map((token) => scores[token]));
  for (const token of kind) scores[token] += lost;
}

/** The logarithm of the sum of the exponentials. */
function logSum(scores) {
  const most = Math.max(...scores);
  return most + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0));
}

/** A share of 0 to 1 stays; others become the nearer end. */
export const within = (share) => Math.min(Math.max(share, 0), 1);

/** How far a value is on its way from `begin` (0) to `full` (1). */
export const rise = (value, begin, full) => within((value - begin) / (full - begin));

/** The most notes within a second, from DENSE to DENSEST; OPEN where there are none. */
function densest(onsets) {
  let most = onsets.length ? DENSE : OPEN;
  for (let first = 0, next = 0; first < onsets.length; first += 1) {
    while (onsets[next] < onsets[first] + STEPS_PER_SECOND) next += 1;
    most = Math.max(most, next - first);
  }
  return Math.min(most, DENSEST);
}

/** The longest time in which no note is struck, up to `end`. */
const longestRest = (onsets, end) =>
  [...onsets, end].reduce((most, step, k) => Math.max(most, step - (onsets[k - 1] ?? 0)), 0);

/** How often two gaps between notes are equal that are struck at these steps. */
function equalGaps(onsets) {
  const count = new Map();
  onsets.slice(1).forEach((step, k) => {
    const gap = step - onsets[k];
    if (gap) count.set(gap, (count.get(gap) ?? 0) + 1);
  });
  const gaps = [...count.values()];
  const pairs = (n) => n * (n - 1);
  return gaps.reduce((sum, n) => sum + pairs(n), 0) / Math.max(pairs(gaps.reduce((sum, n) => sum + n, 0)), 1);
}

const SCALES = Array.from({ length: 12 }, (_, first) => new Set(MAJOR.map((above) => (first + above) % 12)));

/** How much of these notes is in one major scale, and which pitch classes are outside it. */
function scaleOf(pitches) {
  const held = (scale) => pitches.filter((pitch) => scale.has(pitch % 12)).length;
  const kept = SCALES.map((scale) => held(scale) / Math.max(pitches.length, 1));
  const most = Math.max(...kept);
  const may = SCALES.filter((_, k) => kept[k] >= most - SCALE_EQUAL);
  const outside = SCALES.map((_, pitchClass) => !may.some((scale) => scale.has(pitchClass)));
  return { kept: most, outside };
}

/** How far a figure is beyond what it was at most (log2). */
const beyond = (now, most) => Math.log2(Math.max(now, 1) / most);

/** One continuation that keeps to what its primer does. */
export class Steady {
  constructor(primer) {
    this.clock = 0; // steps
    this.second = 0; // notes of the last second
    this.struck = new Map(); // when each key that is held was struck
    this.ostinato = new Ostinato();
    this.mostHeld = HELD;
    this.mostAgain = PATTERN_LEAST;
    let longest = 0;
    for (const token of primer) {
      this.advance(token);
      this.mostHeld = Math.max(this.mostHeld, this.struck.size);
      longest = Math.max(longest, this.clock - Math.min(this.clock, ...this.struck.values()));
      this.mostAgain = Math.min(Math.max(this.mostAgain, this.ostinato.share), PATTERN_MOST);
    }
    this.maxNote = Math.min(Math.max(Math.trunc(LONGER * longest), LONG), MAX_NOTE_STEPS);
    const notes = tokensToTable(primer).events.filter(({ isOn }) => isOn);
    const onsets = notes.map(({ step }) => step);
    const rest = longestRest(onsets, this.clock);
    this.maxRest = Math.min(Math.max(Math.trunc(LONGER * rest), REST), MAX_REST_STEPS);
    this.densest = densest(onsets);
    this.strict = rise(equalGaps(onsets), LOOSE, STRICT);
    const { kept, outside } = scaleOf(notes.map(({ pitch }) => pitch));
    this.outside = outside; // pitch classes
    this.inScale = this.strict * rise(kept, SCALE_LOW, SCALE_HIGH);
  }

  /** Take the next token. */
  advance(token) {
    if (isNote(token)) {
      this.struck.set(token, this.clock);
      this.ostinato.strike(token, this.clock);
      this.second += 1;
    } else if (isRelease(token)) {
      this.struck.delete(token - NOTE_OFF);
    } else if (isTime(token)) {
      const steps = token - TIME_SHIFT + 1;
      this.clock += steps;
      this.second *= Math.exp(-steps * STEP_SECONDS);
    }
  }

  /** Logits with the tilt; `allowed` are the tokens that may come. */
  steered(logits, allowed) {
    const away = NOTE_TILT * within(beyond(this.second, this.densest) - DENSE_FROM);
    const result = Float64Array.from(logits, (logit, token) => logit - away * density(token));
    const many = within(beyond(this.struck.size, this.mostHeld));
    for (const [key, since] of this.struck) {
      result[NOTE_OFF + key] += RELEASE_TILT * many * Math.min((this.clock - since) / LONG_HELD, 1);
    }
    const more = this.ostinato.share - this.mostAgain;
    const again = rise(more, PATTERN_FROM, PATTERN_FULL);
    if (again) {
      for (const key of this.ostinato.due(this.clock)) result[NOTE_ON + key] -= PATTERN_TILT * again;
    }
    for (let key = 0; key < NOTE_OFF - NOTE_ON; key += 1) {
      if (this.outside[key % 12]) result[NOTE_ON + key] -= SCALE_TILT * this.inScale;
    }
    if (this.strict) {
      const [before, times] = [result.slice(), allowed.filter(isTime)];
      const temperature = 1 - this.strict * (1 - STRICT_TEMPERATURE);
      for (const token of times) result[token] /= temperature;
      keepLikely(result, before, times);
    }
    return result;
  }
}
