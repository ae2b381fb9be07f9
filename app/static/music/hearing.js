// How much of each lane was heard: a blind vote counts once every lane was heard for a while.

export const MIN_SECONDS = 5; // seconds of what a lane's model plays …
const WHOLE = 0.9; // … or this share of it, where it is shorter

/** What was heard of a take: seconds in all, and of each lane's continuation; and whether its names were ever seen. */
export function unheard() {
  return { seconds: 0, lanes: {}, named: false };
}

/** Count that a lane's `score` sounded from one moment (s) to another. */
export function countHeard(heard, model, score, from, to) {
  if (!(to > from)) return;
  heard.seconds += to - from;
  const played = Math.min(to, score.end) - Math.max(from, score.length);
  if (played > 0) heard.lanes[model] = (heard.lanes[model] ?? 0) + played;
}

/** From 0 to 1: how much of what must be heard of a lane before a vote was heard. */
export function shareHeard(heard, model, score) {
  const wanted = Math.min(MIN_SECONDS, WHOLE * (score.end - score.length));
  return wanted > 0 ? Math.min(1, (heard.lanes[model] ?? 0) / wanted) : 1;
}
