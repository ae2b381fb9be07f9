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

/** What is said while the models play for others, of whom so many come first. */
export function queueWords(place) {
  const ahead = place === 1 ? "One visitor is" : `${place} visitors are`;
  return `The models are playing for other visitors. ${ahead} ahead of you; your turn comes automatically.`;
}

/** Which notes a model listened to for a note, in a line: `found` is {note, arcs: [{note, weight}]}. */
export function listeningWords({ note, arcs }) {
  const name = `${pitchName(note.pitch)} at ${preciseClock(note.on)}`;
  const whole = arcs.reduce((sum, { weight }) => sum + weight, 0);
  if (!whole) return `${name}: no earlier note to listen to`;
  const back = arcs.reduce((sum, arc) => sum + arc.weight * (note.on - arc.note.on), 0) / whole;
  const primer = arcs.reduce((sum, arc) => (arc.note.primer ? sum + arc.weight : sum), 0) / whole;
  const share = note.primer ? "" : `, ${Math.round(100 * primer)} % to the primer`;
  return `${name}: ${back.toFixed(1)} s back on average${share}`;
}

const percent = (share) => `${Math.round(100 * share)} %`;
const theme = ({ notes, other, motifs = null }, most) =>
  motifs
    ? `${percent(motifs.own)} of it is made of the primer’s motifs, ${most}${percent(motifs.other)} of another piece’s`
    : `${notes.toFixed(1)} notes in a row follow the primer, ${most}${other.toFixed(1)} another piece’s`;
const place = ({ at, past }) => `at ${clock(at)}${past ? ", past its training length" : ""}`;

/** What a lane's model does, by what was found: for its own sentence. */
const CLAUSES = {
  storm: (found) => `piles up ${place(found)} (up to ${counted(found.count, "note")} at once)`,
  silence: (found) => `falls silent ${place(found)} (for ${Math.round(found.seconds)} s)`,
  stuck: (found) => `gets stuck ${place(found)} (on ${counted(found.keys, "key")})`,
  nothing: () => "ends the piece at once",
  key: ({ at, distance }) => `leaves the key at ${clock(at)} (${distance.toFixed(2)} away from the primer’s)`,
  back: (found) => `brings the theme back (${theme(found, "at most ")})`,
  gone: (found) => `does not bring the theme back (${theme(found, "")})`,
  denser: ({ at, ratio }) => `plays ${ratio.toFixed(1)} times as many notes per second after ${clock(at)}`,
  steady: ({ count }) => `plays on past its training length (at most ${counted(count, "note")} at once)`,
  reached: ({ at }) => `reaches its training length at ${clock(at)}, shortly before the end`,
  within: () => "stays within its training length",
  ended: ({ at }) => `ends by itself at ${clock(at)}`,
};

/**
 * What one model does and what several do, for the headline; first what is said first.
 *
 * @type {[string, string, string][]}
 */
const HEADLINES = [
  ["back", "brings the theme back", "bring the theme back"],
  ["gone", "does not bring the theme back", "do not bring the theme back"],
  ["storm", "piles up", "pile up"],
  ["silence", "falls silent", "fall silent"],
  ["stuck", "gets stuck", "get stuck"],
  ["nothing", "ends the piece at once", "end the piece at once"],
  ["key", "leaves the key", "leave the key"],
  ["denser", "plays far more notes", "play far more notes"],
  ["ended", "ends by itself", "end by themselves"],
];

/** Things in a row: a, b and c. */
export function listed(things) {
  return things.length > 1 ? `${things.slice(0, -1).join(", ")} and ${things.at(-1)}` : things.join("");
}

/** Where a model's ends or faults lie, as far as the headline says so. */
function when({ kind, at, past }) {
  if (kind === "ended") return ` at ${clock(at)}`;
  return past ? " past the training length" : "";
}

/** What is said in the headline of those of whom a kind was found, or an empty text. */
function headlineOf([kind, one, several], found) {
  const of = found.map(({ name, verdict }) => [name, verdict.find((each) => each.kind === kind)]);
  const those = of.filter(([, each]) => each);
  if (!those.length) return "";
  const names = those.map(([name]) => name);
  const times = those.map(([, each]) => when(each));
  const does = names.length > 1 ? several : one;
  if (kind === "ended" && names.length > 1) return `${capital(listed(names.map((name, k) => name + times[k])))} ${does}.`;
  return `${capital(listed(names))} ${does}${times.every((each) => each === times[0]) ? times[0] : ""}.`;
}

/**
 * What came of a take, in two parts: about the theme, and about all else. `found` are {name, verdict} with a verdict as
 * `judge` (verdict.js) gives it. Null if there is nothing but music within its training length.
 */
export function answerWords(found) {
  const has = ({ verdict }, kinds) => verdict.some(({ kind }) => kinds.includes(kind));
  const calm = found.filter((each) => !has(each, ["storm"])); // of a storm's theme its lane tells
  const theme = HEADLINES.slice(0, 2).map((row) => headlineOf(row, calm));
  const rest = HEADLINES.slice(2).map((row) => headlineOf(row, found));
  const said = HEADLINES.map(([kind]) => kind);
  const steady = found.filter((each) => has(each, ["steady"]) && !has(each, said)).map(({ name }) => name);
  const plays = steady.length > 1 ? "play" : "plays";
  if (steady.length) rest.push(`${capital(listed(steady))} ${plays} on past the training length.`);
  const [first, second] = [theme, rest].map((sentences) => sentences.filter(Boolean).join(" "));
  if (!first && !second) return null;
  return first && second ? [`${first} `, second] : [first || second, ""];
}

/** The verdict on a lane as a sentence. Of music that piles up the theme is sought in what comes before. */
export function verdictSentence(name, verdict) {
  const say = (found) => CLAUSES[found.kind](found);
  const storm = verdict.some(({ kind }) => kind === "storm");
  const before = verdict.find(({ kind }) => storm && (kind === "back" || kind === "gone"));
  const rest = listed(verdict.filter((found) => found !== before).map(say));
  return `${capital(name)} ${rest}${before ? `; before that it ${say(before)}` : ""}.`;
}

/** How the models play by some settings, with theme, with form or without, in words. */
export function themeWords({ theme, form }) {
  const said = listed([theme && `theme ${theme}`, form && `form ${form}`].filter(Boolean));
  return said ? `with ${said}` : "without theme";
}

/** How often each of several models did what, in some takes with one settings: `found` are {name, verdicts}. */
export function seriesWords(found, takes, settings) {
  const count = (verdicts, kind) => verdicts.filter((verdict) => verdict.some((each) => each.kind === kind)).length;
  const told = found.some(({ verdicts }) => count(verdicts, "back") + count(verdicts, "gone"));
  const back = found.map(({ name, verdicts }) => `${name} in ${count(verdicts, "back")}`);
  const others = HEADLINES.slice(2).flatMap(([kind, one]) => {
    const those = found.filter(({ verdicts }) => count(verdicts, kind));
    return those.map(({ name, verdicts }) => `${name} ${one} in ${count(verdicts, kind)}`);
  });
  const all = [told ? `the theme comes back with ${listed(back)}` : "", listed(others)].filter(Boolean);
  return `Of ${counted(takes, "take")} ${themeWords(settings)}, ${all.length ? all.join("; ") : "none shows a fault"}.`;
}
