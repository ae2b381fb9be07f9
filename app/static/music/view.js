// The span of time that the rolls show, in seconds.

const CLOSEST = 2; // seconds that a roll shows at least

/** A span {start, end} as part of [0, whole): no shorter than `CLOSEST`, and inside. */
function within({ start, end }, whole) {
  const length = Math.min(whole, Math.max(CLOSEST, end - start));
  const first = Math.min(Math.max(0, start), whole - length);
  return { start: first, end: first + length };
}

/** A span `factor` times as long, with the moment `at` where it was. */
export function zoomed({ start, end }, factor, at, whole) {
  return within({ start: at - (at - start) * factor, end: at + (end - at) * factor }, whole);
}

/** A span moved by `seconds`. */
export function moved({ start, end }, seconds, whole) {
  const by = Math.min(Math.max(seconds, -start), whole - end);
  return within({ start: start + by, end: end + by }, whole);
}

/** The span that shows `at`: the same one, or the next page if it lies outside. */
export function turned(span, at, whole) {
  const length = span.end - span.start;
  if (at >= span.start && at < span.end) return span;
  return within({ start: at - length / 10, end: at + (9 * length) / 10 }, whole);
}
