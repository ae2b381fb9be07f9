// The clock: one playhead for all lanes, notes scheduled ahead of it, and patience with slow lanes.

const LOOK_AHEAD = 1.4; // seconds of music scheduled in advance: a page that stalls goes on sounding
const TICK = 60; // milliseconds between two looks at what must be scheduled
const START_LEAD = 0.35; // what every lane must be ahead before the sound starts …
const RESUME_LEAD = 1.2; // … and before it goes on after it had to wait; twice as much with every wait
const MOST_RESUME_LEAD = 12;
const HOLD = 0.1; // the clock stops this long before it would run out of notes, so that none comes late
const TAIL = 1.2; // seconds that the last notes may ring

/**
 * Plays several scores at once, of which one is heard. `onchange` is called when the state changes:
 * "stopped", "playing" or "waiting" (for a lane that has not made enough music yet).
 */
export class Transport {
  constructor(sound, onchange) {
    this.sound = sound;
    this.onchange = onchange;
    this.scores = new Map();
    this.heard = null;
    this.state = "stopped";
    this.at = 0; // where the playhead stands while it does not move
    this.segment = null; // what plays now: buses, voices, and which context time is which musical time
    this.statistics = { late: 0, waits: 0, leads: {} };
    this.timer = null;
  }

  /** Exchange what is played. The old sound stops. */
  load(scores, heard, at = 0) {
    this.stop();
    this.scores = scores;
    this.heard = heard;
    this.at = at;
    this.statistics = { late: 0, waits: 0, leads: {} };
  }

  get end() {
    let end = 0;
    for (const score of this.scores.values()) end = Math.max(end, score.end);
    return end;
  }

  get complete() {
    return [...this.scores.values()].every((score) => score.complete);
  }

  /** Up to here every lane's music is known. */
  get frontier() {
    let frontier = Infinity;
    for (const score of this.scores.values()) if (!score.complete) frontier = Math.min(frontier, score.known);
    return frontier;
  }

  get position() {
    if (this.state !== "playing") return this.at;
    const { context } = this.sound;
    const passed = context.currentTime - this.segment.context;
    return Math.min(this.segment.music + Math.max(0, passed), this.frontier);
  }

  play() {
    if (this.state !== "stopped") return;
    this.sound.wake();
    if (this.complete && this.at >= this.end - 0.05) this.at = 0;
    this.firstStart = true;
    this.set("waiting");
    this.timer ??= setInterval(() => this.tick(), TICK);
    this.tick();
  }

  pause() {
    if (this.state === "stopped") return;
    this.at = this.position;
    this.silence();
    this.set("stopped");
    clearInterval(this.timer);
    this.timer = null;
  }

  stop() {
    this.pause();
    this.at = 0;
  }

  seek(time) {
    const target = Math.max(0, Math.min(time, this.end, this.frontier));
    const running = this.state !== "stopped";
    this.silence();
    this.at = target;
    if (running) {
      this.firstStart = true;
      this.set("waiting");
      this.tick();
    } else this.onchange();
  }

  /** Choose the lane that is heard: a change of gain at the same musical moment. */
  hear(name) {
    this.heard = name;
    if (this.segment) {
      for (const [lane, { bus }] of this.segment.lanes) this.sound.setAudible(bus, lane === name);
    }
    this.onchange();
  }

  /** New notes have come; look at once whether something waits for them. */
  nudge() {
    if (this.state !== "stopped") this.tick();
  }

  set(state) {
    if (state === this.state) return;
    this.state = state;
    this.onchange();
  }

  tick() {
    if (this.state === "waiting") this.tryToStart();
    if (this.state === "playing") this.advance();
  }

  tryToStart() {
    if (this.sound.context.state !== "running") return;
    const afterWaits = Math.min(MOST_RESUME_LEAD, RESUME_LEAD * 2 ** (this.statistics.waits - 1));
    const needed = this.firstStart ? START_LEAD : afterWaits;
    if (this.frontier - this.at < needed) return;
    this.firstStart = false;
    const begin = this.sound.context.currentTime + 0.04;
    if (!this.segment) this.begin(begin);
    this.segment.context = begin;
    this.segment.music = this.at;
    this.set("playing");
  }

  /** Fresh buses for all lanes; notes that sound at the playhead come in where they are by now. */
  begin(when) {
    const lanes = new Map();
    for (const [name, score] of this.scores) {
      const lane = {
        bus: this.sound.bus(name === this.heard),
        next: 0,
        held: new Map(),
        voices: new Set(),
        strings: new Map(),
      };
      while (lane.next < score.notes.length && score.notes[lane.next].on < this.at) {
        const note = score.notes[lane.next++];
        if (note.off === null || note.off > this.at) {
          this.strike(lane, note, when, this.at - note.on);
        }
      }
      lanes.set(name, lane);
    }
    this.segment = { lanes, context: when, music: this.at };
  }

  strike(lane, note, when, skip = 0) {
    const voice = this.sound.strike(lane.bus, note.pitch, note.velocity, when, skip);
    const before = lane.strings.get(note.pitch);
    if (before) this.sound.stopString(before, when);
    lane.strings.set(note.pitch, voice);
    lane.voices.add(voice);
    lane.held.set(note, voice);
    if (voice.sources[0])
      voice.sources[0].addEventListener("ended", () => {
        lane.voices.delete(voice);
        if (lane.strings.get(note.pitch) === voice) lane.strings.delete(note.pitch);
      });
  }

  advance() {
    const { context } = this.sound;
    const { segment } = this;
    const position = this.position;
    const frontier = this.frontier;
    const horizon = Math.min(position + LOOK_AHEAD, frontier);
    const when = (time) => segment.context + time - segment.music;
    for (const [name, lane] of segment.lanes) {
      const score = this.scores.get(name);
      if (!score.complete) {
        const lead = score.known - position;
        this.statistics.leads[name] = Math.min(this.statistics.leads[name] ?? Infinity, lead);
      }
      while (lane.next < score.notes.length && score.notes[lane.next].on < horizon) {
        const note = score.notes[lane.next++];
        const late = context.currentTime - when(note.on);
        if (late > 0.02) this.statistics.late += 1;
        this.strike(lane, note, Math.max(when(note.on), context.currentTime), Math.max(0, late));
      }
      for (const [note, voice] of lane.held) {
        if (note.off === null || note.off >= horizon) continue;
        this.sound.release(voice, when(note.off));
        lane.held.delete(note);
      }
    }
    if (frontier - position < HOLD) {
      this.at = frontier;
      this.statistics.waits += 1;
      this.set("waiting");
    } else if (this.complete && position > this.end + TAIL) {
      this.pause();
      this.at = this.end;
      this.onchange();
    }
  }

  /** Stop every voice, also those that are only scheduled. */
  silence() {
    if (!this.segment) return;
    const now = this.sound.context.currentTime;
    for (const { bus, voices } of this.segment.lanes.values()) {
      this.sound.setAudible(bus, false);
      for (const voice of voices) for (const source of voice.sources) source.stop(Math.max(now + 0.03, 0));
      setTimeout(() => bus.disconnect(), 200);
    }
    this.segment = null;
  }
}
