// An uploaded MIDI file: its notes, pedal and tracks for the page, as the server answers (app/uploads.py).

import { Metre } from "../music/metre.js";
import { oneDecimal, rint } from "../music/rounding.js";
import { counted } from "../music/sentences.js";
import { assemble, groupBy, pairNotes, pedalMoves, strikes, tempoMaps } from "./notes.js";
import { parseSmf } from "./smf.js";

const DRUM_CHANNEL = 9;
const MAX_NOTES = 1_000_000; // what more cost in time and memory nobody expects
const MAX_SHOWN = 40_000; // notes that a page can draw and cut without becoming slow
const MAX_TRACKS = 64;

/**
 * {name, notes, pedals, tracks, remarks} of a file's bytes, rows in whole milliseconds. `chosen` are the numbers of
 * the tracks to read; without it, all but the drums. Throws an error with a plain sentence.
 */
export function describeUpload(bytes, name, chosen = null) {
  if (!bytes.length) throw new Error(`${name} is empty; choose a MIDI file (.mid) with notes in it`);
  let midi;
  try {
    midi = parseSmf(bytes);
  } catch (error) {
    throw new Error(`${name} ${error.message}`);
  }
  const said = (number) => number.toLocaleString("en-US");
  const struck = midi.tracks.reduce((sum, { messages }) => sum + messages.filter(strikes).length, 0);
  if (struck > MAX_NOTES)
    throw new Error(`${name} holds ${said(struck)} notes, more than the ${said(MAX_NOTES)} that are read`);
  const voices = voicesOf(midi);
  const metre = metreOf(midi);
  const music = readMusic(midi, voices, metre?.fault, name, chosen);
  const remarks = [...music.remarks];
  let { notes } = music;
  if (notes.length > MAX_SHOWN) {
    remarks.push(`the piece has ${said(notes.length)} notes; the first ${said(MAX_SHOWN)} are shown`);
    notes = notes.slice(0, MAX_SHOWN);
  }
  const ms = (seconds) => rint(seconds * 1000);
  return {
    name,
    metre: metre && !metre.fault ? metre.facts() : null,
    notes: notes.map((n) => [ms(n.on), ms(n.off), n.pitch, n.velocity]),
    pedals: music.pedals.map(({ down, up }) => [ms(down), ms(up)]),
    tracks: voices.slice(0, MAX_TRACKS).map((voice, index) => ({
      index,
      name: [...voice.name].slice(0, 60).join(""),
      notes: voice.notes.length,
      drums: isDrum(voice),
      chosen: !isDrum(voice) && (!chosen || chosen.includes(index)),
    })),
    remarks,
  };
}

/** Bars and beats, of a file that states a time signature. */
function metreOf({ tracks, division, format }) {
  const [tempos, signatures] = ["tempos", "signatures"].map((key) => tracks.flatMap((track) => track[key]));
  if (!division || format === 2 || !signatures.length) return null;
  return new Metre({ division, tempos, signatures });
}

const isDrum = (voice) => voice.channel === DRUM_CHANNEL;

/** The notes of each channel in each track, in file order. */
function voicesOf(midi) {
  const voices = [];
  midi.tracks.forEach((track, chunk) => {
    const notes = pairNotes(track);
    const channels = [...new Set(notes.map((note) => note.channel))];
    for (const channel of channels) {
      const number = `channel ${channel + 1}`;
      const shared = track.name ? `${track.name} (${number})` : number;
      voices.push({
        name: channels.length > 1 ? shared : track.name,
        chunk,
        port: track.port,
        channel,
        notes: notes.filter((note) => note.channel === channel),
      });
    }
  });
  return voices;
}

function readMusic(midi, voices, barFault, name, chosen) {
  const wanted = chosen ? chooseVoices(voices, chosen, name) : voices;
  let played = wanted.filter((voice) => !isDrum(voice));
  if (midi.format === 2 && !chosen) played = played.filter((voice) => voice.chunk === played[0].chunk);
  if (!played.length) {
    if (wanted.length) throw new Error(`${name} has only drums; a track with pitched notes is needed`);
    throw new Error(`${name} has no notes`);
  }
  const maps = tempoMaps(midi);
  const remarks = remarksOn(midi, { voices, wanted, played }, maps);
  if (barFault) remarks.push(`the file's tempo map gives no usable bars (${barFault}), so times are in seconds`);
  const music = assemble(partsOf(midi, played, maps), remarks);
  if (!music.notes.length) throw new Error(`${name} has no notes in its first 24 hours`);
  return music;
}

function remarksOn(midi, { voices, wanted, played }, maps) {
  const remarks = [];
  const drums = wanted.filter(isDrum).reduce((sum, voice) => sum + voice.notes.length, 0);
  if (drums) remarks.push(`${counted(drums, "drum note")} left out`);
  if (midi.format === 2 && new Set(voices.map((voice) => voice.chunk)).size > 1)
    remarks.push("the file holds several separate pieces (type 2)");
  if (midi.tracksLeftOut)
    remarks.push(`${counted(midi.tracksLeftOut, "track")} beyond the first ${midi.tracks.length} left out`);
  const unended = played.flatMap((voice) => voice.notes.filter((note) => note.unended)).length;
  if (unended)
    remarks.push(`${counted(unended, "note")} without an end ended at the next strike or the end of the track`);
  if (midi.tracks.some((track) => track.damaged)) {
    const ends = midi.tracks.flatMap((track, k) => (track.damaged ? [maps[k].toSeconds(track.end)] : []));
    const last = oneDecimal(Math.max(...ends));
    remarks.push(`the file is damaged or cut short: a track breaks off after ${last} s`);
  }
  return remarks;
}

function chooseVoices(voices, chosen, name) {
  if (!chosen.length) throw new Error("no track is chosen; choose at least one");
  for (const index of chosen) {
    if (voices[index]) continue;
    const there = voices.slice(0, 20).map((voice, k) => `${k} (${voice.name || "no name"})`);
    throw new Error(`${name} has no track ${index} with notes; it has ${there.join(", ") || "none"}`);
  }
  return voices.filter((_voice, index) => chosen.includes(index));
}

/** Notes {on, off, pitch, velocity} and pedal moves {time, value} of each channel in seconds. */
function partsOf(midi, voices, maps) {
  const piece = (chunk) => (midi.format === 2 ? chunk : -1); // in type 2 each track has channels of its own
  const keyOf = ({ chunk, port, channel }) => [piece(chunk), port, channel].join();
  const allMoves = midi.tracks.flatMap((track, chunk) =>
    pedalMoves(track).map(({ tick, channel, value }) => ({
      time: maps[chunk].toSeconds(tick),
      value,
      key: keyOf({ chunk, port: track.port, channel }),
    })),
  );
  const movesOf = groupBy(allMoves, ({ key }) => key);
  return [...groupBy(voices, keyOf)].map(([key, mine]) => {
    const notes = mine.flatMap(({ chunk, notes: own }) =>
      own.map(({ onset, offset, pitch, velocity }) => ({
        on: maps[chunk].toSeconds(onset),
        off: maps[chunk].toSeconds(offset),
        pitch,
        velocity,
      })),
    );
    return { notes, moves: (movesOf.get(key) ?? []).sort((a, b) => a.time - b.time) };
  });
}
