// The selection of a piece that is the primer. Times are whole milliseconds.

import { Metre } from "./metre.js";

const DEFAULT_LENGTH = 10_000; // how much of a piece is chosen at first …
const MIN_NOTES = 8; // … or more, if that has too few notes
const IDEA = 60_000; // a piece of such a length is an idea as a whole
const MAX_LENGTH = 120_000;
const MIN_LENGTH = 200;

/** The first seconds of a piece, from its first note on, with enough notes in them to say something. */
export function firstSelection(rows) {
  if (!rows.length) return { start: 0, end: 0 };
  const start = rows[0][0];
  const enough = rows[Math.min(MIN_NOTES, rows.length) - 1][1];
  const last = Math.max(...rows.slice(-400).map((row) => row[1]));
  const end = Math.min(Math.max(start + DEFAULT_LENGTH, enough), start + MAX_LENGTH, last);
  return { start, end };
}

/** The last seconds of a piece, with enough notes in them to say something. */
export function lastSelection(rows) {
  if (!rows.length) return { start: 0, end: 0 };
  const end = Math.max(...rows.slice(-400).map((row) => row[1]));
  const enough = rows[Math.max(0, rows.length - MIN_NOTES)][0];
  const start = Math.min(Math.max(0, end - DEFAULT_LENGTH), enough);
  return { start: Math.max(start, end - MAX_LENGTH, 0), end };
}

/** All of a piece if it is short, else its last seconds: what one composes on from. */
export function wholeOrEnd(rows) {
  const { start, end } = lastSelection(rows);
  return end - (rows[0]?.[0] ?? 0) <= IDEA ? { start: rows[0]?.[0] ?? 0, end } : { start, end };
}

/** A selection with one edge ("start" or "end") moved to a time; the other gives way where it must. */
export function moveEdge({ start, end }, edge, time, duration) {
  if (edge === "start") {
    const first = Math.max(0, Math.min(time, duration - MIN_LENGTH));
    return { start: first, end: Math.min(Math.max(end, first + MIN_LENGTH), first + MAX_LENGTH) };
  }
  const last = Math.min(duration, Math.max(time, MIN_LENGTH));
  return { start: Math.max(Math.min(start, last - MIN_LENGTH), last - MAX_LENGTH, 0), end: last };
}

/** A selection of the same length that begins at a time. */
export function moveSelection({ start, end }, time, duration) {
  const first = Math.max(0, Math.min(time, duration - (end - start)));
  return { start: first, end: first + end - start };
}

/** A selection that goes up to where the piece ends, up to where its bar does: a clip's last note may end before. */
export function wholeBars({ start, end }, rows, metre) {
  const latest = rows.slice(-400);
  const last = Math.max(...latest.map((row) => row[1]));
  if (!latest.length || end < last - 10) return { start, end };
  return onGrid({ start, end: 1000 * new Metre(metre).barEnd(latest.at(-1)[0] / 1000, last / 1000) });
}

/** In whole hundredths of a second, as the models have it. */
export function onGrid({ start, end }) {
  return { start: Math.round(start / 10) * 10, end: Math.round(end / 10) * 10 };
}
