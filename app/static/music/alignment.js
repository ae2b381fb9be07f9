// How well a passage runs along with a primer, note by note, as musictx/lab/evaluation/alignment.py measures it.

import { outerLines } from "./motifs.js";

const WINDOW = 10; // seconds
const [SAME, NEAR, OTHER] = [1, 0.2, -1]; // worth of an interval that is the same, a semitone off, another
const SKIP = 0.6; // price of a note that one line has and the other has not
const RHYTHM = 0.5; // price of a gap twice or half as long as the other line's
const MAX_DOUBLINGS = 2; // doublings that count
const MIN_GAP = 0.03; // seconds; shorter ones count as this
// By how many notes of the first and of the second line an alignment goes on, and the price of what is skipped.
const STEPS = [
  [1, 1, 0],
  [1, 2, SKIP],
  [2, 1, SKIP],
];

/** Intervals and gaps (log2 s) over one note and over two, each from the note where it begins. */
function movesOf({ onset, pitch }) {
  return [1, 2].map((k) => ({
    interval: Int16Array.from(pitch.slice(k), (each, j) => each - pitch[j]),
    gap: Float64Array.from(onset.slice(k), (each, j) => Math.log2(Math.max(each - onset[j], MIN_GAP))),
  }));
}

/** Worth of the best local alignment of two lines (Smith and Waterman 1981), given their moves. */
function bestAlignment(first, second) {
  const [rows, columns] = [first[0].gap.length + 1, second[0].gap.length + 1];
  const score = [0, 1, 2].map(() => new Float64Array(columns)); // of the last rows, in turn
  let best = 0;
  for (let i = 1; i < rows; i += 1) {
    const now = score[i % 3].fill(0);
    for (const [a, b, price] of STEPS) {
      if (i < a) continue;
      const interval = first[a - 1].interval[i - a];
      const gap = first[a - 1].gap[i - a];
      const before = score[(i - a) % 3];
      const { interval: intervals, gap: gaps } = second[b - 1];
      for (let j = b; j < columns; j += 1) {
        const away = Math.abs(interval - intervals[j - b]);
        const rhythm = Math.min(Math.abs(gap - gaps[j - b]), MAX_DOUBLINGS);
        const worth = (away === 0 ? SAME : away === 1 ? NEAR : OTHER) - RHYTHM * rhythm - price;
        const reached = before[j - b] + worth;
        if (reached > now[j]) now[j] = reached;
        if (reached > best) best = reached;
      }
    }
  }
  return best;
}

/**
 * About how many notes at a time of a passage run along with each of some primers: the best local alignment of each
 * ten seconds, upper line with upper line and lower with lower, averaged. The passage goes from `from` to `to` (s).
 */
export function alignments(primers, passage, from, to) {
  const windows = Math.max(1, Math.ceil((to - from) / WINDOW - 1e-6)); // a rounded time begins no other window
  const lines = outerLines(passage).map(({ onset, pitch }) =>
    Array.from({ length: windows }, (_, w) => {
      const inside = (_, k) => Math.floor((onset[k] - from) / WINDOW) === w;
      return movesOf({ onset: onset.filter(inside), pitch: pitch.filter(inside) });
    }),
  );
  return primers.map((primer) => {
    const known = outerLines(primer).map(movesOf);
    const found = known.flatMap((moves, k) => lines[k].map((others) => bestAlignment(moves, others)));
    return found.reduce((sum, each) => sum + each, 0) / found.length;
  });
}
