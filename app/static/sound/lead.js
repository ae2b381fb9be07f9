// How far the lanes must be ahead of the clock before it starts, or goes on.

import { MAX_RESUME_LEAD, MAX_START_LEAD, PACE_SECONDS, PACE_SHARE, RESUME_LEAD, START_LEAD } from "../music/constants.js";

const WATCHED = 6; // seconds over which the pace is taken: music gets denser, and lanes come and go

/** Watches how quickly music is made, in seconds of it a second. */
export class Pace {
  constructor() {
    this.reset();
  }

  reset() {
    this.seen = []; // {known, now}, of the last seconds
    this.watched = 0;
    this.perSecond = null;
  }

  /** Up to `known` (s) there is music at the moment `now` (s). */
  see(known, now) {
    if (!Number.isFinite(known)) return;
    if (known < this.seen.at(-1)?.known) this.seen = [];
    this.seen.push({ known, now });
    while (now - this.seen[1]?.now >= WATCHED) this.seen.shift();
    const [first] = this.seen;
    this.watched = now - first.now;
    if (this.watched >= PACE_SECONDS && known > first.known) this.perSecond = (known - first.known) / this.watched;
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
