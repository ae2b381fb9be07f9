// The primer as a model gets it: cut, pedal applied, encoded and short enough, by the rules of
// musictx/sampling/primer.py. Pages and links have its times in whole milliseconds from its start on.

import { START, STEPS_PER_SECOND } from "../music/constants.js";
import { oneDecimal, rint } from "../music/rounding.js";
import { by, encode, isTime, notePairs, resolveOverlaps, tableToTokens, tokensToTable } from "./events.js";

const LONG_REST = 4; // seconds of silence at a primer's end that are worth a word

const inOrder = by((n) => n.on, (n) => n.pitch, (n) => n.off);

/** Lengthen notes to what is heard. `pedals` are {down, up}, sorted, not overlapping. */
export function applyPedal(notes, pedals) {
  const held = notes.map((note) => {
    let low = 0; // the first span that begins after the note's end
    let high = pedals.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pedals[middle].down <= note.off) low = middle + 1;
      else high = middle;
    }
    const span = pedals[low - 1];
    return span && note.off < span.up ? { ...note, off: span.up } : note;
  });
  return resolveOverlaps(held);
}

/** What begins before `end`, and ends there at the latest. */
function notesUntil(notes, end) {
  return notes.filter((n) => n.on < end).map((n) => ({ ...n, off: Math.min(n.off, end) }));
}

/**
 * {notes, tokens, rest, cut, remarks} of the music until `end` seconds: what is heard of it, its tokens up to the last
 * event, the steps after that, where the continuation begins, and what a listener should know. `model` has
 * context_length and limit; `begins` says whether a piece begins here.
 */
export function preparePrimer({ notes, pedals }, end, model, begins) {
  const heard = applyPedal([...notes].sort(inOrder), pedals);
  const until = Math.max(1, rint(end * STEPS_PER_SECOND)) / STEPS_PER_SECOND; // on the grid, as its notes are
  const tokens = encode(heard, until);
  const shown = notesUntil(heard, until).sort(inOrder);
  if (notes.length && !shown.length)
    throw new Error(`There is no note between 0 and ${end} s; choose another selection.`);
  const cut = tokensToTable(tokens).end / STEPS_PER_SECOND; // 1.89, where a product is more
  const lastOff = shown.reduce((most, n) => Math.max(most, n.off), 0);
  const remarks = [];
  if (shown.length && cut - lastOff > LONG_REST)
    remarks.push(`The primer ends with ${oneDecimal(cut - lastOff)} s of silence.`);
  let limit = Math.max(1, Math.floor((model.context_length * 3) / 4));
  if (model.limit) limit = Math.min(limit, Math.floor(model.limit / 2));
  // A passage from the middle of a piece has no START before it, as in training.
  const opening = begins || !tokens.length ? [START] : [];
  if (tokens.length < limit) return { notes: shown, ...withoutRest([...opening, ...tokens]), cut, remarks };
  const kept = lastEvents(tokens, limit);
  const seconds = tokensToTable(kept).end / STEPS_PER_SECOND;
  remarks.push(
    `The primer is ${oneDecimal(cut)} s long; the model reads its last ${oneDecimal(seconds)} s ` +
      `(${kept.length} of ${tokens.length} events).`,
  );
  return { notes: shown, ...withoutRest(kept), cut, remarks };
}

/** What a model reads of a primer: tokens up to the last event, and the `rest` (steps) after it. */
function withoutRest(tokens) {
  const end = tokens.findLastIndex((token) => !isTime(token)) + 1;
  return { tokens: end ? tokens.slice(0, end) : [START], rest: tokensToTable(tokens.slice(end)).end };
}

/** The last events as a sequence of its own: the velocity is said again, offs of notes struck before are left out. */
function lastEvents(tokens, limit) {
  const { events, end } = tokensToTable(tokens);
  const partner = notePairs(events);
  for (let at = Math.max(0, tokens.length - limit); ; at += 1) {
    const before = tokensToTable(tokens.slice(0, at));
    const first = before.events.length;
    const kept = events
      .map((event, k) => ({ ...event, step: event.step - before.end, k }))
      .filter(({ isOn, k }) => k >= first && (isOn || partner[k] >= first));
    const result = tableToTokens({ events: kept, end: end - before.end });
    if (result.length <= limit) return result; // else one event more was needed, to say the velocity
  }
}
