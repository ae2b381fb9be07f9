// Small helpers for making and finding elements. Text that comes from a visitor only ever becomes a text node.

import { readTime } from "../music/sentences.js";

/** How lanes are called whose names are hidden. */
export const LETTERS = "ABCDE";

/** Make an element: h("button", {class: "quiet", onclick: f, "aria-label": "…"}, "text", child, …). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** The same for a drawing: svg("path", {d: "…"}). */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A field for a time, which `onchange` gets in seconds, or NaN: {input, label}. */
export function momentField(testid, text, label, onchange) {
  const input = h("input", {
    type: "text",
    inputmode: "decimal",
    class: "moment",
    "data-testid": testid,
    "aria-label": `${label}, as minutes:seconds or seconds`,
    onchange: () => onchange(readTime(input.value)),
  });
  return { input, label: h("label", { class: "field" }, text, input) };
}

/** Give an element a lane's colour, by its name in the style sheet; returns the element. */
export function paint(element, colour) {
  element.style.setProperty("--lane", `var(--${colour})`);
  return element;
}

/** Take a button out of use, or bring it back. One that has the focus keeps it: `disabled` would lose it. */
export function setUsable(button, usable) {
  const disabled = !usable && button !== document.activeElement;
  // Only what has changed: lanes ask for this with every drawing, and every assignment costs a look at the styles.
  if (button.disabled !== disabled) button.disabled = disabled;
  if (button.getAttribute("aria-disabled") !== String(!usable)) button.setAttribute("aria-disabled", !usable);
}

/** Whether keys typed now belong to a field rather than to the page. */
export function isTyping(target) {
  return target instanceof Element && target.matches("input:not([type=checkbox], [type=range], [type=file]), textarea, select");
}
