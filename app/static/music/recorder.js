// What a person plays becomes a primer: notes and pedal with the time at which they came.

const GAP = 300; // ms between what was recorded and what is recorded after it

function copyOf({ notes, pedals }) {
  return { notes: notes.map((row) => [...row]), pedals: pedals.map((span) => [...span]) };
}

/** Collects notes. `now` gives milliseconds; `changed` is called when a note or the pedal has come up. */
export class Recorder {
  constructor(changed, now = () => performance.now()) {
    this.changed = changed;
    this.now = now;
    this.recording = false;
    this.beat = 0; // ms, if the metronome is heard
    this.clear();
  }

  clear() {
    this.notes = [];
    this.pedals = [];
    this.sounding = new Map();
    this.pedalDown = null;
    this.origin = null;
    this.resumes = false;
  }

  /** Record, after what is there `before`: {notes, pedals}, or null; on a `beat` (ms), if that has one. */
  start(before, beat = 0) {
    this.clear();
    this.beat = beat;
    if (before) Object.assign(this, copyOf(before));
    this.recording = true;
  }

  /** End the recording; what still sounds ends here. */
  stop() {
    for (const pitch of [...this.sounding.keys()]) this.noteOff(pitch);
    this.pedal(false);
    this.recording = false;
  }

  /** What there is so far, as it will stay. */
  get piece() {
    return copyOf(this);
  }

  /** Whether the next note is the first. */
  get isEmpty() {
    return !this.notes.length && !this.sounding.size;
  }

  get length() {
    return Math.max(0, ...this.notes.map((row) => row[1]));
  }

  /**
   * A recording begins with its first note; one that goes on does so soon after the last one, however long one thought,
   * and on a beat, if there is one.
   */
  time() {
    const end = Math.max(this.length, ...this.pedals.map(([, up]) => up));
    const next = this.beat ? Math.ceil((end + GAP) / this.beat) * this.beat : end + GAP;
    if (this.resumes) this.origin += Math.max(0, Math.floor((this.now() - this.origin - next) / (4 * this.beat))) * 4 * this.beat;
    this.resumes = false;
    this.origin ??= this.now() - (this.notes.length ? next : 0);
    return Math.max(0, Math.round(this.now() - this.origin));
  }

  noteOn(pitch, velocity) {
    if (!this.recording) return;
    if (this.sounding.has(pitch)) this.noteOff(pitch);
    this.sounding.set(pitch, [this.time(), null, pitch, velocity]);
  }

  noteOff(pitch) {
    const row = this.sounding.get(pitch);
    if (!row) return;
    this.sounding.delete(pitch);
    row[1] = Math.max(row[0] + 20, this.time());
    this.notes.push(row);
    this.notes.sort((a, b) => a[0] - b[0] || a[2] - b[2]);
    this.changed();
  }

  pedal(down) {
    if (!this.recording) return;
    if (down) this.pedalDown ??= this.time();
    else if (this.pedalDown !== null) {
      if (this.time() > this.pedalDown) this.pedals.push([this.pedalDown, this.time()]);
      this.pedalDown = null;
      this.changed();
    }
  }

  /** Notes that were played along with these, at times of this recording. */
  add(rows) {
    this.notes = [...this.notes, ...rows].sort((a, b) => a[0] - b[0] || a[2] - b[2]);
    this.changed();
  }

  /** Take back the last note. */
  undo() {
    if (!this.notes.length) return;
    this.notes.pop();
    const { length } = this;
    this.pedals = this.pedals.filter(([down]) => down < length).map(([down, up]) => [down, Math.min(up, length)]);
    if (!this.notes.length) this.clear();
    else if (this.recording && this.beat) this.resumes = true; // whole bars of what one thinks are left out
    else if (this.recording) this.origin = null;
  }
}
