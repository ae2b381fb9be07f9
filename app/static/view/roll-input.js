// What a pointer does on a roll: click, tap, drag and wheel.

import { caught } from "./bars.js";

const WHEEL = 1.0015; // by how much a wheel zooms for each pixel
const MIN_LOOP = 0.25; // seconds; a shorter drag is a click
const STILL = 5; // pixels that a tap may move
const REACH = { mouse: 5, pen: 8, touch: 14 }; // pixels beside a note that still mean it

/** Whether a pointer moves nothing but itself: fingers and pens scroll the page. */
export const isMouse = (event) => event.pointerType === "mouse";

/** Whether a pointer has gone sideways: a finger that goes up or down scrolls the page, and means nothing here. */
export function goesSideways(event, down) {
  const [x, y] = [Math.abs(event.clientX - down.clientX), Math.abs(event.clientY - down.clientY)];
  return x > STILL && x > y;
}

/** The note of a roll under a pointer, or the nearest one that it can mean; null if there is none. */
function noteUnder(roll, event) {
  const frame = roll.element.getBoundingClientRect();
  const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
  let nearest = null;
  let least = REACH[event.pointerType] ?? REACH.mouse;
  for (const note of roll.score.notes) {
    const { left, top, width, height } = roll.boxOf(note);
    const away = Math.hypot(Math.max(left - x, 0, x - left - width), Math.max(top - y, 0, y - top - height));
    if (away <= least) [nearest, least] = [note, away];
  }
  return nearest;
}

/**
 * Tell what a pointer does on a roll. `on` has seek(time), for a click or a drag; tap(note), for a click, with null
 * where there is no note; loop(from, to), for a drag with Shift held; zoom(factor, time) and pan(seconds), for a wheel.
 */
export function listenTo(roll, on) {
  const { element } = roll;
  const timeAt = (event) => {
    const box = element.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return roll.view.start + share * (roll.view.end - roll.view.start);
  };
  // What is marked goes from bar line to bar line, where a roll has some; with Alt held from anywhere.
  const edgeAt = (event) => {
    const { start, end } = roll.view;
    return event.altKey ? timeAt(event) : caught(roll.metre, timeAt(event), element.clientWidth / (end - start));
  };
  let mark = null; // where a drag with Shift began
  let down = null; // where a tap began
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !roll.score) return;
    element.setPointerCapture(event.pointerId);
    mark = event.shiftKey ? edgeAt(event) : null;
    down = event;
    if (mark === null && isMouse(event)) on.seek(timeAt(event));
  });
  element.addEventListener("pointermove", (event) => {
    if (!(event.buttons & 1) || !element.hasPointerCapture(event.pointerId)) return;
    if (down && !isMouse(event) && !goesSideways(event, down)) return;
    if (down && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > STILL) down = null;
    const at = mark === null ? timeAt(event) : edgeAt(event);
    if (mark === null) on.seek(at);
    else if (Math.abs(at - mark) >= MIN_LOOP) on.loop(Math.min(mark, at), Math.max(mark, at));
  });
  element.addEventListener("pointerup", (event) => {
    if (down?.pointerId === event.pointerId && mark === null) {
      if (!isMouse(event)) on.seek(timeAt(down));
      on.tap(noteUnder(roll, down));
    }
    down = null;
  });
  element.addEventListener("pointercancel", () => (down = null));
  element.addEventListener(
    "wheel",
    (event) => {
      const { start, end } = roll.view;
      if (event.ctrlKey || event.metaKey) on.zoom(WHEEL ** event.deltaY, timeAt(event));
      else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) on.pan((event.deltaX / roll.width) * (end - start));
      else return; // the page scrolls
      event.preventDefault();
    },
    { passive: false },
  );
}
