// How many events music is for the models: as musictx/events.py writes it, counted and not written.

import { MAX_SHIFT, STEPS_PER_SECOND } from "./constants.js";
import { rint } from "./rounding.js";
import { pedalledRows } from "./score.js";
import { levelOf } from "./velocity.js";

const stepOf = (milliseconds) => rint((milliseconds / 1000) * STEPS_PER_SECOND);

/** Notes on the grid as {struck, released, pitch, level}; each pitch at most once a step, and never twice at once. */
function onGrid(rows, pedals) {
  const notes = pedalledRows(rows, pedals).map(([on, off, pitch, velocity]) => {
    const struck = stepOf(on);
    return { struck, released: Math.max(stepOf(off), struck + 1), pitch, level: levelOf(velocity) };
  });
  notes.sort((a, b) => a.pitch - b.pitch || a.struck - b.struck || b.released - a.released);
  const kept = notes.filter((note, k) => note.pitch !== notes[k - 1]?.pitch || note.struck !== notes[k - 1].struck);
  for (const [k, note] of kept.entries()) {
    const next = kept[k + 1];
    if (next?.pitch === note.pitch) note.released = Math.min(note.released, next.struck);
  }
  return kept;
}

/** The events of a primer of `length` ms: rows and pedal spans on the axis on which 0 is its start. */
export function countEvents(rows, pedals, length) {
  const end = stepOf(length);
  const steps = []; // [step, is it a strike, pitch, velocity level]
  for (const { struck, released, pitch, level } of onGrid(rows, pedals)) {
    steps.push([struck, 1, pitch, level]);
    if (released <= end) steps.push([released, 0, pitch, 0]);
  }
  steps.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  let events = 0;
  let now = 0;
  let said = null;
  for (const [step, struck, , level] of steps) {
    events += 1 + Math.ceil((step - now) / MAX_SHIFT);
    if (struck && level !== said) {
      events += 1;
      said = level;
    }
    now = step;
  }
  return events + Math.ceil(Math.max(0, end - now) / MAX_SHIFT);
}
