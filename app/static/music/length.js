// How long music is for the models: where they pass the length of what they were trained on.

const SPARSEST = 26; // events a second; models play sparse primers on in denser music
const DENSEST = 80;
const ROUND = 5; // seconds
const [MIN_SECONDS, MAX_SECONDS] = [20, 180];

/** Events a second that are to be expected of a continuation. */
function pace(events, seconds) {
  return Math.min(DENSEST, Math.max(SPARSEST, events / Math.max(seconds, 1)));
}

/** Seconds after which a continuation of `events` in `seconds` is longer than `trainingLength` events, about. */
export function expectedBeyond(events, seconds, trainingLength) {
  // A model reads no more of a primer than fills three quarters of its training length.
  const read = Math.min(events, 0.75 * trainingLength);
  return Math.max(0, trainingLength - read) / pace(events, seconds);
}

/** A length (s) in which continuations reach about twice the longest training length. */
export function tellingLength(events, seconds, trainingLengths) {
  const wanted = expectedBeyond(events, seconds, 2 * Math.max(...trainingLengths));
  return Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, Math.round(wanted / ROUND) * ROUND));
}
