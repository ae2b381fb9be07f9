// Light and dark: as the system has it, until the visitor says otherwise.

import { icon } from "./icons.js";
import { recall, remember } from "../io/memory.js";

const KEY = "musictx.theme";

export function showTheme(root, button, changed) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = recall(KEY);
  const apply = () => {
    const theme = chosen ?? (system.matches ? "dark" : "light");
    root.dataset.theme = theme;
    document.documentElement.dataset.musictxTheme = theme;
    button.replaceChildren(icon(theme === "dark" ? "sun" : "moon"));
    button.setAttribute("aria-pressed", theme === "dark");
    changed();
  };
  button.addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    remember(KEY, chosen);
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}
