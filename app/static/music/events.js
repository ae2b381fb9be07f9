// How many events music is for the models: as musictx/events.py writes it, counted and not written.

import { pedalledRows } from "./score.js";

const STEP = 10; // milliseconds
const LONGEST_SHIFT = 100; // steps
const LEVEL = 4; // velocities in a level

/** The events of a primer of `length` ms: rows and pedal spans on the axis on which 0 is its start. */
export function countEvents(rows, pedals, length) {
  const end = Math.round(length / STEP);
  const steps = []; // [step, is it a strike, pitch, velocity level]
  for (const [on, off, pitch, velocity] of pedalledRows(rows, pedals)) {
    const struck = Math.round(on / STEP);
    const released = Math.max(Math.round(off / STEP), struck + 1);
    steps.push([struck, 1, pitch, Math.floor((velocity - 1) / LEVEL)]);
    if (released <= end) steps.push([released, 0, pitch, 0]);
  }
  steps.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  let events = 0;
  let now = 0;
  let said = null;
  for (const [step, struck, , level] of steps) {
    events += 1 + Math.ceil((step - now) / LONGEST_SHIFT);
    if (struck && level !== said) {
      events += 1;
      said = level;
    }
    now = step;
  }
  return events + Math.ceil(Math.max(0, end - now) / LONGEST_SHIFT);
}
