// The choice, in the settings, of where the models play.

import { megabytes } from "../music/models.js";
import { h } from "./dom.js";

const CHOICES = { auto: "on the server, if free", server: "on the server", here: "on this computer" };

/** Offer what there is to choose, if there is anything. */
export function showPlaces(element, player, models) {
  element.hidden = !player.choose;
  if (!player.choose) return;
  const options = Object.entries(CHOICES).map(([value, text]) => h("option", { value }, text));
  const select = h("select", { "data-testid": "place", onchange: () => player.choose(select.value) }, ...options);
  select.value = player.choice;
  player.changed = () => {
    select.value = player.choice;
  };
  const bound = models.players.filter((model) => !model.file).map((model) => model.name);
  const lack = bound.length ? ` ${bound.join(", ")} cannot run in a browser and stays on the server.` : "";
  const text = `On this computer there is no queue; the models are downloaded once (${megabytes(player.here.bytes)} MB).`;
  element.append(h("label", { class: "field" }, "Models play", select), h("p", {}, text + lack));
}
