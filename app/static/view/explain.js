// The page's words about the models that it has.

import { maker } from "../io/backend.js";
import { grouped } from "../music/models.js";
import { h, paint } from "./dom.js";

/** Fill in the headline, and leave of the explanation what is true of these models. */
export function showModels(root, models) {
  const find = (selector) => root.querySelector(selector);
  const several = models.all.length > 1;
  find("#headline").replaceChildren(
    `${models.number} ${several ? "models play" : "model plays"} on from one primer. `,
    h("span", {}, several ? "Which of them keeps the thread?" : "Does it keep the thread?"),
  );
  find("#maker").textContent = maker;
  const licences = [...new Set(models.all.map(({ licence }) => licence).filter(Boolean))];
  find("#weights").textContent = licences.length ? `The weights of the models: ${licences.join("; ")}.` : "";
  for (const figure of root.querySelectorAll(".schemes figure")) {
    const model = models.all.find((each) => each.position === figure.dataset.position);
    figure.hidden = !model;
    if (model) paint(figure, model.colour);
  }
  for (const place of root.querySelectorAll("[data-alike]"))
    place.hidden = place.dataset.alike !== String(models.alike);
  const window = models.all.find((each) => each.position === "rope")?.window;
  find("#rope-window").hidden = !window;
  if (window) find("#rope-window span").textContent = grouped(window);
}
