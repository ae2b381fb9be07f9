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
