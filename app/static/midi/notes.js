// Messages to notes: which note-off ends which note, when the pedal is down, and seconds for ticks. The rules
// are those of musictx.midi.

import { applyPedal } from "../engine/primer.js";
import { counted } from "../music/sentences.js";

const NOTE_ON = 0x90;
export const SUSTAIN = 64;
export const RESET_CONTROLLERS = 121;
export const PEDAL_DOWN = 64; // controller values from here on
const DEFAULT_MICROS = 500_000;
const MAX_SECONDS = 24 * 3600;

/** Whether a message strikes a key. */
export const strikes = ({ status, data2 }) => status >= NOTE_ON && status < NOTE_ON + 16 && data2 > 0;

/** Items by a key that each has, in their order. */
export function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}

/** A map from ticks to seconds, from tempo changes [[tick, micros]] in any order. */
class TempoMap {
  constructor(changes, division) {
    const sorted = [[0, DEFAULT_MICROS], ...changes].sort((a, b) => a[0] - b[0]);
    const kept = sorted.filter(([tick], k) => sorted[k + 1]?.[0] !== tick); // of several at one tick the last
    this.unit = 1e6 * division;
    this.ticks = kept.map(([tick]) => tick);
    this.micros = kept.map(([, micros]) => micros);
    let sum = 0;
    this.seconds = this.ticks.map((tick, k) => {
      if (k) sum += (tick - this.ticks[k - 1]) * this.micros[k - 1];
      return sum / this.unit;
    });
  }

  toSeconds(tick) {
    if (this.ticks.length === 1) return tick * (this.micros[0] / this.unit);
    let low = 0;
    let high = this.ticks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ticks[middle] <= tick) low = middle + 1;
      else high = middle;
    }
    const place = low - 1;
    return this.seconds[place] + ((tick - this.ticks[place]) * this.micros[place]) / this.unit;
  }
}

/** Tempo map of each track: one for all, except in type 2. */
export function tempoMaps({ ticksPerSecond, format, division, tracks }) {
  if (ticksPerSecond) {
    const steady = new TempoMap([], ticksPerSecond * DEFAULT_MICROS * 1e-6);
    return tracks.map(() => steady);
  }
  if (format === 2) return tracks.map((track) => new TempoMap(track.tempos, division));
  const common = new TempoMap(tracks.flatMap((track) => track.tempos), division);
  return tracks.map(() => common);
}

/**
 * The notes of a track in ticks, {onset, offset, channel, pitch, velocity, unended}, by channel and pitch; `unended`
 * ones have no note-off. First in, first out; where a pitch has more note-ons than note-offs, a note ends at the next
 * message of its pitch, or with the track.
 */
export function pairNotes(track) {
  const keys = track.messages.filter(({ status }) => status < NOTE_ON + 16);
  const struck = keys.map((message) => ({ ...message, on: strikes(message) }));
  const groups = groupBy(struck, ({ status, data1 }) => ((status & 15) << 7) | data1);
  const notes = [];
  for (const [key, messages] of [...groups].sort(([a], [b]) => a - b)) {
    let sounding = 0;
    const offs = messages.filter(({ on }) => {
      const matched = !on && sounding > 0;
      sounding += on ? 1 : matched ? -1 : 0;
      return matched;
    });
    const even = messages.filter(({ on }) => on).length === offs.length;
    const later = even ? [] : firstLater(messages);
    let rank = 0;
    messages.forEach((message, k) => {
      if (!message.on) return;
      const { end, open } = even ? { end: offs[rank++].tick, open: false } : endByNext(messages, k, later[k], track.end);
      const { tick, data2 } = message;
      notes.push({ onset: tick, offset: end, channel: key >> 7, pitch: key & 127, velocity: data2, unended: open });
    });
  }
  return notes;
}

/** Of each message the first one at a later tick. */
function firstLater(messages) {
  const later = [];
  for (let k = messages.length - 1; k >= 0; k -= 1)
    later[k] = messages[k + 1]?.tick === messages[k].tick ? later[k + 1] : messages[k + 1];
  return later;
}

function endByNext(messages, k, next, endOfTrack) {
  const { tick } = messages[k];
  const [before, after] = [messages[k - 1], messages[k + 1]];
  // A note-off in the same tick ends the note only if there is no earlier one that it could mean.
  if (after && !after.on && after.tick === tick && !before?.on) return { end: tick, open: false };
  if (!next) return { end: Math.max(endOfTrack, tick), open: true };
  return { end: next.tick, open: next.on };
}

/** Movements of the sustain pedal {tick, channel, value}; resetting all controllers lifts it. */
export function pedalMoves(track) {
  return track.messages
    .filter(({ status, data1 }) => status >> 4 === 0xb && (data1 === SUSTAIN || data1 === RESET_CONTROLLERS))
    .map(({ tick, status, data1, data2 }) => ({
      tick,
      channel: status & 15,
      value: data1 === SUSTAIN ? data2 : 0,
    }));
}

/** Spans {down, up} of a pedal from its moves {time, value}; one that never comes up does so at `end`. */
function pedalSpans(moves, end) {
  const spans = [];
  let down = null;
  for (const { time, value } of [...moves, { time: Math.max(end, moves.at(-1)?.time ?? end), value: 0 }]) {
    if (value >= PEDAL_DOWN) down ??= time;
    else if (down !== null) {
      if (time > down) spans.push({ down, up: time });
      down = null;
    }
  }
  return spans;
}

/** One performance {notes, pedals, remarks} of parts {notes, moves}, each with a pedal of its own. */
export function assemble(parts, remarks) {
  const heard = parts.filter((part) => part.notes.length);
  let end = 0;
  for (const { notes, moves } of heard) {
    for (const note of notes) end = Math.max(end, note.off);
    for (const { time } of moves) end = Math.max(end, time);
  }
  end = Math.min(end, MAX_SECONDS);
  const spans = heard.map((part) => pedalSpans(part.moves, end));
  const alike = spans.every((each) => JSON.stringify(each) === JSON.stringify(spans[0]));
  if (alike) return clip(heard.flatMap((part) => part.notes), spans[0] ?? [], remarks);
  remarks.push("the channels have different sustain pedals: each was applied to its own notes");
  return clip(heard.flatMap((part, k) => applyPedal(sorted(part.notes), spans[k])), [], remarks);
}

function sorted(notes) {
  return [...notes].sort((a, b) => a.on - b.on || a.pitch - b.pitch || a.off - b.off);
}

/** Leave out what lies after the longest time that is read. */
function clip(notes, pedals, remarks) {
  const late = notes.filter((note) => note.on >= MAX_SECONDS).length;
  if (late) remarks.push(`${counted(late, "note")} after the first ${MAX_SECONDS / 3600} hours left out`);
  return {
    notes: sorted(notes.filter((note) => note.on < MAX_SECONDS)).map((note) => ({
      ...note,
      off: Math.min(note.off, MAX_SECONDS),
    })),
    pedals: pedals
      .filter(({ down }) => down < MAX_SECONDS)
      .map(({ down, up }) => ({ down, up: Math.min(up, MAX_SECONDS) })),
    remarks,
  };
}
