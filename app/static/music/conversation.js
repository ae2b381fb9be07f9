// Whose turn it is in a duet: a person plays, pauses, and is answered. It knows no clock: every call says the time (s).

const BREATH = 0.12; // keys that are up for less are between two notes; after this an answer is prepared

/**
 * The state is "listening", to a person who plays or is about to; "waiting", while keys and pedal are up and the pause
 * runs; or "answering". `on` has prepare(), called when the pause seems to begin; drop(), when it was none; answer(due),
 * when it has lasted since `due`; and silence(), when the person plays into the answer.
 */
export class Conversation {
  constructor(pause, on) {
    this.pause = pause; // how long (s) nothing is held down before the answer
    this.on = on;
    this.state = "listening";
    this.held = new Set(); // pitches, and "pedal"
    this.played = false; // whether there is something to answer
    this.since = null; // when everything came up
    this.prepared = false;
  }

  /** A key goes down. */
  press(pitch) {
    const { state } = this;
    this.hold(pitch);
    this.state = "listening";
    this.played = true;
    if (state === "answering") this.on.silence();
  }

  /** A key comes up. */
  lift(pitch, at) {
    this.held.delete(pitch);
    if (this.held.size || !this.played || this.state !== "listening") return;
    this.state = "waiting";
    this.since = at;
  }

  /** With the pedal down the music rings on: that is no pause. In an answer it says nothing. */
  pedal(down, at) {
    if (down) this.hold("pedal");
    else this.lift("pedal", at);
  }

  hold(what) {
    this.held.add(what);
    if (this.state !== "waiting") return;
    this.state = "listening";
    if (this.prepared) this.on.drop();
    this.prepared = false;
  }

  /** Time has passed. */
  tick(at) {
    if (this.state !== "waiting") return;
    const quiet = at - this.since;
    if (!this.prepared && quiet >= Math.min(BREATH, this.pause)) {
      this.prepared = true;
      this.on.prepare();
    }
    if (quiet < this.pause) return;
    this.state = "answering";
    this.played = this.prepared = false;
    this.on.answer(this.since + this.pause);
  }

  /** The answer is over, or there is none. */
  ended() {
    if (this.state === "answering") this.state = "listening";
  }
}
