// What the page asks the server for by plain requests; the lanes' music comes another way (backend-server.js).

import { capital } from "../music/sentences.js";

const address = (path) => new URL(`musictx/${path}`, document.baseURI);

/** What the server answers (JSON, or a file), or an Error whose message is a plain sentence. */
async function ask(path, options) {
  let response;
  try {
    response = await fetch(address(path), options);
  } catch {
    throw new Error("The server does not answer. Nothing is lost; try again when the connection is back.");
  }
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  const answer = isJson ? await response.json().catch(() => null) : await response.blob();
  if (!response.ok || answer === null) throw new Error("The server could not answer. Try again.");
  if (answer.error) throw new Error(sentence(answer.error));
  return answer;
}

/** A capital first, unless a file's name comes first; a full stop last. */
export function sentence(text) {
  const whole = /^\p{Ll}+[\s,]/u.test(text) ? capital(text) : text;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

function json(body) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

export const server = {
  models: async () => ask("models"),
  presets: async () => ask("presets"),
  vote: async (vote) => ask("vote", json(vote)),
  download: async (body) => ask("download", json(body)),
  // "attention", "surprise" or "again": see app/insight.py.
  look: async (what, body) => ask(`look/${what}`, json(body)),
  alive: async () => ask("alive", { cache: "no-store" }),
  // Also while the page is being left; a server that does not answer has nothing to stop.
  stop: async (run, lane) =>
    ask(`stop?${new URLSearchParams({ run, lane })}`, { method: "POST", keepalive: true }).catch(() => {}),
  rest: async (run, lane, rests) =>
    ask(`rest?${new URLSearchParams({ run, lane, rests: String(rests) })}`, { method: "POST" }).catch(() => {}),
  upload: async (file, tracks) => {
    const query = new URLSearchParams({ name: file.name, ...(tracks ? { tracks: tracks.join(",") } : {}) });
    return ask(`upload?${query}`, { method: "POST", body: file });
  },
};
