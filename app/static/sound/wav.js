// Music as a WAV file (16 bit, stereo): the page's piano, and the limiter of musictx.audio.

import { applyPedal } from "../engine/primer.js";
import { readMusic } from "../engine/request.js";
import { Sound, UNDAMPED } from "./synth.js";

const RATE = 44_100;
const CEILING = 0.97; // no sample goes above this
const ATTACK = 1000; // dB a second by which the limiter lets go of the gain …
const RELEASE = 20; // … and takes it back
const HOP = 64; // frames per step of the limiter
const TAIL = 1.2; // seconds in which a damped string falls silent

/** Bytes of a WAV file with notes [[onset, offset, pitch, velocity]] and pedals [[down, up]] in milliseconds. */
export async function wavBytes(samples, rows, pedals = []) {
  if (samples.lost.size) throw new Error("The sound of the piano has not arrived yet: there is no connection. Try again later.");
  samples.hurry.abort(); // models wait
  await samples.ready;
  const struck = readMusic({ notes: rows, pedals });
  const notes = applyPedal(struck.notes, struck.pedals);
  const silent = (note) => (note.pitch < UNDAMPED ? note.off + TAIL : note.on + samples.ringing(note));
  const frames = Math.ceil(notes.reduce((last, note) => Math.max(last, silent(note)), 0) * RATE);
  const context = new OfflineAudioContext(2, frames, RATE);
  const sound = Object.assign(new Sound(samples, () => {}), { context, master: context.destination });
  const bus = sound.bus();
  const strings = new Map(); // by pitch, the note and voice that sound
  for (const note of notes) {
    const before = strings.get(note.pitch);
    if (before) {
      if (before.note.off < note.on) sound.release(before.voice, before.note.off);
      sound.stopString(before.voice, note.on);
    }
    strings.set(note.pitch, { note, voice: sound.strike(bus, note.pitch, note.velocity, note.on) });
  }
  for (const { note, voice } of strings.values()) sound.release(voice, note.off);
  const buffer = await context.startRendering();
  return encode(limit([buffer.getChannelData(0), buffer.getChannelData(1)]));
}

/** Keep both channels under the ceiling: the gain falls before a peak and rises slowly after it. */
export function limit(channels) {
  const frames = channels[0].length;
  const hops = Math.ceil(frames / HOP);
  const gain = new Float64Array(hops + 1); // dB at the beginning of each hop, and at the end
  let loudest = CEILING;
  for (let hop = 0; hop < hops; hop += 1) {
    let peak = CEILING;
    for (const channel of channels)
      for (let k = hop * HOP; k < Math.min(frames, (hop + 1) * HOP); k += 1) peak = Math.max(peak, Math.abs(channel[k]));
    const decibels = -20 * Math.log10(peak / CEILING);
    gain[hop] = Math.min(gain[hop], decibels);
    gain[hop + 1] = decibels; // at both ends of the hop
    loudest = Math.max(loudest, peak);
  }
  if (loudest === CEILING) return channels;
  const [fall, rise] = [(ATTACK * HOP) / RATE, (RELEASE * HOP) / RATE]; // dB a hop
  for (let hop = 1; hop <= hops; hop += 1) gain[hop] = Math.min(gain[hop], gain[hop - 1] + rise);
  for (let hop = hops - 1; hop >= 0; hop -= 1) gain[hop] = Math.min(gain[hop], gain[hop + 1] + fall);
  const factor = gain.map((decibels) => 10 ** (decibels / 20));
  return channels.map((channel) =>
    channel.map((value, k) => {
      const hop = Math.floor(k / HOP);
      return value * (factor[hop] + (factor[hop + 1] - factor[hop]) * (k / HOP - hop));
    }),
  );
}

function encode([left, right]) {
  const bytes = new DataView(new ArrayBuffer(44 + 4 * left.length));
  const word = (at, text) => [...text].forEach((letter, k) => bytes.setUint8(at + k, letter.charCodeAt(0)));
  word(0, "RIFF");
  bytes.setUint32(4, bytes.byteLength - 8, true);
  word(8, "WAVEfmt ");
  [16, 1 | (2 << 16), RATE, 4 * RATE, 4 | (16 << 16)].forEach((value, k) => bytes.setUint32(16 + 4 * k, value, true));
  word(36, "data");
  bytes.setUint32(40, 4 * left.length, true);
  left.forEach((value, k) => {
    bytes.setInt16(44 + 4 * k, Math.round(value * 32767), true);
    bytes.setInt16(46 + 4 * k, Math.round(right[k] * 32767), true);
  });
  return new Uint8Array(bytes.buffer);
}
