// What the whole context makes likelier than the last few tokens alone would: musictx.sampling.contrast.

import { AGREED, GROWTH, HALF, MIN_PROBABILITY, STRIDE } from "../music/constants.js";

const NEVER = -1e9;

const shortStart = (length) => Math.max(0, (Math.floor(length / STRIDE) - 1) * STRIDE);

/** A model that remembers the last few tokens only. */
export class ShortContext {
  /** @param engine an Engine with the model's file, for this alone */
  constructor(engine) {
    this.engine = engine;
    this.start = 0;
    engine.rewind(0);
  }

  /** Logits of what follows all these tokens. */
  after(tokens) {
    const { engine } = this;
    const start = shortStart(tokens.length);
    if (start !== this.start) engine.rewind(0);
    this.start = start;
    const own = tokens.slice(start);
    for (let at = engine.tokens.length; at < own.length; at += engine.block) engine.feed(own.slice(at, at + engine.block));
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

/** Logits of the mixture, for the tokens that may come [list of numbers]; damaged ones stay, to be noticed. */
export function contrast(whole, short, allowed, strength) {
  if (!whole.every(Number.isFinite)) return whole;
  const mixed = new Float32Array(whole.length).fill(NEVER);
  const [all, few] = [logProbabilities(whole, allowed), logProbabilities(short, allowed)];
  const likeliest = Math.max(...all);
  const told = all.reduce((sum, p, i) => sum + Math.exp(p) * (p - few[i]), 0); // by the whole, beyond the short
  const weight = strength * (AGREED + (GROWTH * told) / (told + HALF));
  allowed.forEach((token, i) => {
    if (all[i] > Math.log(MIN_PROBABILITY) || all[i] === likeliest) mixed[token] = all[i] + weight * (all[i] - few[i]);
  });
  return mixed;
}
