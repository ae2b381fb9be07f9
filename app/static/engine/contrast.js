// What the whole context makes likelier than its last tokens alone would: musictx.sampling.contrast.

import { AGREED, GROWTH, HALF, MIN_PROBABILITY, STRIDES } from "../music/constants.js";
import { feed } from "./engine.js";

const NEVER = -1e9;

/** The contexts that settings contrast the whole one with. */
export async function shortContexts(engine, settings) {
  const found = [];
  for (const [name, stride] of Object.entries(STRIDES)) {
    if (!(settings[name] > 0)) continue;
    engine.twins[name] ??= await engine.twin();
    found.push(new ShortContext(engine.twins[name], stride, settings[name]));
  }
  return found;
}

/** A model that remembers the last tokens only. */
class ShortContext {
  /** @param engine an Engine with the model's file, for this alone */
  constructor(engine, stride, strength) {
    this.engine = engine;
    this.stride = stride;
    this.strength = strength;
    this.start = 0;
    engine.rewind(0);
  }

  /** Logits of what follows all these tokens. */
  after(tokens) {
    const { engine, stride } = this;
    const start = Math.max(0, (Math.floor(tokens.length / stride) - 1) * stride);
    if (start !== this.start) engine.rewind(0);
    this.start = start;
    const own = tokens.slice(start);
    for (let at = engine.tokens.length; at < own.length; at += engine.block) feed(engine, own.slice(at, at + engine.block));
    return engine.logits;
  }
}

/** Log probabilities of the allowed tokens. */
function logProbabilities(logits, allowed) {
  let highest = -Infinity;
  let sum = 0;
  for (const token of allowed) highest = Math.max(highest, logits[token]);
  for (const token of allowed) sum += Math.exp(logits[token] - highest);
  return allowed.map((token) => logits[token] - highest - Math.log(sum));
}

/**
 * Logits of the mixture, for the tokens that may come [list of numbers]; damaged ones stay, to be noticed.
 * `shorts` are [strength, logits] after each of the short contexts.
 */
export function contrast(whole, shorts, allowed) {
  if (!whole.every(Number.isFinite)) return whole;
  const mixed = new Float32Array(whole.length).fill(NEVER);
  const strength = shorts.reduce((sum, [each]) => sum + each, 0);
  const all = logProbabilities(whole, allowed);
  const few = all.map(() => 0); // the mean of them all
  for (const [each, logits] of shorts) {
    logProbabilities(logits, allowed).forEach((p, i) => {
      few[i] += (each / strength) * p;
    });
  }
  const likeliest = Math.max(...all);
  const told = all.reduce((sum, p, i) => sum + Math.exp(p) * (p - few[i]), 0); // by the whole, beyond the short
  const weight = strength * (AGREED + (GROWTH * told) / (told + HALF));
  allowed.forEach((token, i) => {
    if (all[i] > Math.log(MIN_PROBABILITY) || all[i] === likeliest) mixed[token] = all[i] + weight * (all[i] - few[i]);
  });
  return mixed;
}
