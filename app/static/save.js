// A lane as a file: made by the server, handed to the visitor.

import { h } from "./dom.js";
import { server } from "./wire.js";

/** Save the music of one lane as "mid" or "wav"; throws an error with a plain sentence. */
export async function saveLane(take, model, format, alone) {
  const { source, scores } = take;
  const name = (source.preset || source.title)
    .replace(/\.midi?$/i, "")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .slice(0, 40);
  const blob = await server.download({ format, notes: scores.get(model).rows(alone) });
  const link = h("a", {
    href: URL.createObjectURL(blob),
    download: `${name}-${model}${alone ? "-continuation" : ""}.${format}`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
