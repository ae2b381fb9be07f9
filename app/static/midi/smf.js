// Standard MIDI Files: bytes to messages, with the rules of musictx.midi for what is damaged or cut.
// "Standard MIDI Files 1.0" (RP-001).

const MAX_TRACKS = 1024;
const HEADER_SEARCH = 256; // some files carry a wrapper before the MIDI header
const AHEAD = 16; // bytes that the longest event head needs
const META = 0xff;
const statesLength = (status) => status === 0xf0 || status === 0xf7 || status === META;

/** Bytes of a message with its status; those that state their length count by their status alone. */
function lengthOf(status) {
  if (status === 0xf1 || status === 0xf3 || (status >= 0xc0 && status < 0xe0)) return 2;
  if (status >= 0xf0 && status !== 0xf2) return 1;
  return 3;
}

function find(data, word, from, to = data.length) {
  for (let at = from; at + word.length <= to; at += 1)
    if ([...word].every((letter, k) => data[at + k] === letter.charCodeAt(0))) return at;
  return -1;
}

/** A big-endian number of up to `size` bytes. */
function number(data, at, size) {
  return data.subarray(at, at + size).reduce((value, byte) => value * 256 + byte, 0);
}

/**
 * {format, division, ticksPerSecond, tracks, tracksLeftOut} of a file's bytes. A track is
 * {messages: [{tick, status, data1, data2}], tempos: [[tick, micros]], signatures: [[tick, beats, unit]], name, port,
 * end, damaged}. The message of an error goes on after the file's name.
 */
export function parseSmf(data) {
  const start = find(data, "MThd", 0, Math.min(HEADER_SEARCH, data.length));
  if (start < 0 || data.length < start + 14) throw new Error("is not a MIDI file: it has no MIDI header");
  const length = number(data, start + 4, 4);
  const format = number(data, start + 8, 2);
  let division = number(data, start + 12, 2);
  const { chunks, leftOut } = trackChunks(data, start + 8 + Math.max(length, 6));
  if (!chunks.length) throw new Error("has a MIDI header but no tracks");
  let ticksPerSecond = 0;
  if (division & 0x8000) {
    const frames = 256 - (division >> 8); // minus the frames a second, then ticks a frame
    ticksPerSecond = (frames === 29 ? 30000 / 1001 : frames) * (division & 0xff);
    division &= 0xff;
  }
  if (!division && !ticksPerSecond) throw new Error("has a damaged MIDI header: its time division is 0");
  const tracks = chunks.map(({ bytes, cut }) => parseTrack(bytes, cut));
  return { format, division: ticksPerSecond ? 0 : division, ticksPerSecond, tracks, tracksLeftOut: leftOut };
}

function trackChunks(data, place) {
  const chunks = [];
  let leftOut = 0;
  let at = find(data, "MTrk", place);
  if (at < 0) at = find(data, "MTrk", 14); // a header of a wrong length must not hide the tracks
  while (at >= 0) {
    const begin = at + 8;
    let end = begin + number(data, at + 4, 4);
    let cut = end > data.length;
    if (cut) {
      const next = find(data, "MTrk", begin); // a wrong length must not swallow the tracks that follow
      cut = next < 0;
      end = cut ? data.length : next;
    }
    if (chunks.length === MAX_TRACKS) leftOut += 1;
    else chunks.push({ bytes: data.subarray(begin, end), cut });
    at = find(data, "MTrk", end);
  }
  return { chunks, leftOut };
}

/** Where what a meta or system exclusive message holds begins, and how many bytes it states. */
function statedAt(data, head) {
  let place = head + (data[head] === META ? 2 : 1);
  let length = 0;
  for (let k = 0; k < 4; k += 1) {
    const byte = data[place];
    place += 1;
    length = (length << 7) | (byte & 0x7f);
    if (byte < 0x80) break;
  }
  return { place, length };
}

/** Read a track up to its end mark, or to the first event that is no MIDI or reaches over the end. */
function parseTrack(chunk, cut) {
  const size = chunk.length;
  const data = new Uint8Array(size + AHEAD);
  data.set(chunk);
  const track = { messages: [], tempos: [], signatures: [], name: "", port: 0, end: 0, damaged: cut };
  const metas = { name: null, port: null };
  let tick = 0;
  let running = null; // the status of the last channel message that stated one
  for (let place = 0; place < size; ) {
    let head = place;
    let delta = 0;
    do {
      delta = (delta << 7) | (data[head] & 0x7f);
      head += 1;
    } while (data[head - 1] >= 0x80 && head < place + 4);
    const runs = data[head] < 0x80;
    const status = runs ? running : data[head];
    if (status === null || data[head - 1] >= 0x80) return { ...track, damaged: true };
    const at = runs ? head : head + 1;
    if (at - 1 + lengthOf(status) > size) return { ...track, damaged: true };
    tick += delta;
    if (status < 0xf0) {
      const data2 = lengthOf(status) === 2 ? 0 : data[at + 1];
      if ((data[at] | data2) >= 0x80) return { ...track, damaged: true };
      track.messages.push({ tick, status, data1: data[at], data2 });
      running = status;
    }
    track.end = tick;
    const stated = statesLength(status) ? statedAt(data, head) : null;
    place = stated ? stated.place + stated.length : at - 1 + lengthOf(status);
    if (status === META && readMeta(data, data[head + 1], stated, size, tick, track, metas)) return { ...track, damaged: false };
    if (place > size) track.damaged = true; // the last text is cut short
  }
  return track;
}

/** Take in a meta event, whose `length` bytes stand at `place`; true at the end of the track. */
function readMeta(data, kind, { place, length }, size, tick, track, found) {
  if (kind === 0x51 && length === 3 && place + 3 <= size) {
    const micros = number(data, place, 3);
    if (micros) track.tempos.push([tick, micros]);
  } else if (kind === 0x58 && length === 4 && place + 1 <= size) {
    if (data[place]) track.signatures.push([tick, data[place], 1 << Math.min(data[place + 1], 6)]);
  } else if (kind === 0x03 && found.name === null) {
    track.name = found.name = textOf(data.subarray(place, place + Math.min(length, 200)));
  } else if (kind === 0x21 && found.port === null) {
    track.port = found.port = data[place] ?? 0;
  }
  return kind === 0x2f;
}

/** A text, fit to be shown on one line. */
function textOf(raw) {
  while (raw.length && raw[raw.length - 1] === 0) raw = raw.subarray(0, -1);
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    text = String.fromCharCode(...raw);
  }
  return text.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
}
