// Notes to event tokens and back, as musictx.events has it. Notes are {on, off, pitch, velocity} in seconds.

import {
  DEFAULT_VELOCITY_LEVEL,
  END,
  MAX_SHIFT,
  NOTE_OFF,
  PAD,
  START,
  STEPS_PER_SECOND,
  STEP_SECONDS,
  TIME_SHIFT,
  VELOCITY,
} from "../music/constants.js";
import { rint } from "../music/rounding.js";
import { levelOf, velocityOf } from "../music/velocity.js";

export const isNote = (token) => token < NOTE_OFF;
export const isRelease = (token) => token >= NOTE_OFF && token < TIME_SHIFT;
export const isTime = (token) => token >= TIME_SHIFT && token < VELOCITY;
export const isVelocity = (token) => token >= VELOCITY && token < PAD;

/** By the first key that differs. */
export const by =
  (...keys) =>
  (a, b) => {
    for (const key of keys) {
      const difference = key(a) - key(b);
      if (difference) return difference;
    }
    return 0;
  };

/** End each note where its pitch is struck again; of several with one pitch and onset the longest is kept. */
export function resolveOverlaps(notes) {
  const sorted = notes.map((n) => ({ ...n })).sort(by((n) => n.pitch, (n) => n.on, (n) => -n.off));
  const kept = sorted.filter((n, k) => !k || n.pitch !== sorted[k - 1].pitch || n.on !== sorted[k - 1].on);
  kept.forEach((n, k) => {
    const next = kept[k + 1];
    if (next && next.pitch === n.pitch) n.off = Math.min(n.off, next.on);
  });
  return kept.sort(by((n) => n.on, (n) => n.pitch));
}

/**
 * Tokens of notes whose pedal is applied. With `until` (seconds) the music is cut there: later notes are left out,
 * those that still sound are left open, and the tokens end exactly there.
 */
export function encode(notes, until = null) {
  const chosen = until === null ? notes : notes.filter((n) => n.on < until);
  const onGrid = resolveOverlaps(
    chosen.map((n) => {
      const on = Math.max(rint(n.on * STEPS_PER_SECOND), 0);
      const off = Math.max(rint(n.off * STEPS_PER_SECOND), on + 1);
      return { on, off, pitch: n.pitch, level: levelOf(n.velocity) };
    }),
  );
  const last = (key) => onGrid.reduce((most, n) => Math.max(most, n[key]), 0);
  const end = until === null ? last("off") : Math.max(rint(until * STEPS_PER_SECOND), last("on"));
  const ons = onGrid.map((n) => ({ step: n.on, isOn: true, pitch: n.pitch, level: n.level }));
  const closed = until === null ? onGrid : onGrid.filter((n) => n.off <= end);
  const offs = closed.map((n) => ({ step: n.off, isOn: false, pitch: n.pitch, level: n.level }));
  return tableToTokens({ events: [...ons, ...offs], end });
}

/** Write {events, end} as tokens: sorted, with time shifts and changes of velocity. */
export function tableToTokens({ events, end }) {
  const tokens = [];
  let now = 0;
  let level = -1;
  const shift = (step) => {
    for (; step - now >= MAX_SHIFT; now += MAX_SHIFT) tokens.push(TIME_SHIFT + MAX_SHIFT - 1);
    if (step > now) tokens.push(TIME_SHIFT + step - now - 1);
    now = Math.max(now, step);
  };
  for (const event of [...events].sort(by((e) => e.step, (e) => e.isOn, (e) => e.pitch))) {
    shift(event.step);
    if (event.isOn && event.level !== level) {
      level = event.level;
      tokens.push(VELOCITY + level);
    }
    tokens.push((event.isOn ? 0 : NOTE_OFF) + event.pitch);
  }
  shift(end);
  return tokens;
}

/** Read tokens as {events, end}; special tokens are skipped. */
export function tokensToTable(tokens) {
  const events = [];
  let now = 0;
  let level = DEFAULT_VELOCITY_LEVEL;
  for (const token of tokens) {
    if (token < TIME_SHIFT) events.push({ step: now, isOn: token < NOTE_OFF, pitch: token % NOTE_OFF, level });
    else if (token < VELOCITY) now += token - TIME_SHIFT + 1;
    else if (token < PAD) level = token - VELOCITY;
  }
  return { events, end: now };
}

