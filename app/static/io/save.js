// A lane as a file: made by the server, handed to the visitor.

import { server } from "./server.js";

/** Save the music of one lane as "mid" or "wav"; throws an error with a plain sentence. */
export async function saveLane(take, model, format, alone) {
  const blob = await server.download({ format, notes: take.scores.get(model).rows(alone) });
  hand(blob, `${nameOf(take)}-${model}${alone ? "-continuation" : ""}.${format}`);
}

/** The name of a take's primer, as part of a file's name. */
function nameOf({ source }) {
  return (source.preset || source.title)
    .replace(/\.midi?$/i, "")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .slice(0, 40);
}

/** Let the browser save something. */
function hand(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
