// The compiled engine (engine.c) as a class: a model, the tokens that it has seen, and what it says of the next.

import { MAX_NOTE_STEPS, MAX_REST_STEPS, VOCABULARY_SIZE } from "../music/constants.js";

const REASONS = {
  1: "is no model for this version of the page",
  2: "is cut or damaged",
  3: "needs more memory than this device gives",
  4: "has sizes that this page does not play",
};

const NO_ROOM = "This device has no memory for more music at once; what is there stays. Choose a shorter length.";

/** Show a model some tokens. */
export function feed(engine, tokens) {
  if (!engine.feed(tokens)) throw new Error(NO_ROOM);
}

export class Engine {
  /** An engine without a model, from engine.wasm's bytes. Throws where the browser lacks SIMD. */
  static async make(code) {
    return Engine.of(await WebAssembly.compile(code));
  }

  /** @param {WebAssembly.Module} compiled */
  static async of(compiled) {
    const math = { sin: Math.sin, cos: Math.cos, exp: Math.exp };
    const { exports } = await WebAssembly.instantiate(compiled, { math });
    return new Engine(compiled, exports);
  }

  constructor(compiled, calls) {
    this.compiled = compiled;
    this.calls = calls;
    this.tokens = []; // that the model has seen
    this.twins = {}; // that have seen only the last of them
  }

  /** Another engine with the same model, which has seen nothing. */
  async twin() {
    const twin = await Engine.of(this.compiled);
    twin.open(this.file);
    return twin;
  }

  /** Take a model file [Uint8Array]; once for each engine. */
  open(file) {
    const { calls } = this;
    const place = calls.alloc(file.length);
    if (place) new Uint8Array(calls.memory.buffer, place, file.length).set(file);
    const fault = place ? calls.open(place, file.length) : 3;
    if (fault) throw new Error(REASONS[fault]);
    this.block = calls.block();
    this.opened = [place, file.length];
  }

  /** The model's file, as it lies in the engine's memory. */
  get file() {
    return new Uint8Array(this.calls.memory.buffer, ...this.opened);
  }

  /** How many of these tokens the model has seen already, from the first on, less the last. */
  common(tokens) {
    let count = 0;
    while (count < tokens.length - 1 && this.tokens[count] === tokens[count]) count += 1;
    return count;
  }

  /** Forget all but the first `count` tokens. */
  rewind(count) {
    this.calls.rewind(count);
    this.tokens.length = count;
  }

  /** Show the model up to `block` more tokens. False if there is no room for them. */
  feed(tokens) {
    const { calls } = this;
    new Uint16Array(calls.memory.buffer, calls.input_place(), this.block).set(tokens);
    if (!calls.feed(tokens.length)) return false;
    this.tokens.push(...tokens);
    return true;
  }

  /** Logits of what follows the k-th of the tokens that were shown last [Float32Array, until the next call]. */
  predict(k) {
    this.calls.predict(k);
    return this.logitsInPlace;
  }

  /** Logits of the next token [Float32Array, a copy]. */
  get logits() {
    return this.logitsInPlace.slice();
  }

  set logits(values) {
    this.logitsInPlace.set(values);
  }

  get logitsInPlace() {
    return new Float32Array(this.calls.memory.buffer, this.calls.logits_place(), VOCABULARY_SIZE);
  }

  /**
   * Begin the grammar anew with these tokens as what came before, and a rest of so many steps after them; after
   * `maxNote` steps a note must be released, after `maxRest` something must happen.
   */
  begin(tokens, rest = 0, maxNote = MAX_NOTE_STEPS, maxRest = MAX_REST_STEPS) {
    this.calls.begin(maxNote, maxRest);
    for (const token of tokens) this.calls.advance(token);
    this.calls.wait(rest);
  }

  /** Draw the next token; the grammar takes it, the model has not seen it yet. */
  choose(uniform, { temperature, top_k, top_p, min_p }, mayEnd) {
    const token = this.calls.choose(uniform, temperature, top_k, top_p, min_p, mayEnd);
    if (token < 0) throw new Error("The model’s output is not a number: its weights are damaged.");
    this.calls.advance(token);
    return token;
  }

  /** Which tokens the grammar lets come next [Uint8Array, a copy]. */
  get allowed() {
    return new Uint8Array(this.calls.memory.buffer, this.calls.allowed_place(), VOCABULARY_SIZE).slice();
  }
}
