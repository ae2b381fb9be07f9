// What a page asks of a model, read: its music, its settings, and the stream of notes that answers it.

import { Beat } from "../music/beat.js";
import { SETTINGS, SPARE_TOKENS, TOKENS_PER_SECOND } from "../music/constants.js";
import { Metre } from "../music/metre.js";
import { rint } from "../music/rounding.js";
import { NoteStream } from "./events.js";

const DRAWN = Object.fromEntries(SETTINGS.map(({ name, value }) => [name, value]));
const DEFAULTS = { seconds: 30, seed: 0, beat: "off", shape: "", ...DRAWN };

export const milliseconds = (seconds) => rint(seconds * 1000);
export const row = (n) => [milliseconds(n.on), milliseconds(n.off), n.pitch, n.velocity];

/** The settings, with the defaults of those that were not sent. */
export const readSettings = ({ settings }) => ({ ...DEFAULTS, ...settings });

/** How many tokens a continuation of so many seconds has at most. */
export const tokenLimit = (seconds) => Math.floor(seconds * TOKENS_PER_SECOND) + SPARE_TOKENS;

/** Notes and pedals in seconds. */
export function readMusic({ notes, pedals = [] }) {
  return {
    notes: notes.map(([on, off, pitch, velocity]) => ({ on: on / 1000, off: off / 1000, pitch, velocity })),
    pedals: pedals.map(([down, up]) => ({ down: down / 1000, up: up / 1000 })).sort((a, b) => a.down - b.down),
  };
}

/** A stream of the notes that follow a primer (primer.js) until `end` (s), which keeps the beat if it is to. */
export function openStream(primer, end, { metre }, { beat }) {
  const onsets = primer.notes.map(({ on }) => on);
  return new NoteStream(primer, end, Beat.of(metre ? new Metre(metre) : null, onsets, primer.cut, beat, end));
}
