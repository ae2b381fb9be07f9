// Whether a continuation brings its primer's theme back, by two measures and beside other primers.

import { alignments } from "./alignment.js";
import { findMotifs, motifShare, sharedPatterns } from "./motifs.js";

const ENOUGH_OTHERS = 8; // other primers, under which there is no telling what chance gives
const ENOUGH_SECONDS = 15; // of a continuation, under which nothing is said
const ENOUGH_NOTES = 20; // in the primer
const MANY = 0.75; // of the others: a theme that motifs tell must run along better than with so many
const HEARD = 0.05; // share of motifs under which nobody hears the theme in them
const NEARLY_ALL = 0.9; // … and one that runs along better than with so many may be back, or not
const ALIKE = 0.5; // of a primer's patterns: one that shares more with it is the same piece

/**
 * What there is of the primer's theme in a passage from `from` to `to` (s): {back, notes, other, motifs}; null if there
 * is too little to tell by. `back` is true, false or null, if it may be either; `notes` at a time run along with the
 * primer, and `other` with that of the other pieces which fits best. Where only motifs tell that the theme is back,
 * `motifs` are their shares, {own, other}. `others` are other pieces' primers. checkpoints/verdicts.py measures how
 * often it is right.
 */
export function findTheme(primer, passage, from, to, others) {
  const strange = others.filter((other) => sharedPatterns(primer, other) < ALIKE);
  if (strange.length < ENOUGH_OTHERS || to - from < ENOUGH_SECONDS || primer.length < ENOUGH_NOTES) return null;
  const [own, ...rest] = alignments([primer, ...strange], passage, from, to);
  const beaten = rest.filter((each) => each < own).length / rest.length;
  const motifs = findMotifs(primer, passage);
  const strangest = Math.max(...strange.map((other) => motifShare(other, passage)));
  const telling = motifs?.above && strangest < motifs.share;
  const along = beaten === 1 && (motifs?.above ?? true);
  const back = along || Boolean(telling && motifs.share >= HEARD && beaten >= MANY);
  const shares = back && !along ? { own: motifs.share, other: strangest } : null;
  const found = { notes: own, other: Math.max(...rest), motifs: shares };
  return { back: back ? true : beaten < NEARLY_ALL && !telling ? false : null, ...found };
}
