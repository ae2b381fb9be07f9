// A pattern that is played again and again, and how much of the music now is one: musictx.sampling.ostinato.

import {
  PATTERN_HIGH,
  PATTERN_LOW,
  PATTERN_MEMORY,
  PATTERN_NOTES,
  PATTERN_SLACK,
} from "../music/constants.js";

/** How much of the last seconds was played a pattern's length before, and twice its length before. */
export class Ostinato {
  constructor() {
    this.share = 0; // of the last seconds' notes
    this.length = PATTERN_HIGH; // of the pattern that most of them are in (steps)
    this.clock = 0; // steps
    this.notes = 0; // of the last seconds
    this.again = new Float64Array(2 * PATTERN_HIGH + 1); // of these, how many came again after so many steps
    this.struck = []; // steps and keys of the notes that may come again
  }

  /** Take in a note. */
  strike(key, step) {
    const kept = Math.exp((this.clock - step) / PATTERN_MEMORY);
    this.clock = step;
    this.notes = this.notes * kept + 1;
    const last = this.again.length - 1;
    this.struck = this.struck.filter((note) => note.step >= step - last - 1 - PATTERN_SLACK);
    const heard = new Uint8Array(last + 1);
    for (const note of this.struck.filter((note) => note.key === key)) {
      const gap = step - note.step;
      heard.fill(1, Math.max(gap - PATTERN_SLACK, 0), gap + PATTERN_SLACK + 1);
    }
    this.again = this.again.map((count, length) => count * kept + heard[length]);
    this.struck.push({ step, key });
    let most = -1;
    for (let length = PATTERN_LOW; length <= PATTERN_HIGH; length += 1) {
      const twice = Math.min(this.again[length], this.again[2 * length]);
      if (twice > most) [most, this.length] = [twice, length];
    }
    this.share = most / Math.max(this.notes, PATTERN_NOTES);
  }

  /** Keys whose notes would go on with the pattern now. */
  due(step) {
    const [once, twice] = [this.length, 2 * this.length].map((length) => {
      const near = this.struck.filter((note) => Math.abs(step - note.step - length) <= PATTERN_SLACK);
      return new Set(near.map((note) => note.key));
    });
    return [...once].filter((key) => twice.has(key));
  }
}
