// What a passage is like, from its notes. Notes are {on, off, pitch} in seconds, ended and sorted by onset.

/** Notes that sound at once in each span of `step` seconds from 0 to `end`: {average, most}, both arrays. */
export function soundingAtOnce(notes, end, step = 1) {
  const count = Math.max(1, Math.ceil(end / step));
  const average = new Float64Array(count);
  const most = new Float64Array(count);
  const changes = notes.flatMap(({ on, off }) => [
    [on, 1],
    [off, -1],
  ]);
  changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let sounding = 0;
  let now = 0;
  for (const [time, change] of [...changes, [end, 0]]) {
    for (let k = Math.floor(now / step); k < count && k * step < time; k += 1) {
      const from = Math.max(now, k * step);
      const until = Math.min(time, (k + 1) * step);
      if (until <= from) continue;
      average[k] += (sounding * (until - from)) / step;
      most[k] = Math.max(most[k], sounding);
    }
    now = Math.max(now, Math.min(time, end));
    sounding += change;
  }
  return { average, most };
}

/** Share of each of the twelve pitch classes among some notes, C first. */
function pitchClasses(notes) {
  const share = new Float64Array(12);
  for (const { pitch } of notes) share[pitch % 12] += 1 / notes.length;
  return share;
}

/**
 * How far the keys of two passages are apart: 0 if they use the same pitch classes as often, 1 if they share none.
 * It is the Jensen-Shannon divergence in bits (Lin 1991).
 */
function keyDistance(notes, others) {
  if (!notes.length || !others.length) return null;
  const [p, q] = [pitchClasses(notes), pitchClasses(others)];
  const entropy = (share) => share.reduce((sum, x) => (x > 0 ? sum - x * Math.log2(x) : sum), 0);
  const middle = p.map((x, k) => (x + q[k]) / 2);
  return Math.max(0, entropy(middle) - (entropy(p) + entropy(q)) / 2);
}

/** What lies in [from, to) beside a primer: {seconds, notes, most, average, pace, key}; null if that is no second. */
export function describe(notes, from, to, primer) {
  if (to - from < 1) return null;
  const struck = notes.filter(({ on }) => on >= from && on < to);
  const cut = notes
    .filter(({ on, off }) => on < to && off > from)
    .map(({ on, off }) => ({ on: Math.max(on, from) - from, off: Math.min(off, to) - from }));
  const { average, most } = soundingAtOnce(cut, to - from);
  return {
    seconds: to - from,
    notes: struck,
    most: Math.max(...most),
    average: average.reduce((sum, x) => sum + x, 0) / (to - from),
    pace: struck.length / (to - from),
    key: keyDistance(primer, struck),
  };
}
