// The stretch of a piece that is the primer. Times are whole milliseconds.

const DEFAULT_SECONDS = 10; // how much of the end of an upload is chosen at first
const FEWEST_NOTES = 8; // … or more, if that has too few notes
const LONGEST_SECONDS = 120;
const SHORTEST = 200; // milliseconds

/** The last seconds of a piece, with enough notes in them to say something. */
export function lastStretch(rows, seconds = DEFAULT_SECONDS) {
  if (!rows.length) return { start: 0, end: 0 };
  const end = Math.max(...rows.slice(-400).map((row) => row[1]));
  const enough = rows[Math.max(0, rows.length - FEWEST_NOTES)][0];
  const start = Math.min(Math.max(0, end - seconds * 1000), enough);
  return { start: Math.max(start, end - LONGEST_SECONDS * 1000, 0), end };
}

/** A stretch with one edge ("start" or "end") moved to a time; the other gives way where it must. */
export function moveEdge({ start, end }, edge, time, duration) {
  if (edge === "start") {
    const first = Math.max(0, Math.min(time, duration - SHORTEST));
    return { start: first, end: Math.min(Math.max(end, first + SHORTEST), first + LONGEST_SECONDS * 1000) };
  }
  const last = Math.min(duration, Math.max(time, SHORTEST));
  return { start: Math.max(Math.min(start, last - SHORTEST), last - LONGEST_SECONDS * 1000, 0), end: last };
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
