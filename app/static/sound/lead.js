// How far the lanes must be ahead of the clock before it starts, or goes on.

const START_LEAD = 0.35; // seconds
const RESUME_LEAD = 1.2; // after the clock had to wait; twice as much with every wait
const MAX_START_LEAD = 4;
const MAX_RESUME_LEAD = 12;
const SHARE = 0.9; // of the pace so far, on which the rest is taken to come
const ENOUGH = 0.5; // seconds of watching, before a pace is known

/** Watches how quickly music is made, in seconds of it a second. */
export class Pace {
  constructor() {
    this.reset();
  }

  reset() {
    this.first = null;
    this.perSecond = null;
  }

  /** Up to `known` (s) there is music at the moment `now` (s). */
  see(known, now) {
    if (!Number.isFinite(known)) return;
    if (!this.first || known < this.first.known) this.first = { known, now };
    const watched = now - this.first.now;
    if (watched >= ENOUGH && known > this.first.known) this.perSecond = (known - this.first.known) / watched;
  }
}

/**
 * The lead (s) that is needed after so many `waits`, with `rest` seconds still to be made at a pace `perSecond`,
 * null if it is not known. A machine that makes music more slowly than it is heard makes one long pause, not many.
 */
export function leadNeeded(waits, rest, perSecond) {
  const missing = perSecond === null ? 0 : rest * (1 - SHARE * perSecond);
  if (!waits) return Math.max(START_LEAD, Math.min(MAX_START_LEAD, missing));
  return Math.min(MAX_RESUME_LEAD, Math.max(RESUME_LEAD * 2 ** (waits - 1), missing));
}
