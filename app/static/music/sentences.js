// What the page says of a lane's music.

import { pitchName } from "./pitches.js";

/** Minutes and seconds of a time in seconds: 1:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** The same with tenths: 1:05.3. */
export function preciseClock(seconds) {
  const tenths = Math.max(0, Math.round(10 * seconds));
  return `${clock(tenths / 10)}.${tenths % 10}`;
}

/** Seconds of a time that is written as 1:05.3 or 65.3; NaN if it is neither. */
export function readTime(text) {
  const match = /^\s*(?:(\d+):)?(\d+(?:[.,]\d*)?)\s*$/.exec(text);
  return match ? 60 * Number(match[1] ?? 0) + Number(match[2].replace(",", ".")) : NaN;
}

/** A number of things: 1 note, 12 notes. */
export function counted(number, thing) {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

/** A text as a sentence begins; a model may be called "mine". */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** When the thread was lost, and on which side of the training length if that says something. */
function place({ at, past }) {
  return `${clock(at)}${past ? ", past its training length" : ""}`;
}

/** Which notes a model listened to for a note, in a line: `found` is {note, arcs: [{note, weight}]}. */
export function listeningWords({ note, arcs }) {
  const name = `${pitchName(note.pitch)} at ${preciseClock(note.on)}`;
  const whole = arcs.reduce((sum, { weight }) => sum + weight, 0);
  if (!whole) return `${name}: nothing to listen to`;
  const back = arcs.reduce((sum, arc) => sum + arc.weight * (note.on - arc.note.on), 0) / whole;
  const primer = arcs.reduce((sum, arc) => (arc.note.primer ? sum + arc.weight : sum), 0) / whole;
  const share = note.primer ? "" : `, ${Math.round(100 * primer)} % to the primer`;
  return `${name}: ${back.toFixed(1)} s back on average${share}`;
}

const WORDS = {
  storm: (found) => `lost the thread at ${place(found)}: up to ${found.count} notes at once`,
  silence: (found) => `fell silent at ${place(found)}, for ${Math.round(found.seconds)} s`,
  stuck: (found) => `got stuck at ${place(found)}, on ${found.keys === 1 ? "one key" : `${found.keys} keys`}`,
  nothing: () => "ended the piece at once",
  ended: ({ at }) => `ended the piece by itself at ${clock(at)}`,
  within: () => "kept the thread, within its training length",
  denser: ({ at, ratio }) => `went on past ${clock(at)}, with ${ratio.toFixed(1)} times as many notes per second`,
  kept: ({ count }) => `kept the thread past its training length: never more than ${counted(count, "note")} at once`,
};

const KEPT = new Set(["kept", "within"]);
const LOST = new Set(["storm", "silence", "stuck"]);

/** Names in a row, as a sentence begins: A, B and C. */
function listed(names) {
  return capital(names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names.join(""));
}

/** Who kept the thread and who lost it, in two sentences; null if nobody did either. `found` are {name, verdict}. */
export function answerWords(found) {
  const of = (kinds) => found.filter(({ verdict }) => kinds.has(verdict.kind));
  const [kept, lost] = [of(KEPT), of(LOST)];
  const names = (some) => listed(some.map(({ name }) => name));
  const past = lost.every(({ verdict }) => verdict.past) ? " past the training length" : "";
  if (kept.length && lost.length) return [`${names(kept)} kept the thread. `, `${names(lost)} lost it${past}.`];
  if (kept.length) return [`${names(kept)} kept the thread.`, ""];
  return lost.length ? [`${names(lost)} lost the thread${past}.`, ""] : null;
}

/** The verdict on a lane as a sentence. */
export function verdictSentence(name, verdict) {
  return `${capital(name)} ${WORDS[verdict.kind](verdict)}.`;
}
