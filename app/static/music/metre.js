// Bars and beats: the tempo map and the time signatures of a file, as musictx.metre has them.
// A metre is {division, tempos: [[tick, micros]], signatures: [[tick, beats, unit]], start}: ticks a quarter note, from
// which tick on a quarter note lasts how long, from which on bars have how many beats of what kind, and where in
// the file (ms) the music begins that it belongs to.

import { rint } from "./rounding.js";

const BEFORE_BAR = 0.0101; // seconds before its first bar line at which a file may begin
const NEAR = 0.00055; // seconds by which whole milliseconds miss a place on the grid, at most
const FINEST = 48; // places in a quarter note that a time so near is meant to lie on
const COARSEST = 0.003; // seconds of a tick in what is written, at most
const MAX_CHANGES = 2000; // of tempo or time signature: a map with more follows a performance, and makes no bars
const TYPED = 0.051; // seconds that a time in tenths is from what is meant, at most
const QUARTER = [0.15, 6]; // seconds of the shortest and the longest quarter note that anybody counts

/** The place of the last row of a table that begins at or before a value, by the first column. */
function placeAt(rows, value) {
  let low = 0;
  for (let high = rows.length; high - low > 1; ) {
    const middle = (low + high) >> 1;
    if (rows[middle][0] <= value) low = middle;
    else high = middle;
  }
  return low;
}

const rowAt = (rows, value) => rows[placeAt(rows, value)];

/** Changes by tick from 0 on; of several at one tick the last one holds. */
function inOrder(rows, first) {
  const byTick = new Map([first, ...rows].map((row) => [row[0], row]));
  return [...byTick.values()].sort((a, b) => a[0] - b[0]);
}

/** The facts of a metre, or null, for music that begins so much later (ms). */
export function movedMetre(facts, ms) {
  return facts ? { ...facts, start: (facts.start ?? 0) + ms } : null;
}

/** The bar line that a time (s) means which may be so much (s) beside it, or that time. */
export function onBarLine(metre, time, beside = TYPED) {
  const lines = metre?.barLines(time + beside + 0.001) ?? [];
  const away = (line) => Math.abs(line - time);
  const nearest = lines.slice(-2).sort((a, b) => away(a) - away(b))[0];
  // Selections are in hundredths of a second, and what is struck on the line lies behind their edge.
  return nearest !== undefined && away(nearest) <= beside ? Math.floor(100 * nearest + 1e-6) / 100 : time;
}

export class Metre {
  division; start;

  constructor({ division, tempos, signatures, start = 0 }) {
    Object.assign(this, { division, start: start / 1000 });
    this.tempos = inOrder(tempos, [0, 500_000]);
    this.signatures = inOrder(signatures, [0, 4, 4]);
    let seconds = 0;
    this.changes = this.tempos.map(([tick, micros], k) => {
      const [since, before] = this.tempos[k - 1] ?? [0, 0];
      seconds += ((tick - since) * before) / (1e6 * division);
      return [seconds, tick, micros];
    });
  }

  /** The metre as it is sent and kept. */
  facts() {
    const { division, tempos, signatures, start } = this;
    return { division, tempos, signatures, start: Math.round(1000 * start) };
  }

  /** Why its bars cannot be used, or nothing. */
  get fault() {
    const quarters = this.tempos.map(([, micros]) => micros / 1e6);
    const changes = Object.entries({ tempo: quarters, "time signature": this.signatures });
    const [many] = changes.filter(([, { length }]) => length > MAX_CHANGES);
    if (many) return `the ${many[0]} changes ${many[1].length.toLocaleString("en-US")} times`;
    const [shortest, longest] = [Math.min(...quarters), Math.max(...quarters)];
    if (shortest < QUARTER[0]) return `a quarter note lasts ${Number(shortest.toPrecision(2))} s`;
    return longest > QUARTER[1] ? `a quarter note lasts ${Number(longest.toPrecision(3))} s` : "";
  }

