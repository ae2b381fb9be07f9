// The piano of the lane that is heard: what it has struck, and what is still to be struck and released.

const LATE = 0.02; // seconds after which a note counts as late

/** The other lanes have no voices: two silent pianos would cost as much as the one that sounds. */
export class Voices {
  /** Come in at context time `when`: notes that sound at musical time `at` are taken up where they are by now. */
  constructor(sound, score, when, at) {
    this.sound = sound;
    this.score = score;
    this.bus = sound.bus();
    this.next = 0;
    this.held = new Map();
    this.voices = new Set();
    this.strings = new Map();
    while (this.next < score.notes.length && score.notes[this.next].on < at) {
      const note = score.notes[this.next++];
      if (note.off === null || note.off > at) this.strike(note, when, at - note.on);
    }
  }

  /** Strike and release what comes before `horizon`; `when` turns musical into context time. Returns the late notes. */
  schedule(horizon, when) {
    const { context } = this.sound;
    const { notes } = this.score;
    let late = 0;
    while (this.next < notes.length && notes[this.next].on < horizon) {
      const note = notes[this.next++];
      const delay = context.currentTime - when(note.on);
      if (delay > LATE) late += 1;
      this.strike(note, Math.max(when(note.on), context.currentTime), Math.max(0, delay));
    }
    for (const [note, voice] of this.held) {
      if (note.off === null || note.off >= horizon) continue;
      this.sound.release(voice, when(note.off));
      this.sound.instrument?.release(this, note.pitch, when(note.off));
      this.held.delete(note);
    }
    return late;
  }

  strike(note, when, skip) {
    const voice = this.sound.strike(this.bus, note.pitch, note.velocity, when, skip);
    this.sound.instrument?.strike(this, note.pitch, note.velocity, when);
    const before = this.strings.get(note.pitch);
    if (before) this.sound.stopString(before, when);
    this.strings.set(note.pitch, voice);
    this.voices.add(voice);
    this.held.set(note, voice);
    if (voice.sources[0])
      voice.sources[0].addEventListener("ended", () => {
        this.voices.delete(voice);
        if (this.strings.get(note.pitch) === voice) this.strings.delete(note.pitch);
      });
  }

  /** Stop every voice at context time `when`, also those that are only scheduled. */
  leave(when = 0) {
    const at = Math.max(when, this.sound.context.currentTime);
    this.sound.fadeOut(this.bus, at);
    this.sound.instrument?.leave(this, at);
    for (const voice of this.voices) for (const source of voice.sources) source.stop(at + 0.03);
    setTimeout(() => this.bus.disconnect(), 200 + 1000 * (at - this.sound.context.currentTime));
  }
}
