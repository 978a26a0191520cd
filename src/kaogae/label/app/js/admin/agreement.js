/** How much annotators agree: all together, two by two, and where two of them differ. */
import { t } from "../i18n.js";
import { confusionTable, row, table } from "./charts.js";
import { element } from "../element.js";
import { isolated, own } from "./morph.js";
import { answer, kappaWord, number, percent, ratio } from "./format.js";

/** @typedef {import("../types.js").CampaignReport} Report */
/** @typedef {import("../types.js").PairAgreement} PairAgreement */

/**
 * @param {Report} report
 * @param {[string, string]} pair whose confusion is shown
 */
export function agreement(report, pair) {
  const kappa = fleiss(report.fleiss_kappa);
  if (!report.pairs.length) return [kappa, element("p", { class: "quiet" }, t("admin.no_pairs"))];
  const names = [...new Set(report.pairs.flatMap(({ first, second }) => [first, second]))];
  const { first, second } = report.pairs[0];
  /** @type {[string, string]} */
  const chosen = pair.every((name) => names.includes(name)) ? pair : [first, second];
  return [kappa, pairwise(report, names, chosen), choice(names, chosen), between(report, chosen)];
}

/**
 * @param {PairAgreement[]} pairs
 * @param {[string, string]} pair
 */
function find(pairs, [a, b]) {
  return pairs.find(({ first, second }) => (first === a && second === b) || (first === b && second === a));
}

/** @param {number|null} kappa on the scale of Landis & Koch */
function fleiss(kappa) {
  const word = kappa === null ? t("admin.kappa.none") : kappaWord(kappa);
  const scale = element(
    "div",
    { class: "scale", "aria-hidden": "true" },
    ["slight", "fair", "moderate", "substantial", "perfect"].map((name) =>
      element("span", {}, t(`admin.kappa.${name}`)),
    ),
    kappa === null ? null : element("i", { "--at": Math.min(1, Math.max(0, kappa)) }),
  );
  return element(
    "div",
    { class: "fleiss", id: "fleiss" },
    element("p", {}, t("admin.fleiss"), " ", element("b", {}, ratio(kappa)), " ", element("em", {}, word)),
    scale,
  );
}

/**
 * @param {Report} report
 * @param {string[]} names
 * @param {[string, string]} chosen
 */
function pairwise(report, names, chosen) {
  const rows = names.map((first) =>
    row(
      `pair ${first}`,
      own(first),
      names.map((second) => kappaCell(report.pairs, first, second, chosen)),
    ),
  );
  const head = [t("admin.cohen"), ...names.map(own)];
  return table({
    caption: t("admin.cohen_caption"),
    note: t("admin.cohen_note"),
    name: "kappas",
    head,
    rows,
  });
}

/**
 * @param {PairAgreement[]} pairs
 * @param {string} first
 * @param {string} second
 * @param {[string, string]} chosen
 */
function kappaCell(pairs, first, second, chosen) {
  const pair = first === second ? undefined : find(pairs, [first, second]);
  if (!pair) return element("td", { role: "cell", class: "nothing" }, "–");
  const pressed = chosen[0] === first && chosen[1] === second;
  const label = t("admin.pair", {
    first: isolated(first),
    second: isolated(second),
    kappa: ratio(pair.kappa),
  });
  const button = element(
    "button",
    {
      type: "button",
      "data-do": "pair",
      "data-first": first,
      "data-second": second,
      "aria-pressed": `${pressed}`,
      "aria-label": label,
    },
    element("b", {}, ratio(pair.kappa)),
    element("small", {}, t("admin.of_items", { n: pair.items })),
  );
  return element(
    "td",
    { role: "cell", class: "heat", "--heat": Math.max(0, pair.kappa ?? 0).toFixed(3) },
    button,
  );
}

/**
 * @param {string[]} names
 * @param {[string, string]} chosen
 */
function choice(names, chosen) {
  const select = (/** @type {0|1} */ side) =>
    element(
      "label",
      {},
      element("span", {}, t(side ? "admin.columns" : "admin.rows")),
      element(
        "select",
        { "data-pair": side },
        names.map((name) => element("option", { value: name, selected: name === chosen[side] }, name)),
      ),
    );
  return element(
    "div",
    { class: "pick", role: "group", "aria-label": t("admin.choose_pair") },
    select(0),
    select(1),
  );
}

/**
 * @param {Report} report
 * @param {[string, string]} chosen
 */
function between(report, chosen) {
  const pair = find(report.pairs, chosen);
  if (!pair) return element("p", { class: "quiet" }, t("admin.same_person"));
  const straight = pair.first === chosen[0];
  const names = report.answers.map((name) => ({ name: String(name), label: answer(name) }));
  return confusionTable({
    caption: t("admin.confusion_caption", { first: isolated(chosen[0]), second: isolated(chosen[1]) }),
    note: t("admin.confusion_note", {
      items: number(pair.items),
      observed: percent(pair.observed),
      kappa: ratio(pair.kappa),
    }),
    corner: t("admin.confusion_corner"),
    rows: names,
    columns: names,
    count: (r, c) => (straight ? pair.confusion[r][c] : pair.confusion[c][r]),
  });
}
