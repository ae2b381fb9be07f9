// The random numbers of NumPy's default_rng, so that a seed draws the same ones here as in Python.
//
// O'Neill, "PCG: a family of simple fast space-efficient statistically good algorithms for random number
// generation" (2014), PCG64 XSL RR; its state comes from the seeds by O'Neill's seed_seq_fe as NumPy has it.

const MASK_128 = (1n << 128n) - 1n;
const MASK_64 = (1n << 64n) - 1n;
const MULTIPLIER = (2549297995355413924n << 64n) + 4865540595714422341n;
const POOL = 4; // words of 32 bits

/** The words of 32 bits of whole numbers, the lowest first. */
function wordsOf(seeds) {
  return seeds.flatMap((seed) => {
    const words = [];
    for (let rest = BigInt(seed); rest || !words.length; rest >>= 32n) words.push(Number(rest & 0xffffffffn));
    return words;
  });
}

/** A hash of words whose constant changes with each one. */
function hasher(constant, multiplier) {
  return (value) => {
    const mixed = (value ^ constant) >>> 0;
    constant = Math.imul(constant, multiplier) >>> 0;
    const product = Math.imul(mixed, constant) >>> 0;
    return (product ^ (product >>> 16)) >>> 0;
  };
}

function mix(a, b) {
  const result = (Math.imul(a, 0xca01f9dd) - Math.imul(b, 0x4973f715)) >>> 0;
  return (result ^ (result >>> 16)) >>> 0;
}

/** `count` words of 32 bits from the seeds' words. */
function spread(entropy, count) {
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = Array.from({ length: POOL }, (_, k) => hash(entropy[k] ?? 0));
  for (let from = 0; from < POOL; from += 1)
    for (let to = 0; to < POOL; to += 1) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  for (const word of entropy.slice(POOL)) for (let to = 0; to < POOL; to += 1) pool[to] = mix(pool[to], hash(word));
  const out = hasher(0x8b51f9dd, 0x58f38ded);
  return Array.from({ length: count }, (_, k) => out(pool[k % POOL]));
}

export class Random {
  /** The stream of `numpy.random.default_rng(seeds)`. */
  constructor(seeds) {
    const words = spread(wordsOf(seeds), 8).map(BigInt);
    const [stateHigh, stateLow, streamHigh, streamLow] = [0, 2, 4, 6].map((k) => words[k] | (words[k + 1] << 32n));
    this.increment = ((((streamHigh << 64n) | streamLow) << 1n) | 1n) & MASK_128;
    this.state = (this.increment + ((stateHigh << 64n) | stateLow)) & MASK_128;
    this.word();
  }

  /** The next word of 64 bits. */
  word() {
    this.state = (this.state * MULTIPLIER + this.increment) & MASK_128;
    const turn = this.state >> 122n;
    const folded = ((this.state >> 64n) ^ this.state) & MASK_64;
    return ((folded >> turn) | (folded << (-turn & 63n))) & MASK_64;
  }

  /** A number in [0, 1). */
  next() {
    return Number(this.word() >> 11n) / 2 ** 53;
  }

  /** The next word of 32 bits: the lower half of one of 64, then its upper half. */
  half() {
    if (this.kept !== undefined) {
      const half = this.kept;
      this.kept = undefined;
      return half;
    }
    const word = this.word();
    this.kept = Number(word >> 32n);
    return Number(word & 0xffffffffn);
  }

  /** The values in another order. */
  permutation(values) {
    const result = [...values];
    for (let last = result.length - 1; last > 0; last -= 1) {
      const mask = 2 ** Math.ceil(Math.log2(last + 1)) - 1;
      let other;
      do other = (this.half() & mask) >>> 0;
      while (other > last);
      [result[last], result[other]] = [result[other], result[last]];
    }
    return result;
  }
}
