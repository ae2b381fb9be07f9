// A choice among takes, as `musictx tune` reads it (musictx/training/choices.py): times in seconds.

const HEARD = 2; // seconds of a take without which nobody has rejected it
const rounded = (seconds) => Math.round(1000 * seconds) / 1000;
const rowOf = (note, end) => [rounded(note.on), rounded(Math.min(note.off, end)), note.pitch, note.velocity];
const rows = (notes, end) => notes.map((note) => rowOf(note, end)).filter(([on, off]) => off > on);

/**
 * What was kept of a take, whose `kept` says for each lane until where (s), and what was not; null if there is nothing
 * that was heard and not kept. `weights` is the hash of the model that played.
 */
export function choiceOf(take, kept, weights) {
  const scores = [...take.scores].filter(([, score]) => score.complete && score.continuationCount);
  const rejected = scores.filter(([lane]) => !kept.has(lane) && take.heard.lanes[lane] >= HEARD);
  const chosen = scores.filter(([lane]) => kept.has(lane));
  if (!rejected.length || !chosen.length) return null;
  const cut = chosen[0][1].length;
  const until = Math.max(...kept.values()); // others are heard for as long as what was kept
  const ofTake = ([lane, score]) =>
    rows(
      score.notes.filter(({ on, off }) => off > cut && on < (kept.get(lane) ?? until)),
      kept.get(lane) ?? until,
    );
  return {
    primer: rows(
      chosen[0][1].notes.filter(({ primer }) => primer),
      cut,
    ),
    cut: rounded(cut),
    kept: chosen.map(ofTake),
    rejected: rejected.map(ofTake),
    model: weights,
    from_beginning: take.begins,
  };
}