/** For each event the index of its other half: the off that ends an on, the on that an off ends; -1 if outside. */
export function notePairs(events) {
  const partner = events.map(() => -1);
  const before = new Map(); // by pitch, the event before
  events.forEach(({ pitch, isOn }, k) => {
    const other = before.get(pitch);
    if (other !== undefined && events[other].isOn && !isOn) [partner[other], partner[k]] = [k, other];
    before.set(pitch, k);
  });
  return partner;
}

/** Turn tokens into notes, by onset, then pitch; any sequence of tokens decodes. */
export function decode(tokens) {
  const { events, end } = tokensToTable(tokens);
  const sounding = new Map();
  const notes = [];
  const close = (on, step) => {
    if (step > on.step)
      notes.push({
        on: on.step / STEPS_PER_SECOND,
        off: step / STEPS_PER_SECOND,
        pitch: on.pitch,
        velocity: velocityOf(on.level),
      });
  };
  for (const event of events) {
    const on = sounding.get(event.pitch);
    if (on) close(on, event.step);
    sounding.delete(event.pitch);
    if (event.isOn) sounding.set(event.pitch, event);
  }
  for (const on of sounding.values()) close(on, Math.max(end, on.step + 1));
  return notes.sort(by((n) => n.on, (n) => n.pitch, (n) => n.off));
}

/** Takes the tokens of one continuation and says which notes they strike and end, as `musictx.sampling` has it. */
export class NoteStream {
  /**
   * `primer` is what `preparePrimer` made, with whose rest the first tokens begin; the continuation must end at `end`
   * seconds; `beat` moves times to a grid.
   */
  constructor({ tokens, rest, notes, cut }, end = Infinity, beat = null) {
    this.beat = beat;
    this.wait = rest;
    const { events } = tokensToTable(tokens);
    this.step = rint(cut * STEPS_PER_SECOND);
    this.end = rint(end * STEPS_PER_SECOND);
    this.level = events.findLast((event) => event.isOn)?.level ?? DEFAULT_VELOCITY_LEVEL;
    this.open = new Map(); // pitch → index of its note; -(k + 1) is the primer's note k
    this.struck = new Set(); // indices of notes of the present step
    this.count = 0;
    this.ended = false;
    const latest = new Map(events.map((event) => [event.pitch, event.isOn]));
    notes.forEach((note, k) => {
      if (note.off < cut - STEP_SECONDS / 2 || !latest.get(note.pitch)) return;
      this.open.set(note.pitch, -(k + 1));
      if (note.on >= cut - STEP_SECONDS / 2) this.struck.add(-(k + 1));
    });
  }

  /** The notes that a token strikes [{index, on, pitch, velocity}] and ends [{index, off}], in seconds. */
  push(token) {
    return this.inTime(this.read(token));
  }

  /** End the continuation here: close every note that still sounds. */
  finish() {
    return this.inTime(this.close());
  }

  inTime(events) {
    return this.beat ? this.beat.move(events) : events;
  }

  read(token) {
    if (this.ended) return [];
    if (token === END || token === PAD || this.step >= this.end) return this.close();
    if (token === START) return [];
    if (token >= VELOCITY) {
      this.level = token - VELOCITY;
      return [];
    }
    if (token >= TIME_SHIFT) {
      const steps = token - TIME_SHIFT + 1;
      this.step += Math.max(0, steps - this.wait);
      this.wait = Math.max(0, this.wait - steps);
      this.struck.clear();
      return this.step >= this.end ? this.close() : [];
    }
    const pitch = token % NOTE_OFF;
    const events = [];
    if (this.open.has(pitch)) events.push(this.off(this.open.get(pitch)));
    this.open.delete(pitch);
    if (token < NOTE_OFF) {
      const index = this.count++;
      events.push({ index, on: this.step * STEP_SECONDS, pitch, velocity: velocityOf(this.level) });
      this.open.set(pitch, index);
      this.struck.add(index);
    }
    return events;
  }

  close() {
    this.ended = true;
    this.step = Math.min(this.step, this.end);
    const events = [...this.open.values()].map((index) => this.off(index));
    this.open.clear();
    return events;
  }

  /** The end of a note, now; one that was only just struck sounds for a step. */
  off(index) {
    return { index, off: (this.step + (this.struck.has(index) ? 1 : 0)) * STEP_SECONDS };
  }
}
