// Keeping the beat: notes are moved to the grid of the primer's file as they come, as musictx.sampling.beat has it.

const PULL = { off: 0, loose: 0.5, strict: 1 }; // what share of the way to the grid a note is moved
const GRIDS = [4, 3, 6]; // places in a quarter note: sixteenths, or triplets of eighths or of sixteenths
const LATEST = 500; // onsets of the primer that say which grid it has
const AS_NEAR = 0.05; // steps by which a grid may be farther from the primer's onsets than one that comes later
const SAME = 1e-6; // seconds
const NEAR = 0.005; // seconds that a place on the grid may be before the hundredth at which the music begins or ends

export class Beat {
  end; metre; pull;

  /** How a continuation from `cut` to `end` (s) keeps the beat of a metre, or null if it does not. */
  static of(metre, onsets, cut, how = "off", end = Infinity) {
    return metre && PULL[how] ? new Beat(metre, onsets, cut, PULL[how], end) : null;
  }

  constructor(metre, onsets, cut, pull, end) {
    Object.assign(this, { metre, pull, first: cut, end });
    const away = GRIDS.map((parts) => this.offGrid(onsets, parts));
    this.parts = GRIDS.find((_, k) => away[k] <= Math.min(...away) + AS_NEAR);
    if (this.grid(cut) >= cut - NEAR) this.first = this.grid(cut);
    else if (pull === 1) this.first = this.grid(cut + this.step(cut) / 2);
    this.known = new Map(); // the stream's number of a note → its number here
    this.onsets = [];
    this.last = new Map(); // by pitch, the note that was struck last
  }

  /** How long a step of the grid is (s) at a time. */
  step(seconds) {
    return this.metre.seconds(this.metre.tick(seconds) + this.metre.division / this.parts) - seconds;
  }

  /** Where a time (s) goes. */
  place(seconds) {
    return Math.max(this.first, seconds + this.pull * (this.grid(seconds) - seconds));
  }

  /** What a stream made, moved. A note that meets the one before on its key is none: that one goes on. */
  move(events) {
    return events.flatMap((event) => ("on" in event ? this.strike(event) : this.release(event)));
  }

  strike({ index, on, pitch, velocity }) {
    const onset = this.place(on);
    if (onset >= this.end - NEAR) return []; // it belongs to what follows
    const before = this.last.get(pitch);
    if (before !== undefined && onset - this.onsets[before] < SAME) {
      this.known.set(index, before);
      return [];
    }
    const number = this.onsets.push(onset) - 1;
    this.known.set(index, number);
    this.last.set(pitch, number);
    return [{ index: number, on: onset, pitch, velocity }];
  }

  release({ index, off }) {
    const offset = this.place(off);
    if (index < 0) return [{ index, off: Math.max(off, Math.min(offset, this.end)) }];
    const number = this.known.get(index);
    if (number === undefined) return [];
    const onset = this.onsets[number];
    const lasting = offset > onset + SAME ? offset : onset + this.step(onset) / 2;
    return [{ index: number, off: Math.min(lasting, this.end) }];
  }

  /** The place on the grid nearest to a time. */
  grid(seconds) {
    const tick = this.metre.tick(seconds);
    const [bar, length] = this.metre.barBefore(tick);
    const step = this.metre.division / this.parts;
    return this.metre.seconds(bar + Math.min(Math.floor((tick - bar) / step + 0.5) * step, length));
  }

  /** How far onsets lie from a grid, in steps on average. */
  offGrid(onsets, parts) {
    this.parts = parts;
    const away = onsets.slice(-LATEST).map((onset) => Math.abs(this.grid(onset) - onset) / this.step(onset));
    return away.length ? away.reduce((sum, share) => sum + share, 0) / away.length : 0;
  }
}
