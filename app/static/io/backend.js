// Where the models play, and who answers the page: the server that it came from, or this computer. Nothing else
// in the page knows.

import { EitherBackend } from "./backend-either.js";
import { BrowserBackend } from "./backend-browser.js";
import { local } from "./local.js";
import { ServerBackend } from "./backend-server.js";
import { server } from "./server.js";

/** Whether the page is a folder of files without a program behind it. */
export const isSite = document.querySelector("meta[name=musictx]")?.content === "site";

/** Who makes the music and keeps the votes, in the page's words. */
export const maker = isSite
  ? "this browser, on your own computer"
  : "this page’s server, or by this browser on your own computer, as the settings say";
export const keeper = isSite ? "by this browser" : "by this page’s server, without a name";

/** What the page asks for besides the lanes' music. */
export const services = isSite ? local : server;

/** Lets the lanes of `models` play; `gradio` is what the page got from Gradio, if it did; `tell` shows a sentence. */
export function makeBackend(gradio, models, tell) {
  const able = models.players.filter((model) => model.file);
  const facts = able.map(({ key, training_length, file }) => [
    key,
    { name: key, context_length: training_length, ...file, address: new URL(file.address, document.baseURI).href },
  ]);
  const here = new BrowserBackend(new Map(facts), tell);
  if (isSite) {
    here.begin(models.keys);
    return here;
  }
  const server = new ServerBackend(
    gradio,
    models.players.map(({ key }) => key),
  );
  return able.length ? new EitherBackend(server, here, tell) : server;
}
