// Keys of the computer, files dropped on the page, and the buttons that stand in studio.html.

import { isTyping } from "./dom.js";
import { icon } from "./icons.js";

/** Scroll to a part of the page, at once for those who do not want things to move. */
function show(element) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}

/** After Continue: where the lanes stand below the screen, as on a phone, bring them into view. */
export function showLanes(element) {
  if (element.getBoundingClientRect().bottom > 1.5 * innerHeight) show(element);
}

/** Wire the buttons of studio.html to what they do. */
export function wireButtons(root, on) {
  const find = (selector) => root.querySelector(selector);
  for (const place of root.querySelectorAll("[data-icon]")) place.replaceWith(icon(place.dataset.icon));
  find("#new-seed").append(icon("dice"));
  // A button that is out of use but has the focus is not `disabled`; it only does nothing.
  const refuse = (event) => {
    if (!event.target.closest("[aria-disabled=true]")) return;
    event.preventDefault();
    event.stopPropagation();
  };
  root.addEventListener("click", refuse, { capture: true });
  find("#settings").addEventListener("submit", (event) => {
    event.preventDefault();
    on.continue();
  });
  find("[data-testid=stop]").addEventListener("click", on.stop);
  find("#vary").addEventListener("click", on.vary);
  find("#new-seed").addEventListener("click", on.newSeed);
  find("#defaults").addEventListener("click", on.defaults);
  find("#explain-open").addEventListener("click", () => {
    find("#explain").open = !find("#explain").open;
    if (find("#explain").open) find("#explain summary").focus();
  });
  find("#explain summary").addEventListener("click", () => find("#explain-open").focus()); // it is gone
  find("#explain").addEventListener("toggle", () => find("#explain-open").setAttribute("aria-expanded", find("#explain").open));
  find("[data-testid=skip]").addEventListener("click", (event) => {
    event.preventDefault(); // the address may hold a link to music
    const shown = [...root.querySelectorAll(".primaries > button")].find((button) => button.offsetParent);
    shown.focus(); // Continue, or Go on
  });
  find("#piano-open").addEventListener("click", () => find("#piano-open").setAttribute("aria-expanded", on.piano()));
}

/** Files chosen or dropped. */
export function wireFiles(root, use) {
  const upload = root.querySelector("[data-testid=upload]");
  upload.addEventListener("change", () => {
    if (upload.files[0]) use(upload.files[0]);
    upload.value = "";
  });
  // Anywhere in the window: a file that is let go beside a page takes the page's place.
  const welcome = root.querySelector("#welcome");
  const holdsFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    welcome.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) welcome.hidden = true; // it has left the window
  });
  document.addEventListener("drop", (event) => {
    welcome.hidden = true;
    if (!holdsFile(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files[0]) use(event.dataTransfer.files[0]);
  });
}

const isLook = (event) => event.key.toLowerCase() === "l";

/**
 * Keys for all of the page; `on` has toggle(), hear(index), move(seconds), loop("from" | "to"), zoom(factor),
 * look(held), vote(key), undo(back), and leave() for Escape. Folds close on escape and outside clicks.
 */
export function wireKeys(root, on) {
  let clicked = null;
  const closeFolds = (except) => {
    for (const fold of root.querySelectorAll("details.fold[open]"))
      if (!except || !fold.contains(except)) fold.open = false;
  };
  document.addEventListener("pointerdown", (event) => {
    closeFolds(event.target);
    const label = event.target.closest?.("#upload-label");
    clicked = label?.control ?? event.target.closest?.("button, summary, [role=slider]") ?? null;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab") clicked = null;
    if (event.key === "Escape") {
      const left = event.target.closest?.("details.fold[open]");
      closeFolds();
      left?.querySelector("summary").focus(); // what had the focus is gone
      on.leave();
    }
    if (isTyping(event.target)) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      event.preventDefault();
      on.undo(event.shiftKey);
    }
    if (event.ctrlKey || event.metaKey || (event.altKey && !"[]".includes(event.key))) return; // many keyboards have [ with Alt
    // A control reached by keyboard keeps its own keys; one that was clicked does not hold on to them. A range needs no space.
    const control = event.target.closest?.("button, summary, [role=slider], input");
    const free = !control || control === clicked || (event.key === " " && control.matches("[type=range]"));
    if (event.key === " " && free) {
      event.preventDefault();
      if (!event.repeat) on.toggle();
    } else if (/^[1-5]$/.test(event.key)) on.hear(Number(event.key) - 1);
    else if (isLook(event) && !event.defaultPrevented && !event.repeat) on.look(true); // no key of the piano
    else if (event.key === "[" || event.key === "]") on.loop(event.key === "[" ? "from" : "to");
    else if (event.key === "+" || event.key === "-") on.zoom(event.key === "+" ? 1 / 2 : 2);
    else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && free) {
      on.move((event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 5 : 1));
    } else if (/^[a-e0=]$/i.test(event.key)) on.vote(event.key.toLowerCase());
  });
  document.addEventListener("keyup", (event) => isLook(event) && on.look(false));
  window.addEventListener("blur", () => on.look(false));
}
