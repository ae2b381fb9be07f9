// Rounding as Python and NumPy have it.

/** The nearest whole number; of two as near, the even one. */
export function rint(x) {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 ? below + 1 : below;
}

/** A number with one decimal; of two as near, the even one. */
export function oneDecimal(x) {
  return (x * 4) % 2 === 1 ? (rint(x * 10) / 10).toFixed(1) : x.toFixed(1); // only quarters are ties
}

/**
 * Whether a time lies before an edge on the models' grid (both in ms): it belongs to the hundredth of a second that it
 * is nearest to, as for musictx.sampling.filling, so that a note on a bar line belongs to its bar.
 */
export const isBefore = (time, edge) => time < edge - 5;
