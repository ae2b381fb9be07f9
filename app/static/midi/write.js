// A MIDI file of type 1 from notes and pedals in milliseconds: the bytes that musictx.midi writes.

import { resolveOverlaps } from "../engine/primer.js";

const DIVISION = 1000; // ticks a quarter note; at 120 bpm a tick is half a millisecond
const MICROS = 500_000;
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15]; // all but the drums'
const RELEASE = 64; // the velocity of note-offs that MIDI recommends where none is known
const SUSTAIN = 64;

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
function pedalMoves(pedals) {
  const lasting = pedals.map(([down, up]) => [2 * Math.max(down, 0), 2 * up]).filter(([down, up]) => up > down);
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

/** Bytes of a file with notes [[onset, offset, pitch, velocity]] and pedals [[down, up]]. */
export function midiBytes(rows, pedals = []) {
  let notes = rows
    .map(([on, off, pitch, velocity]) => ({ on: 2 * on, off: 2 * off, pitch, velocity }))
    .sort((a, b) => a.on - b.on || a.pitch - b.pitch || a.off - b.off);
  const lasting = (list) => list.map((note) => ({ ...note, off: Math.max(note.off, note.on + 1) }));
  let voice = voicesOf(lasting(notes));
  if (voice.some((number) => number >= CHANNELS.length)) {
    notes = resolveOverlaps(notes);
    voice = notes.map(() => 0);
  }
  notes = lasting(notes);
  const used = CHANNELS.slice(0, Math.max(0, ...voice) + 1);
  const moves = pedalMoves(pedals);
  // What falls into one tick stands in this order: a key that is released while the pedal goes down is held by
  // it, and one that is struck again was released before.
  const messages = [
    ...used.map((channel) => [0, 0xc0 | channel, 0]),
    ...used.flatMap((channel) => moves.map(([tick, value]) => [tick, 0xb0 | channel, SUSTAIN, value])),
    ...notes.map((n, k) => [n.off, 0x80 | CHANNELS[voice[k]], n.pitch, RELEASE]),
    ...notes.map((n, k) => [n.on, 0x90 | CHANNELS[voice[k]], n.pitch, n.velocity]),
  ];
  const kind = (message) => [0xc0, 0xb0, 0x80, 0x90].indexOf(message[1] & 0xf0);
  messages.sort((a, b) => a[0] - b[0] || kind(a) - kind(b));
  const title = ascii("Piano");
  const music = [0, 0xff, 0x03, title.length, ...title];
  let now = 0;
  for (const [tick, ...bytes] of messages) {
    for (const byte of variable(tick - now)) music.push(byte);
    for (const byte of bytes) music.push(byte);
    now = tick;
  }
  const head = [...ascii("MThd"), ...big(6, 4), ...big(1, 2), ...big(2, 2), ...big(DIVISION, 2)];
  return Uint8Array.from([...head, ...chunk([0, 0xff, 0x51, 3, ...big(MICROS, 3)]), ...chunk(music)]);
}
