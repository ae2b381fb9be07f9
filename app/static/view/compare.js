// After the last note: the lanes in a few numbers, on either side of their training lengths.

import { clock } from "../music/sentences.js";
import { h, paint } from "./dom.js";

const percent = (share) => `${Math.round(100 * share)} %`;

/**
 * Each row: title, what it means, how a side of a lane is written (null: nothing to write), and, where a row is not
 * always shown, which side makes it worth showing.
 */
const ROWS = [
  ["Notes at once, at most", "two hands have ten fingers", (side) => String(side.most)],
  ["Notes at once, on average", "", (side) => side.average.toFixed(1)],
  ["Notes per second", "does it keep its pace, thin out or pile up?", (side) => side.pace.toFixed(1)],
  [
    "Distance from the primer’s key",
    "0: the same keys as often; 1: none of them",
    (side) => (side.key === null ? null : side.key.toFixed(2)),
  ],
  [
    "Made of the primer’s motifs",
    "five notes with the same intervals and rhythm, in any key",
    (side) => {
      if (!side.motifs) return null;
      return side.motifs.above ? percent(side.motifs.share) : "as by chance";
    },
    (side) => side.motifs?.above,
  ],
];

function cell({ colour, before, after }, write) {
  const [first, second] = [before, after].map((side) => side && write(side));
  return paint(
    h(
      "td",
      {},
      h("span", { class: "side" }, first ?? "–"),
      h("span", { class: "arrow", "aria-hidden": "true" }, "→"),
      h("span", { class: "unseen" }, " before, then "),
      h("b", { class: "side" }, second ?? "–"),
    ),
    colour,
  );
}

/**
 * A table with one column a lane. `lanes` are {colour, name, beyond, before, after} in the order of the page, each
 * side as `describe` in music/measures.js has it.
 */
export function showComparison(element, lanes) {
  element.hidden = !lanes.some((lane) => lane.before || lane.after);
  element.replaceChildren(); // also when hidden: nothing may tell the names of a blind test
  if (element.hidden) return;
  const sides = lanes.flatMap(({ before, after }) => [before, after]).filter(Boolean);
  const rows = ROWS.filter(([, , , has]) => !has || sides.some(has));
  const head = ({ colour, name, beyond }) => {
    const note = beyond === null ? "within its training length" : `before → after ${clock(beyond)}`;
    return paint(h("th", { scope: "col", class: "column" }, `${name} `, h("small", {}, note)), colour);
  };
  element.append(
    h("h2", {}, "Before and after the training length"),
    h(
      "table",
      { "data-testid": "comparison" },
      h(
        "thead",
        {},
        h("tr", {}, h("th", { scope: "col" }, h("span", { class: "unseen" }, "Measure")), ...lanes.map(head)),
      ),
      h(
        "tbody",
        {},
        ...rows.map(([title, meaning, write]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, title, h("small", {}, meaning)),
            ...lanes.map((lane) => cell(lane, write)),
          ),
        ),
      ),
    ),
  );
}