  /** The tick of the file, with its fraction, at a time of the music (s). */
  tick(seconds) {
    const time = seconds + this.start;
    const [since, tick, micros] = rowAt(this.changes, time);
    return tick + ((time - since) * (1e6 * this.division)) / micros;
  }

  /** The time of the music (s) at a tick of the file. */
  seconds(tick) {
    const [seconds, since, micros] = this.changes[placeAt(this.tempos, tick)];
    return seconds + ((tick - since) * micros) / (1e6 * this.division) - this.start;
  }

  /** The whole tick nearest to a time in whole milliseconds: the place on a fine grid that it is meant to lie on. */
  nearest(seconds) {
    const exact = this.tick(seconds);
    const grid = rint((rint((exact * FINEST) / this.division) * this.division) / FINEST);
    return Math.abs(this.seconds(grid) - seconds) < NEAR ? grid : rint(exact);
  }

  /** A time (s) so many ticks later; what is meant to lie on the fine grid lies on it. */
  moved(seconds, ticks) {
    const place = this.nearest(seconds);
    const exact = this.seconds(place);
    const by = this.seconds(place + ticks) - exact;
    return (Math.abs(exact - seconds) < NEAR ? exact : seconds) + by;
  }

  /** The last bar line at or before a tick, and the length of its bar in ticks. */
  barBefore(tick) {
    const place = placeAt(this.signatures, tick + 0.5);
    const [first, beats, unit] = this.signatures[place];
    const length = Math.max(1, Math.floor((4 * this.division * beats) / unit));
    const line = first + Math.floor((tick + 0.5 - first) / length) * length;
    const later = this.signatures[place + 1]; // a new time signature may cut a bar short
    return [line, later ? Math.min(length, later[0] - line) : length];
  }

  /** Bar lines (s) from 0 to before `until` (s). */
  barLines(until) {
    const lines = [];
    const end = this.tick(until);
    let [line, length] = this.barBefore(this.tick(0));
    while (line < end - 0.5) {
      lines.push(this.seconds(line));
      line += length;
      [, length] = this.barBefore(line);
    }
    return lines.filter((seconds) => seconds > -NEAR);
  }

  /** The time (s) at which so many bars after `time` end; they begin with the bar line nearest to it. */
  barsAfter(time, count) {
    const at = this.tick(time);
    let [line, length] = this.barBefore(at);
    if (at - line > length / 2) line += length;
    for (let k = 0; k < count; k += 1) line += this.barBefore(line)[1];
    return this.seconds(line);
  }

  /** Where the bar ends (s) in which music does whose last note is struck at one time and ends at another. */
  barEnd(struck, end) {
    const sixteenth = this.seconds(this.tick(end) + this.division / 4) - end; // so late a note may hang over
    const [bar, length] = this.barBefore(this.tick(Math.max(0, end - sixteenth)));
    const line = bar + length;
    return this.seconds(this.seconds(line) > struck + NEAR ? line : line + this.barBefore(line)[1]);
  }

  /** The metre of a file that begins with the bar in which 0 lies, in the same ticks or a fine enough multiple. */
  forWriting() {
    const slowest = Math.max(...this.tempos.map(([, micros]) => micros));
    const times = Math.ceil(slowest / Math.round(1e6 * COARSEST * this.division));
    // Music is cut in hundredths of a second, which may lie just before the bar line that is meant.
    const [first] = this.barBefore(this.tick(BEFORE_BAR));
    const rows = (table) => {
      const kept = table.slice(table.indexOf(rowAt(table, first)));
      return kept.map(([tick, ...rest]) => [Math.max(tick - first, 0) * times, ...rest]);
    };
    const start = -1000 * this.seconds(first);
    return new Metre({
      division: this.division * times,
      tempos: rows(this.tempos),
      signatures: rows(this.signatures),
      start,
    });
  }
}
