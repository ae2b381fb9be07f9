// The visitor's line: models come one after another, so that the first can play soonest, and what can wait comes after.

const LINE = "musictx-line"; // a lock that all pages of this site share; their service worker has its name too
const locks = navigator.locks; // only pages from https or from this computer have them

/** Do what brings a model, while no other one is on its way. In the order in which it is asked for. */
export const aloneOnTheLine = (bring) => (locks ? locks.request(LINE, bring) : bring());

/** Wait until no model is on its way, or until `signal` says that there is no time to wait. */
export async function freeLine(signal) {
  await locks?.request(LINE, { mode: "shared", signal }, () => {}).catch(() => {});
}
