// An anonymous number of this browser's, so that many votes of one visitor are not taken for many visitors'.

import { recall, remember } from "./memory.js";

const KEY = "musictx.visitor";
let number = null;

/** The number; where the browser keeps nothing, it lasts as long as the page. */
export function visitor() {
  number ??= recall(KEY) ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("");
  remember(KEY, number);
  return number;
}
