// The visitor's line: models come one after another, so that the first can play soonest, and what can wait comes after.

const LINE = "musictx-line"; // a lock that all pages of this site share; their service worker has its name too
const locks = navigator.locks; // only pages from https or from this computer have them

const PATIENCE = 30_000; // ms: a tab that sleeps may hold the line for ever

/**
 * Do what brings a model, while no other one is on its way, in the order in which it is asked for; where a browser refuses
 * to wait, or the wait is too long, at once.
 */
export async function aloneOnTheLine(bring) {
  let begun = false;
  const begin = () => {
    begun = true;
    return bring();
  };
  try {
    return await (locks ? locks.request(LINE, { signal: AbortSignal.timeout(PATIENCE) }, begin) : begin());
  } catch (error) {
    if (begun) throw error;
    return begin();
  }
}

/** Wait until no model is on its way, or until `signal` says that there is no time to wait. */
export async function freeLine(signal) {
  await locks?.request(LINE, { mode: "shared", signal }, () => {}).catch(() => {});
}
