// One sentence about what happened in a lane, from its notes alone. Every threshold stands here.

import { describe, soundingAtOnce } from "./measures.js";

const STORM = 12; // notes at once, averaged over STORM_SECONDS, that no pianist holds …
const STORM_RATIO = 3; // … and so many times as many as in the primer
const STORM_SECONDS = 4;
const SILENCE = 8; // seconds without a sound
const STUCK_SECONDS = 10; // in so long a time, so many notes, of no more different keys than this
const STUCK_NOTES = 20;
const STUCK_KEYS = 2;
const DENSER = 2; // times as many notes a second past the training length as before it
const ENOUGH = 5; // seconds on either side of the training length that tell something of it

/** The first moment at which too many notes sound at once, and how many at most from there on; or null. */
function findStorm(notes, from, to, primer) {
  const { average, most } = soundingAtOnce(notes, to);
  const limit = Math.max(STORM, STORM_RATIO * (primer?.average ?? 0));
  for (let k = Math.floor(from); k + STORM_SECONDS <= average.length; k += 1) {
    const mean = average.slice(k, k + STORM_SECONDS).reduce((sum, x) => sum + x, 0) / STORM_SECONDS;
    if (mean < limit) continue;
    let at = k;
    while (average[at] < limit) at += 1;
    return { kind: "storm", at: Math.max(at, from), count: Math.max(...most.slice(k)) };
  }
  return null;
}

/** The first long silence, or null. What the models were given may end in one. */
function findSilence(notes, from, to) {
  let quiet = from;
  for (const { on, off } of [...notes, { on: to, off: to }]) {
    if (on - quiet >= SILENCE) return { kind: "silence", at: quiet, seconds: on - quiet };
    quiet = Math.max(quiet, off);
  }
  return null;
}

/** The first stretch in which the same keys are struck and no others, or null. */
function findStuck(notes, from) {
  const struck = notes.filter(({ on }) => on >= from);
  for (let first = 0; first < struck.length; first += 1) {
    const until = struck[first].on + STUCK_SECONDS;
    const stretch = struck.slice(first).filter(({ on }) => on < until);
    const last = stretch.at(-1).on;
    if (last < until - STUCK_SECONDS / 4) continue; // the music ends before
    if (stretch.length < STUCK_NOTES || new Set(stretch.map(({ pitch }) => pitch)).size > STUCK_KEYS) continue;
    const keys = new Set(stretch.slice(stretch.length / 2).map(({ pitch }) => pitch));
    const before = stretch.findLastIndex(({ pitch }) => !keys.has(pitch));
    return { kind: "stuck", at: stretch[before + 1].on, keys: keys.size };
  }
  return null;
}

/** What happened: {kind, at, …}. `score` is finished; `ended` says that the model ended the piece by itself. */
export function judge(score, ended = false) {
  const { notes, length: cut, beyond, known } = score;
  const given = notes.filter((note) => note.primer);
  const primer = describe(notes, 0, cut, given);
  const end = Math.max(known, cut);
  const faults = [findStorm(notes, cut, end, primer), findSilence(notes, cut, end), findStuck(notes, cut)];
  const first = faults.filter(Boolean).sort((a, b) => a.at - b.at)[0];
  if (first) return { ...first, past: beyond !== null && first.at >= beyond };
  if (!score.continuationCount) return { kind: "nothing", at: cut };
  if (ended) return { kind: "ended", at: end };
  if (beyond === null || end - beyond < ENOUGH) return { kind: "within", at: end };
  const before = describe(notes, cut, Math.max(beyond, cut), given);
  const after = describe(notes, Math.max(beyond, cut), end, given);
  if (before?.seconds >= ENOUGH && after.pace >= DENSER * before.pace)
    return { kind: "denser", at: beyond, ratio: after.pace / before.pace };
  return { kind: "kept", at: beyond, count: after.most };
}
