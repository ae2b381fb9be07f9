// Bars on a roll: lines and numbers, and places that a pointer means.

import { onBarLine } from "../music/metre.js";

const ROOM = 30; // pixels that a number needs
const FOOT = 15; // pixels of the axis below the notes
const CLOSE = 6; // pixels between two lines at least
const CATCH = 8; // pixels from a bar line that still mean it

/** Draw bar lines between `start` and `end` (s), perhaps `numbered`; the first bar of the music is 1. */
export function drawBars(context, metre, { start, end, width, height, x, colour, element, numbered }) {
  const lines = metre.barLines(end);
  const first = lines[0] > 0.01 ? 2 : 1; // before it the music begins within a bar
  const shown = lines.map((time, k) => [time, k + first]).filter(([time]) => time >= start - 0.001);
  const each = width / Math.max(1, shown.length);
  const every = [1, 2, 4, 8, 16, 32, 64, 128].find((step) => step * each >= ROOM) ?? 256;
  context.font = `10px ${getComputedStyle(element).fontFamily}`;
  context.textBaseline = "bottom";
  for (const [time, number] of shown) {
    const named = (number - 1) % every === 0;
    if (!named && each < CLOSE) continue;
    const left = Math.round(x(time));
    context.fillStyle = colour("--roll-bar");
    context.fillRect(left, 0, 1, height - (named && numbered ? 0 : FOOT));
    context.fillStyle = colour("--ink-soft");
    if (numbered && named && left + ROOM / 2 < width) context.fillText(String(number), left + 3, height - 1);
  }
}

/** The bar line that a time (s) means on a roll of so many pixels a second, or that time. */
export function caught(metre, time, scale) {
  return onBarLine(metre, time, CATCH / scale);
}
