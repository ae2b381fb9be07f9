// Keeps the page for the next time, so that it opens and plays without a network. The names below are put in by
// `musictx site`: each file of the page with its hash, and the models, which the lanes keep when they first play.

const FILES = {}; // path → hash
const MODELS = []; // paths
const PAGE = "musictx-page";
const KEPT = "musictx-models";
const LINE = "musictx-line"; // held while a model is on its way (sound/line.js)

const address = (path) => new URL(path, registration.scope).href;
const marked = (path) => `${address(path)}?${FILES[path]}`; // kept under its hash: what is the same is not fetched again

addEventListener("install", (event) => event.waitUntil(fetchAll()));
addEventListener("activate", (event) => event.waitUntil(tidy()));
addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(registration.scope)) event.respondWith(answer(request));
});

async function fetchAll() {
  const cache = await caches.open(PAGE);
  for (const path of Object.keys(FILES)) {
    if (await cache.match(marked(path))) continue;
    await navigator.locks?.request(LINE, { mode: "shared" }, () => {});
    const response = await fetch(address(path), { cache: "no-cache" });
    if (!response.ok) throw new Error(`${path} is missing`);
    const content = await response.arrayBuffer();
    if ((await hash(content)) !== FILES[path]) throw new Error(`${path} is not the file of this version`);
    const headers = { "Content-Type": response.headers.get("Content-Type") ?? "application/octet-stream" };
    await cache.put(marked(path), new Response(content, { headers }));
  }
}

async function hash(content) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Throw away what this version does not have, once no page of an earlier one is open. */
async function tidy() {
  await keepOnly(PAGE, Object.keys(FILES).map(marked));
  await keepOnly(KEPT, MODELS.map(address));
  await clients.claim();
}

/** Other sites of the same host have the same caches: what is theirs stays. */
async function keepOnly(name, addresses) {
  const cache = await caches.open(name);
  for (const { url } of await cache.keys())
    if (url.startsWith(registration.scope) && !addresses.includes(url)) await cache.delete(url);
}

async function answer(request) {
  const { pathname } = new URL(request.url);
  const path = pathname.slice(new URL(registration.scope).pathname.length) || "index.html";
  const kept = path in FILES && (await (await caches.open(PAGE)).match(marked(path)));
  return kept || fetch(request);
}
