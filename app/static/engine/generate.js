// Drawing tokens one at a time, as musictx.sampling.generate does; and what such work shares with the page's events.

import { END, NOTE_OFF } from "../music/constants.js";
import { contrast } from "./contrast.js";
import { feed } from "./engine.js";
import { Shaping } from "./shaping.js";

const TURN = 30; // milliseconds of work after which a message from the page may be read

/** Lets an event of the page come in between. */
function turn() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}

/** The turns that work takes with the page's events. */
export class Turns {
  /** `goesOn` says whether the work is still wanted, and may let it wait. */
  constructor(goesOn) {
    this.goesOn = goesOn;
    this.turned = performance.now();
    this.rested = 0; // milliseconds
  }

  /** Give the page a turn if it is time; false if the work is not wanted any more. */
  async take() {
    if (performance.now() - this.turned < TURN) return true;
    await turn();
    const asked = performance.now();
    const wanted = await this.goesOn();
    this.turned = performance.now();
    this.rested += this.turned - asked;
    return wanted;
  }
}

/** Show the model a sequence; what it has seen of it already stays. False if that was not wanted any more on the way. */
export async function prefill(engine, tokens, turns) {
  const known = engine.common(tokens);
  engine.rewind(known);
  for (let at = known; at < tokens.length; at += engine.block) {
    feed(engine, tokens.slice(at, at + engine.block));
    if (!(await turns.take())) return false;
  }
  return true;
}

/** Weigh up what all that was played makes likelier, and what is wished. */
function weigh(engine, shorts, shaping, mayEnd) {
  const allowed = [];
  engine.allowed.forEach((may, token) => may && (mayEnd || token !== END) && allowed.push(token));
  const { logits } = engine;
  const after = shorts.map((short) => [short.strength, short.after(engine.tokens)]);
  const mixed = after.length ? contrast(logits, after, allowed) : logits;
  if (mixed.every(Number.isFinite)) shaping?.shape(mixed, allowed); // damaged ones stay, to be noticed
  engine.logits = mixed;
}

/**
 * Draw up to `maxTokens` tokens after those that the model has seen last.
 *
 * @param engine an Engine with the model's file, which has seen the primer
 * @param {{tokens: number[], rest: number}} primer what the model has seen of it, and the steps after that (primer.js)
 * @param settings as a page sends them (request.js)
 * @param random a Random (random.js)
 * @param {{shorts?: any[], maxTokens: number, allowEnd?: boolean}} how `shorts` are shortContexts (contrast.js);
 *   `allowEnd` says whether the piece may end
 */
export function* generate(engine, primer, settings, random, { shorts = [], maxTokens, allowEnd = true }) {
  const shaping = settings.shape ? new Shaping(settings.shape, primer.tokens) : null;
  engine.begin(primer.tokens, primer.rest, shaping?.maxNote, shaping?.maxRest);
  let mayEnd = false; // who gives a whole piece wants to hear more: it does not end before a note was struck
  for (let made = 1; ; made += 1) {
    if (shorts.length || shaping) weigh(engine, shorts, shaping, mayEnd);
    const token = engine.choose(random.next(), settings, mayEnd);
    shaping?.advance(token);
    mayEnd ||= allowEnd && token < NOTE_OFF;
    yield token;
    if (made === maxTokens) return;
    feed(engine, [token]);
  }
}
