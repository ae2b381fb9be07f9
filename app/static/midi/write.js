// A MIDI file of type 1 from notes and pedals in milliseconds: the bytes that musictx.midi writes.

import { resolveOverlaps } from "../engine/events.js";
import { Metre } from "../music/metre.js";

const DIVISION = 1000; // ticks a quarter note; at 120 bpm a tick is half a millisecond
const MICROS = 500_000;
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15]; // all but the drums'
const RELEASE = 64; // the velocity of note-offs that MIDI recommends where none is known
const SUSTAIN = 64;
const LARGEST_DELTA = 2 ** 28 - 1; // ticks between two messages of a file

/** Number the voices so that no two notes of one pitch sound at once in a voice. */
function voicesOf(notes) {
  const order = notes.map((_, k) => k).sort((a, b) => notes[a].pitch - notes[b].pitch || notes[a].on - notes[b].on);
  const voice = notes.map(() => 0);
  let free = []; // the tick from which each voice of this pitch is free
  order.forEach((k, rank) => {
    const { pitch, on, off } = notes[k];
    if (!rank || notes[order[rank - 1]].pitch !== pitch) free = [];
    let mine = free.findIndex((time) => time <= on);
    if (mine < 0) mine = Math.min(free.length, CHANNELS.length);
    free[mine] = off;
    voice[k] = mine;
  });
  return voice;
}

/** Ticks at which the pedal moves, with its values; up before down where both fall together. */
function pedalMoves(pedals, tickOf) {
  const lasting = pedals.map(([down, up]) => [tickOf(Math.max(down, 0)), tickOf(up)]).filter(([down, up]) => up > down);
  const moves = [...lasting.map(([, up]) => [up, 0]), ...lasting.map(([down]) => [down, 127])];
  return moves.sort((a, b) => a[0] - b[0]);
}

/** A number in as few bytes of seven bits as it takes. */
function variable(value) {
  const bytes = [value & 0x7f];
  for (let rest = value >> 7; rest; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}

const big = (value, size) => Array.from({ length: size }, (_, k) => (value >> (8 * (size - 1 - k))) & 0xff);
const ascii = (text) => [...text].map((letter) => letter.charCodeAt(0));

function chunk(body) {
  const whole = [...body, 0, 0xff, 0x2f, 0];
  return [...ascii("MTrk"), ...big(whole.length, 4), ...whole];
}

/** The messages of a track as [tick, ...bytes], ascending; two tracks that sound together share no channel. */
function trackMessages(rows, pedals, tickOf, firstChannel) {
  const channels = [...CHANNELS.slice(firstChannel), ...CHANNELS.slice(0, firstChannel)];
  const struck = rows
    .map(([on, off, pitch, velocity]) => ({ on, off, pitch, velocity }))
    .sort((a, b) => a.on - b.on || a.pitch - b.pitch || a.off - b.off);
  const inTicks = ({ on, off, ...note }) => ({ ...note, on: tickOf(on), off: Math.max(tickOf(off), tickOf(on) + 1) });
  let notes = struck.map(inTicks);
  let voice = voicesOf(notes);
  if (voice.some((number) => number >= channels.length)) {
    notes = resolveOverlaps(struck).map(inTicks);
    voice = notes.map(() => 0);
  }
  const used = channels.slice(0, Math.max(0, ...voice) + 1);
  const moves = pedalMoves(pedals, tickOf);
  // What falls into one tick stands in this order: a key that is released while the pedal goes down is held by
  // it, and one that is struck again was released before.
  const messages = [
    ...used.map((channel) => [0, 0xc0 | channel, 0]),
    ...used.flatMap((channel) => moves.map(([tick, value]) => [tick, 0xb0 | channel, SUSTAIN, value])),
    ...notes.map((n, k) => [n.off, 0x80 | channels[voice[k]], n.pitch, RELEASE]),
    ...notes.map((n, k) => [n.on, 0x90 | channels[voice[k]], n.pitch, n.velocity]),
  ];
  const kind = (message) => [0xc0, 0xb0, 0x80, 0x90].indexOf(message[1] & 0xf0);
  return messages.sort((a, b) => a[0] - b[0] || kind(a) - kind(b));
}

/** A chunk of messages [tick, ...bytes] after some bytes at the start. */
function track(messages, head = []) {
  const music = [...head];
  let now = 0;
  for (const [tick, ...bytes] of messages) {
    // Empty texts on the way split a longer time.
    for (; tick - now > LARGEST_DELTA; now += LARGEST_DELTA) music.push(...variable(LARGEST_DELTA), 0xff, 1, 0);
    for (const byte of variable(tick - now)) music.push(byte);
    for (const byte of bytes) music.push(byte);
    now = tick;
  }
  return chunk(music);
}

function named(title, messages) {
  const letters = [...new TextEncoder().encode(title)].slice(0, 127);
  return track(messages, [0, 0xff, 0x03, letters.length, ...letters]);
}

/**
 * Bytes of a file with notes [[onset, offset, pitch, velocity]] and pedals [[down, up]], all in ms. With a `metre`
 * (music/metre.js) it has that file's ticks, tempo and time signatures, and begins with the bar in which 0 lies. What
 * is struck from `cut` (ms) on goes to a track of its own; `names` are those of the two.
 */
export function midiBytes(rows, pedals = [], { metre = null, cut = null, names = ["Primer", "Continuation"] } = {}) {
  const clock = metre && new Metre(metre).forWriting();
  const tickOf = clock ? (ms) => Math.max(0, clock.nearest(ms / 1000)) : (ms) => 2 * ms;
  const tempos = clock?.tempos ?? [[0, MICROS]];
  const changes = [
    ...(clock?.signatures ?? []).map(([tick, beats, unit]) => [tick, 0xff, 0x58, 4, beats, Math.log2(unit), 24, 8]),
    ...tempos.map(([tick, micros]) => [tick, 0xff, 0x51, 3, ...big(micros, 3)]),
  ].sort((a, b) => a[0] - b[0]);
  const parts = [];
  if (cut === null) parts.push(named("Piano", trackMessages(rows, pedals, tickOf, 0)));
  else {
    const early = rows.filter(([on]) => on < cut);
    const late = rows.filter(([on]) => on >= cut);
    const held = pedals.filter(([, up]) => up > cut); // what is still down holds the second track too
    if (early.length) parts.push(named(names[0], trackMessages(early, pedals, tickOf, 0)));
    parts.push(named(names[1], trackMessages(late, held, tickOf, 1)));
  }
  const head = [...ascii("MThd"), ...big(6, 4), ...big(1, 2), ...big(parts.length + 1, 2)];
  return Uint8Array.from([...head, ...big(clock?.division ?? DIVISION, 2), ...track(changes), ...parts.flat()]);
}
