// A continuation beside its primer in a few numbers, as musictx.evaluation.structure and .motifs define them.
// Notes are {on, off, pitch} in seconds, the pedal applied, sorted by onset.

import { Random } from "./random.js";

const QUARTERS = 4;
const PATTERN_NOTES = 5;
const CHORD_SECONDS = 0.03;
const LARGEST_INTERVAL = 24;
const SHUFFLES = 16;

const clip = (x, low, high) => Math.min(Math.max(x, low), high);
const sum = (values) => values.reduce((a, b) => a + b, 0);
const differences = (values) => values.slice(1).map((value, k) => value - values[k]);

/** A number for each pattern of a line {onset, pitch}; equal if alike. */
function patterns({ onset, pitch }) {
  const interval = differences(pitch).map((i) => clip(i, -LARGEST_INTERVAL, LARGEST_INTERVAL) + LARGEST_INTERVAL);
  const gap = differences(onset).map((seconds) => Math.max(seconds, 1e-3));
  const ratio = gap.slice(1).map((seconds, k) => clip(Math.round(Math.log2(seconds / gap[k])), -1, 1) + 1);
  return Array.from({ length: Math.max(0, pitch.length - PATTERN_NOTES + 1) }, (_, at) => {
    let code = 0;
    for (let k = 0; k < PATTERN_NOTES - 1; k += 1) code = code * (2 * LARGEST_INTERVAL + 1) + interval[at + k];
    for (let k = 0; k < PATTERN_NOTES - 2; k += 1) code = code * 3 + ratio[at + k];
    return code;
  });
}

/** Of each chord the highest and the lowest note struck: two lines. */
function outerLines(notes) {
  const chords = [];
  notes.forEach((note, k) => {
    if (!k || note.on - notes[k - 1].on > CHORD_SECONDS) chords.push([]);
    chords.at(-1).push(note);
  });
  const onset = chords.map((chord) => chord[0].on);
  return [Math.max, Math.min].map((most) => ({
    onset,
    pitch: chords.map((chord) => most(...chord.map((note) => note.pitch))),
  }));
}

/** For each note of a line, whether it lies in a pattern that is known. */
function covered(line, known) {
  const hit = line.pitch.map(() => false);
  patterns(line).forEach((code, at) => {
    if (known.has(code)) hit.fill(true, at, at + PATTERN_NOTES);
  });
  return hit;
}

/** The primer's patterns in a passage: {onset, covered, baseline}, or null if either is too short. */
function findRecurrence(primer, passage) {
  const known = new Set(outerLines(primer).flatMap(patterns));
  const lines = outerLines(passage).filter((line) => line.pitch.length >= PATTERN_NOTES);
  if (!known.size || !lines.length) return null;
  const random = new Random([0]);
  const byChance = [];
  for (const line of lines) {
    for (let k = 0; k < SHUFFLES; k += 1) {
      let now = 0;
      const onset = [0, ...random.permutation(differences(line.onset)).map((gap) => (now += gap))];
      byChance.push(...covered({ onset, pitch: random.permutation(line.pitch) }, known));
    }
  }
  return {
    onset: lines.flatMap((line) => line.onset),
    covered: lines.flatMap((line) => covered(line, known)),
    baseline: sum(byChance) / byChance.length,
  };
}

function pitchClasses(notes) {
  const count = new Array(12).fill(0);
  for (const { pitch } of notes) count[pitch % 12] += 1;
  return count.map((n) => n / Math.max(notes.length, 1));
}

const entropy = (shares) => -sum(shares.filter((x) => x > 0).map((x) => x * Math.log2(x)));

/** Jensen-Shannon divergence of two distributions, in bits. */
function distance(p, q) {
  return Math.max(0, entropy(p.map((x, k) => (x + q[k]) / 2)) - (entropy(p) + entropy(q)) / 2);
}

/** Notes that sound at once, averaged over the time in [start, end) in which any does. */
function polyphony(notes, start, end) {
  let sounding = 0;
  let silent = 0;
  let reach = -Infinity;
  for (const note of notes) {
    const [on, off] = [clip(note.on, start, end), clip(note.off, start, end)];
    sounding += off - on;
    if (reach > -Infinity) silent += Math.max(0, on - reach);
    reach = Math.max(reach, off);
  }
  const time = notes.length ? reach - clip(notes[0].on, start, end) - silent : 0;
  return time > 0 ? sounding / time : 0;
}

function recurrenceFigures(found, edges) {
  if (!found)
    return {
      motif_recurrence: null,
      motif_baseline: null,
      motif_excess: null,
      motif_recurrence_by_quarter: new Array(QUARTERS).fill(null),
    };
  const share = sum(found.covered) / found.covered.length;
  const room = 1 - found.baseline;
  const quarter = found.onset.map((on) => clip(edges.filter((edge) => edge <= on).length - 1, 0, QUARTERS - 1));
  return {
    motif_recurrence: share,
    motif_baseline: found.baseline,
    motif_excess: room > 0 ? (share - found.baseline) / room : 0,
    motif_recurrence_by_quarter: Array.from({ length: QUARTERS }, (_, k) => {
      const mine = found.covered.filter((_each, i) => quarter[i] === k);
      return mine.length ? sum(mine) / mine.length : null;
    }),
  };
}

function density(notes) {
  if (!notes.length) return null;
  const seconds = Math.max(...notes.map((note) => note.off)) - notes[0].on;
  return seconds > 0 ? notes.length / seconds : null;
}

/** A continuation that lasts from 0 to `end` on its own axis, beside its primer; null where nothing can be measured. */
export function describe(primer, continuation, end) {
  const after = continuation.filter((note) => note.on >= 0 && note.on < end);
  const span = end / QUARTERS;
  const edges = Array.from({ length: QUARTERS + 1 }, (_, k) => (k === QUARTERS ? end : k * span));
  const quarters = edges.slice(1).map((to, k) => after.filter((note) => note.on >= edges[k] && note.on < to));
  const home = pitchClasses(primer);
  return {
    notes: after.length,
    seconds: end,
    ...recurrenceFigures(findRecurrence(primer, after), edges),
    density_by_quarter: quarters.map((struck) => (span > 0 ? struck.length / span : 0)),
    density_primer: density(primer),
    polyphony_by_quarter: edges.slice(1).map((to, k) => polyphony(after, edges[k], to)),
    polyphony_primer: primer.length ? polyphony(primer, 0, Infinity) : null,
    pitch_class_drift: quarters.map((struck) =>
      struck.length && primer.length ? distance(home, pitchClasses(struck)) : null,
    ),
  };
}
