// The on-screen piano: mouse, touch, and the arrow keys of the computer.

import { pitchName } from "../music/pitches.js";
import { h } from "./dom.js";

const CLICKED = { velocity: 75, time: 400 }; // of a key that no pointer strikes; ms
const BLACK = new Set([1, 3, 6, 8, 10]);

const isBlack = (pitch) => BLACK.has(pitch % 12);

/** Keys from `low` to `high`. `on` has noteOn(pitch, velocity) and noteOff(pitch). */
export class Keyboard {
  constructor(on, low = 36, high = 96) {
    this.on = on;
    this.keys = new Map();
    this.pointers = new Map();
    this.struck = new Map(); // which pitch each key of the computer holds down
    this.element = h("div", {
      class: "keyboard",
      role: "group",
      "aria-label": "Piano keys; arrow keys move, enter plays",
    });
    const whites = [];
    for (let pitch = low; pitch <= high; pitch += 1) if (!isBlack(pitch)) whites.push(pitch);
    let white = 0;
    for (let pitch = low; pitch <= high; pitch += 1) {
      const black = isBlack(pitch);
      const key = h(
        "button",
        {
          type: "button",
          class: black ? "key black" : "key white",
          tabindex: pitch === 60 ? "0" : "-1",
          "data-pitch": pitch,
          "data-testid": `key-${pitch}`,
          "aria-label": pitchName(pitch),
        },
        h("span", { class: "cap" }),
      );
      const width = 100 / whites.length;
      key.style.left = `${black ? (white - 0.3) * width : white * width}%`;
      key.style.width = `${black ? width * 0.6 : width}%`;
      if (!black) white += 1;
      this.keys.set(pitch, key);
      this.element.append(key);
    }
    this.listen();
  }

  listen() {
    const { element } = this;
    const pitchAt = (event) => {
      const under = document.elementFromPoint(event.clientX, event.clientY);
      const key = under instanceof Element ? under.closest(".key") : null;
      return key && element.contains(key) ? Number(key.dataset.pitch) : null;
    };
    // How far down a key is struck says how loud.
    const velocity = (event, pitch) => {
      const box = this.keys.get(pitch).getBoundingClientRect();
      return Math.round(45 + 60 * Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)));
    };
    const glide = (event) => {
      const before = this.pointers.get(event.pointerId);
      const pitch = pitchAt(event);
      if (before === undefined || pitch === before) return;
      if (before !== null) this.on.noteOff(before);
      if (pitch !== null) this.on.noteOn(pitch, velocity(event, pitch));
      this.pointers.set(event.pointerId, pitch);
    };
    const lift = (event) => {
      const pitch = this.pointers.get(event.pointerId);
      this.pointers.delete(event.pointerId);
      if (pitch != null) this.on.noteOff(pitch);
    };
    element.addEventListener("pointerdown", (event) => {
      const pitch = pitchAt(event);
      if (pitch === null || event.button !== 0) return;
      event.target.releasePointerCapture?.(event.pointerId);
      this.pointers.set(event.pointerId, pitch);
      this.on.noteOn(pitch, velocity(event, pitch));
    });
    element.addEventListener("click", (event) => {
      const pitch = Number(event.target.closest(".key")?.dataset.pitch);
      if (!pitch || event.detail) return; // a pointer has played it; screen readers click without one
      this.on.noteOn(pitch, CLICKED.velocity);
      setTimeout(() => this.on.noteOff(pitch), CLICKED.time);
    });
    window.addEventListener("pointermove", glide);
    window.addEventListener("pointerup", lift);
    window.addEventListener("pointercancel", lift);
    element.addEventListener("keydown", (event) => {
      const pitch = Number(event.target.dataset?.pitch);
      if (!pitch) return;
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 12, ArrowDown: -12 }[event.key];
      if (step) {
        event.preventDefault();
        event.stopPropagation();
        this.focus(pitch + step);
      } else if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        event.stopPropagation();
        if (event.repeat) return;
        this.struck.set(event.code, pitch);
        this.on.noteOn(pitch, CLICKED.velocity);
      }
    });
    // The focus may have moved on, even out of the piano, before the key comes up.
    window.addEventListener("keyup", (event) => {
      const pitch = this.struck.get(event.code);
      if (pitch === undefined) return;
      event.preventDefault();
      this.struck.delete(event.code);
      this.on.noteOff(pitch);
    });
  }

  focus(pitch) {
    const key = this.keys.get(pitch);
    if (!key) return;
    for (const each of this.keys.values()) each.tabIndex = -1;
    key.tabIndex = 0;
    key.focus();
  }

  show(pitch, down) {
    this.keys.get(pitch)?.classList.toggle("down", down);
  }

  /** Where not all keys fit: scroll until those from `low` to `high` stand in the middle, or begin at the left. */
  reveal(low, high) {
    const frame = this.element.parentElement;
    const [first, last] = [this.keys.get(low), this.keys.get(high)];
    const middle = (first.offsetLeft + last.offsetLeft + last.offsetWidth - frame.clientWidth) / 2;
    frame.scrollLeft = Math.min(first.offsetLeft, middle);
  }

  label(captions) {
    for (const [pitch, key] of this.keys) key.firstChild.textContent = captions.get(pitch) ?? "";
  }
}
