/** What is counted, drawn: bars in parts, bars side by side, and tables whose cells are shaded. */
import { t } from "../i18n.js";
import { element } from "../element.js";
import { number, percent } from "./format.js";

/** @typedef {import("../element.js").Child} Child */
/** @typedef {{name: string, label: string, count: number}} Part */

/** @param {Object<string, number>} counts */
export const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

/**
 * One bar in parts; each has a colour, a pattern and a line in the legend.
 *
 * @param {Part[]} parts
 */
export function shares(parts) {
  const all = parts.reduce((sum, { count }) => sum + count, 0);
  const words = parts.map(({ label, count }) => `${label}: ${number(count)}`).join(", ");
  const bar = parts
    .filter(({ count }) => count)
    .map(({ name, count }) => element("span", { class: "part", "data-part": name, "--count": count }));
  const lines = parts.map(({ name, label, count }) =>
    element(
      "li",
      { "data-state": name },
      element("span", { class: "swatch", "data-part": name, "aria-hidden": "true" }),
      element("span", { class: "name" }, label),
      element("b", {}, number(count)),
      element("small", {}, all ? percent(count / all) : ""),
    ),
  );
  return element(
    "div",
    { class: "parts" },
    element("div", { class: "shares", role: "img", "aria-label": words }, bar),
    element("ul", { class: "legend" }, lines),
  );
}

/**
 * Bars side by side, with words and numbers.
 *
 * @param {Part[]} parts
 * @param {string} label
 */
export function bars(parts, label) {
  const all = parts.reduce((sum, { count }) => sum + count, 0);
  const most = Math.max(1, ...parts.map(({ count }) => count));
  const lines = parts.map(({ name, label, count }) =>
    element(
      "li",
      { "data-answer": name, "--share": count / most },
      element("span", { class: "name" }, label),
      element("span", { class: "beam", "aria-hidden": "true" }),
      element("b", {}, number(count)),
      element("small", {}, all ? percent(count / all) : ""),
    ),
  );
  return element("ul", { class: "beams", "aria-label": label }, lines);
}

/**
 * A table in a region that scrolls by itself. On a phone, one with `cards` shows each row as a card.
 *
 * @param {object} table
 * @param {string} table.caption
 * @param {string} [table.note]
 * @param {string} table.name
 * @param {boolean} [table.cards]
 * @param {Child[]} table.head
 * @param {HTMLElement[]} table.rows
 */
export function table({ caption, note, name, cards = false, head, rows }) {
  const headers = head.map((child) => element("th", { scope: "col", role: "columnheader" }, child));
  const made = element(
    "table",
    { class: name, role: "table" },
    element("caption", {}, element("span", {}, caption), note ? element("small", {}, note) : null),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, headers)),
    element("tbody", { role: "rowgroup" }, rows),
  );
  const place = cards
    ? { class: "scroll cards" }
    : { class: "scroll", role: "region", tabindex: 0, "aria-label": caption };
  return element("div", place, made);
}

/**
 * A row: its first cell names it.
 *
 * @param {string} key
 * @param {Child|Child[]} header
 * @param {HTMLElement[]} cells
 */
export function row(key, header, cells) {
  return element(
    "tr",
    { "data-key": key, role: "row" },
    element("th", { scope: "row", role: "rowheader" }, header),
    cells,
  );
}

/**
 * A cell that is only words; `label` names it where the row is a card.
 *
 * @param {string} label
 * @param {...Child} children
 */
export function cell(label, ...children) {
  return element("td", { role: "cell", "data-label": label }, children);
}

/**
 * What was to be seen × what was said: how many, and how much of the row.
 *
 * @param {object} confusion
 * @param {string} confusion.caption
 * @param {string} confusion.note
 * @param {string} confusion.corner what the rows and the columns are
 * @param {{name: string, label: string}[]} confusion.rows
 * @param {{name: string, label: string}[]} confusion.columns
 * @param {(row: number, column: number) => number} confusion.count
 */
export function confusionTable({ caption, note, corner, rows, columns, count }) {
  const lines = rows.map(({ name, label }, r) => {
    const counts = columns.map((_, c) => count(r, c));
    const sum = counts.reduce((a, b) => a + b, 0);
    const cells = columns.map((column, c) => {
      const share = sum ? counts[c] / sum : 0;
      return element(
        "td",
        {
          role: "cell",
          class: "heat",
          "--heat": share.toFixed(3),
          "data-same": column.name === name,
          "data-none": !counts[c],
        },
        element("b", {}, sum ? percent(share) : "–"),
        element("small", {}, number(counts[c])),
      );
    });
    const last = element("td", { role: "cell", class: "sum" }, number(sum));
    return row(name, label, [...cells, last]);
  });
  const head = [corner, ...columns.map(({ label }) => label), t("admin.sum")];
  return table({ caption, note, name: "confusion", head, rows: lines });
}
