// The page as a folder of files: brings it to life, and lets the browser keep it for the next time.

import { mount } from "./studio.js";

const NOT_KEPT = "This browser could not store the page, so it needs a network. Free some space to open it offline too.";

/** Say something where the page says such things. */
function say(text) {
  const place = document.querySelector("[data-testid=notice]");
  if (place) place.textContent = text;
}

document.querySelector("#opened").remove();
await mount({ element: document.querySelector("#site") });
await window.musictx?.ready; // the piano comes before what is kept for the next time

// Not there without https, except on this computer, and in some private windows: then the page needs its network.
navigator.serviceWorker?.register("service-worker.js").then(
  ({ installing }) => {
    installing?.addEventListener("statechange", () => {
      if (installing.state === "redundant") say(NOT_KEPT);
    });
  },
  (error) => console.info(`Not kept for offline use: ${error.message}`),
);
