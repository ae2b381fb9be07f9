// The compiled engine (engine.c) as a class: a model, the tokens that it has seen, and what it says of the next.

const REASONS = {
  1: "is no model for this version of the page",
  2: "is cut or damaged",
  3: "needs more memory than this device gives",
  4: "has sizes that this page does not play",
};

export class Engine {
  /** An engine without a model, from engine.wasm's bytes. Throws where the browser lacks SIMD. */
  static async make(code) {
    const { instance } = await WebAssembly.instantiate(code, { math: { sin: Math.sin, cos: Math.cos, exp: Math.exp } });
    return new Engine(instance.exports);
  }

  constructor(calls) {
    this.calls = calls;
    this.tokens = []; // that the model has seen
  }

  /** Take a model file [Uint8Array]; once for each engine. */
  open(file) {
    const { calls } = this;
    const place = calls.alloc(file.length);
    if (place) new Uint8Array(calls.memory.buffer, place, file.length).set(file);
    const fault = place ? calls.open(place, file.length) : 3;
    if (fault) throw new Error(REASONS[fault]);
    this.block = calls.block();
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

  /** Logits of the next token [Float32Array, a copy]. */
  get logits() {
    return new Float32Array(this.calls.memory.buffer, this.calls.logits_place(), 391).slice();
  }

  /** Begin the grammar anew with these tokens as what came before. */
  begin(tokens) {
    this.calls.begin();
    for (const token of tokens) this.calls.advance(token);
  }

  /** Draw the next token; the grammar takes it, the model has not seen it yet. */
  choose(uniform, { temperature, top_k, top_p, min_p }, mayEnd) {
    const token = this.calls.choose(uniform, temperature, top_k, top_p, min_p, mayEnd);
    if (token < 0) throw new Error("The model answers with no numbers: its weights are damaged.");
    this.calls.advance(token);
    return token;
  }

  /** Which tokens the grammar lets come next [Uint8Array, a copy]. */
  get allowed() {
    return new Uint8Array(this.calls.memory.buffer, this.calls.allowed_place(), 391).slice();
  }
}
