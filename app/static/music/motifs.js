// How much of a passage is made of a primer's melodic patterns, as musictx/lab/evaluation/motifs.py measures it.
//
// A pattern is five successive notes of the highest or the lowest line: the intervals between them, and for each
// pair of neighbouring gaps whether the second is shorter, about as long, or longer.

import { rint } from "./rounding.js";

const PATTERN = 5; // notes
const CHORD = 0.03; // seconds: onsets closer than this to the one before are one chord
const LARGEST = 24; // semitones; larger intervals count as this
const SHUFFLES = 16;
const ENOUGH_KNOWN = 20; // different patterns in the primer …
const ENOUGH_NOTES = 80; // … and notes in the passage's lines, under which a share says nothing
const ERRORS = 2; // standard errors by which a share must lie above chance

/** The upper and the lower line of notes sorted by onset: {onset, pitch} each. */
export function outerLines(notes) {
  const upper = { onset: [], pitch: [] };
  const lower = { onset: [], pitch: [] };
  let last = -Infinity;
  for (const { on, pitch } of notes) {
    if (on - last > CHORD) {
      for (const line of [upper, lower]) {
        line.onset.push(on);
        line.pitch.push(pitch);
      }
    } else {
      const k = upper.pitch.length - 1;
      upper.pitch[k] = Math.max(upper.pitch[k], pitch);
      lower.pitch[k] = Math.min(lower.pitch[k], pitch);
    }
    last = on;
  }
  return [upper, lower];
}

/** The pattern that begins at each note of a line, as text. */
function patterns({ onset, pitch }) {
  const found = [];
  const steps = pitch.slice(1).map((each, k) => Math.max(-LARGEST, Math.min(LARGEST, each - pitch[k])));
  const gaps = onset.slice(1).map((each, k) => Math.max(each - onset[k], 1e-3));
  const ratios = gaps.slice(1).map((gap, k) => Math.max(-1, Math.min(1, rint(Math.log2(gap / gaps[k])))));
  for (let k = 0; k + PATTERN <= pitch.length; k += 1)
    found.push([...steps.slice(k, k + PATTERN - 1), ...ratios.slice(k, k + PATTERN - 2)].join(" "));
  return found;
}

/** How many notes of a line lie in a known pattern. */
function coveredNotes(line, known) {
  const covered = new Set();
  for (const [k, pattern] of patterns(line).entries())
    if (known.has(pattern)) for (let j = k; j < k + PATTERN; j += 1) covered.add(j);
  return covered.size;
}

/** The share of a primer's patterns that another has as well. */
export function sharedPatterns(primer, other) {
  const [own, others] = [primer, other].map((notes) => new Set(outerLines(notes).flatMap(patterns)));
  return own.size ? [...own].filter((pattern) => others.has(pattern)).length / own.size : 0;
}

/** Random numbers that are the same each time. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function shuffled(values, random) {
  const order = [...values];
  for (let k = order.length - 1; k > 0; k -= 1) {
    const other = Math.floor(random() * (k + 1));
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order;
}

/** The lines of a passage in which there may be a pattern, and how many notes they have. */
function linesOf(passage) {
  const lines = outerLines(passage).filter((line) => line.pitch.length >= PATTERN);
  return { lines, count: lines.reduce((sum, line) => sum + line.pitch.length, 0) };
}

/** The share of a passage's line notes that lie in a primer's patterns. */
export function motifShare(primer, passage) {
  const known = new Set(outerLines(primer).flatMap(patterns));
  const { lines, count } = linesOf(passage);
  return count ? lines.reduce((sum, line) => sum + coveredNotes(line, known), 0) / count : 0;
}

/**
 * {share, chance, above}: the share of a passage's line notes that lie in the primer's patterns, the same with its
 * pitches and gaps shuffled, and whether it is more than chance explains. Null where there are too few notes.
 */
export function findMotifs(primer, passage) {
  const known = new Set(outerLines(primer).flatMap(patterns));
  const { lines, count } = linesOf(passage);
  if (known.size < ENOUGH_KNOWN || count < ENOUGH_NOTES) return null;
  const share = motifShare(primer, passage);
  const random = generator(1);
  let hits = 0;
  for (const { onset, pitch } of lines) {
    const gaps = onset.slice(1).map((each, k) => each - onset[k]);
    for (let k = 0; k < SHUFFLES; k += 1) {
      let now = 0;
      const times = [0, ...shuffled(gaps, random).map((gap) => (now += gap))];
      hits += coveredNotes({ onset: times, pitch: shuffled(pitch, random) }, known);
    }
  }
  const chance = hits / (SHUFFLES * count);
  // Covered notes come in patterns of five: fewer independent ones than there are notes.
  const error = Math.sqrt((Math.max(chance, 1 / count) * (1 - chance) * PATTERN) / count);
  return { share, chance, above: share > chance + ERRORS * error };
}
