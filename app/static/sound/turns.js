// On a computer that makes all lanes more slowly than they are heard, the lane that is heard is made first.

import { MAX_START_LEAD, PACE_SHARE } from "../music/constants.js";

const SURE = 1.5; // seconds of watching, before anything rests: any computer is busy for a moment

/** Lets the other lanes rest while the one that is heard is made, once it is seen that all at a time take too long. */
export class Turns {
  /** `player` makes the music (io/backend.js); without one no lane rests. */
  constructor(player = null) {
    this.player = player;
    this.taken = false;
  }

  /** Something else is to be played. */
  reset() {
    this.taken = false;
    this.rest([]);
  }

  /** With so many seconds still to be made at this pace, whether lanes take turns from this moment on. */
  begin(rest, { perSecond, watched }) {
    if (this.taken || perSecond === null || watched < SURE || !this.player) return false;
    this.taken = rest * (1 - PACE_SHARE * perSecond) > MAX_START_LEAD;
    return this.taken;
  }

  /** These lanes rest, and no others. */
  rest(lanes) {
    this.player?.rest(lanes);
  }
}
