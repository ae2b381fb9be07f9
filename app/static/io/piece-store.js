// The piece that is composed, kept on the visitor's machine until it is saved or begun anew.

import { States } from "../music/piece.js";
import { recall, remember } from "./memory.js";

const KEY = "musictx.piece.1"; // the number says of which version of the page

/** Keep a piece; without room for its earlier states it is kept as it stands. False if even that is not possible. */
export function keepPiece(states) {
  return remember(KEY, states.pack()) || remember(KEY, new States([states.now]).pack());
}

/** The piece of an earlier visit, or an empty one. */
export function recallPiece() {
  try {
    return States.unpack(recall(KEY));
  } catch {
    return new States(); // there is none, or it is of another version
  }
}

/** Call when another tab of the page has changed the piece. */
export function onOtherTab(changed) {
  window.addEventListener("storage", ({ key }) => key === KEY && changed());
}
