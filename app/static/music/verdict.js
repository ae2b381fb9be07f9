// What happened in a lane, from its notes alone. Every threshold stands here, but for the theme's; how often each is
// wrong about real music is measured by checkpoints/verdicts.py.

import { describe, soundingAtOnce } from "./measures.js";
import { findTheme } from "./theme.js";

const STORM = 12; // notes at once, averaged over STORM_SECONDS, that no pianist holds …
const STORM_RATIO = 3; // … and so many times as many as in the primer
const STORM_SECONDS = 4;
const SILENCE = 8; // seconds without a sound
const STUCK_SECONDS = 10; // in so long a time, so many notes, of no more different keys than this
const STUCK_NOTES = 20;
const STUCK_KEYS = 2;
const FAR = 0.45; // from the primer's key, for KEY_SECONDS …
const KEY_SECONDS = 15;
const KEY_STEP = 5; // … that are looked at so often
const KEY_NOTES = 20; // in the primer, and in that time, under which a key is no matter of figures
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

/** The first passage in which the same keys are struck and no others, or null. */
function findStuck(notes, from) {
  const struck = notes.filter(({ on }) => on >= from);
  for (let first = 0; first < struck.length; first += 1) {
    const until = struck[first].on + STUCK_SECONDS;
    const passage = struck.slice(first).filter(({ on }) => on < until);
    const last = passage.at(-1).on;
    if (last < until - STUCK_SECONDS / 4) continue; // the music ends before
    if (passage.length < STUCK_NOTES || new Set(passage.map(({ pitch }) => pitch)).size > STUCK_KEYS) continue;
    const keys = new Set(passage.slice(passage.length / 2).map(({ pitch }) => pitch));
    const before = passage.findLastIndex(({ pitch }) => !keys.has(pitch));
    return { kind: "stuck", at: passage[before + 1].on, keys: keys.size };
  }
  return null;
}

/** The first passage that is far from the primer's key, or null. */
function findStrangeKey(notes, from, to, given) {
  if (given.length < KEY_NOTES) return null;
  for (let at = from; at + KEY_SECONDS <= to; at += KEY_STEP) {
    const { notes: struck, key } = describe(notes, at, at + KEY_SECONDS, given);
    if (struck.length >= KEY_NOTES && key > FAR) return { kind: "key", at, distance: key };
  }
  return null;
}

/** How the music stands to the training length: it stays within, has just passed it, or goes on as before, or denser. */
function findCourse(notes, from, to, beyond, given) {
  if (beyond === null) return { kind: "within", at: to };
  if (to - beyond < ENOUGH) return { kind: "reached", at: beyond };
  const at = Math.max(beyond, from);
  const [before, after] = [describe(notes, from, at, given), describe(notes, at, to, given)];
  if (before?.seconds >= ENOUGH && after.pace >= DENSER * before.pace)
    return { kind: "denser", at, ratio: after.pace / before.pace };
  return { kind: "steady", at, count: after.most };
}

/**
 * What happened, most important first: [{kind, at, …}]. `score` is finished; `ended` says that the model ended the
 * piece by itself; `others` are other pieces' primers, which say how much of a theme there is by chance.
 */
export function judge(score, ended = false, others = []) {
  const { notes, length: cut, beyond, known } = score;
  const given = notes.filter((note) => note.primer);
  const end = Math.max(known, cut);
  const primer = describe(notes, 0, cut, given);
  const faults = [findStorm(notes, cut, end, primer), findSilence(notes, cut, end), findStuck(notes, cut)];
  const fault = faults.filter(Boolean).sort((a, b) => a.at - b.at)[0];
  if (!score.continuationCount) return [fault ?? { kind: "nothing", at: cut }];
  const played = notes.filter((note) => !note.primer);
  const storm = fault?.kind === "storm"; // it strikes every key, and runs along with every theme
  const theme = findTheme(given, played, cut, storm ? fault.at : end, others);
  return [
    fault && { ...fault, past: beyond !== null && fault.at >= beyond },
    fault ? null : findCourse(notes, cut, end, beyond, given),
    storm ? null : findStrangeKey(notes, cut, end, given),
    theme && theme.back !== null && { kind: theme.back ? "back" : "gone", ...theme },
    ended && { kind: "ended", at: end },
  ].filter(Boolean);
}
