// The takes of this tab, kept while the page is reloaded: Gradio does so by itself when a lost connection is back.

import { recall, remember } from "./memory.js";
import { REAL } from "../music/models.js";
import { Score } from "../music/score.js";
import { endOf } from "../music/takes.js";

const KEY = "musictx.takes.6"; // the number says of which version of the page

function pack(takes, shown) {
  const sources = [...new Set(takes.map((take) => take.source))];
  return {
    sources: sources.map(({ file: _, ...source }) => source), // a file cannot be kept
    shown: takes.indexOf(shown),
    takes: takes.map((take) => ({
      ...take,
      source: sources.indexOf(take.source),
      scores: [...take.scores].map(([model, score]) => [
        model,
        { ...score, notes: score.notes.map((note) => [note.on, note.off, note.pitch, note.velocity, note.primer]) },
      ]),
    })),
  };
}

function unpack({ sources, shown, takes }) {
  const whole = takes.map((take) => ({
    ...take,
    source: sources[take.source],
    scores: new Map(take.scores.map(([model, score]) => [model, unpackScore(score)])),
  }));
  for (const take of whole) endOf(take); // what was being made when the page was put away has ended
  return { takes: whole, shown: whole[shown] ?? null };
}

function unpackScore({ notes, ...fields }) {
  const named = notes.map(([on, off, pitch, velocity, primer]) => ({ on, off, pitch, velocity, primer }));
  return Object.assign(Object.create(Score.prototype), fields, { notes: named });
}

/** Remember takes, with the models at rest, and which is shown; where there is no room for all, that one alone, or none. */
export function keepTakes(mode, takes, shown) {
  const choices = [pack(takes, shown), pack(shown ? [shown] : [], shown), null];
  choices.some((packed) => remember(`${KEY}.${mode}`, packed, "sessionStorage"));
}

/** {takes, shown} as they were when the page was used in this `mode`; nothing if other `models` (Models) are here now. */
export function recallTakes(mode, models) {
  const kept = recall(`${KEY}.${mode}`, "sessionStorage");
  const none = { takes: [], shown: null };
  try {
    const { takes, shown } = kept ? unpack(kept) : none;
    const played = (take) => [...take.scores.keys()].filter((model) => model !== REAL);
    const { keys } = models;
    const compared = (take) => played(take).length === keys.length && keys.every((model) => take.scores.has(model));
    const isHere = (model) => models.players.some(({ key }) => key === model);
    const fits = (take) => (take.model ? isHere(take.model) : compared(take));
    return takes.every(fits) ? { takes, shown } : none;
  } catch {
    return none; // of another version of the page
  }
}
