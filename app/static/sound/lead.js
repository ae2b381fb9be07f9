// How far the lanes must be ahead of the clock before it starts, or goes on.

import { MAX_RESUME_LEAD, MAX_START_LEAD, PACE_SECONDS, PACE_SHARE, RESUME_LEAD, START_LEAD } from "../music/constants.js";

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
    if (watched >= PACE_SECONDS && known > this.first.known) this.perSecond = (known - this.first.known) / watched;
  }
}

/**
 * The lead (s) that is needed after so many `waits`, with `rest` seconds still to be made at a pace `perSecond`,
 * null if it is not known. A machine that makes music more slowly than it is heard makes one long pause, not many.
 */
export function leadNeeded(waits, rest, perSecond) {
  const missing = perSecond === null ? 0 : rest * (1 - PACE_SHARE * perSecond);
  if (!waits) return Math.max(START_LEAD, Math.min(MAX_START_LEAD, missing));
  return Math.min(MAX_RESUME_LEAD, Math.max(RESUME_LEAD * 2 ** (waits - 1), missing));
}
