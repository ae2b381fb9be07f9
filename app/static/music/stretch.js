// The stretch of a piece that is the primer. Times are whole milliseconds.

const DEFAULT_LENGTH = 10_000; // how much of a piece is chosen at first …
const FEWEST_NOTES = 8; // … or more, if that has too few notes
const LONGEST = 120_000;
const SHORTEST = 200;

/** The first seconds of a piece, from its first note on, with enough notes in them to say something. */
export function firstStretch(rows) {
  if (!rows.length) return { start: 0, end: 0 };
  const start = rows[0][0];
  const enough = rows[Math.min(FEWEST_NOTES, rows.length) - 1][1];
  const last = Math.max(...rows.slice(-400).map((row) => row[1]));
  const end = Math.min(Math.max(start + DEFAULT_LENGTH, enough), start + LONGEST, last);
  return { start, end };
}

/** The last seconds of a piece, with enough notes in them to say something. */
export function lastStretch(rows) {
  if (!rows.length) return { start: 0, end: 0 };
  const end = Math.max(...rows.slice(-400).map((row) => row[1]));
  const enough = rows[Math.max(0, rows.length - FEWEST_NOTES)][0];
  const start = Math.min(Math.max(0, end - DEFAULT_LENGTH), enough);
  return { start: Math.max(start, end - LONGEST, 0), end };
}

/** A stretch with one edge ("start" or "end") moved to a time; the other gives way where it must. */
export function moveEdge({ start, end }, edge, time, duration) {
  if (edge === "start") {
    const first = Math.max(0, Math.min(time, duration - SHORTEST));
    return { start: first, end: Math.min(Math.max(end, first + SHORTEST), first + LONGEST) };
  }
  const last = Math.min(duration, Math.max(time, SHORTEST));
  return { start: Math.max(Math.min(start, last - SHORTEST), last - LONGEST, 0), end: last };
}

/** A stretch of the same length that begins at a time. */
export function moveStretch({ start, end }, time, duration) {
  const first = Math.max(0, Math.min(time, duration - (end - start)));
  return { start: first, end: first + end - start };
}

/** In whole hundredths of a second, as the models have it. */
export function onGrid({ start, end }) {
  return { start: Math.round(start / 10) * 10, end: Math.round(end / 10) * 10 };
}
