// After the last note: the three continuations in a few numbers.

import { h } from "./dom.js";

const MEASURES = [
  ["motif_recurrence", "Motif recurrence", "how much of it is made of the primer’s patterns"],
  ["density_by_quarter", "Notes a second, by quarter", "does it keep its pace, thin out or pile up?"],
  ["pitch_class_drift", "Drift from the primer’s key, by quarter", "0 keeps the primer’s notes, 1 shares none"],
];

function bars(values) {
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 1e-9);
  return h(
    "span",
    {
      class: "bars",
      role: "img",
      "aria-label": values.map((value) => (value === null ? "none" : value.toFixed(2))).join(", "),
    },
    ...values.map((value) => {
      const bar = h("i");
      bar.style.height = `${Math.max(4, ((value ?? 0) / most) * 100)}%`;
      return bar;
    }),
  );
}

const percent = (share) => `${Math.round(100 * share)} %`;

function cell(summary, key) {
  const value = summary?.[key];
  if (value === null || value === undefined) return h("td", {}, "–");
  if (key === "motif_recurrence") {
    return h(
      "td",
      {},
      h("b", {}, percent(value)),
      h("span", { class: "figures" }, `  by chance ${percent(summary.motif_baseline ?? 0)}`),
    );
  }
  return h(
    "td",
    {},
    bars(value),
    h(
      "span",
      { class: "figures" },
      value.map((each) => (each === null ? "–" : each.toFixed(key === "pitch_class_drift" ? 2 : 1))).join("  "),
    ),
  );
}

/** A table with one column a lane. `lanes` are {model, name, summary} in the order of the page. */
export function showComparison(element, lanes) {
  element.hidden = !lanes.some((lane) => lane.summary);
  element.replaceChildren(); // also when hidden: nothing may tell the names of a blind test
  if (element.hidden) return;
  element.append(
    h("h2", {}, "How they compare"),
    h(
      "table",
      { "data-testid": "comparison" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, h("span", { class: "unseen" }, "Measure")),
          ...lanes.map(({ model, name }) => h("th", { scope: "col", "data-model": model }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        ...MEASURES.map(([key, title, meaning]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, title, h("small", {}, meaning)),
            ...lanes.map(({ model, summary }) => {
              const each = cell(summary, key);
              each.dataset.model = model;
              return each;
            }),
          ),
        ),
      ),
    ),
  );
}
