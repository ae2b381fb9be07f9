// The votes of the blind test where there is no server: kept in the browser, as rows of a server's file of votes.

import { sha256 } from "../engine/sha256.js";
import { recall, remember } from "./memory.js";

const KEY = "musictx.votes";

/** A JSON text as Python's `json.dumps` writes it, for numbers and lists. */
function python(value) {
  return Array.isArray(value) ? `[${value.map(python).join(", ")}]` : String(value);
}

const asFloat = (number) => (Number.isInteger(number) ? `${number}.0` : String(number));

/** Keep a vote as the page sends it to a server; throws an error with a plain sentence. */
export function keepVote(sent) {
  const { order, choice, verdict, settings, notes, length, primer_name, heard_seconds, visitor, heard, models } = sent;
  const before = votes();
  const rows = [...notes].sort((a, b) => a[0] - b[0] || a[2] - b[2] || a[1] - b[1]);
  const music = new TextEncoder().encode(`[${python(rows)}, ${asFloat(length / 1000)}]`);
  const vote = {
    id: before.length + 1,
    voted_at: new Date().toISOString().replace(/\.\d+Z$/, "+00:00"),
    choice,
    lane_order: JSON.stringify(order),
    seed: settings.seed,
    settings: JSON.stringify(settings),
    primer_name: String(primer_name).slice(0, 120),
    primer_sha256: sha256(music),
    heard_seconds: heard_seconds ?? null,
    verdict: choice === null ? (verdict ?? "unsure") : "chosen",
    visitor: visitor ?? null,
    heard: heard ? JSON.stringify(heard) : null,
    models: models ? JSON.stringify(models) : null,
  };
  if (!remember(KEY, [...before, vote]))
    throw new Error("The vote could not be stored: this browser stores nothing for the page, or has no room left.");
}

/** Every vote so far, oldest first. */
export function votes() {
  return recall(KEY) ?? [];
}

/** The votes as a file. */
export function votesFile() {
  return new Blob([`${JSON.stringify(votes(), null, 2)}\n`], { type: "application/json" });
}
